//! The one request of an enrolment. The server is believed because its certificate was signed by the
//! authority whose fingerprint stands in the ticket, and for no other reason.

use crate::courier::causes;
use fare_protocol::enrol::{EnrolRequest, Enrolment, Fingerprint, Ticket};
use fare_protocol::wire::{ApiProblem, FEED_LEN_MAX};
use reqwest::{StatusCode, redirect};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use std::sync::Arc;
use std::time::Duration;

/// From the first packet to the last byte of the answer.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// Why the server did not enrol this gate.
#[derive(Debug, thiserror::Error)]
pub enum ContactError {
    /// No answer.
    #[error(
        "cannot enrol at {address}: {detail}; look at the network, and try again with the same ticket"
    )]
    Unreached {
        /// Where.
        address: String,
        /// Why.
        detail: String,
    },
    /// The server said no.
    #[error("{address} refuses: {detail} ({status})")]
    Refused {
        /// Where.
        address: String,
        /// Its words.
        detail: String,
        /// HTTP's status.
        status: u16,
    },
    /// The answer cannot be read.
    #[error("{address} answers what is no enrolment: {detail}; is it the address of [enrolment]?")]
    Strange {
        /// Where.
        address: String,
        /// Why.
        detail: String,
    },
}

/// Shows the ticket.
pub(super) async fn ask(
    ticket: &Ticket,
    request: &EnrolRequest,
) -> Result<Enrolment, ContactError> {
    let address = ticket.address.clone();
    let unreached = |detail: String| ContactError::Unreached {
        address: address.clone(),
        detail,
    };
    let client = client(ticket.token.authority).map_err(|err| unreached(err.to_string()))?;
    let url = format!("{}/v1/enrol", ticket.address);
    let sent = client.post(url).json(request).send().await;
    let mut response = sent.map_err(|err| unreached(causes(err)))?;
    let status = response.status();
    let mut body = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|err| unreached(causes(err)))?
    {
        body.extend_from_slice(&chunk);
        if body.len() > FEED_LEN_MAX {
            break;
        }
    }
    if status != StatusCode::OK {
        let problem = serde_json::from_slice::<ApiProblem>(&body);
        return Err(ContactError::Refused {
            address,
            detail: problem.map_or_else(|_| "it gives no reason".to_owned(), |p| p.detail),
            status: status.as_u16(),
        });
    }
    serde_json::from_slice(&body).map_err(|err| ContactError::Strange {
        address,
        detail: err.to_string(),
    })
}

fn client(authority: Fingerprint) -> Result<reqwest::Client, Box<dyn std::error::Error>> {
    let provider = Arc::new(ring::default_provider());
    let pinned = Arc::new(Pinned {
        authority,
        provider: provider.clone(),
    });
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(pinned)
        .with_no_client_auth();
    Ok(reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .redirect(redirect::Policy::none())
        .timeout(WAIT_MAX)
        .user_agent(concat!("faregate/", env!("CARGO_PKG_VERSION")))
        .build()?)
}

/// Believes a server that shows the authority with this fingerprint behind its certificate, and then
/// checks that certificate as always: signature, name, time.
#[derive(Debug)]
struct Pinned {
    authority: Fingerprint,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let is_meant = |shown: &&CertificateDer<'_>| Fingerprint::of(shown) == self.authority;
        let authority = intermediates.iter().find(is_meant);
        let authority = authority.ok_or(CertificateError::UnknownIssuer)?;
        let mut roots = RootCertStore::empty();
        roots.add(authority.clone().into_owned())?;
        let provider = self.provider.clone();
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(|err| Error::General(err.to_string()))?;
        verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
