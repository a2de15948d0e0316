//! Keys and certificates: an authority of our own that signs the server's certificate and those of
//! the gates, and the files that they lie in.

use ed25519_dalek::SigningKey;
use fare_protocol::enrol::Fingerprint;
use fare_protocol::{GateId, KeyEntry, KeySet, PublicKey, Signer, UnixMs};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, PublicKeyData, SignatureAlgorithm,
};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, TrustAnchor};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Why keys or certificates could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// A certificate could not be made.
    #[error("cannot make the certificate of {subject}: {source}")]
    Certificate {
        /// Whose.
        subject: String,
        /// Why.
        source: rcgen::Error,
    },
    /// A certificate and a key that are no authority of ours.
    #[error("{0}; `fareserver setup` makes an authority")]
    NoAuthority(&'static str),
    /// The system gave no random bytes.
    #[error("no random bytes for a key: {0}")]
    Random(#[from] getrandom::Error),
    /// A file could not be written.
    #[error("cannot write {path}: {source}; check that its folder exists and has room", path = path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A certificate and its private key, both PEM.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The certificate.
    pub certificate: String,
    /// The private key (PKCS #8).
    pub private_key: String,
}

/// The name that our authorities bear.
const AUTHORITY: &str = "faregate authority";

/// How far before now a certificate is valid from, for gates whose clocks are behind.
const BEFORE: Duration = Duration::from_secs(86_400);

/// A certificate authority. Its own certificate and the servers' never run out.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    certificate: String,
}

/// An Ed25519 key that somebody else has (RFC 8410).
struct TheirKey([u8; 32]);

impl PublicKeyData for TheirKey {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_ED25519
    }
}

impl Authority {
    /// A new authority.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn new() -> Result<Self, PkiError> {
        let issuer = issuer(KeyPair::generate().map_err(failed(AUTHORITY))?)?;
        let certificate = issuer.pem();
        Ok(Self {
            issuer,
            certificate,
        })
    }

    /// The authority whose certificate and key were kept, both PEM.
    ///
    /// # Errors
    /// When the key is none, or the certificate not one that [`Authority::new`] made for it.
    pub fn load(certificate: &str, private_key: &str) -> Result<Self, PkiError> {
        let key = KeyPair::from_pem(private_key)
            .map_err(|_| PkiError::NoAuthority("the authority's key is no private key in PEM"))?;
        let issuer = issuer(key)?;
        let kept = CertificateDer::from_pem_slice(certificate.as_bytes());
        let kept = kept.map_err(|_| {
            PkiError::NoAuthority("the authority's certificate is no certificate in PEM")
        })?;
        if anchor(kept)? != anchor(issuer.der().clone())? {
            return Err(PkiError::NoAuthority(
                "the authority's certificate is not one of ours for this key",
            ));
        }
        Ok(Self {
            issuer,
            certificate: certificate.to_owned(),
        })
    }

    /// The authority's own certificate, PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// The same, DER.
    ///
    /// # Errors
    /// Never, for one that was made or loaded.
    pub fn certificate_der(&self) -> Result<CertificateDer<'static>, PkiError> {
        CertificateDer::from_pem_slice(self.certificate.as_bytes())
            .map_err(|_| PkiError::NoAuthority("the authority's certificate cannot be read"))
    }

    /// What gates know it by before they know anything.
    ///
    /// # Errors
    /// Never, for one that was made or loaded.
    pub fn fingerprint(&self) -> Result<Fingerprint, PkiError> {
        Ok(Fingerprint::of(&self.certificate_der()?))
    }

    /// Its private key, PEM (PKCS #8).
    pub fn private_key(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    /// A server at these names and addresses.
    ///
    /// # Errors
    /// When no key can be made, or a name is none.
    pub fn server(&self, names: &[&str]) -> Result<Identity, PkiError> {
        let subject = names.first().copied().unwrap_or("fareserver");
        let key = KeyPair::generate().map_err(failed(subject))?;
        let params = leaf(subject, names, ExtendedKeyUsagePurpose::ServerAuth)?;
        self.identity(subject, params, key)
    }

    /// A gate; its id is the common name.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn gate(&self, gate: GateId) -> Result<Identity, PkiError> {
        let subject = gate.as_str();
        let key = KeyPair::generate().map_err(failed(subject))?;
        let params = leaf(subject, &[], ExtendedKeyUsagePurpose::ClientAuth)?;
        self.identity(subject, params, key)
    }

    /// A certificate (PEM) for a gate that has made its key itself, from a day ago and for `valid`.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn certify_gate(
        &self,
        gate: GateId,
        key: &PublicKey,
        now: UnixMs,
        valid: Duration,
    ) -> Result<String, PkiError> {
        let mut params = leaf(gate.as_str(), &[], ExtendedKeyUsagePurpose::ClientAuth)?;
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(now.0).unwrap_or(0));
        params.not_before = (now - BEFORE).into();
        params.not_after = (now + valid).into();
        let certificate = params
            .signed_by(&TheirKey(key.to_bytes()), &self.issuer)
            .map_err(failed(gate.as_str()))?;
        Ok(certificate.pem())
    }

    fn identity(
        &self,
        subject: &str,
        params: CertificateParams,
        key: KeyPair,
    ) -> Result<Identity, PkiError> {
        let certificate = params
            .signed_by(&key, &self.issuer)
            .map_err(failed(subject))?;
        Ok(Identity {
            certificate: certificate.pem(),
            private_key: key.serialize_pem(),
        })
    }
}

fn failed(subject: &str) -> impl Fn(rcgen::Error) -> PkiError + '_ {
    |source| PkiError::Certificate {
        subject: subject.to_owned(),
        source,
    }
}

fn issuer(key: KeyPair) -> Result<CertifiedIssuer<'static, KeyPair>, PkiError> {
    let mut params = named(AUTHORITY, &[]).map_err(failed(AUTHORITY))?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::self_signed(params, key).map_err(failed(AUTHORITY))
}

/// Name and key of an authority: what certificates that it signed are checked against.
fn anchor(certificate: CertificateDer<'static>) -> Result<TrustAnchor<'static>, PkiError> {
    let mut roots = RootCertStore::empty();
    let added = roots.add(certificate);
    added.map_err(|_| PkiError::NoAuthority("the certificate is no authority's"))?;
    let anchor = roots.roots.pop();
    anchor.ok_or(PkiError::NoAuthority("the certificate is no authority's"))
}

fn leaf(
    subject: &str,
    addresses: &[&str],
    usage: ExtendedKeyUsagePurpose,
) -> Result<CertificateParams, PkiError> {
    let mut params = named(subject, addresses).map_err(failed(subject))?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![usage];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authority(..)")
    }
}

fn named(subject: &str, addresses: &[&str]) -> Result<CertificateParams, rcgen::Error> {
    let addresses: Vec<String> = addresses.iter().map(|&a| a.to_owned()).collect();
    let mut params = CertificateParams::new(addresses)?;
    params.distinguished_name.push(DnType::CommonName, subject);
    Ok(params)
}

impl Identity {
    /// Writes both halves; the private key for its owner's eyes only.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, certificate: &Path, private_key: &Path) -> Result<(), PkiError> {
        write_public(certificate, &self.certificate)?;
        write_private(private_key, &self.private_key)
    }
}

/// A new Ed25519 key from the system's randomness.
///
/// # Errors
/// When the system has none.
pub fn new_signing_key() -> Result<SigningKey, PkiError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)?;
    Ok(SigningKey::from_bytes(&seed))
}

/// Writes a signing key's seed as 64 hexadecimal digits, mode 600.
///
/// # Errors
/// When the file cannot be written.
pub fn write_signing_key(path: &Path, key: &SigningKey) -> Result<(), PkiError> {
    let seed: String = key.as_bytes().iter().map(|b| format!("{b:02x}")).collect();
    write_private(path, &format!("{seed}\n"))
}

/// Writes the public halves of `keys`, believed from 1970 for ever, as a key set's JSON.
///
/// # Errors
/// When the file cannot be written.
pub fn write_key_set(path: &Path, keys: &[&dyn Signer]) -> Result<(), PkiError> {
    let text = serde_json::to_string_pretty(&key_set(keys)).map_err(|source| PkiError::Write {
        path: path.to_owned(),
        source: source.into(),
    })?;
    write_public(path, &format!("{text}\n"))
}

/// The public halves of `keys`, believed from 1970 for ever.
pub fn key_set(keys: &[&dyn Signer]) -> KeySet {
    let entry = |key: &&dyn Signer| KeyEntry {
        key: key.public(),
        from_ms: UnixMs(0),
        // The last millisecond that a JSON reader with doubles holds exactly.
        until_ms: UnixMs((1 << 53) - 1),
    };
    KeySet(keys.iter().map(entry).collect())
}

/// Writes a file that only its owner may read.
///
/// # Errors
/// When it cannot be written.
pub fn write_private(path: &Path, text: &str) -> Result<(), PkiError> {
    let failed = |source| PkiError::Write {
        path: path.to_owned(),
        source,
    };
    // An older file would keep its own mode.
    if path.exists() {
        std::fs::remove_file(path).map_err(failed)?;
    }
    let open = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    open.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(failed)
}

/// Writes a file that everybody may read.
///
/// # Errors
/// When it cannot be written.
pub fn write_public(path: &Path, text: &str) -> Result<(), PkiError> {
    std::fs::write(path, text).map_err(|source| PkiError::Write {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use rustls::pki_types::{PrivateKeyDer, ServerName};
    use std::os::unix::fs::PermissionsExt;
    use std::sync::Arc;

    fn parts(identity: &Identity) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let certificate = CertificateDer::from_pem_slice(identity.certificate.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(identity.private_key.as_bytes()).unwrap();
        (vec![certificate], key)
    }

    /// A handshake in memory with certificates on both sides.
    #[test]
    fn gates_and_server_believe_each_other() {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let ca = Authority::new().unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(ca.certificate_der().unwrap()).unwrap();
        let roots = Arc::new(roots);
        let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(
            Arc::clone(&roots),
            Arc::clone(&provider),
        );
        let (certificate, key) = parts(&ca.server(&["localhost", "127.0.0.1"]).unwrap());
        let server = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier.build().unwrap())
            .with_single_cert(certificate, key)
            .unwrap();
        let (certificate, key) = parts(&ca.gate("PGY-01".parse().unwrap()).unwrap());
        let client = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_client_auth_cert(certificate, key)
            .unwrap();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let mut client = rustls::ClientConnection::new(Arc::new(client), name).unwrap();
        let mut server = rustls::ServerConnection::new(Arc::new(server)).unwrap();
        while client.is_handshaking() || server.is_handshaking() {
            let mut wire = Vec::new();
            client.write_tls(&mut wire).unwrap();
            server.read_tls(&mut wire.as_slice()).unwrap();
            server.process_new_packets().unwrap();
            wire.clear();
            server.write_tls(&mut wire).unwrap();
            client.read_tls(&mut wire.as_slice()).unwrap();
            client.process_new_packets().unwrap();
        }
        assert_eq!(server.peer_certificates().unwrap().len(), 1);
    }

    #[test]
    fn an_authority_is_read_back_with_its_own_certificate_alone() {
        let (ours, other) = (Authority::new().unwrap(), Authority::new().unwrap());
        let key = ours.private_key();
        let again = Authority::load(ours.certificate(), &key).unwrap();
        assert_eq!(again.fingerprint().unwrap(), ours.fingerprint().unwrap());
        assert_eq!(again.certificate(), ours.certificate());
        assert!(Authority::load(other.certificate(), &key).is_err());
        assert!(Authority::load("no PEM", &key).is_err());
        assert!(Authority::load(ours.certificate(), "no PEM").is_err());
    }

    #[test]
    fn signing_keys_are_hexadecimal_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("gate.key");
        std::fs::write(&path, "old and readable by all").unwrap();
        write_signing_key(&path, &SigningKey::from_bytes(&[0xA5; 32])).unwrap();
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            format!("{}\n", "a5".repeat(32))
        );
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_key_set_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("issuers.json");
        let key = SigningKey::from_bytes(&[3; 32]);
        write_key_set(&path, &[&key]).unwrap();
        let set: KeySet = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(set.0[0].key, key.public());
        assert_eq!(set, key_set(&[&key]));
    }
}
