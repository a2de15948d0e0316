//! A rider: a phone with its own key and what an issuer signed about it, or with the app of a payment platform.

use crate::screen::{Code, Look, Packing, Phone, ScreenError};
use crate::seed::Seed;
use ed25519_dalek::SigningKey;
use fare_protocol::{
    AccountId, IssuerPart, Millis, Money, PayCode, RideCode, RiderClass, Signer, UnixMs,
};

/// What an issuer grants a rider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The fares that apply.
    pub class: RiderClass,
    /// The most that one journey may cost without asking the server.
    pub fare_limit: Money,
    /// How long each code lives.
    pub lifetime: Millis,
    /// First moment at which the issuer stands for it no longer.
    pub not_after: UnixMs,
}

/// One rider and the rider's phone.
#[derive(Clone, Debug)]
pub struct Rider {
    account: AccountId,
    class: RiderClass,
    shows: Shows,
    look: Look,
}

/// What a rider's phone shows.
#[derive(Clone, Debug)]
enum Shows {
    /// Each time a new ride code.
    RideCodes {
        device: Box<SigningKey>,
        issuer_part: Vec<u8>,
        counter: u32,
    },
    /// The picture of a pay code, the same each time.
    PayCode(PayCode),
}

impl Rider {
    /// Gives a new phone its key and its issuer part. Account, key and looks follow from `seed`.
    pub fn enrol(issuer: &dyn Signer, grant: Grant, seed: &mut Seed) -> Self {
        let account = AccountId(seed.bytes());
        let device = SigningKey::from_bytes(&seed.bytes());
        let part = IssuerPart {
            account,
            device_key: device.public(),
            class: grant.class,
            fare_limit: grant.fare_limit,
            lifetime: grant.lifetime,
            not_after: grant.not_after,
        };
        Self {
            account,
            class: grant.class,
            shows: Shows::RideCodes {
                issuer_part: part.seal(issuer),
                device: Box::new(device),
                counter: 0,
            },
            look: Look::draw(seed),
        }
    }

    /// One who is enrolled nowhere and keeps a picture of this pay code. Looks follow from `seed`.
    pub fn with_pay_code(code: PayCode, seed: &mut Seed) -> Self {
        Self {
            account: code.id().account(),
            class: RiderClass::Adult,
            shows: Shows::PayCode(code),
            look: Look::draw(seed),
        }
    }

    /// Who pays.
    pub const fn account(&self) -> AccountId {
        self.account
    }

    /// Which fares apply.
    pub const fn class(&self) -> RiderClass {
        self.class
    }

    /// The text of the next ride code, made at `made_at`; or of the pay code.
    pub fn make_code(&mut self, made_at: UnixMs) -> String {
        match &mut self.shows {
            Shows::RideCodes {
                device,
                issuer_part,
                counter,
            } => {
                *counter += 1;
                RideCode::make(issuer_part, made_at, *counter, device.as_ref())
            }
            Shows::PayCode(code) => code.reveal().to_owned(),
        }
    }

    /// The rider's phone showing `text`.
    ///
    /// # Errors
    /// When `text` does not fit a QR code in alphanumeric mode.
    pub fn show(&self, text: &str) -> Result<Phone, ScreenError> {
        Ok(Phone::new(
            Code::new(text.as_bytes(), Packing::Alphanumeric)?,
            self.look,
        ))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use fare_protocol::{Currency, KeyEntry, KeySet};

    pub(crate) fn grant() -> Grant {
        Grant {
            class: RiderClass::Student,
            fare_limit: Money {
                minor: 3000,
                currency: Currency::CNY,
            },
            lifetime: Millis(60_000),
            not_after: UnixMs(2_000_000_000_000),
        }
    }

    #[test]
    fn codes_hold_against_the_issuers_key_and_count_up() {
        let issuer = SigningKey::from_bytes(&[7; 32]);
        let mut rider = Rider::enrol(&issuer, grant(), &mut Seed::new(1));
        let (from_ms, until_ms) = (UnixMs(0), UnixMs(i64::MAX));
        let keys = KeySet(vec![KeyEntry {
            key: issuer.public(),
            from_ms,
            until_ms,
        }]);
        for counter in 1..4 {
            let at = UnixMs(1_700_000_000_000 + i64::from(counter));
            let text = rider.make_code(at);
            let code = RideCode::parse(text.as_bytes())
                .unwrap()
                .verify(&keys, at)
                .unwrap();
            let claims = code.claims();
            assert_eq!((claims.counter, claims.made_at), (counter, at));
            assert_eq!(claims.issuer.account, rider.account());
            assert_eq!(claims.issuer.class, RiderClass::Student);
            assert_eq!(rider.show(&text).unwrap().code().version(), 10);
        }
    }
}
