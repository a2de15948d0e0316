//! A rider with a phone, outside or inside, and what the rider has really done.

use super::RuleBroken;
use super::server::{issuer, issuers};
use crate::seed::Seed;
use ed25519_dalek::SigningKey;
use fare_protocol::{
    AccountId, CodeRef, Currency, IssuerPart, Millis, Money, RecordId, RideCode, RiderClass,
    Signer, StationId, UnixMs, VerifiedRideCode,
};

/// After so many attempts in vain a rider inside is let out by staff, and one outside rests.
pub(super) const ATTEMPTS_MAX: u32 = 4;

pub(super) struct Rider {
    key: SigningKey,
    part: Vec<u8>,
    counter: u32,
    /// The entry through which the rider came in; nothing while outside.
    pub(super) inside: Option<Inside>,
    /// Counts the codes shown and the ways gone: what was meant for an earlier one is void.
    pub(super) attempt: u32,
    /// Attempts in vain, one after the other.
    pub(super) in_vain: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Inside {
    pub(super) entry: RecordId,
    pub(super) at: StationId,
}

impl Rider {
    pub(super) fn new(seed: &mut Seed) -> Self {
        let key = SigningKey::from_bytes(&seed.bytes());
        let part = IssuerPart {
            account: AccountId(seed.bytes()),
            device_key: key.public(),
            class: RiderClass::Adult,
            fare_limit: Money::new(2_000, Currency::CNY),
            lifetime: Millis(60_000),
            not_after: UnixMs(i64::MAX / 2),
        };
        Self {
            key,
            part: part.seal(&issuer()),
            counter: 0,
            inside: None,
            attempt: 0,
            in_vain: 0,
        }
    }

    /// A new code, as the phone shows it and as a gate believes it.
    pub(super) fn code(&mut self, now: UnixMs) -> Result<(CodeRef, VerifiedRideCode), RuleBroken> {
        self.counter += 1;
        let text = RideCode::make(&self.part, now, self.counter, &self.key);
        let bad = |err: &dyn std::fmt::Display| RuleBroken::Simulation(format!("a code: {err}"));
        let code = RideCode::parse(text.as_bytes()).map_err(|err| bad(&err))?;
        let code = code.verify(&issuers(), now).map_err(|err| bad(&err))?;
        Ok((CodeRef::of(text.as_bytes()), code))
    }
}
