//! What must hold at the end of the day, worked out from the records and from what riders really did,
//! and compared with what the server has.

use super::RuleBroken;
use super::shop::Shop;
use super::world::World;
use fare_protocol::{
    AccountId, Direction, GateId, Money, PassageOutcome, RecordBody, RecordId, SignedRecord, UnixMs,
};
use fare_rules::conflict::{CLOCK_ERROR_MAX, ConflictKind, entered_again};
use fare_rules::journey::{EVIDENCE_WAIT, Journey, Tap, price_covered};
use fare_rules::tariff::{Held, Use};
use fare_rules::{End, Paid, Ride};
use fare_server::store::{Scope, StoreError};
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
    /// What riders bought before.
    pub(super) shop: Shop,
}

pub(super) struct Found {
    pub(super) charged: u64,
    pub(super) revenue: i64,
    pub(super) uses: u64,
    pub(super) tickets: u64,
    pub(super) conflicts: BTreeMap<&'static str, u64>,
}

/// A conflict that must stand: about which account, of which kind, about which tap or code.
type Standing = (AccountId, ConflictKind, String);

/// What the records come to.
#[derive(Default)]
struct Expected {
    journeys: BTreeMap<(AccountId, RecordId), Option<(RecordId, Money)>>,
    conflicts: BTreeSet<Standing>,
    /// What journeys earn of products' prices, and how often they use one.
    earned: i64,
    uses: u64,
    /// Tickets whose journey is over.
    used_up: BTreeSet<AccountId>,
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
    let tickets = tickets(world, &expected)?;
    let charges = expected.journeys.values().flatten().count();
    Ok(Found {
        charged: charges as u64,
        revenue,
        uses: expected.uses,
        tickets,
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
        let Some(account) = taps.first().map(Tap::account) else {
            return Ok(());
        };
        // In the order of time, whatever the order of arrival was.
        let mut payer = Payer::of(account, world);
        let mut is_over = false;
        for (n, tap) in through.iter().enumerate() {
            let next = through.get(n + 1);
            let before = n.checked_sub(1).map(|n| through[n].direction());
            is_over = tap.direction() == Direction::Exit && before == Some(Direction::Entry);
            match (tap.direction(), next.map(|next| (next.direction(), next))) {
                (Direction::Exit, _) if before == Some(Direction::Entry) => {}
                (Direction::Exit, _) => self.stands(tap, ConflictKind::ExitWithoutEntry),
                (Direction::Entry, Some((Direction::Exit, exit))) => {
                    let (fare, uses) = payer.pays(tap, exit, world)?;
                    self.uses += uses.len() as u64;
                    self.earned += uses.iter().map(|used| used.earned_minor).sum::<i64>();
                    let key = (tap.account(), tap.id);
                    self.journeys.insert(key, Some((exit.id, fare)));
                }
                (Direction::Entry, Some((Direction::Entry, next))) => {
                    self.stands(tap, entered_again(tap, next));
                }
                (Direction::Entry, None) => {}
            }
        }
        if is_over && payer.ticket.is_some() {
            self.used_up.insert(account);
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

/// What an account paid and used so far, one journey after the other.
struct Payer {
    paid: Vec<Paid>,
    held: Vec<Held>,
    /// What was paid for the ticket, if it is one.
    ticket: Option<Money>,
}

impl Payer {
    fn of(account: AccountId, world: &World) -> Self {
        let shop = &world.log.shop;
        Self {
            paid: Vec::new(),
            held: shop.held.get(&account).cloned().unwrap_or_default(),
            ticket: shop.tickets.get(&account).copied(),
        }
    }

    /// What the next journey costs, and what it uses for that.
    fn pays(
        &mut self,
        entry: &Tap,
        exit: &Tap,
        world: &World,
    ) -> Result<(Money, Vec<Use>), RuleBroken> {
        let end = |tap: &Tap| End {
            station: tap.station(),
            at: tap.at,
        };
        let (entry, exit_end) = (end(entry), end(exit));
        let ride = Ride {
            class: exit.class(),
            class_until: None,
            entry,
            exit: exit_end,
            earlier: &self.paid,
        };
        let tariff = world.server.tariff();
        let quoted = |ride: &Ride<'_>| {
            let quote = tariff.price(ride);
            quote.map_err(|err| RuleBroken::Simulation(err.to_string()))
        };
        let (quote, alone) = (quoted(&ride)?, quoted(&ride.alone())?.fare);
        let alone = self.ticket.map_or(alone, |most| Money {
            minor: alone.minor.min(most.minor),
            ..alone
        });
        let cover = |quote| tariff.cover(quote, (entry, exit_end), &self.held);
        let (price, uses) = price_covered(exit, quote.at_most(self.ticket), alone, cover);
        let fare = price.charged.fare;
        for used in &uses {
            let of = self.held.iter_mut().find(|held| held.id == used.product);
            if let Some(held) = of {
                held.used += 1;
                held.earned_minor += used.earned_minor;
            }
        }
        let covered: i64 = uses.iter().map(|used| used.covered_minor).sum();
        self.paid.push(Paid {
            entry,
            exit: exit_end,
            // Caps and transfers look at what it costs before products.
            minor: fare.minor + covered,
        });
        Ok((fare, uses))
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
    let got = (of("rider"), of("held"), of("fare-revenue"), of("prepaid"));
    let earned = expected.earned;
    let prepaid = world.log.shop.prices() - earned;
    if !books.balanced || got != (-sum, 0, sum + earned, prepaid) {
        let what = format!(
            "riders, held, earned, prepaid are {got:?}, expected {sum} paid and {earned} of products, {prepaid} left"
        );
        return Err(RuleBroken::Money(what));
    }
    Ok(sum)
}

/// Each ticket has what its journey left, and gates are told to refuse it once that is over; answers how many were used.
fn tickets(world: &mut World, expected: &Expected) -> Result<u64, RuleBroken> {
    let mut used = 0;
    for (account, value) in &world.log.shop.tickets {
        let of = |((whose, _), charge): (&(AccountId, RecordId), &Option<(RecordId, Money)>)| {
            charge
                .filter(|_| whose == account)
                .map(|(_, fare)| fare.minor)
        };
        let fares: Vec<i64> = expected.journeys.iter().filter_map(of).collect();
        used += fares.len() as u64;
        let (left, denied) = world.server.database.read(|tx| {
            let left = tx.left_to_spend(*account, value.currency)?;
            Ok::<_, StoreError>((left, tx.is_denied(*account)?))
        })?;
        let expected_left = value.minor - fares.iter().sum::<i64>();
        if left.map(|left| left.minor) != Some(expected_left) {
            let what = format!("of ticket {account} {left:?} is left, expected {expected_left}");
            return Err(RuleBroken::Money(what));
        }
        if expected.used_up.contains(account) && !denied {
            let what = format!("ticket {account} was used, and gates are not told");
            return Err(RuleBroken::Lost(what));
        }
    }
    Ok(used)
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
