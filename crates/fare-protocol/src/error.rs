//! What can be wrong with bytes from outside, and with who signed them.

use crate::KeyId;

/// Bytes that are not the format they should be, with the place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: field `{field}` at byte {at}: {problem}")]
pub struct FormatError {
    /// Which format was being read, for example `ride code, issuer part`.
    pub what: &'static str,
    /// Which of its fields.
    pub field: &'static str,
    /// Offset in bytes from the start of that format's own bytes.
    pub at: usize,
    /// What is wrong there.
    pub problem: Problem,
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The bytes ended before the field did.
    #[error("the bytes end here")]
    Ends,
    /// Another CBOR type stood there, or an indefinite length.
    #[error("got {got}, expected {expected}")]
    Type {
        /// What stood there.
        got: String,
        /// What should have.
        expected: &'static str,
    },
    /// A byte string, text or array of a wrong length.
    #[error("got length {got}, expected {expected}")]
    Length {
        /// The length that stood there.
        got: u64,
        /// The length, or the greatest one, allowed.
        expected: u64,
    },
    /// A number outside what the field can mean.
    #[error("the value is out of range")]
    OutOfRange,
    /// A kind or version this program does not know.
    #[error("got {got}, this program knows {known}")]
    Unknown {
        /// The number that stood there.
        got: u64,
        /// The number it knows.
        known: u64,
    },
    /// Text that is not what its field allows.
    #[error("{0}")]
    Text(String),
    /// Bytes after the end of the format.
    #[error("{0} bytes follow the end")]
    Trailing(usize),
    /// A COSE header other than the profile's.
    #[error("the protected header is not this profile's (Ed25519 with the expected key id)")]
    Header,
}

/// A well-formed thing whose signature does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// No key with this id is known.
    #[error("{what}: no key {key} is known; fetch the current keys from the server")]
    UnknownKey {
        /// What was signed.
        what: &'static str,
        /// The key it names.
        key: KeyId,
    },
    /// The key is known and not valid at this time.
    #[error("{what}: key {key} is not valid at this time")]
    KeyNotValidNow {
        /// What was signed.
        what: &'static str,
        /// The key it names.
        key: KeyId,
    },
    /// The signature is not this key's over these bytes.
    #[error("{what}: the signature does not match")]
    BadSignature {
        /// What was signed.
        what: &'static str,
    },
}
