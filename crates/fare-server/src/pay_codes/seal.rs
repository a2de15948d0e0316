//! Seals codes for the database: who reads a copy of it reads none of them.

use crate::aead::{KEY_LEN, NONCE_LEN, SealingKey};
use crate::charging::Secret;
use fare_protocol::{AccountId, PayCode};
use std::fmt;
use std::sync::Arc;

/// What a sealed code is about, before the account.
const ABOUT: &[u8] = b"faregate pay code of ";

/// The key under which codes lie in the database. All servers on one database have the same.
#[derive(Clone)]
pub struct Seal(Arc<SealingKey>);

/// Why a code could not be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The operating system gives no randomness.
    #[error("no randomness to seal a pay code with")]
    NoRandomness,
    /// Sealed under another key, or of another account.
    #[error("a sealed pay code cannot be opened; look at `key` of [pay_codes]")]
    NotOpened,
}

impl Seal {
    /// The key of these bytes.
    ///
    /// # Errors
    /// When they are not 32.
    pub fn new(key: &[u8]) -> Result<Self, String> {
        let sealing = SealingKey::new(key);
        let sealing = sealing.ok_or_else(|| format!("got {} bytes, not {KEY_LEN}", key.len()))?;
        Ok(Self(Arc::new(sealing)))
    }

    /// The code as it lies in the database, beside its account.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn seal(&self, account: AccountId, code: &PayCode) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(|_| SealError::NoRandomness)?;
        let plain = code.reveal().as_bytes();
        let sealed = self.0.seal(nonce, &about(account), plain);
        let sealed = sealed.ok_or(SealError::NotOpened)?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// The code again.
    ///
    /// # Errors
    /// When it was sealed under another key or for another account.
    pub fn open(&self, account: AccountId, sealed: &[u8]) -> Result<Secret, SealError> {
        let (nonce, bytes) = sealed.split_first_chunk().ok_or(SealError::NotOpened)?;
        let opened = self.0.open(*nonce, &about(account), bytes);
        let text = opened.and_then(|bytes| String::from_utf8(bytes).ok());
        text.map(Secret::new).ok_or(SealError::NotOpened)
    }
}

fn about(account: AccountId) -> Vec<u8> {
    [ABOUT, &account.0].concat()
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_code_is_opened_for_its_own_account_alone() {
        let seal = Seal::new(&[7; 32]).unwrap();
        let code = PayCode::new("alipay".parse().unwrap(), "280000000000000001").unwrap();
        let (mine, other) = (AccountId([1; 16]), AccountId([2; 16]));
        let sealed = seal.seal(mine, &code).unwrap();
        assert!(!sealed.windows(4).any(|part| part == b"2800"));
        assert_ne!(sealed, seal.seal(mine, &code).unwrap());
        assert_eq!(seal.open(mine, &sealed).unwrap().reveal(), code.reveal());
        let strange = Seal::new(&[8; 32]).unwrap();
        for wrong in [
            seal.open(other, &sealed),
            strange.open(mine, &sealed),
            seal.open(mine, &sealed[1..]),
            seal.open(mine, &[]),
        ] {
            assert_eq!(wrong, Err(SealError::NotOpened));
        }
        assert!(Seal::new(&[7; 31]).is_err());
    }
}
