//! The riders of a run and the issuer that enrolled them, all made from one seed.

use crate::rider::{Grant, Rider};
use crate::seed::Seed;
use ed25519_dalek::SigningKey;
use fare_protocol::{Currency, Millis, Money, PayCode, RiderClass, Signer, UnixMs};

/// How long issuer parts last.
const YEAR_MS: i64 = 365 * 86_400_000;

/// Riders from this number on pay by a code of a payment platform: even numbers by Alipay, odd ones by WeChat.
pub const PAYERS: u64 = 1 << 48;

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

    /// Rider `number`, with a new phone. Classes take turns; staff ride too. From [`PAYERS`] on they pay by code.
    pub fn rider(&self, number: u64) -> Rider {
        if let Some(code) = self.pay_code(number) {
            return Rider::with_pay_code(code, &mut self.seed.fork("payer", number));
        }
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

    /// The code by which rider `number` pays; none of who has ride codes.
    pub fn pay_code(&self, number: u64) -> Option<PayCode> {
        let nth = number.checked_sub(PAYERS)?;
        let (platform, head) = match nth % 2 {
            0 => ("alipay", 28),
            _ => ("wechat", 13),
        };
        let tail = self.seed.fork("pay code", nth).next_u64() % 10_000_000_000_000_000;
        let platform = platform.parse().ok()?;
        PayCode::new(platform, &format!("{head}{tail:016}")).ok()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::pki::key_set;
    use fare_protocol::RideCode;

    #[test]
    fn who_pays_by_code_shows_the_same_code_each_time() {
        let cast = Cast::new(&Seed::new(1), UnixMs(0));
        let patterns = fare_protocol::PayCodePatterns::default();
        for (number, platform) in [(PAYERS, "alipay"), (PAYERS + 1, "wechat")] {
            let mut rider = cast.rider(number);
            let text = rider.make_code(UnixMs(1));
            assert_eq!(text, rider.make_code(UnixMs(2)));
            let code = patterns.recognise(text.as_bytes()).unwrap();
            assert_eq!(code.platform().as_str(), platform);
            assert_eq!(rider.account(), code.id().account());
        }
        assert!(cast.pay_code(PAYERS - 1).is_none());
    }

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
