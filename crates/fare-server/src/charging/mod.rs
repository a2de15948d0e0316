//! Charging: payment platforms behind one trait, and what is told to them and heard from them.
//!
//! ```text
//! platform   the trait, what a platform can do, orders and what becomes of them
//! alipay/    Alipay's words and signatures, pure: values in, requests as values out
//! wechat/    WeChat Pay's (API v3), pure as well
//! remote     sends such requests and hands back the answers: the one place with a network
//! ```
//! An order has its number before it is sent, and is sent again under the same one: a platform charges a number
//! once. Who got no answer asks ([`Platform::query`]) and never takes silence for a no. No signature is
//! ours: RSA and AES-GCM are `ring`'s, certificates are read by `webpki`.

pub mod alipay;
mod error;
mod keys;
mod local;
mod message;
mod platform;
mod remote;
pub mod wechat;

pub use error::ChargeError;
pub use keys::{KeyError, MerchantKey, PlatformKey};
pub use message::{Call, Method, Moment, Protocol, Request, Response};
pub use platform::{
    Answer, BillRow, Capability, Decline, DeclineReason, Means, Notice, NoticeAbout, Order,
    OrderNo, Outcome, Paid, Platform, PlatformId, Refund, RefundOutcome, Secret,
};
pub use remote::{ANSWER_MAX, Remote, Transport, TransportError};
