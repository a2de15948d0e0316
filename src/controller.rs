//! Drives the pure lane: believes or disbelieves what was scanned, looks up what the gate knows about
//! it, and hands both to the lane. The daemon and the replay use the very same controller; each
//! carries out the effects in its own way.

use crate::config::GateConfig;
use crate::decode::Unread;
use crate::ids::new_record_id;
use crate::journal::{JournalError, JournalHandle};
use crate::stages::{Stage, Stages};
use fare_protocol::wire::OpenJourney;
use fare_protocol::{
    CodeRef, Direction, FormatError, InHand, KeySet, Modes, Money, PaidBefore, PaperCode, Picture,
    RecordId, RideCode, RiderClass, Stamp, StationId, UnixMs, VerifiedCredential, VerifyError,
};
use fare_rules::{
    Effect, End, Event, Facts, FirstRide, Heard, Lane, LanePolicy, Quote, Refusal, Ride, Role, Tap,
    Tariff,
};
use pay_codes::PayCodes;
use std::collections::BTreeMap;
use std::sync::Arc;

mod pay_codes;

/// For how long codes must be seen and not read before the rider is told so: a phone on its way to
/// the glass is unreadable for a moment, and posters are for ever.
const UNREADABLE_AFTER_MS: i64 = 1_500;

/// A gap between unreadable frames after which the rider is a new one.
const UNREADABLE_GAP_MS: i64 = 300;

/// What the account paid before, and its products, when nothing tells of them.
const NOTHING_TOLD: (Option<&PaidBefore>, &[InHand]) = (None, &[]);

/// The lane and what it decides from.
pub struct Controller {
    lane: Lane,
    policy: LanePolicy,
    station: StationId,
    issuers: KeySet,
    /// Who signs pictures and paper codes.
    servers: KeySet,
    tariff: Arc<Tariff>,
    /// The most that a ride from here may cost by this tariff, of the classes that were asked for.
    dearest: BTreeMap<RiderClass, Money>,
    journal: JournalHandle,
    unreadable: Option<Unreadable>,
    stages: Stages,
    pay_codes: PayCodes,
}

/// A run of frames in which codes were seen and not read.
#[derive(Clone, Copy, Debug)]
struct Unreadable {
    since: UnixMs,
    last: UnixMs,
}

impl Controller {
    /// The configured lane at rest. Send it [`Event::Deadline`] once to start it.
    pub fn new(
        config: &GateConfig,
        issuers: KeySet,
        tariff: Arc<Tariff>,
        journal: JournalHandle,
        modes: Modes,
    ) -> Self {
        Self {
            lane: Lane::new(config.policy, modes),
            policy: config.policy,
            station: config.location.station,
            issuers,
            servers: config.servers.clone(),
            tariff,
            dearest: BTreeMap::new(),
            journal,
            unreadable: None,
            stages: Stages::default(),
            pay_codes: PayCodes::new(config.pay_codes.as_ref()),
        }
    }

    /// Believes these issuers from now on.
    pub fn set_issuers(&mut self, issuers: KeySet) {
        self.issuers = issuers;
    }

    /// Quotes fares by this tariff from now on.
    pub fn set_tariff(&mut self, tariff: Arc<Tariff>) {
        self.tariff = tariff;
        self.dearest.clear();
    }

    /// What follows from an event.
    pub fn on(&mut self, event: Event, now: Stamp) -> Vec<Effect> {
        let idle = Lane::new(self.policy, Modes::default());
        let (lane, effects) = std::mem::replace(&mut self.lane, idle).on(event, now);
        self.lane = lane;
        effects
    }

    /// What follows from the codes read in one frame, nearest first: the nearest code of ours is the one meant; without any, the nearest pay code, or else the nearest code.
    pub fn scanned<'b>(
        &mut self,
        codes: impl Iterator<Item = &'b [u8]> + Clone,
        now: Stamp,
    ) -> Vec<Effect> {
        let is_ours = |bytes: &&[u8]| {
            RideCode::is_claimed_by(bytes)
                || Picture::is_claimed_by(bytes)
                || PaperCode::is_claimed_by(bytes)
        };
        let ours = codes.clone().find(is_ours);
        let pays = || {
            codes
                .clone()
                .find(|bytes| self.pay_codes.looks_like_one(bytes))
        };
        let Some(bytes) = ours.or_else(pays).or_else(|| codes.clone().next()) else {
            return Vec::new();
        };
        self.unreadable = None;
        let mut stages = Stages::default();
        let id = new_record_id(now.at);
        let (shown, credential) = stages.time(Stage::Verify, || self.believe(bytes, id, now));
        let tap = stages.time(Stage::Lookup, || self.tap(id, shown, credential, now));
        let effects = stages.time(Stage::Decide, || self.on(Event::Tap(Box::new(tap)), now));
        self.stages = stages;
        self.pay_codes.keep_asked(id, &effects);
        effects
    }

    /// What the stages of the last scanned code took, from its verification to the verdict.
    pub fn stages(&self) -> &Stages {
        &self.stages
    }

    /// The direction of every tap here; nothing where riders go both ways.
    pub fn side(&self) -> Option<Direction> {
        match self.policy.role {
            Role::Entry => Some(Direction::Entry),
            Role::Exit => Some(Direction::Exit),
            Role::Both => None,
        }
    }

    /// The lane's state, for people.
    pub fn state_name(&self) -> &'static str {
        self.lane.state_name()
    }

    /// Whether the lane waits for a rider.
    pub fn is_idle(&self) -> bool {
        self.lane.is_idle()
    }

    /// What follows from a frame in which something like a code was seen and not read. Only what is
    /// certainly a code is refused in the end.
    pub fn unread(&mut self, why: Unread, now: Stamp) -> Vec<Effect> {
        if !why.is_certainly_a_code() {
            return Vec::new();
        }
        let fresh = Unreadable {
            since: now.at,
            last: now.at,
        };
        let run = match self.unreadable {
            Some(run) if now.at.since(run.last) <= UNREADABLE_GAP_MS => Unreadable {
                last: now.at,
                ..run
            },
            Some(_) | None => fresh,
        };
        self.unreadable = Some(run);
        self.stages = Stages::default();
        if now.at.since(run.since) < UNREADABLE_AFTER_MS || !self.lane.is_idle() {
            return Vec::new();
        }
        let (id, nothing) = (new_record_id(now.at), CodeRef::of(&[]));
        let tap = self.tap(id, nothing, Err(Refusal::Unreadable), now);
        self.on(Event::Tap(Box::new(tap)), now)
    }

    fn tap(
        &mut self,
        id: RecordId,
        shown: CodeRef,
        credential: Result<VerifiedCredential, Refusal>,
        now: Stamp,
    ) -> Tap {
        let (credential, facts) = match credential
            .and_then(|known| self.facts(&known, now.at).map(|facts| (known, facts)))
        {
            Ok((known, facts)) => (Ok(known), facts),
            Err(refusal) => (Err(refusal), Facts::default()),
        };
        Tap {
            id,
            passage_id: new_record_id(now.at),
            shown,
            credential,
            facts,
            heard: Heard::NotAsked,
        }
    }

    /// What tells a repeat of the code, and what the code of this tap is believed to be.
    fn believe(
        &mut self,
        scanned: &[u8],
        tap: RecordId,
        now: Stamp,
    ) -> (CodeRef, Result<VerifiedCredential, Refusal>) {
        match self.pay_codes.recognise(scanned, tap) {
            // A hash of the code alone could be turned back into it.
            Some(pay_code) => pay_code,
            None => (CodeRef::of(scanned), self.believe_signed(scanned, now)),
        }
    }

    fn believe_signed(&self, scanned: &[u8], now: Stamp) -> Result<VerifiedCredential, Refusal> {
        if Picture::is_claimed_by(scanned) {
            let signed = Picture::parse(scanned).map_err(|err| malformed(&err))?;
            let verified = signed.verify_within(&self.servers, now);
            return verified.map(Into::into).map_err(|err| disbelieved(&err));
        }
        if PaperCode::is_claimed_by(scanned) {
            let signed = PaperCode::parse(scanned).map_err(|err| malformed(&err))?;
            let verified = signed.verify_within(&self.servers, now);
            return verified.map(Into::into).map_err(|err| disbelieved(&err));
        }
        if !RideCode::is_claimed_by(scanned) {
            return Err(Refusal::NotOurs);
        }
        let code = RideCode::parse(scanned).map_err(|err| malformed(&err))?;
        let verified = code.verify_within(&self.issuers, now);
        verified.map(Into::into).map_err(|err| disbelieved(&err))
    }

    /// A gate that cannot read its journal cannot record either, so the rider is sent elsewhere.
    fn facts(&mut self, credential: &VerifiedCredential, now: UnixMs) -> Result<Facts, Refusal> {
        let mut pays_later = false;
        let (facts, told) = match credential {
            VerifiedCredential::RideCode(code) => {
                let issuer = code.claims().issuer;
                pays_later = true;
                let facts = self.journal.facts(issuer.account, &issuer.device_key);
                (facts, NOTHING_TOLD)
            }
            VerifiedCredential::Picture(picture) => {
                let picture = picture.picture();
                let facts = self.journal.facts_of_picture(picture);
                (facts, (picture.paid_before.as_ref(), &picture.products[..]))
            }
            VerifiedCredential::PaperCode(paper) => {
                let account = paper.code().account;
                (self.journal.facts_of_paper_code(account), NOTHING_TOLD)
            }
            VerifiedCredential::PayCode(code) => {
                pays_later = true;
                (
                    self.journal.facts_of_account(code.account, None),
                    NOTHING_TOLD,
                )
            }
        };
        let facts = facts.map_err(|err| unreadable_journal(&err))?;
        let class = credential.class();
        let quote = facts
            .open_journey
            .and_then(|open| self.quote(&open, class, told, now));
        let first_ride = facts.first_ride.filter(|_| pays_later);
        let first_ride = first_ride.map(|first| self.first_ride(first, class));
        Ok(Facts {
            quote,
            first_ride,
            ..facts
        })
    }

    /// What a rider may cost of whom nothing is known; nothing where no configuration limits that.
    fn first_ride(&mut self, first: FirstRide, class: RiderClass) -> FirstRide {
        let mut steps = self.policy.alone.iter().flatten();
        let is_limited = steps.any(|step| step.first_rides_minor.is_some());
        let dearest = || self.tariff.dearest(self.station, class);
        FirstRide {
            may_cost: is_limited.then(|| *self.dearest.entry(class).or_insert_with(dearest)),
            ..first
        }
    }

    /// What the journey costs if it ends here and now. What the account paid before and which products it has a
    /// picture tells; else only the server knows.
    fn quote(
        &self,
        open: &OpenJourney,
        class: RiderClass,
        (before, products): (Option<&PaidBefore>, &[InHand]),
        now: UnixMs,
    ) -> Option<Quote> {
        let ride = Ride {
            class,
            class_until: None,
            entry: End {
                station: open.station,
                at: open.entered_at_ms,
            },
            exit: End {
                station: self.station,
                at: now,
            },
            earlier: &[],
        };
        match self.tariff.price_in_hand(&ride, before, products) {
            Ok(quote) => Some(quote),
            Err(err) => {
                tracing::warn!(%err, "no fare quoted, the server will price this journey");
                None
            }
        }
    }
}

fn unreadable_journal(err: &JournalError) -> Refusal {
    tracing::error!(%err, "the journal cannot be read");
    Refusal::NotRecorded
}

fn malformed(err: &FormatError) -> Refusal {
    tracing::debug!(%err, "malformed code");
    Refusal::Unreadable
}

fn disbelieved(err: &VerifyError) -> Refusal {
    tracing::debug!(%err, "code not believed");
    match err {
        VerifyError::UnknownKey { .. } => Refusal::UnknownIssuerKey,
        VerifyError::KeyNotValidNow { .. } => Refusal::IssuerKeyNotValid,
        VerifyError::BadSignature { .. } => Refusal::BadSignature,
    }
}
