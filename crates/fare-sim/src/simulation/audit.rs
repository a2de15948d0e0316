//! What must hold at the end of the day, worked out from the records and from what riders really did,
//! and compared with what the server has.

use super::RuleBroken;
use super::world::World;
use fare_protocol::{
    AccountId, Direction, GateId, Money, PassageOutcome, RecordBody, RecordId, SignedRecord, UnixMs,
};
use fare_rules::conflict::{CLOCK_ERROR_MAX, ConflictKind, entered_again};
use fare_rules::journey::{EVIDENCE_WAIT, Journey, Tap, price};
use fare_rules::{End, Paid, Ride};
use fare_server::store::Scope;
use std::collections::{BTreeMap, BTreeSet};

/// What a conflict about a clock that may be far off is called by.
const UNSURE: &str = "unsure";

/// What happened outside of the machines.
#[derive(Default)]
pub(super) struct Log {
    /// Every record that is durable.
    pub(super) records: Vec<SignedRecord>,
    /// Every barrier that opened, and for which confirmation.
    pub(super) opened: Vec<(usize, RecordId)>,
    /// Every confirmation upon which somebody walked through.
    pub(super) walked: BTreeSet<RecordId>,
    /// Every ride of a rider: entry and exit.
    pub(super) rode: Vec<(RecordId, RecordId)>,
}

pub(super) struct Found {
    pub(super) charged: u64,
    pub(super) revenue: i64,
    pub(super) conflicts: BTreeMap<&'static str, u64>,
}

/// A conflict that must stand: about which account, of which kind, about which tap or code.
type Standing = (AccountId, ConflictKind, String);

/// What the records come to.
#[derive(Default)]
struct Expected {
    journeys: BTreeMap<(AccountId, RecordId), Option<(RecordId, Money)>>,
    conflicts: BTreeSet<Standing>,
    /// Gates whose records say that their clocks may be far off.
    unsure: BTreeSet<GateId>,
}

pub(super) fn audit(world: &mut World) -> Result<Found, RuleBroken> {
    opened_and_delivered(world)?;
    // Nobody taps any more: what no tap has told by now is given up.
    let over = UnixMs(world.now.after(EVIDENCE_WAIT).0 + 1);
    world.server.expire(over)?;
    let taps = taps(&world.log.records);
    let mut expected = Expected::default();
    let said = world.log.records.iter().map(SignedRecord::record);
    let unsure = said.filter(|said| said.stamp.error_ms > CLOCK_ERROR_MAX);
    expected.unsure = unsure.map(|said| said.gate).collect();
    for taps in taps.values() {
        expected.account(taps, world)?;
    }
    let revenue = charged(world, &expected)?;
    ridden(world, &taps, &expected)?;
    let conflicts = conflicts(world, &expected)?;
    let charges = expected.journeys.values().flatten().count();
    Ok(Found {
        charged: charges as u64,
        revenue,
        conflicts,
    })
}

/// Every opened barrier has its confirmation at the server, every record is there exactly once.
fn opened_and_delivered(world: &mut World) -> Result<(), RuleBroken> {
    let counts = world.server.database.read(|tx| tx.counts())?;
    let made = world.log.records.len() as u64;
    if counts.records != made {
        let what = format!(
            "{made} records were made, {} are at the server",
            counts.records
        );
        return Err(RuleBroken::Once(what));
    }
    for (g, of) in &world.log.opened {
        let gate = world.gates[*g].id();
        if world
            .server
            .database
            .read(|tx| tx.record(gate, *of))?
            .is_none()
        {
            let what = format!("gate {gate} opened for {of}, which is not at the server");
            return Err(RuleBroken::Opening(what));
        }
    }
    let opened: BTreeSet<_> = world.log.opened.iter().map(|(_, of)| *of).collect();
    if opened.len() != world.log.opened.len() || !world.log.walked.is_subset(&opened) {
        let what = "a barrier opened twice for one confirmation, or not for who walked";
        return Err(RuleBroken::Opening(what.to_owned()));
    }
    Ok(())
}

/// The taps of each account in the order of their times, with their passages.
fn taps(records: &[SignedRecord]) -> BTreeMap<AccountId, Vec<Tap>> {
    let mut passages = BTreeMap::new();
    for record in records {
        if let RecordBody::Passage(passage) = record.record().body {
            passages
                .entry(passage.confirmation)
                .or_insert(passage.outcome);
        }
    }
    let mut taps: BTreeMap<AccountId, Vec<Tap>> = BTreeMap::new();
    for record in records {
        if let RecordBody::Confirmation(confirmation) = record.record().body {
            let tap = Tap::new(record.record(), confirmation);
            let passage = passages.get(&tap.id).copied();
            let of = taps.entry(confirmation.account).or_default();
            of.push(Tap { passage, ..tap });
        }
    }
    for taps in taps.values_mut() {
        taps.sort_by_key(Tap::place);
    }
    taps
}

/// Whether somebody went through, as the records tell: the rule of `docs/decisions/0005`, in full
/// view of the account's taps.
fn went_through(taps: &[Tap], n: usize) -> bool {
    let entry = taps[n].direction() == Direction::Entry;
    match taps[n].passage {
        Some(PassageOutcome::Passed) => true,
        Some(PassageOutcome::Annulled(_)) | None => false,
        Some(PassageOutcome::Unknown) => match taps.get(n + 1) {
            Some(next) => next.direction() != taps[n].direction(),
            None => entry,
        },
    }
}

impl Expected {
    fn account(&mut self, taps: &[Tap], world: &World) -> Result<(), RuleBroken> {
        let through: Vec<&Tap> = (0..taps.len())
            .filter(|n| went_through(taps, *n))
            .map(|n| &taps[n])
            .collect();
        // In the order of time, whatever the order of arrival was.
        let mut paid: Vec<Paid> = Vec::new();
        for (n, tap) in through.iter().enumerate() {
            let next = through.get(n + 1);
            let before = n.checked_sub(1).map(|n| through[n].direction());
            match (tap.direction(), next.map(|next| (next.direction(), next))) {
                (Direction::Exit, _) if before == Some(Direction::Entry) => {}
                (Direction::Exit, _) => self.stands(tap, ConflictKind::ExitWithoutEntry),
                (Direction::Entry, Some((Direction::Exit, exit))) => {
                    let end = |tap: &Tap| End {
                        station: tap.station(),
                        at: tap.at,
                    };
                    let (entry, exit_end) = (end(tap), end(exit));
                    let ride = Ride {
                        class: exit.class(),
                        class_until: None,
                        entry,
                        exit: exit_end,
                        earlier: &paid,
                    };
                    let quoted = |ride: &Ride<'_>| {
                        let quote = world.server.tariff().price(ride);
                        quote.map_err(|err| RuleBroken::Simulation(err.to_string()))
                    };
                    let (quote, alone) = (quoted(&ride)?, quoted(&ride.alone())?.fare);
                    let fare = price(exit, quote, alone).charged.fare;
                    let (exit_end, minor) = (ride.exit, fare.minor);
                    paid.push(Paid {
                        entry,
                        exit: exit_end,
                        minor,
                    });
                    let key = (tap.account(), tap.id);
                    self.journeys.insert(key, Some((exit.id, fare)));
                }
                (Direction::Entry, Some((Direction::Entry, next))) => {
                    self.stands(tap, entered_again(tap, next));
                }
                (Direction::Entry, None) => {}
            }
        }
        if let Some(last) = taps.last()
            && last.is_unknown()
        {
            self.stands(last, ConflictKind::PassageUnknown);
        }
        self.same_codes(taps);
        Ok(())
    }

    fn stands(&mut self, tap: &Tap, kind: ConflictKind) {
        let about = (tap.account(), kind, tap.id.to_hex());
        self.conflicts.insert(about);
    }

    fn same_codes(&mut self, taps: &[Tap]) {
        for (n, tap) in taps.iter().enumerate() {
            let code = tap.code_ref();
            let elsewhere = |other: &&Tap| other.code_ref() == code && other.gate != tap.gate;
            if taps[n..].iter().any(|other| elsewhere(&other)) {
                let about = (tap.account(), ConflictKind::SameCode, code.to_hex());
                self.conflicts.insert(about);
            }
        }
    }
}

/// Every journey is charged as the records say, once, and nothing else is; answers the sum.
fn charged(world: &mut World, expected: &Expected) -> Result<i64, RuleBroken> {
    let mut sum = 0;
    for ((account, entry), fare) in &expected.journeys {
        let row = world
            .server
            .database
            .read(|tx| tx.journey(*account, *entry))?;
        let got = match row.map(|row| row.state) {
            Some(Journey::Closed(charge)) => Some((charge.exit, charge.fare)),
            Some(_) | None => None,
        };
        if got != *fare {
            let what = format!("journey of {entry} is charged {got:?}, expected {fare:?}");
            return Err(RuleBroken::Money(what));
        }
        sum += fare.map_or(0, |(_, fare)| fare.minor);
    }
    let books = world.server.database.read(|tx| tx.books())?;
    let of = |account: &str| -> i64 {
        let sums = books.sums.iter().filter(|sum| sum.account == account);
        sums.map(|sum| sum.minor).sum()
    };
    let got = (of("rider"), of("held"), of("fare-revenue"));
    if !books.balanced || got != (-sum, 0, sum) {
        let what = format!("riders, held, earned are {got:?}, expected {sum} earned");
        return Err(RuleBroken::Money(what));
    }
    Ok(sum)
}

/// Every ride that was really made, and of which both gates saw the passage, is one charge: unless
/// another tap of its account stands between the two, for whoever showed the code too.
fn ridden(
    world: &World,
    taps: &BTreeMap<AccountId, Vec<Tap>>,
    expected: &Expected,
) -> Result<(), RuleBroken> {
    let all = taps
        .values()
        .flat_map(|taps| (0..taps.len()).map(move |n| (taps, n)));
    let place: BTreeMap<RecordId, _> = all.map(|(taps, n)| (taps[n].id, (taps, n))).collect();
    for (entry, exit) in &world.log.rode {
        let (Some((taps, from)), Some((_, to))) = (place.get(entry), place.get(exit)) else {
            let what = format!("somebody rode from {entry} to {exit} without records");
            return Err(RuleBroken::Opening(what));
        };
        let seen = |n: usize| taps[n].passage == Some(PassageOutcome::Passed);
        if !(seen(*from) && seen(*to)) || to < from {
            continue;
        }
        if (from + 1..*to).any(|n| went_through(taps, n)) {
            continue;
        }
        let charge = expected.journeys.get(&(taps[*from].account(), *entry));
        if charge.copied().flatten().map(|(exit, _)| exit) != Some(*exit) {
            let what = format!("the ride from {entry} to {exit} is not charged");
            return Err(RuleBroken::Money(what));
        }
    }
    Ok(())
}

/// The conflicts that follow from the records stand, and no others of their kinds. What was shown
/// on the way (another quote, a pair put right) may stand or not, by what came first.
fn conflicts(
    world: &mut World,
    expected: &Expected,
) -> Result<BTreeMap<&'static str, u64>, RuleBroken> {
    let cases = world
        .server
        .database
        .read(|tx| tx.conflicts(false, u32::MAX))?;
    let (mut standing, mut counts) = (BTreeSet::new(), BTreeMap::new());
    let mut unsure = BTreeSet::new();
    for case in cases {
        *counts.entry(case.kind.code()).or_insert(0) += 1;
        match (case.kind, case.scope) {
            (ConflictKind::QuoteDiffers | ConflictKind::Repaired, Scope::Account(_)) => {}
            (kind, Scope::Account(account)) => {
                standing.insert((account, kind, case.subject));
            }
            (ConflictKind::ClockOutOfBounds, Scope::Gate(gate)) if case.subject == UNSURE => {
                unsure.insert(gate);
            }
            (kind, Scope::Gate(gate)) => {
                let (kind, detail) = (kind.code(), case.told.detail);
                let what = format!("{kind} stands at gate {gate}: {detail}");
                return Err(RuleBroken::Conflicts(what));
            }
        }
    }
    if unsure != expected.unsure {
        let expected = &expected.unsure;
        let what = format!("gates unsure of the time: {unsure:?}, expected {expected:?}");
        return Err(RuleBroken::Conflicts(what));
    }
    if standing != expected.conflicts {
        let missing: Vec<_> = expected.conflicts.difference(&standing).collect();
        let more: Vec<_> = standing.difference(&expected.conflicts).collect();
        let what = format!("missing {missing:?}, not expected {more:?}");
        return Err(RuleBroken::Conflicts(what));
    }
    Ok(counts)
}
