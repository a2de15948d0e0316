//! What keeps a courier from being built, and what can go wrong on its way.

use crate::journal::JournalError;
use fare_protocol::wire::OpenError;
use std::path::PathBuf;
use std::time::Duration;

/// Why there is no courier: the configuration has to be mended first.
#[derive(Debug, thiserror::Error)]
pub enum CourierError {
    /// The server's address is none.
    #[error(
        "server address {got:?} is not one, {detail}; write it like https://fares.example:8443"
    )]
    Address {
        /// What was configured.
        got: String,
        /// What is wrong with it.
        detail: String,
    },
    /// A file cannot be read.
    #[error("{what} {path}: {source}; check the path and that this user may read it")]
    File {
        /// Which file.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file does not hold what it should.
    #[error("{what} {path}: {detail}; it must be a PEM file as `enroll` writes it")]
    Pem {
        /// Which file.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// Certificate and key do not make a TLS client.
    #[error("no TLS client from these certificates: {detail}; they must belong together")]
    Tls {
        /// What is wrong with them.
        detail: String,
    },
}

/// Why an attempt failed. All of them are tried again.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// No answer, or only part of one.
    #[error("server not reached: {0}")]
    Unreached(String),
    /// Another status than 200.
    #[error("server answered status {status}: {head}")]
    Status {
        status: u16,
        head: String,
        retry_after: Option<Duration>,
    },
    /// A body that is not what it should be.
    #[error("server answered nonsense: {detail}: {head}")]
    Nonsense { detail: String, head: String },
    /// A body longer than allowed.
    #[error("server's answer is longer than {max} bytes: {head}")]
    TooLong { max: usize, head: String },
    /// A feed that cannot be believed.
    #[error("feed not believed: {source}: {head}")]
    NotBelieved { source: OpenError, head: String },
    /// Fewer answers than records.
    #[error("server left {0} records unanswered")]
    Unanswered(usize),
    /// A part of the feed was left out, or the journal failed.
    #[error("{0}")]
    Journal(#[from] JournalError),
}

/// Failures of one kind are logged once, until another kind or a success comes between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Unreached,
    Status(u16),
    Nonsense,
    TooLong,
    NotBelieved,
    Unanswered,
    Journal,
}

impl Failure {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Unreached(_) => Kind::Unreached,
            Self::Status { status, .. } => Kind::Status(*status),
            Self::Nonsense { .. } => Kind::Nonsense,
            Self::TooLong { .. } => Kind::TooLong,
            Self::NotBelieved { .. } => Kind::NotBelieved,
            Self::Unanswered(_) => Kind::Unanswered,
            Self::Journal(_) => Kind::Journal,
        }
    }

    /// How long the server wants to be left alone.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            Self::Unreached(_)
            | Self::Nonsense { .. }
            | Self::TooLong { .. }
            | Self::NotBelieved { .. }
            | Self::Unanswered(_)
            | Self::Journal(_) => None,
        }
    }

    /// Whether one record alone may be the cause, so that those behind it should have their turn.
    pub(super) fn may_be_the_record(&self) -> bool {
        match self {
            Self::Status { status, .. } => matches!(status, 400 | 413 | 422 | 500),
            Self::Nonsense { .. } | Self::TooLong { .. } | Self::Unanswered(_) => true,
            Self::Unreached(_) | Self::NotBelieved { .. } | Self::Journal(_) => false,
        }
    }

    /// Whether the server has too much to do and may take the very same later.
    pub(super) fn is_busy_server(&self) -> bool {
        matches!(
            self,
            Self::Status {
                status: 429 | 503,
                ..
            }
        )
    }

    /// Whether the server counts from before what it told us already, as after a restore: then only
    /// everything anew helps.
    pub(super) fn is_old_feed(&self) -> bool {
        matches!(
            self,
            Self::Journal(JournalError::BadFeed { part: "cursor", .. })
        )
    }
}
