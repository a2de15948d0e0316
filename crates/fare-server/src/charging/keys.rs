//! RSA keys as platforms give them: ours signs, theirs verifies. The arithmetic is `ring`'s.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, SubjectPublicKeyInfoDer};
use webpki::{EndEntityCert, RawPublicKeyEntity};

/// What is wrong with a key or a signature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not a private RSA key.
    #[error("not a private RSA key of 2048 bits or more: {0}; expected PEM, or its Base64 alone")]
    Private(String),
    /// Not a public RSA key or certificate.
    #[error("not a public key or certificate: {0}; expected PEM, or its Base64 alone")]
    Public(String),
    /// The signature is not this key's over this message.
    #[error("the signature does not hold")]
    Signature,
    /// The operating system gave no randomness, or `ring` refused.
    #[error("the message could not be signed")]
    NotSigned,
}

/// Our key at a platform. Signs with SHA-256 and PKCS #1 v1.5: Alipay's `RSA2`, WeChat Pay's
/// `WECHATPAY2-SHA256-RSA2048`.
pub struct MerchantKey(RsaKeyPair);

impl MerchantKey {
    /// Reads PKCS #8 or PKCS #1, as PEM or as the bare Base64 that Alipay's tools write.
    ///
    /// # Errors
    /// When it is neither, or shorter than 2048 bits.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let bad = |err: &dyn std::fmt::Display| KeyError::Private(err.to_string());
        if text.contains("-----BEGIN") {
            let key = PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|err| bad(&err))?;
            let pair = RsaKeyPair::from_pkcs8(key.secret_der())
                .or_else(|_| RsaKeyPair::from_der(key.secret_der()));
            return pair.map(Self).map_err(|err| bad(&err));
        }
        let der = bare(text).map_err(|err| bad(&err))?;
        let pair = RsaKeyPair::from_pkcs8(&der).or_else(|_| RsaKeyPair::from_der(&der));
        pair.map(Self).map_err(|err| bad(&err))
    }

    /// The signature over `message`, Base64.
    ///
    /// # Errors
    /// When the operating system gives no randomness, which `ring` hides its arithmetic with.
    pub fn sign(&self, message: &[u8]) -> Result<String, KeyError> {
        let mut signature = vec![0; self.0.public().modulus_len()];
        let signed = self.0.sign(
            &RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            message,
            &mut signature,
        );
        signed.map_err(|_| KeyError::NotSigned)?;
        Ok(BASE64_STANDARD.encode(signature))
    }
}

/// A platform's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlatformKey {
    key: SubjectPublicKeyInfoDer<'static>,
    serial: Option<String>,
}

impl PlatformKey {
    /// Reads a public key or a certificate, as PEM or as the bare Base64 of a public key.
    ///
    /// # Errors
    /// When it is neither.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let bad = |err: &dyn std::fmt::Display| KeyError::Public(err.to_string());
        if text.contains("BEGIN CERTIFICATE") {
            let der = CertificateDer::from_pem_slice(text.as_bytes()).map_err(|err| bad(&err))?;
            let certificate = EndEntityCert::try_from(&der).map_err(|err| bad(&err))?;
            let serial = certificate.serial().iter().map(|b| format!("{b:02X}"));
            return Ok(Self {
                key: certificate.subject_public_key_info(),
                serial: Some(
                    serial
                        .collect::<String>()
                        .trim_start_matches("00")
                        .to_owned(),
                ),
            });
        }
        let key = if text.contains("-----BEGIN") {
            SubjectPublicKeyInfoDer::from_pem_slice(text.as_bytes()).map_err(|err| bad(&err))?
        } else {
            SubjectPublicKeyInfoDer::from(bare(text).map_err(|err| bad(&err))?)
        };
        RawPublicKeyEntity::try_from(&key).map_err(|err| bad(&err))?;
        Ok(Self { key, serial: None })
    }

    /// The serial number in upper-case hexadecimal, when it was read from a certificate.
    pub fn serial(&self) -> Option<&str> {
        self.serial.as_deref()
    }

    /// Whether `signature` (Base64) is this key's over `message`.
    ///
    /// # Errors
    /// When it is not.
    pub fn verify(&self, message: &[u8], signature: &str) -> Result<(), KeyError> {
        let signature = BASE64_STANDARD.decode(signature);
        let signature = signature.map_err(|_| KeyError::Signature)?;
        let key = RawPublicKeyEntity::try_from(&self.key);
        let key = key.map_err(|err| KeyError::Public(err.to_string()))?;
        let algorithm = webpki::ring::RSA_PKCS1_2048_8192_SHA256;
        let held = key.verify_signature(algorithm, message, &signature);
        held.map_err(|_| KeyError::Signature)
    }
}

fn bare(text: &str) -> Result<Vec<u8>, base64::DecodeError> {
    let letters: String = text.split_whitespace().collect();
    BASE64_STANDARD.decode(letters)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::charging::wechat::tests::{MERCHANT, MERCHANT_PUBLIC, PLATFORM_CERT};

    fn body(pem: &str) -> String {
        pem.lines().filter(|line| !line.starts_with('-')).collect()
    }

    #[test]
    fn keys_are_read_as_pem_and_as_bare_base64() {
        let signed = MerchantKey::parse(MERCHANT).unwrap().sign(b"fare").unwrap();
        let bare = MerchantKey::parse(&body(MERCHANT)).unwrap();
        assert_eq!(bare.sign(b"fare").unwrap(), signed, "no randomness in it");
        for public in [MERCHANT_PUBLIC.to_owned(), body(MERCHANT_PUBLIC)] {
            let key = PlatformKey::parse(&public).unwrap();
            assert_eq!(key.verify(b"fare", &signed), Ok(()));
            assert_eq!(key.verify(b"fares", &signed), Err(KeyError::Signature));
            assert_eq!(key.verify(b"fare", "=="), Err(KeyError::Signature));
        }
    }

    #[test]
    fn a_certificate_tells_its_serial_number() {
        let key = PlatformKey::parse(PLATFORM_CERT).unwrap();
        let serial = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1";
        assert_eq!(key.serial(), Some(serial));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in ["", "key", "-----BEGIN PRIVATE KEY-----", MERCHANT_PUBLIC] {
            assert!(MerchantKey::parse(text).is_err(), "{text}");
        }
        for text in ["", "key", MERCHANT] {
            assert!(PlatformKey::parse(text).is_err(), "{text}");
        }
    }
}
