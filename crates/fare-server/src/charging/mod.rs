//! Charging: payment platforms behind one trait, and what is told to them and heard from them.
//!
//! ```text
//! platform   the trait, what a platform can do, orders and what becomes of them
//! alipay/    Alipay's words and signatures, pure: values in, requests as values out
//! wechat/    WeChat Pay's (API v3), pure as well
//! remote     sends such requests and hands back the answers: the one place with a network
//! stored     stored value, ours, behind the same trait
//! desk/      journeys become charges, charges become orders, outcomes become postings, debts, the deny list
//! notices    the listener for what platforms tell by themselves
//! bill       a platform's bill beside our books
//! ```
//! When to charge and what to post is [`fare_rules::charging`]'s.
//!
//! An order has its number before it is sent, and is sent again under the same one: a platform charges a number
//! once. Who got no answer asks ([`Platform::query`]) and never takes silence for a no. No signature is
//! ours: RSA and AES-GCM are `ring`'s, certificates are read by `webpki`.

pub mod alipay;
mod bill;
pub mod desk;
mod error;
mod keys;
mod local;
mod message;
pub mod notices;
mod platform;
mod remote;
mod stored;
pub mod wechat;

pub use bill::{Books, Difference, differences};
pub use error::ChargeError;
pub use keys::{KeyError, MerchantKey, PlatformKey};
pub use message::{BillFile, Call, Method, Moment, Protocol, Request, Response, sha1};
pub use platform::{
    Answer, BillRow, Capability, Decline, DeclineReason, Means, Notice, NoticeAbout, Order,
    OrderNo, Outcome, Paid, Platform, PlatformId, Refund, RefundOutcome, Secret,
};
pub use remote::{ANSWER_MAX, Remote, Transport, TransportError};
pub use stored::{StoredValue, ledger_account, pay_out, top_up};

/// Without randomness there is no number for an order, and nothing is sent.
fn ids_failed() -> ChargeError {
    ChargeError::Key(KeyError::NotSigned)
}
