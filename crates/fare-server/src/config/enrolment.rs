//! The part `[enrolment]`: the listener for gates to come, and the authority that certifies them.

use super::raw::{RawEnrolment, RawTls};
use super::{Check, read_private};
use crate::enrol::Certifier;
use crate::pki::Authority;
use crate::tls;
use fare_protocol::enrol::ADDRESS_LEN_MAX;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// A checked `[enrolment]`.
#[derive(Clone)]
pub struct Enrolment {
    /// Where gates to come connect.
    pub listen: SocketAddr,
    /// The server's certificate with the authority's behind it.
    pub tls: Arc<rustls::ServerConfig>,
    /// Signs gates' certificates and writes tickets.
    pub certifier: Arc<Certifier>,
}

const DAY: Duration = Duration::from_secs(86_400);

impl Check<'_> {
    pub(super) fn enrolment(&mut self, raw: &RawEnrolment, server: &RawTls) -> Option<Enrolment> {
        let listen = self.address(&raw.listen);
        let address = raw.address.get_ref();
        let fits = address.starts_with("https://") && address.len() <= ADDRESS_LEN_MAX;
        let address = self.keep(
            &raw.address,
            if fits {
                Ok(address.trim_end_matches('/').to_owned())
            } else {
                Err(format!(
                    "got {address:?}; write where gates reach `listen`, like \
                     \"https://fares.example:8444\""
                ))
            },
        );
        let days = *raw.certificate_days.get_ref();
        let days = self.keep(
            &raw.certificate_days,
            if (1..=3_650).contains(&days) {
                Ok(days)
            } else {
                Err(format!("got {days}; write 1 to 3650, for example 730"))
            },
        );
        let certificate = self.read(&raw.authority);
        let key = read_private(
            &self.path(raw.authority_key.get_ref()),
            "; `fareserver setup` makes one",
        );
        let key = self.keep(&raw.authority_key, key);
        let authority = Authority::load(&certificate?, &key?).map_err(|err| err.to_string());
        let authority = self.keep(&raw.authority, authority)?;
        let behind = authority.certificate_der().map_err(|err| err.to_string());
        let behind = self.keep(&raw.authority, behind)?;
        // The gate API's own problems with these two files are said there.
        let mut chain = tls::certificates(&self.path(server.cert.get_ref())).ok()?;
        chain.push(behind);
        let server_key = tls::private_key(&self.path(server.key.get_ref())).ok()?;
        let tls = tls::public_config(chain, server_key).map_err(|err| err.to_string());
        let tls = self.keep(&raw.authority, tls);
        let certifier = Certifier::new(authority, address?, DAY * days?);
        let certifier = self.keep(&raw.authority, certifier.map_err(|err| err.to_string()));
        Some(Enrolment {
            listen: listen?,
            tls: tls?,
            certifier: Arc::new(certifier?),
        })
    }
}
