//! The certificate that this gate shows: the one of its configuration, or the newest that it was given since.
//! A new one is shown from the next connection on.
//!
//! Renewed certificates lie beside the journal, which the daemon may write to, and not where the
//! configuration's lies, which it may not. One that is broken is left out: the configuration's still serves.

use super::client::{certificates, private_key, roots};
use super::{CourierConfig, CourierError};
use crate::swap::swap;
use fare_protocol::certificate::Certificate;
use fare_protocol::{GateId, PublicKey, UnixMs};
use rustls::client::ResolvesClientCert;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, SignatureScheme};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Why a new certificate is not taken; the old one goes on.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotTaken {
    /// Its bytes are wrong.
    #[error("the server sent no certificate: {0}")]
    NoCertificate(String),
    /// It is for somebody else.
    #[error("the new certificate is not for this gate's {0}")]
    OtherThan(&'static str),
    /// It lasts no longer.
    #[error("the new certificate ends no later than the present one")]
    NoLonger,
    /// Nobody whom this gate believes signed it, or it does not count now.
    #[error("the new certificate does not hold: {0}")]
    DoesNotHold(String),
    /// It cannot be kept.
    #[error("cannot write {path}: {source}; look at its folder's owner and free space", path = path.display())]
    Write {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// What is shown to the server.
pub(super) struct OwnCertificate {
    roots: Arc<RootCertStore>,
    key: PrivateKeyDer<'static>,
    provider: Arc<CryptoProvider>,
    renewed: PathBuf,
    shown: Mutex<Arc<CertifiedKey>>,
}

impl OwnCertificate {
    /// Reads the certificate of the configuration, and the newest renewed one.
    pub(super) fn load(
        config: &CourierConfig,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, CourierError> {
        let roots = Arc::new(roots(&config.ca)?);
        let configured = certificates("gate certificate", &config.cert)?;
        let key = private_key("gate private key", &config.key)?;
        let pair = |chain: Vec<CertificateDer<'static>>| {
            CertifiedKey::from_der(chain, key.clone_key(), provider)
        };
        let configured = pair(configured).map_err(|err| CourierError::Tls {
            detail: err.to_string(),
        })?;
        let mut shown = Arc::new(configured);
        match read(&config.renewed).map(|chain| chain.map(pair)) {
            Ok(None) => {}
            Ok(Some(Ok(renewed))) => {
                if until(&renewed) > until(&shown) {
                    shown = Arc::new(renewed);
                }
            }
            Ok(Some(Err(err))) => left_out(&config.renewed, &err),
            Err(err) => left_out(&config.renewed, &err),
        }
        Ok(Self {
            roots,
            key,
            provider: Arc::clone(provider),
            renewed: config.renewed.clone(),
            shown: Mutex::new(shown),
        })
    }

    /// What the shown certificate says; nothing when this program cannot read it.
    pub(super) fn says(&self) -> Option<Certificate> {
        said(&self.shown())
    }

    /// Keeps a new certificate for the same key, once it is found good, and shows it from now on.
    pub(super) fn take(
        &self,
        pem: &str,
        (gate, key): (GateId, &PublicKey),
        now: UnixMs,
    ) -> Result<(), NotTaken> {
        let chain = CertificateDer::pem_slice_iter(pem.as_bytes());
        let chain = chain.collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(|err| NotTaken::NoCertificate(err.to_string()))?;
        let (first, rest) = chain
            .split_first()
            .ok_or_else(|| NotTaken::NoCertificate("it is empty".to_owned()))?;
        let says = Certificate::read(first)
            .ok_or_else(|| NotTaken::NoCertificate("it is no X.509".to_owned()))?;
        if says.key.as_ref() != Some(key) {
            return Err(NotTaken::OtherThan("key"));
        }
        if says.common_name.as_deref() != Some(gate.as_str()) {
            return Err(NotTaken::OtherThan("name"));
        }
        if Some(says.until) <= self.says().map(|present| present.until) {
            return Err(NotTaken::NoLonger);
        }
        self.holds(first, rest, now)
            .map_err(NotTaken::DoesNotHold)?;
        let pair = CertifiedKey::from_der(chain.clone(), self.key.clone_key(), &self.provider);
        let pair = pair.map_err(|err| NotTaken::DoesNotHold(err.to_string()))?;
        keep(&self.renewed, pem).map_err(|source| NotTaken::Write {
            path: self.renewed.clone(),
            source,
        })?;
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(pair);
        Ok(())
    }

    /// As a server would look at it.
    fn holds(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        now: UnixMs,
    ) -> Result<(), String> {
        let (roots, provider) = (Arc::clone(&self.roots), Arc::clone(&self.provider));
        let judge = WebPkiClientVerifier::builder_with_provider(roots, provider)
            .build()
            .map_err(|err| err.to_string())?;
        let now = Duration::from_millis(u64::try_from(now.0).unwrap_or(0));
        let now = UnixTime::since_unix_epoch(now);
        let judged = judge.verify_client_cert(certificate, between, now);
        judged.map(|_| ()).map_err(|err| err.to_string())
    }

    fn shown(&self) -> Arc<CertifiedKey> {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&shown)
    }
}

impl std::fmt::Debug for OwnCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OwnCertificate(..)")
    }
}

impl ResolvesClientCert for OwnCertificate {
    fn resolve(
        &self,
        _authorities: &[&[u8]],
        _schemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        Some(self.shown())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

fn said(pair: &CertifiedKey) -> Option<Certificate> {
    pair.cert.first().and_then(|first| Certificate::read(first))
}

fn until(pair: &CertifiedKey) -> Option<UnixMs> {
    said(pair).map(|says| says.until)
}

/// The certificates in a file; nothing when there is none.
fn read(path: &Path) -> Result<Option<Vec<CertificateDer<'static>>>, String> {
    match fs::read(path) {
        Ok(pem) => {
            let chain = CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>();
            chain.map(Some).map_err(|err| err.to_string())
        }
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(err) => Err(err.to_string()),
    }
}

fn left_out(path: &Path, err: &dyn std::fmt::Display) {
    let path = path.display();
    tracing::warn!(%path, %err, "a renewed certificate is left out, the configuration's serves");
}

/// Keeps it; a certificate is no secret.
fn keep(path: &Path, pem: &str) -> io::Result<()> {
    swap(path, pem.as_bytes(), 0o666)
}
