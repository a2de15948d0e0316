//! TLS. At the gate API both sides show a certificate, at the riders' the server alone. `ring` is the
//! one provider.

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, ServerConfig, WantsVerifier, crypto};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is wrong with a certificate or key file.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// Not to be read, or not PEM.
    #[error("cannot read {file} as PEM: {err}")]
    Pem {
        /// Which file.
        file: PathBuf,
        /// Why.
        err: pem::Error,
    },
    /// PEM without what is needed.
    #[error("{0} holds no certificate; expected PEM that begins `-----BEGIN CERTIFICATE-----`")]
    NoCertificate(PathBuf),
    /// A certificate that can be nobody's authority.
    #[error("{file} cannot serve as the authority of client certificates: {err}")]
    Authority {
        /// Which file.
        file: PathBuf,
        /// Why.
        err: String,
    },
    /// Certificate and key do not go together, or are of an unknown kind.
    #[error("the certificate and its key cannot be used: {0}")]
    Pair(#[from] rustls::Error),
}

/// The certificates in a PEM file, the server's own first.
///
/// # Errors
/// When it cannot be read or holds none.
pub fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bad = |err| TlsError::Pem {
        file: file.to_owned(),
        err,
    };
    let all = CertificateDer::pem_file_iter(file).map_err(bad)?;
    let all = all.collect::<Result<Vec<_>, _>>().map_err(bad)?;
    if all.is_empty() {
        return Err(TlsError::NoCertificate(file.to_owned()));
    }
    Ok(all)
}

/// The private key in a PEM file.
///
/// # Errors
/// When it cannot be read or holds none.
pub fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_file(file).map_err(|err| TlsError::Pem {
        file: file.to_owned(),
        err,
    })
}

/// Lets in whom an authority in the PEM file has signed for.
///
/// # Errors
/// When the file cannot be read or holds no usable authority.
pub fn client_verifier(file: &Path) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let mut roots = RootCertStore::empty();
    let bad = |err: String| TlsError::Authority {
        file: file.to_owned(),
        err,
    };
    for cert in certificates(file)? {
        roots.add(cert).map_err(|err| bad(err.to_string()))?;
    }
    let provider = Arc::new(crypto::ring::default_provider());
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|err| bad(err.to_string()))
}

/// TLS towards a server whose certificate one of `roots` has signed.
///
/// # Errors
/// When the provider knows no version of it.
pub fn client_config(roots: RootCertStore) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    Ok(config.with_no_client_auth())
}

/// The gate API's TLS: 1.2 and 1.3, HTTP/2 and HTTP/1.1.
///
/// # Errors
/// When certificate and key do not go together.
pub fn server_config(
    cert: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    clients: Arc<dyn ClientCertVerifier>,
) -> Result<Arc<ServerConfig>, TlsError> {
    let config = builder()?
        .with_client_cert_verifier(clients)
        .with_single_cert(cert, key)?;
    Ok(with_protocols(config))
}

/// The riders' TLS: the same, and nobody shows a certificate.
///
/// # Errors
/// When certificate and key do not go together.
pub fn public_config(
    cert: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<ServerConfig>, TlsError> {
    let config = builder()?
        .with_no_client_auth()
        .with_single_cert(cert, key)?;
    Ok(with_protocols(config))
}

fn builder() -> Result<ConfigBuilder<ServerConfig, WantsVerifier>, rustls::Error> {
    let provider = Arc::new(crypto::ring::default_provider());
    ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()
}

fn with_protocols(mut config: ServerConfig) -> Arc<ServerConfig> {
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Arc::new(config)
}
