//! What stands behind an enrolment: the authority's key, and for how long certificates are given.

use crate::pki::{Authority, PkiError};
use fare_protocol::enrol::{Fingerprint, Secret, Ticket, Token};
use fare_protocol::{GateId, PublicKey, UnixMs};
use std::time::Duration;

/// Signs gates' certificates and writes their tickets.
#[derive(Debug)]
pub struct Certifier {
    authority: Authority,
    fingerprint: Fingerprint,
    address: String,
    valid: Duration,
}

impl Certifier {
    /// With this authority; gates reach the enrolment at `address`, and their certificates last `valid`.
    ///
    /// # Errors
    /// When the authority's certificate cannot be read.
    pub fn new(authority: Authority, address: String, valid: Duration) -> Result<Self, PkiError> {
        Ok(Self {
            fingerprint: authority.fingerprint()?,
            authority,
            address,
            valid,
        })
    }

    /// The authority's certificate, PEM.
    pub fn authority(&self) -> &str {
        self.authority.certificate()
    }

    /// A certificate for a gate's key, PEM.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn certify(&self, gate: GateId, key: &PublicKey, now: UnixMs) -> Result<String, PkiError> {
        self.authority.certify_gate(gate, key, now, self.valid)
    }

    /// The ticket that carries this secret.
    pub fn ticket(&self, secret: Secret) -> Ticket {
        Ticket {
            token: Token {
                secret,
                authority: self.fingerprint,
            },
            address: self.address.clone(),
        }
    }
}
