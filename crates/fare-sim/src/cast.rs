//! The riders of a run and the issuer that enrolled them, all made from one seed.

use crate::rider::{Grant, Rider};
use crate::seed::Seed;
use ed25519_dalek::SigningKey;
use fare_protocol::{Currency, Millis, Money, RiderClass, Signer, UnixMs};

/// How long issuer parts last.
const YEAR_MS: i64 = 365 * 86_400_000;

/// An issuer nobody else believes, and its riders.
#[derive(Clone, Debug)]
pub struct Cast {
    issuer: SigningKey,
    seed: Seed,
    not_after: UnixMs,
}

impl Cast {
    /// The cast of `seed`; its issuer parts are good for a year from `start`.
    pub fn new(seed: &Seed, start: UnixMs) -> Self {
        let issuer = SigningKey::from_bytes(&seed.fork("issuer", 0).bytes());
        Self {
            issuer,
            seed: seed.clone(),
            not_after: UnixMs(start.0.saturating_add(YEAR_MS)),
        }
    }

    /// Who vouches for them.
    pub fn issuer(&self) -> &dyn Signer {
        &self.issuer
    }

    /// The issuer's key, to hand to a server that issues.
    pub const fn issuer_key(&self) -> &SigningKey {
        &self.issuer
    }

    /// Rider `number`, with a new phone. Classes take turns; staff ride too.
    pub fn rider(&self, number: u64) -> Rider {
        let class = RiderClass::ALL[(number % RiderClass::ALL.len() as u64) as usize];
        let grant = Grant {
            class,
            fare_limit: Money {
                minor: 5000,
                currency: Currency::CNY,
            },
            lifetime: Millis(60_000),
            not_after: self.not_after,
        };
        Rider::enrol(&self.issuer, grant, &mut self.seed.fork("rider", number))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::pki::key_set;
    use fare_protocol::RideCode;

    #[test]
    fn riders_differ_and_their_issuer_vouches_for_them() {
        let start = UnixMs(1_780_000_000_000);
        let cast = Cast::new(&Seed::new(1), start);
        let (mut first, second) = (cast.rider(0), cast.rider(1));
        assert_ne!(first.account(), second.account());
        assert_ne!(first.class(), second.class());
        assert_eq!(first.account(), cast.rider(0).account());
        let text = first.make_code(start);
        let code = RideCode::parse(text.as_bytes()).unwrap();
        code.verify(&key_set(&[cast.issuer()]), start).unwrap();
    }
}
