//! What WeChat Pay seals with the merchant's API v3 key: the heart of notices, and its certificates.

use super::super::error::ChargeError;
use super::super::platform::PlatformId;
use crate::aead::SealingKey;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

/// The name of the one way of sealing.
const ALGORITHM: &str = "AEAD_AES_256_GCM";

/// Bytes as WeChat Pay seals them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// `AEAD_AES_256_GCM`.
    pub algorithm: String,
    /// Base64, with its tag.
    pub ciphertext: String,
    /// What it is about; not secret, but sealed in.
    #[serde(default)]
    pub associated_data: String,
    /// Twelve letters.
    pub nonce: String,
}

/// The key that a merchant shares with WeChat Pay: 32 letters and digits.
pub struct ApiKey(SealingKey);

impl ApiKey {
    /// Reads it.
    ///
    /// # Errors
    /// When it is not 32 bytes.
    pub fn parse(text: &str) -> Result<Self, String> {
        let key = SealingKey::new(text.as_bytes()).map(Self);
        key.ok_or_else(|| {
            let got = text.len();
            format!("an API v3 key has 32 letters and digits, got {got} bytes")
        })
    }

    /// Opens what was sealed with it.
    ///
    /// # Errors
    /// When it was sealed with another key, or changed since.
    pub fn open(&self, sealed: &Sealed) -> Result<Vec<u8>, ChargeError> {
        let forged = |what: &str| ChargeError::Forged {
            platform: PlatformId::WeChat,
            what: what.to_owned(),
        };
        if sealed.algorithm != ALGORITHM {
            return Err(forged("sealed in an unknown way"));
        }
        let nonce = sealed.nonce.as_bytes().try_into();
        let nonce = nonce.map_err(|_| forged("a nonce that has not twelve bytes"))?;
        let bytes = BASE64_STANDARD.decode(&sealed.ciphertext);
        let bytes = bytes.map_err(|_| forged("a ciphertext that is no Base64"))?;
        let about = sealed.associated_data.as_bytes();
        self.0.open(nonce, about, &bytes).ok_or_else(|| {
            forged("sealed with another API v3 key, or changed on the way; look at `api_v3_key`")
        })
    }

    /// Seals as WeChat Pay does: for simulators. The nonce must be a new one each time.
    ///
    /// # Errors
    /// When the nonce has not twelve bytes.
    pub fn seal(&self, plain: &str, about: &str, nonce: &str) -> Result<Sealed, String> {
        let bad = || "not to be sealed: a nonce has twelve bytes".to_owned();
        let unique = nonce.as_bytes().try_into().map_err(|_| bad())?;
        let sealed = self.0.seal(unique, about.as_bytes(), plain.as_bytes());
        let bytes = sealed.ok_or_else(bad)?;
        Ok(Sealed {
            algorithm: ALGORITHM.to_owned(),
            ciphertext: BASE64_STANDARD.encode(bytes),
            associated_data: about.to_owned(),
            nonce: nonce.to_owned(),
        })
    }
}
