//! The real client: mutual TLS, one authority, nobody else.

use super::server::good;
use super::*;
use fare_sim::pki::{Authority, Identity};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use std::net::TcpStream;

/// Certificates in files, and a gate's courier that uses them.
struct Files(tempfile::TempDir);

impl Files {
    fn new(authority: &Authority, gate: &Identity) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let write = |name, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        write("ca.pem", authority.certificate());
        write("gate.pem", &gate.certificate);
        write("gate.key", &gate.private_key);
        Self(dir)
    }

    fn config(&self, server: String) -> CourierConfig {
        let file = |name| self.0.path().join(name);
        let (ca, cert, key) = (file("ca.pem"), file("gate.pem"), file("gate.key"));
        CourierConfig {
            server,
            ca,
            cert,
            key,
            renewed: file("renewed.pem"),
            ..config()
        }
    }
}

/// A server with `identity` that lets in whom `authority` vouches for.
fn start(authority: &Authority, identity: &Identity) -> Server {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(authority.certificate().as_bytes()).unwrap())
        .unwrap();
    let gates = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let own = CertificateDer::from_pem_slice(identity.certificate.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(identity.private_key.as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(gates.build().unwrap())
        .with_single_cert(vec![own], key)
        .unwrap();
    let config = Arc::new(config);
    Server::start_with(good, move |stream: TcpStream| {
        let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
        Some(StreamOwned::new(connection, stream))
    })
}

#[tokio::test]
async fn gate_and_server_prove_who_they_are() {
    let authority = Authority::new().unwrap();
    let files = Files::new(&authority, &authority.gate(config().gate).unwrap());
    let server = start(
        &authority,
        &authority.server(&["localhost", "127.0.0.1"]).unwrap(),
    );
    let gate = gate(3).await;
    let config = files.config(server.url("https"));
    let (courier, mut news) = Courier::new(config, gate.journal.clone(), Arc::new(clock)).unwrap();
    while_running(courier, async {
        until(&mut news, |status| {
            status.pending == 0 && status.is_online()
        })
        .await;
    })
    .await;
    assert_eq!(pending(&gate), 0);
}

#[tokio::test]
async fn nobody_else_gets_a_record() {
    let (ours, other) = (Authority::new().unwrap(), Authority::new().unwrap());
    let id = config().gate;
    let ours_gate = ours.gate(id).unwrap();
    for (gate_trusts, gate_has, server_trusts, server_has, reason) in [
        (
            &ours,
            &ours_gate,
            &ours,
            &other.server(&["localhost", "127.0.0.1"]).unwrap(),
            "certificate",
        ),
        (
            &ours,
            &other.gate(id).unwrap(),
            &ours,
            &ours.server(&["localhost", "127.0.0.1"]).unwrap(),
            "",
        ),
        // Another gate's certificate is no server's.
        (
            &ours,
            &ours_gate,
            &ours,
            &ours.gate(id).unwrap(),
            "certificate",
        ),
    ] {
        let files = Files::new(gate_trusts, gate_has);
        let server = start(server_trusts, server_has);
        let gate = gate(1).await;
        let config = files.config(server.url("https"));
        let (courier, _news) = Courier::new(config, gate.journal.clone(), Arc::new(clock)).unwrap();
        let text = courier.upload().turn().await.unwrap_err().to_string();
        assert!(
            text.starts_with("server not reached: ") && text.contains(reason),
            "{text}"
        );
        assert_eq!(pending(&gate), 1);
    }
}

#[test]
fn a_key_of_another_certificate_is_refused_before_anything_is_sent() {
    let authority = Authority::new().unwrap();
    let id = config().gate;
    let mixed = Identity {
        certificate: authority.gate(id).unwrap().certificate,
        private_key: authority.gate(id).unwrap().private_key,
    };
    let files = Files::new(&authority, &mixed);
    let gate = Gate::new();
    let config = files.config("https://localhost".to_owned());
    let err = Courier::new(config, gate.journal.clone(), Arc::new(clock))
        .map(|_| ())
        .unwrap_err();
    assert!(
        err.to_string().contains("they must belong together"),
        "{err}"
    );
}
