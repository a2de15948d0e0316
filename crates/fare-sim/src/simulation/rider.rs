//! A rider with a phone or tickets, outside or inside, and what the rider has really done.

use super::RuleBroken;
use super::server::{issuer, issuers, servers};
use crate::seed::Seed;
use ed25519_dalek::SigningKey;
use fare_protocol::{
    AccountId, CodeRef, Currency, IssuerPart, Millis, Money, PaperCode, RecordId, RideCode,
    RiderClass, Signer, Stamp, StationId, UnixMs, VerifiedCredential,
};

/// After so many attempts in vain a rider inside is let out by staff, and one outside rests.
pub(super) const ATTEMPTS_MAX: u32 = 4;

pub(super) struct Rider {
    pub(super) account: AccountId,
    /// Tickets that are left, instead of a phone.
    tickets: Option<Vec<String>>,
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
        let account = AccountId(seed.bytes());
        let part = IssuerPart {
            account,
            device_key: key.public(),
            class: RiderClass::Adult,
            fare_limit: Money::new(2_000, Currency::CNY),
            lifetime: Millis(60_000),
            not_after: UnixMs(i64::MAX / 2),
        };
        Self {
            account,
            tickets: None,
            key,
            part: part.seal(&issuer()),
            counter: 0,
            inside: None,
            attempt: 0,
            in_vain: 0,
        }
    }

    /// From now on the rider has these tickets, and no phone.
    pub(super) fn takes(&mut self, tickets: Vec<String>) {
        self.tickets = Some(tickets);
    }

    /// The ticket was used, or is of no use.
    pub(super) fn throws_away(&mut self) {
        if let Some(tickets) = &mut self.tickets {
            tickets.pop();
        }
    }

    /// What the rider shows, and what a gate believes of it: a new code of the phone, or the ticket; nothing when no
    /// ticket is left.
    pub(super) fn code(
        &mut self,
        now: UnixMs,
    ) -> Result<Option<(CodeRef, VerifiedCredential)>, RuleBroken> {
        let bad = |err: &dyn std::fmt::Display| RuleBroken::Simulation(format!("a code: {err}"));
        if let Some(tickets) = &self.tickets {
            let Some(text) = tickets.last() else {
                return Ok(None);
            };
            let at = Stamp {
                at: now,
                error_ms: Millis(0),
            };
            let code = PaperCode::parse(text.as_bytes()).map_err(|err| bad(&err))?;
            let code = code
                .verify_within(&servers(), at)
                .map_err(|err| bad(&err))?;
            return Ok(Some((CodeRef::of(text.as_bytes()), code.into())));
        }
        self.counter += 1;
        let text = RideCode::make(&self.part, now, self.counter, &self.key);
        let code = RideCode::parse(text.as_bytes()).map_err(|err| bad(&err))?;
        let code = code.verify(&issuers(), now).map_err(|err| bad(&err))?;
        Ok(Some((CodeRef::of(text.as_bytes()), code.into())))
    }
}
