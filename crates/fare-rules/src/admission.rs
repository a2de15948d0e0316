//! Who is admitted: the rules in the order of [`Refusal`], the first that fails wins.
//!
//! Two rules say nearly the same of an exit without an open journey. [`Refusal::WrongDirection`] is
//! what this gate knows by itself: it let this account out less than the grace ago, so this is a
//! second rider with the same account, or the same rider coming back the wrong way. It holds
//! whatever the cache's age. [`Refusal::NoEntry`] is what the server's data says, and holds only
//! while they are fresh. Neither touches a gate that leads both ways: there it is an entry.
//!
//! A pay code brings nothing to judge by: at first only whether anybody may pass at all, then by what the server
//! says of its account, or by the gate's own data when it says nothing.
//!
//! A picture is for the exit alone and proves its own entry, so none of the rules about entries touches it;
//! it opens nothing once its journey is known to be over.
//!
//! A paper code is for one journey: it opens nothing once that is known to be over, and lets nobody in outside its days.
//!
//! While the server's news is old, one account is let in so often at most, and accounts never seen to ride here before
//! may cost so much together: by [`LanePolicy::alone`], which may tighten as the news grows older. Nobody is kept inside
//! for that.
//!
//! Times are judged in the rider's favour by as much as the gate's clock may be off. Beyond the
//! configured bound the age of codes is not judged at all, or nobody is admitted.

use crate::lane::{
    AloneStep, ClockBeyond, ConfirmationDraft, Ended, ExitWithoutEntry, Facts, Heard, LanePolicy,
    RULES_VERSION, Role, Tap, Used,
};
use crate::{Quote, Refusal};
use fare_protocol::ride_code::Claims;
use fare_protocol::{
    AccountId, Direction, Mode, Money, PaperCode, Picture, RecordId, Stamp, VerifiedCredential,
};

/// What a verdict depends on besides the tap.
pub(crate) struct Admission<'a, L> {
    pub(crate) policy: &'a LanePolicy,
    /// The mode in that direction.
    pub(crate) mode: Mode,
    /// Where the rider wants to go.
    pub(crate) direction: Direction,
    /// Whether this account left through this gate less than the grace ago.
    pub(crate) just_left: L,
    pub(crate) now: Stamp,
}

/// Where a rider of whom `facts` are known wants to go at a gate with this role.
pub(crate) fn direction(role: Role, facts: &Facts) -> Direction {
    match (role, facts.open_journey) {
        (Role::Entry, _) | (Role::Both, None) => Direction::Entry,
        (Role::Exit, _) | (Role::Both, Some(_)) => Direction::Exit,
    }
}

impl<L: Fn(AccountId) -> bool> Admission<'_, L> {
    /// The confirmation that admits the rider, or why there is none.
    pub(crate) fn decide(&self, tap: &Tap) -> Result<ConfirmationDraft, Refusal> {
        if self.mode == Mode::Closed {
            return Err(Refusal::GateClosed);
        }
        let credential = tap.credential.as_ref().map_err(|refusal| *refusal)?;
        let facts = &tap.facts;
        let direction = self.direction;
        let quote = self.quote(direction, facts);
        let (broken, used) = match credential {
            VerifiedCredential::RideCode(code) => {
                let Claims {
                    issuer, counter, ..
                } = *code.claims();
                let device_key = issuer.device_key;
                let used = Used::Code {
                    device_key,
                    counter,
                };
                (self.ride_code(code.claims(), facts, quote.as_ref()), used)
            }
            VerifiedCredential::Picture(picture) => {
                let entry = picture.picture().entry;
                (
                    self.picture(picture.picture(), facts),
                    Used::Picture { entry },
                )
            }
            VerifiedCredential::PaperCode(paper) => (
                self.paper_code(paper.code(), facts, quote.as_ref()),
                Used::PaperCode,
            ),
            VerifiedCredential::PayCode(code) => {
                let answered = tap.heard == Heard::Yes;
                let told = facts.open_journey.filter(|_| answered);
                let entry = match direction {
                    Direction::Entry => None,
                    Direction::Exit => told.map(|open| open.entry),
                };
                (
                    self.pay_code(code.account, facts, tap.heard),
                    Used::PayCode { answered, entry },
                )
            }
        };
        match broken {
            Some(refusal) => Err(refusal),
            None => Ok(ConfirmationDraft {
                first_ride: self.first_ride(facts),
                ..self.confirmation(tap.id, credential, used, quote.as_ref())
            }),
        }
    }

    /// The first rule that a ride code breaks.
    fn ride_code(&self, claims: &Claims, facts: &Facts, quote: Option<&Quote>) -> Option<Refusal> {
        let direction = self.direction;
        let rules = [
            (self.credential_expired(claims), Refusal::CredentialExpired),
            (self.code_expired(claims), Refusal::CodeExpired),
            (self.made_in_future(claims), Refusal::MadeInFuture),
            (self.clock_refuses(), Refusal::ClockUnsure),
            (facts.denied, Refusal::Denied),
            (counter_replayed(claims, facts), Refusal::CounterReplayed),
            (self.alone_too_often(facts), Refusal::OfflineLimit),
            (facts.key_denied, Refusal::KeyDenied),
            (self.first_rides_used_up(facts), Refusal::FirstRides),
            (self.passback(direction, facts), Refusal::Passback),
            (
                self.wrong_direction(direction, claims.issuer.account, facts),
                Refusal::WrongDirection,
            ),
            (self.no_entry(direction, facts), Refusal::NoEntry),
            (over_fare_limit(claims, quote), Refusal::OverFareLimit),
        ];
        first_broken(rules)
    }

    /// The first rule that a picture breaks. It proves its own entry, and the server has admitted what the
    /// journey may cost.
    fn picture(&self, picture: &Picture, facts: &Facts) -> Option<Refusal> {
        let lets_in = self.direction == Direction::Entry;
        let is_old = self.judges_age() && self.now.earliest() >= picture.valid_until;
        let ended_elsewhere = self.asks_for_journey(self.direction, Direction::Exit)
            && facts.ended == Some(Ended::Elsewhere);
        first_broken([
            (lets_in, Refusal::PictureAtEntry),
            (self.clock_refuses(), Refusal::ClockUnsure),
            (is_old, Refusal::PictureExpired),
            (facts.denied, Refusal::Denied),
            (facts.ended == Some(Ended::Here), Refusal::PictureUsed),
            (ended_elsewhere, Refusal::JourneyEnded),
        ])
    }

    /// The first rule that a paper code breaks. Who is inside may leave also when its days are over.
    fn paper_code(
        &self,
        paper: &PaperCode,
        facts: &Facts,
        quote: Option<&Quote>,
    ) -> Option<Refusal> {
        let direction = self.direction;
        let is_out_of_date = direction == Direction::Entry
            && self.judges_age()
            && (self.now.latest() < paper.valid_from || self.now.earliest() >= paper.valid_until);
        let is_used = facts.denied || facts.ended.is_some();
        first_broken([
            (self.clock_refuses(), Refusal::ClockUnsure),
            (is_out_of_date, Refusal::PaperCodeExpired),
            (is_used, Refusal::PaperCodeUsed),
            (is_let_in_already(direction, facts), Refusal::Passback),
            (self.no_entry(direction, facts), Refusal::NoEntry),
            (is_above(paper.value, quote), Refusal::OverFareLimit),
        ])
    }

    /// The first rule that a pay code breaks. Before the server is asked its word on journeys is not known.
    fn pay_code(&self, account: AccountId, facts: &Facts, heard: Heard) -> Option<Refusal> {
        let direction = self.direction;
        let judges_journey = match heard {
            Heard::NotAsked => false,
            Heard::Yes | Heard::Silence => true,
        };
        first_broken([
            (self.clock_refuses(), Refusal::ClockUnsure),
            (facts.denied, Refusal::Denied),
            (
                heard == Heard::Silence && self.alone_too_often(facts),
                Refusal::OfflineLimit,
            ),
            (
                heard == Heard::Silence && self.first_rides_used_up(facts),
                Refusal::FirstRides,
            ),
            (
                judges_journey && self.passback(direction, facts),
                Refusal::Passback,
            ),
            (
                judges_journey && self.wrong_direction(direction, account, facts),
                Refusal::WrongDirection,
            ),
            (
                judges_journey && self.no_entry(direction, facts),
                Refusal::NoEntry,
            ),
        ])
    }

    fn confirmation(
        &self,
        id: RecordId,
        credential: &VerifiedCredential,
        used: Used,
        quote: Option<&Quote>,
    ) -> ConfirmationDraft {
        ConfirmationDraft {
            id,
            direction: self.direction,
            code_ref: credential.code_ref(self.direction),
            account: credential.account(),
            class: credential.class(),
            used,
            mode: self.mode_said(),
            fare_quoted: quote.map(|quote| quote.fare),
            tariff: quote.map(|quote| quote.tariff),
            rules: RULES_VERSION,
            first_ride: None,
        }
    }

    fn quote(&self, direction: Direction, facts: &Facts) -> Option<Quote> {
        match direction {
            Direction::Entry => None,
            Direction::Exit if self.mode == Mode::FareExempt => {
                facts.quote.clone().map(Quote::waived)
            }
            Direction::Exit => facts.quote.clone(),
        }
    }

    fn clock_is_unsure(&self) -> bool {
        self.now.error_ms > self.policy.clock_error_max
    }

    fn clock_refuses(&self) -> bool {
        self.clock_is_unsure()
            && match self.policy.clock_beyond {
                ClockBeyond::TimeExempt => false,
                ClockBeyond::Refuse => true,
            }
    }

    /// The mode as the confirmation has it: that the age of codes does not matter is said, unless
    /// another exemption stands there.
    fn mode_said(&self) -> Mode {
        match self.mode {
            Mode::Normal if self.clock_is_unsure() => Mode::TimeExempt,
            Mode::Normal
            | Mode::EntryExitExempt
            | Mode::TimeExempt
            | Mode::DateExempt
            | Mode::FareExempt
            | Mode::Closed
            | Mode::Emergency
            | Mode::Free => self.mode,
        }
    }

    fn credential_expired(&self, claims: &Claims) -> bool {
        self.mode != Mode::DateExempt && self.now.earliest() >= claims.issuer.not_after
    }

    fn judges_age(&self) -> bool {
        self.mode != Mode::TimeExempt && !self.clock_is_unsure()
    }

    fn code_expired(&self, claims: &Claims) -> bool {
        self.judges_age() && self.now.earliest() > claims.made_at.after(claims.issuer.lifetime)
    }

    fn made_in_future(&self, claims: &Claims) -> bool {
        let at_most = self.now.latest().after(self.policy.future_tolerance);
        self.judges_age() && claims.made_at > at_most
    }

    fn passback(&self, direction: Direction, facts: &Facts) -> bool {
        let recent = |open: fare_protocol::wire::OpenJourney| {
            self.now.at.since(open.entered_at_ms) <= i64::from(self.policy.passback_window.0)
        };
        self.asks_for_journey(direction, Direction::Entry) && facts.open_journey.is_some_and(recent)
    }

    fn wrong_direction(&self, direction: Direction, account: AccountId, facts: &Facts) -> bool {
        self.asks_for_journey(direction, Direction::Exit)
            && facts.open_journey.is_none()
            && (self.just_left)(account)
    }

    fn no_entry(&self, direction: Direction, facts: &Facts) -> bool {
        let refuses = match self.policy.exit_without_entry {
            ExitWithoutEntry::Refuse => true,
            ExitWithoutEntry::Admit => false,
        };
        self.asks_for_journey(direction, Direction::Exit)
            && facts.open_journey.is_none()
            && refuses
            && self.cache_is_fresh(facts)
    }

    /// Whether the account was let in here as often as is allowed while the server's news is as old as it is.
    fn alone_too_often(&self, facts: &Facts) -> bool {
        let step = self.alone_step(facts);
        self.takes_fares_at_entry()
            && step.is_some_and(|step| facts.entries_since >= u32::from(step.entries))
    }

    /// Whether this ride with all first rides since the news may cost more than is allowed while that is as old as it is.
    fn first_rides_used_up(&self, facts: &Facts) -> bool {
        let (Some(first), Some(ride)) = (facts.first_ride, self.first_ride(facts)) else {
            return false;
        };
        let most = self
            .alone_step(facts)
            .and_then(|step| step.first_rides_minor);
        most.is_some_and(|most| first.taken_minor.saturating_add(ride.minor) > most)
    }

    /// What this ride takes of what first rides may cost.
    fn first_ride(&self, facts: &Facts) -> Option<Money> {
        let may_cost = facts.first_ride.and_then(|first| first.may_cost);
        may_cost.filter(|cost| self.takes_fares_at_entry() && cost.minor > 0)
    }

    fn takes_fares_at_entry(&self) -> bool {
        self.direction == Direction::Entry && self.mode != Mode::FareExempt
    }

    /// The strictest step that the age of the server's news has reached.
    fn alone_step(&self, facts: &Facts) -> Option<&AloneStep> {
        let earliest = self.now.earliest();
        let age = facts.cache_as_of.map(|as_of| earliest.since(as_of));
        // Who has never heard of the server knows nothing at all.
        let reached = |step: &&AloneStep| age.is_none_or(|age| age >= i64::from(step.after.0));
        self.policy.alone.iter().flatten().rev().find(reached)
    }

    fn cache_is_fresh(&self, facts: &Facts) -> bool {
        let fresh = i64::from(self.policy.cache_fresh.0);
        facts
            .cache_as_of
            .is_some_and(|as_of| self.now.latest().since(as_of) <= fresh)
    }

    fn asks_for_journey(&self, direction: Direction, rule_is_for: Direction) -> bool {
        self.mode != Mode::EntryExitExempt && direction == rule_is_for
    }
}

fn first_broken<const N: usize>(rules: [(bool, Refusal); N]) -> Option<Refusal> {
    let broken = rules.into_iter().find(|(broken, _)| *broken);
    broken.map(|(_, refusal)| refusal)
}

fn counter_replayed(claims: &Claims, facts: &Facts) -> bool {
    facts
        .last_counter
        .is_some_and(|last| claims.counter <= last)
}

/// A paper code is for one journey, however long ago that began.
fn is_let_in_already(direction: Direction, facts: &Facts) -> bool {
    direction == Direction::Entry && facts.open_journey.is_some()
}

fn over_fare_limit(claims: &Claims, quote: Option<&Quote>) -> bool {
    is_above(claims.issuer.fare_limit, quote)
}

/// A limit in another currency covers nothing.
fn is_above(limit: Money, quote: Option<&Quote>) -> bool {
    quote.is_some_and(|quote| {
        quote.fare.minor > 0
            && (quote.fare.currency != limit.currency || quote.fare.minor > limit.minor)
    })
}

#[cfg(test)]
mod tests;
