//! What WeChat Pay seals with the merchant's API v3 key: the heart of notices, and its certificates.

use super::super::error::ChargeError;
use super::super::platform::PlatformId;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
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
pub struct ApiKey(LessSafeKey);

impl ApiKey {
    /// Reads it.
    ///
    /// # Errors
    /// When it is not 32 bytes.
    pub fn parse(text: &str) -> Result<Self, String> {
        let key = UnboundKey::new(&AES_256_GCM, text.as_bytes());
        let key = key.map_err(|_| {
            let got = text.len();
            format!("an API v3 key has 32 letters and digits, got {got} bytes")
        })?;
        Ok(Self(LessSafeKey::new(key)))
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
        let nonce = Nonce::try_assume_unique_for_key(sealed.nonce.as_bytes());
        let nonce = nonce.map_err(|_| forged("a nonce that has not twelve bytes"))?;
        let mut bytes = BASE64_STANDARD
            .decode(&sealed.ciphertext)
            .map_err(|_| forged("a ciphertext that is no Base64"))?;
        let about = Aad::from(sealed.associated_data.as_bytes());
        let opened = self.0.open_in_place(nonce, about, &mut bytes);
        let opened = opened.map_err(|_| {
            forged("sealed with another API v3 key, or changed on the way; look at `api_v3_key`")
        })?;
        Ok(opened.to_vec())
    }

    /// Seals as WeChat Pay does: for simulators. The nonce must be a new one each time.
    ///
    /// # Errors
    /// When the nonce has not twelve bytes.
    pub fn seal(&self, plain: &str, about: &str, nonce: &str) -> Result<Sealed, String> {
        let bad = |_| "not to be sealed: a nonce has twelve bytes".to_owned();
        let unique = Nonce::try_assume_unique_for_key(nonce.as_bytes()).map_err(bad)?;
        let mut bytes = plain.as_bytes().to_vec();
        let aad = Aad::from(about.as_bytes());
        self.0
            .seal_in_place_append_tag(unique, aad, &mut bytes)
            .map_err(bad)?;
        Ok(Sealed {
            algorithm: ALGORITHM.to_owned(),
            ciphertext: BASE64_STANDARD.encode(bytes),
            associated_data: about.to_owned(),
            nonce: nonce.to_owned(),
        })
    }
}
