//! AES-256-GCM, as `ring` does it: for codes in the database and for what WeChat Pay seals.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

/// Length of a key, in bytes.
pub(crate) const KEY_LEN: usize = 32;

/// Length of a nonce, in bytes.
pub(crate) const NONCE_LEN: usize = ring::aead::NONCE_LEN;

/// A key that seals and opens.
pub(crate) struct SealingKey(LessSafeKey);

impl SealingKey {
    /// The key of these bytes; none when they are not [`KEY_LEN`].
    pub(crate) fn new(key: &[u8]) -> Option<Self> {
        let key = UnboundKey::new(&AES_256_GCM, key).ok()?;
        Some(Self(LessSafeKey::new(key)))
    }

    /// The plain bytes sealed, their tag behind them; `about` is sealed in and not secret. The nonce must be a new one each
    /// time. None when there are more bytes than one nonce may seal.
    pub(crate) fn seal(
        &self,
        nonce: [u8; NONCE_LEN],
        about: &[u8],
        plain: &[u8],
    ) -> Option<Vec<u8>> {
        let mut bytes = plain.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        let sealed = self
            .0
            .seal_in_place_append_tag(nonce, Aad::from(about), &mut bytes);
        sealed.ok().map(|()| bytes)
    }

    /// What was sealed; none when that was done with another key, or about something else, or it changed since.
    pub(crate) fn open(
        &self,
        nonce: [u8; NONCE_LEN],
        about: &[u8],
        sealed: &[u8],
    ) -> Option<Vec<u8>> {
        let mut bytes = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        let opened = self.0.open_in_place(nonce, Aad::from(about), &mut bytes);
        opened.ok().map(|plain| plain.to_vec())
    }
}
