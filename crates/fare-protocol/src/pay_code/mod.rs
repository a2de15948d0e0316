//! Pay codes: what a payment platform's app shows, recognised by its form and never verified here. Who pays
//! is derived from it, by gate and server alike and without a word between them.
//!
//! ```text
//! h     = SHA-256("faregate pay code 1\n" platform "\n" code), then 4096 times h = SHA-256(h code)
//! account        bytes  0 to 15 of h
//! shown          bytes 16 to 31 of h: tells a repeat of the same code
//! code reference SHA-256("faregate pay code tap 1\n" h tap) of one tap, its first 16 bytes
//! ```
//! A platform's code has few digits: whoever tries them all would find the one behind a plain hash, so each
//! try is made to cost 4097 of them. The code itself is a secret wherever it is: it is kept in memory, goes to
//! the server inside TLS, and stands in no log, record, note, metric or recording.

pub mod ask;
mod pattern;

pub use pattern::{PatternError, PayCodeLetters, PayCodePattern, PayCodePatterns, Prefix};

use crate::{AccountId, CodeRef, RecordId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;

/// Longest pay code, in characters: an EMVCo consumer-presented one in base64.
pub const PAY_CODE_LEN_MAX: usize = 512;

/// Longest name of a platform.
pub const PLATFORM_LEN_MAX: usize = 16;

/// How often the hash is taken again.
const ROUNDS: u32 = 4_096;

const CODE_DOMAIN: &[u8] = b"faregate pay code 1\n";
const TAP_DOMAIN: &[u8] = b"faregate pay code tap 1\n";

/// A payment platform by its name, for example `alipay`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PayPlatform(String);

/// Why a text is no pay code or no platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayCodeError {
    /// The name of a platform.
    #[error("a platform's name is 1 to {PLATFORM_LEN_MAX} of a-z, 0-9 and '-', like \"alipay\"")]
    Platform,
    /// The code. It is not shown: it may be one after all.
    #[error("a pay code is 1 to {PAY_CODE_LEN_MAX} of A-Z, a-z, 0-9, '+', '/' and '='")]
    Code,
}

/// A code that a rider's payment app shows. A secret: it is shown to the platform alone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Told", into = "Told")]
pub struct PayCode {
    platform: PayPlatform,
    code: String,
}

/// A pay code as it stands in a message.
#[derive(Serialize, Deserialize)]
struct Told {
    platform: PayPlatform,
    code: String,
}

/// What is derived from a pay code, and reveals nothing of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PayCodeId([u8; 32]);

/// A pay code as the lane knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShownPayCode {
    /// Who pays.
    pub account: AccountId,
    /// Names this showing of the code.
    pub code_ref: CodeRef,
}

impl PayCode {
    /// A code of this platform.
    ///
    /// # Errors
    /// When it has letters that no code has, none, or too many.
    pub fn new(platform: PayPlatform, code: &str) -> Result<Self, PayCodeError> {
        let letter = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=');
        if code.is_empty() || code.len() > PAY_CODE_LEN_MAX || !code.bytes().all(letter) {
            return Err(PayCodeError::Code);
        }
        Ok(Self {
            platform,
            code: code.to_owned(),
        })
    }

    /// Whose it is.
    pub const fn platform(&self) -> &PayPlatform {
        &self.platform
    }

    /// The code itself, for the platform's eyes.
    pub fn reveal(&self) -> &str {
        &self.code
    }

    /// What is derived from it. Takes some milliseconds, on purpose.
    pub fn id(&self) -> PayCodeId {
        let first = Sha256::new()
            .chain_update(CODE_DOMAIN)
            .chain_update(&self.platform.0)
            .chain_update(b"\n")
            .chain_update(&self.code);
        let mut hash: [u8; 32] = first.finalize().into();
        for _ in 0..ROUNDS {
            let next = Sha256::new().chain_update(hash).chain_update(&self.code);
            hash = next.finalize().into();
        }
        PayCodeId(hash)
    }
}

impl PayCodeId {
    /// Who pays.
    pub fn account(&self) -> AccountId {
        let mut id = [0; 16];
        id.copy_from_slice(self.0.split_at(16).0);
        AccountId(id)
    }

    /// The same for every showing of the code.
    pub fn shown(&self) -> CodeRef {
        let mut id = [0; 16];
        id.copy_from_slice(self.0.split_at(16).1);
        CodeRef(id)
    }

    /// The code as the lane knows it, shown with this tap.
    pub fn at(&self, tap: RecordId) -> ShownPayCode {
        let mut told = TAP_DOMAIN.to_vec();
        told.extend_from_slice(&self.0);
        told.extend_from_slice(&tap.0);
        ShownPayCode {
            account: self.account(),
            code_ref: CodeRef::of(&told),
        }
    }
}

impl PayPlatform {
    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PayPlatform {
    type Err = PayCodeError;

    fn from_str(text: &str) -> Result<Self, PayCodeError> {
        let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if text.is_empty() || text.len() > PLATFORM_LEN_MAX || !text.bytes().all(letter) {
            return Err(PayCodeError::Platform);
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for PayPlatform {
    type Error = PayCodeError;

    fn try_from(text: String) -> Result<Self, PayCodeError> {
        text.parse()
    }
}

impl From<PayPlatform> for String {
    fn from(platform: PayPlatform) -> Self {
        platform.0
    }
}

impl fmt::Display for PayPlatform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<Told> for PayCode {
    type Error = PayCodeError;

    fn try_from(told: Told) -> Result<Self, PayCodeError> {
        Self::new(told.platform, &told.code)
    }
}

impl From<PayCode> for Told {
    fn from(code: PayCode) -> Self {
        Self {
            platform: code.platform,
            code: code.code,
        }
    }
}

impl fmt::Debug for PayCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a pay code of {}", self.platform)
    }
}

impl fmt::Debug for PayCodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pay code of {}", self.account())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn code(platform: &str, digits: &str) -> PayCode {
        PayCode::new(platform.parse().unwrap(), digits).unwrap()
    }

    #[test]
    fn gate_and_server_come_to_the_same_account() {
        let id = code("alipay", "280123456789012345").id();
        assert_eq!(id.account().to_hex(), "740cdbae544336d17a55deaed40092a8");
        assert_eq!(id.shown().to_hex(), "b7c336fe22f8e38590f9dd197b3f9528");
        let (one, other) = (RecordId([1; 16]), RecordId([2; 16]));
        assert_eq!(id.at(one).account, id.account());
        assert_eq!(
            id.at(one).code_ref.to_hex(),
            "950d849555970f24c19e270758a9b806"
        );
        assert_ne!(id.at(one).code_ref, id.at(other).code_ref);
    }

    #[test]
    fn platform_and_code_both_count() {
        let id = code("alipay", "280123456789012345").id();
        for other in [
            code("wechat", "280123456789012345"),
            code("alipay", "280123456789012346"),
            code("alipay", "28012345678901234"),
        ] {
            assert_ne!(other.id().account(), id.account(), "{other:?}");
            assert_ne!(other.id().shown(), id.shown(), "{other:?}");
        }
    }

    #[test]
    fn the_code_does_not_show() {
        let code = code("wechat", "134567890123456789");
        let told = format!(
            "{code:?} {:?} {:?}",
            code.id(),
            code.id().at(RecordId([7; 16]))
        );
        assert!(!told.contains("1345"), "{told}");
    }

    #[test]
    fn what_no_code_can_be_is_refused_and_not_shown() {
        let alipay: PayPlatform = "alipay".parse().unwrap();
        for bad in ["", "28 1", "28\n", "２８", &"1".repeat(513)] {
            let err = PayCode::new(alipay.clone(), bad).unwrap_err();
            assert_eq!(err, PayCodeError::Code);
            assert!(!err.to_string().contains("28"), "{err}");
        }
        for bad in ["", "Alipay", "ali pay", &"a".repeat(17)] {
            assert_eq!(bad.parse::<PayPlatform>(), Err(PayCodeError::Platform));
        }
    }
}
