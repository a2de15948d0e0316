//! What can go wrong between us and a payment platform, and what to do about it.

use super::platform::{Capability, PlatformId};
use super::remote::TransportError;
use crate::store::StoreError;
use fare_protocol::{Currency, UnixMs};

/// Why nothing is known. None of these says that nothing was charged, but the last four say that
/// nothing was asked.
#[derive(Debug, thiserror::Error)]
pub enum ChargeError {
    /// No answer, or not all of it.
    #[error("{platform} did not answer: {err}; the order is asked after later")]
    Unanswered {
        /// Which platform.
        platform: PlatformId,
        /// Why.
        err: TransportError,
    },
    /// An answer or a notice that the platform has not signed.
    #[error(
        "{platform}: {what}; it is not believed. Look at the platform's key in the configuration"
    )]
    Forged {
        /// Which platform.
        platform: PlatformId,
        /// What is wrong with the signature.
        what: String,
    },
    /// Signed, but not what the platform's documents say.
    #[error("{platform} said what cannot be read: {what}")]
    Unreadable {
        /// Which platform.
        platform: PlatformId,
        /// What was expected.
        what: String,
    },
    /// A notice for somebody else.
    #[error("{platform} told of {got}, which is not us; look at the notice's address there")]
    NotOurs {
        /// Which platform.
        platform: PlatformId,
        /// Whom it is for.
        got: String,
    },
    /// The platform does not take our requests.
    #[error("{platform} refuses our request: {code} {message}; {remedy}")]
    Rejected {
        /// Which platform.
        platform: PlatformId,
        /// Its word.
        code: String,
        /// Its sentence.
        message: String,
        /// What to look at.
        remedy: &'static str,
    },
    /// An answer or notice from another time than now.
    #[error("{platform} signed at {theirs}, here it is {ours}: set the clocks right")]
    Clock {
        /// Which platform.
        platform: PlatformId,
        /// Our time.
        ours: UnixMs,
        /// The platform's.
        theirs: UnixMs,
    },
    /// It cannot do this.
    #[error("{platform} has no {capability}")]
    Unsupported {
        /// Which platform.
        platform: PlatformId,
        /// What was wanted.
        capability: Capability,
    },
    /// It charges in another currency.
    #[error("{platform} charges in CNY, the order is in {got}")]
    Currency {
        /// Which platform.
        platform: PlatformId,
        /// The order's currency.
        got: Currency,
    },
    /// Our own key does not sign.
    #[error("{0}")]
    Key(#[from] super::keys::KeyError),
    /// The database.
    #[error("{0}")]
    Store(#[from] StoreError),
}
