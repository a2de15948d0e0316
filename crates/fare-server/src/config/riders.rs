//! The part `[riders]`: the listener for phones, the wallet, and what this server grants as an issuer.

use super::raw::RawRiders;
use super::{Check, Settlement, read_seed};
use crate::clock;
use crate::riders::Grant;
use crate::riders::wallet::Wallet;
use crate::tls;
use fare_protocol::{Millis, Money, Signer};
use std::net::SocketAddr;
use std::sync::Arc;
use toml::Spanned;

/// Shortest and longest life of a code that may be configured.
const CODE_LIFETIME_MS: std::ops::RangeInclusive<u32> = 10_000..=600_000;

/// Most days for which a phone may make codes without a network.
const OFFLINE_DAYS_MAX: u32 = 30;

/// A checked `[riders]`.
pub struct Riders {
    /// Where phones connect.
    pub listen: SocketAddr,
    /// The server's certificate; plain HTTP without one, on a loopback address.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// The wallet's files.
    pub wallet: Option<Arc<Wallet>>,
    /// What this server grants as an issuer.
    pub grant: Arc<Grant>,
}

/// Where a listener is, and the certificate and key that it may have.
pub(super) type Served<'r> = (
    &'r Spanned<String>,
    &'r Option<Spanned<String>>,
    &'r Option<Spanned<String>>,
);

impl Check<'_> {
    pub(super) fn riders(&mut self, raw: &RawRiders, settlement: &Settlement) -> Option<Riders> {
        let listen = self.address(&raw.listen);
        let tls = self.served_tls((&raw.listen, &raw.cert, &raw.key), "riders are", listen);
        let wallet = match &raw.wallet {
            Some(at) => {
                let wallet = Wallet::read(&self.path(at.get_ref()));
                let wallet = self.keep(at, wallet.map_err(|err| err.to_string()));
                Some(Arc::new(wallet?))
            }
            None => None,
        };
        let grant = self.grant(raw, settlement);
        Some(Riders {
            listen: listen?,
            tls: tls?,
            wallet,
            grant: Arc::new(grant?),
        })
    }

    #[allow(
        clippy::option_option,
        reason = "outside: whether it holds; inside: whether there is TLS"
    )]
    pub(super) fn served_tls(
        &mut self,
        (listen_at, cert, key): Served<'_>,
        who_is: &str,
        listen: Option<SocketAddr>,
    ) -> Option<Option<Arc<rustls::ServerConfig>>> {
        let (cert_at, key_at) = match (cert, key) {
            (Some(cert), Some(key)) => (cert, key),
            (Some(alone), None) | (None, Some(alone)) => {
                let together = "`cert` and `key` go together; name both or neither";
                return self.keep(alone, Err(together.to_owned()));
            }
            (None, None) => {
                let plain = match listen {
                    Some(address) if !address.ip().is_loopback() => Err(format!(
                        "without `cert` and `key` {who_is} served over plain HTTP, so {address} \
                         would send it over the network; name both, or write a loopback address"
                    )),
                    Some(_) | None => Ok(None),
                };
                return self.keep(listen_at, plain);
            }
        };
        let cert = tls::certificates(&self.path(cert_at.get_ref()));
        let cert = self.keep(cert_at, cert.map_err(|err| err.to_string()));
        let key = tls::private_key(&self.path(key_at.get_ref()));
        let key = self.keep(key_at, key.map_err(|err| err.to_string()));
        let config = tls::public_config(cert?, key?).map_err(|err| err.to_string());
        self.keep(cert_at, config).map(Some)
    }

    fn grant(&mut self, raw: &RawRiders, settlement: &Settlement) -> Option<Grant> {
        let issuer = read_seed(&self.path(raw.issuer_key.get_ref())).and_then(|key| {
            let (public, now) = (Signer::public(&key), clock::now());
            let believed =
                settlement.issuers.0.iter().any(|entry| {
                    entry.key == public && entry.from_ms <= now && now < entry.until_ms
                });
            if believed {
                Ok(key)
            } else {
                Err(format!(
                    "gates would refuse this issuer's codes: `issuers` has no key {public} that is \
                     valid now; add it there"
                ))
            }
        });
        let issuer = self.keep(&raw.issuer_key, issuer);
        let fare_limit = self.ranged(&raw.fare_limit_minor, 1..=1_000_000);
        let code_lifetime = self.ranged(&raw.code_lifetime_ms, CODE_LIFETIME_MS);
        let days = self.ranged(&raw.offline_days, 1..=OFFLINE_DAYS_MAX);
        Some(Grant {
            issuer: Arc::new(issuer?),
            fare_limit: Money::new(fare_limit?, settlement.tariff.currency()),
            code_lifetime: Millis(code_lifetime?),
            part_valid: Millis(days?.saturating_mul(86_400_000)),
        })
    }

    fn ranged<T: Copy + PartialOrd + std::fmt::Display>(
        &mut self,
        at: &Spanned<T>,
        range: std::ops::RangeInclusive<T>,
    ) -> Option<T> {
        let got = *at.get_ref();
        let checked = if range.contains(&got) {
            Ok(got)
        } else {
            Err(format!(
                "got {got}; write {} to {}",
                range.start(),
                range.end()
            ))
        };
        self.keep(at, checked)
    }
}
