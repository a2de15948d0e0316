//! How a gate comes by its identity. A person who may add gates has the server write a [`Ticket`]; the
//! gate makes its keys itself, shows the ticket, and gets all that it needs to work.
//!
//! A ticket's text is `FGE1:` + token + `:` + address, for a keyboard or a QR code:
//!
//! ```text
//! FGE1:3q2-7wAAAAAAAAAAAAAAAC0x…:https://fares.example:8444
//!      64 characters, base64url: 16 bytes of secret, 32 bytes SHA-256 of the authority's certificate
//! ```
//! The secret works once and not for long. The hash tells the gate which server is the right one
//! before it believes anything else.

use crate::wire::{Envelope, TariffText};
use crate::{GateId, KeySet, PublicKey, Signer};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;

/// What every ticket's text begins with.
pub const PREFIX: &str = "FGE1:";

/// Longest address in a ticket, in bytes.
pub const ADDRESS_LEN_MAX: usize = 200;

const FIRST_LINE: &str = "faregate enrol 1\n";
const SECRET_LEN: usize = 16;

/// The one-time secret of a ticket.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Secret(pub [u8; SECRET_LEN]);

/// SHA-256 of the certificate (DER) of the authority that signed the server's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

/// The part of a ticket that is not the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// Shown once.
    pub secret: Secret,
    /// Whom the gate believes.
    pub authority: Fingerprint,
}

/// An invitation for one gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Secret and authority.
    pub token: Token,
    /// Where gates enrol: `https://host:port`.
    pub address: String,
}

/// Why a text is no ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TicketError {
    /// Something else.
    #[error("a ticket begins with {PREFIX}; `fareserver gate invite` prints one")]
    Prefix,
    /// The token is not 64 characters of base64url.
    #[error("the token must be 64 letters, digits, '-' and '_'; copy it whole")]
    Token,
    /// The address is no address.
    #[error(
        "the ticket's address must begin with https:// and have at most {ADDRESS_LEN_MAX} bytes"
    )]
    Address,
}

impl Fingerprint {
    /// Of a certificate (DER).
    pub fn of(certificate: &[u8]) -> Self {
        Self(Sha256::digest(certificate).into())
    }
}

impl Secret {
    /// What a server keeps of it.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0).into()
    }
}

/// Says nothing of the secret: logs are read by many.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&self.secret.0[..], &self.authority.0].concat();
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for Token {
    type Err = TicketError;

    fn from_str(text: &str) -> Result<Self, TicketError> {
        let bytes = URL_SAFE_NO_PAD.decode(text.trim());
        let bytes = bytes.map_err(|_| TicketError::Token)?;
        let (secret, authority) = bytes.split_first_chunk().ok_or(TicketError::Token)?;
        let authority = authority.try_into().map_err(|_| TicketError::Token)?;
        Ok(Self {
            secret: Secret(*secret),
            authority: Fingerprint(authority),
        })
    }
}

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}:{}", self.token, self.address)
    }
}

impl FromStr for Ticket {
    type Err = TicketError;

    fn from_str(text: &str) -> Result<Self, TicketError> {
        let rest = text.trim().strip_prefix(PREFIX);
        let (token, address) = rest
            .ok_or(TicketError::Prefix)?
            .split_once(':')
            .ok_or(TicketError::Address)?;
        let fits = address.len() <= ADDRESS_LEN_MAX && address.starts_with("https://");
        if !fits || address.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(TicketError::Address);
        }
        Ok(Self {
            token: token.parse()?,
            address: address.to_owned(),
        })
    }
}

/// `POST /v1/enrol`: a gate shows its ticket and asks for a certificate for keys that it has made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolRequest {
    /// The ticket's secret.
    pub secret: Envelope,
    /// Signs the gate's records.
    pub record_key: PublicKey,
    /// Proves the gate in TLS (Ed25519, RFC 8410).
    pub tls_key: PublicKey,
    /// Over all three, by the first key.
    pub record_proof: Envelope,
    /// The same by the second.
    pub tls_proof: Envelope,
}

/// What a gate gets for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolment {
    /// Who it is.
    pub gate: GateId,
    /// Its configuration, `gate.toml`.
    pub config: String,
    /// Its certificate for TLS, PEM.
    pub certificate: String,
    /// The authority that signed it and the server's, PEM.
    pub authority: String,
    /// The issuers to believe.
    pub issuers: KeySet,
    /// The servers to believe.
    pub servers: KeySet,
    /// What journeys cost.
    pub tariff: TariffText,
}

/// Why a request is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnrolError {
    /// The secret has another length.
    #[error("secret must be {SECRET_LEN} bytes")]
    Secret,
    /// Whoever asks has not got this key.
    #[error("{0} is not made by its key")]
    Proof(&'static str),
}

impl EnrolRequest {
    /// Asks with both keys.
    pub fn new(secret: Secret, record_key: &SigningKey, tls_key: &SigningKey) -> Self {
        let (record, tls) = (Signer::public(record_key), Signer::public(tls_key));
        let message = message(&secret, &record, &tls);
        Self {
            secret: Envelope(secret.0.to_vec()),
            record_key: record,
            tls_key: tls,
            record_proof: Envelope(Signer::sign(record_key, &message).to_vec()),
            tls_proof: Envelope(Signer::sign(tls_key, &message).to_vec()),
        }
    }

    /// The secret, when whoever asks has both keys.
    ///
    /// # Errors
    /// When it is none, or a proof does not hold.
    pub fn verify(&self) -> Result<Secret, EnrolError> {
        let secret = self.secret.0.as_slice().try_into();
        let secret = Secret(secret.map_err(|_| EnrolError::Secret)?);
        let message = message(&secret, &self.record_key, &self.tls_key);
        let holds = |key: &PublicKey, proof: &Envelope| {
            let proof = proof.0.as_slice().try_into();
            proof.is_ok_and(|proof| key.verifies(&message, proof))
        };
        if !holds(&self.record_key, &self.record_proof) {
            return Err(EnrolError::Proof("record_proof"));
        }
        if !holds(&self.tls_key, &self.tls_proof) {
            return Err(EnrolError::Proof("tls_proof"));
        }
        Ok(secret)
    }
}

/// Begins with a letter, so no COSE signature of these keys can stand for it.
fn message(secret: &Secret, record: &PublicKey, tls: &PublicKey) -> Vec<u8> {
    let secret = URL_SAFE_NO_PAD.encode(secret.0);
    format!("{FIRST_LINE}{secret}\n{record}\n{tls}\n").into_bytes()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn keys() -> (SigningKey, SigningKey) {
        (
            SigningKey::from_bytes(&[1; 32]),
            SigningKey::from_bytes(&[2; 32]),
        )
    }

    #[test]
    fn a_ticket_is_read_back() {
        let ticket = Ticket {
            token: Token {
                secret: Secret([7; 16]),
                authority: Fingerprint::of(b"certificate"),
            },
            address: "https://fares.example:8444".to_owned(),
        };
        let text = ticket.to_string();
        assert_eq!(text.parse(), Ok(ticket.clone()));
        assert_eq!(format!("  {text}\n").parse(), Ok(ticket.clone()));
        let bad = |text: &str| text.parse::<Ticket>().unwrap_err();
        assert_eq!(bad("FG1:ABC"), TicketError::Prefix);
        assert_eq!(bad(&text.replace("https:", "http:")), TicketError::Address);
        assert_eq!(
            bad(&text.replacen("FGE1:B", "FGE1:", 1)),
            TicketError::Token
        );
        assert_eq!(bad(&format!("{text}/a b")), TicketError::Address);
        assert!(format!("{ticket:?}").contains("Secret(..)"), "{ticket:?}");
    }

    #[test]
    fn only_who_has_both_keys_is_believed() {
        let (record, tls) = keys();
        let request = EnrolRequest::new(Secret([3; 16]), &record, &tls);
        assert_eq!(request.verify(), Ok(Secret([3; 16])));
        let stranger = Signer::public(&SigningKey::from_bytes(&[9; 32]));
        let other = EnrolRequest {
            tls_key: stranger,
            ..request.clone()
        };
        assert_eq!(other.verify(), Err(EnrolError::Proof("record_proof")));
        let other = EnrolRequest {
            tls_proof: request.record_proof.clone(),
            ..request.clone()
        };
        assert_eq!(other.verify(), Err(EnrolError::Proof("tls_proof")));
        let other = EnrolRequest {
            secret: Envelope(vec![3; 15]),
            ..request
        };
        assert_eq!(other.verify(), Err(EnrolError::Secret));
    }

    proptest! {
        #[test]
        fn no_text_makes_a_ticket_panic(text in ".{0,120}") {
            let _read = text.parse::<Ticket>();
            let _read = format!("{PREFIX}{text}").parse::<Ticket>();
        }
    }
}
