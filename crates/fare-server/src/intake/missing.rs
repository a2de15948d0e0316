//! Journeys of which one end is missing: what that costs once its day is over, and what an incident spares.
//! Which times are incidents is [`fare_rules::incident`]'s to say.

use super::{Intake, IntakeError, completion};
use crate::config::Settlement;
use crate::inbox::{Ruling, resolve};
use crate::products::Wanted;
use crate::store::{Case, Scope, StoreError, Tx};
use fare_protocol::{AccountId, ConflictId, Direction, Millis, Mode, Money, RecordId, UnixMs};
use fare_rules::completion::Completed;
use fare_rules::conflict::{ConflictKind, Decision, entered_again};
use fare_rules::journey::{Link, Standing, Tap};

/// Most entries whose day is closed, and exits that are looked at, in one transaction; the next one takes the rest.
const ENDED_MAX: u32 = 500;

/// What came is looked through again so far back: servers' clocks differ, and uploads take their time.
const OVERLAP: Millis = Millis(600_000);

/// How much later an exit is looked at again whose passage is not known yet.
const AGAIN: Millis = Millis(86_400_000);

/// Who decides about exits without an entry when the tariff does.
pub const BY_TARIFF: &str = "the tariff's rule";

/// Ends journeys whose day is over at `now` and that have no exit; answers the entries, at most 500,
/// the oldest first.
///
/// # Errors
/// When the store fails; then everything is as it was.
pub fn close_ended(
    settlement: &Settlement,
    tx: &Tx<'_>,
    now: UnixMs,
) -> Result<Vec<RecordId>, IntakeError> {
    let entries = tx.without_exit(now, ENDED_MAX)?;
    for entry in &entries {
        at_gate(settlement, tx, entry, now)?.settle(entry)?;
    }
    Ok(entries.iter().map(|entry| entry.id).collect())
}

/// Gives back what a missing end cost and an incident spares of which the server has learnt since it last looked: staff told of
/// it, or a gate's record of its mode has come. Answers how many. What a person has decided about stays.
///
/// # Errors
/// When the store fails; then everything is as it was.
pub fn look_at_incidents(
    settlement: &Settlement,
    tx: &Tx<'_>,
    now: UnixMs,
) -> Result<usize, IntakeError> {
    let since = tx.incident_mark(now)?.before(OVERLAP);
    let told = tx.incidents_told_since(since)?.into_iter();
    let told = told.map(|incident| (incident.from, incident.until));
    let told: Vec<_> = told.collect();
    let modes = |direction| -> Result<Vec<(UnixMs, UnixMs)>, StoreError> {
        let windows = tx.mode_windows_since(direction, since)?.into_iter();
        let windows = windows.map(|window| (window.from, window.until.unwrap_or(UnixMs(i64::MAX))));
        Ok(windows.collect())
    };
    let mut given_back = 0;
    for window in told.iter().copied().chain(modes(Direction::Entry)?) {
        given_back += spare_exits(settlement, tx, window, now)?;
    }
    for window in told.iter().copied().chain(modes(Direction::Exit)?) {
        let mut after = (AccountId([0; 16]), RecordId([0; 16]));
        loop {
            let page = tx.maximum_between(window, after, ENDED_MAX)?;
            let Some(last) = page.last() else { break };
            after = *last;
            for (account, entry) in page {
                given_back += usize::from(spare(settlement, tx, (account, entry), now)?);
            }
        }
    }
    Ok(given_back)
}

/// Looks again at exits that the tariff's rule charged and that may have begun in this time; answers how many cost
/// nothing any more: those are the inbox's again.
fn spare_exits(
    settlement: &Settlement,
    tx: &Tx<'_>,
    (from, until): (UnixMs, UnixMs),
    now: UnixMs,
) -> Result<usize, IntakeError> {
    let span = (from, until.after(settlement.journey_valid));
    let mut given_back = 0;
    for (account, exit) in tx.exits_decided_by(BY_TARIFF, span)? {
        let tap = tx.tap(account, exit)?;
        let tap = tap.ok_or(StoreError::Corrupt("an exit without its tap"))?;
        if no_entry(settlement, tx, &tap)?.is_none() {
            let decided = tx.in_force_for_exit(account, exit)?;
            at_gate(settlement, tx, &tap, now)?.overtake(&tap, decided)?;
            given_back += 1;
        }
    }
    Ok(given_back)
}

/// Looks again at a journey that cost the maximum fare; answers whether it costs it no longer.
fn spare(
    settlement: &Settlement,
    tx: &Tx<'_>,
    (account, entry): (AccountId, RecordId),
    now: UnixMs,
) -> Result<bool, IntakeError> {
    if tx.is_decided(account, entry)? {
        return Ok(false);
    }
    let tap = tx.tap(account, entry)?;
    let tap = tap.ok_or(StoreError::Corrupt("a journey without its entry"))?;
    at_gate(settlement, tx, &tap, now)?.settle(&tap)?;
    let row = tx.journey(account, entry)?;
    Ok(row.is_some_and(|row| row.state.fare().is_none()))
}

/// Charges exits of which no entry has come in time, where the tariff says what that costs and no incident spares
/// it; the others stay in the inbox. Answers how many were charged. Each is a decision about its conflict, so that
/// it is made once, and reversed when the entry comes after all.
///
/// # Errors
/// When the store fails; then everything is as it was.
pub fn charge_without_entry(
    settlement: &Settlement,
    tx: &Tx<'_>,
    now: UnixMs,
) -> Result<usize, IntakeError> {
    let mut charged = 0;
    for (account, exit) in tx.exits_alone(now, ENDED_MAX)? {
        let tap = tx.tap(account, exit)?;
        let tap = tap.ok_or(StoreError::Corrupt("an exit without its tap"))?;
        if tap.standing() == Standing::Pending {
            tx.put_off_exit_alone((account, exit), Some(now.after(AGAIN)))?;
            continue;
        }
        tx.put_off_exit_alone((account, exit), None)?;
        let Some(conflict) = alone(tx, &tap)? else {
            continue;
        };
        if let Some((fare, completed)) = no_entry(settlement, tx, &tap)? {
            let mut reason = format!("no entry came until {}", now.to_rfc3339());
            if let Some(completed) = &completed {
                let says = completed.sentence(Direction::Entry);
                reason = format!("{reason}; {says}");
            }
            tx.note_completed((account, exit), Direction::Entry, completed.as_ref(), now)?;
            let ruling = Ruling {
                decision: Decision::Charge { fare },
                by: BY_TARIFF.to_owned(),
                reason,
            };
            resolve(tx, conflict, &ruling, now)?;
            charged += 1;
        }
    }
    Ok(charged)
}

/// The conflict about an exit that follows no entry, while it stands.
fn alone(tx: &Tx<'_>, exit: &Tap) -> Result<Option<ConflictId>, StoreError> {
    let cases = tx.cases_about(Scope::Account(exit.account()), &exit.id.to_hex())?;
    let stands = |case: &Case| case.kind == ConflictKind::ExitWithoutEntry && case.end.is_none();
    Ok(cases.into_iter().find(stands).map(|case| case.id))
}

/// What an exit without an entry costs, and where that was when enough tells it. A picture shows that there was an
/// entry, whose record is still to come.
fn no_entry(
    settlement: &Settlement,
    tx: &Tx<'_>,
    exit: &Tap,
) -> Result<Option<(Money, Option<Completed>)>, StoreError> {
    let before = (exit.at.before(settlement.journey_valid), exit.at);
    let (account, direction) = (exit.account(), Direction::Entry);
    if exit.confirmation.entry.is_some()
        // A paper code pays for one journey, which this is not.
        || tx.paper_value(account)?.is_some()
        || !takes_fares(exit.confirmation.mode)
        || tx.had_fault(account, direction, before)?
        || tx.is_spared(None, direction, before)?
    {
        return Ok(None);
    }
    let tariff = settlement.tariff_at(exit.at);
    let Some(quote) = tariff.maximum(direction, exit.class()) else {
        return Ok(None);
    };
    let maximum = if tx.has_products(account)? {
        let held = tx.held_products(account, (exit.at, exit.id))?;
        tariff.cover_missing_entry(quote, exit.end(), &held).fare
    } else {
        quote.fare
    };
    let complete = completion::with_entry(tx, exit, &tariff)?;
    let complete = complete.filter(|complete| complete.fare.minor <= maximum.minor);
    Ok(Some(match complete {
        Some(complete) => (complete.fare, Some(complete.completed)),
        None => (maximum, None),
    }))
}

fn takes_fares(mode: Mode) -> bool {
    match mode {
        Mode::Normal | Mode::TimeExempt | Mode::DateExempt => true,
        Mode::EntryExitExempt | Mode::FareExempt | Mode::Closed | Mode::Emergency | Mode::Free => {
            false
        }
    }
}

pub(super) fn at_gate<'a>(
    settlement: &'a Settlement,
    tx: &'a Tx<'a>,
    tap: &Tap,
    now: UnixMs,
) -> Result<Intake<'a>, StoreError> {
    let gate = tx.gate(tap.gate)?;
    let gate = gate.ok_or(StoreError::Corrupt("a tap without its gate"))?;
    Ok(Intake::new(settlement, tx, gate, now))
}

impl Intake<'_> {
    /// What an entry without an exit costs, by what tells where it ended or else at most, and what of the account's
    /// products it uses for that: nothing when one ride
    /// was admitted twice, where its gate
    /// took no fare, when an incident was on while its day lasted, or when a gate's fault kept the rider's own exit
    /// from being one.
    pub(super) fn maximum(
        &self,
        link: &Link<'_>,
        due: UnixMs,
    ) -> Result<(Option<Money>, Wanted), IntakeError> {
        let nothing = (None, Wanted::These(Vec::new()));
        let entry = link.entry;
        let again = link.next.map(|next| entered_again(entry, next));
        let (account, direction, inside) = (entry.account(), Direction::Exit, (entry.at, due));
        if again == Some(ConflictKind::DoubleEntry)
            || self.is_second_of_one_ride(entry)?
            || !takes_fares(entry.confirmation.mode)
            || self.tx.had_fault(account, direction, inside)?
            || self
                .tx
                .is_spared(Some(entry.station()), direction, inside)?
        {
            return Ok(nothing);
        }
        let tariff = self.settlement.tariff_at(entry.at);
        let Some(quote) = tariff.maximum(direction, entry.class()) else {
            return Ok(nothing);
        };
        let quote = quote.at_most(self.tx.paper_value(account)?);
        let (maximum, uses) = if self.tx.has_products(account)? {
            let held = self.tx.held_products(account, (entry.at, entry.id))?;
            let (quote, uses) = tariff.cover_missing_exit(quote, entry.end(), &held);
            (quote.fare, uses)
        } else {
            (quote.fare, Vec::new())
        };
        let complete = completion::with_exit(self.tx, link, &tariff)?;
        let complete = complete.filter(|complete| complete.fare.minor <= maximum.minor);
        if tariff.completes() {
            let completed = complete.as_ref().map(|complete| &complete.completed);
            self.tx
                .note_completed((account, entry.id), direction, completed, self.now)?;
        }
        Ok(match complete {
            Some(complete) => (Some(complete.fare), Wanted::These(complete.uses)),
            None => (Some(maximum), Wanted::These(uses)),
        })
    }

    /// Whether the ride of the entry had been admitted at another gate, and left by a picture of that entry.
    fn is_second_of_one_ride(&self, entry: &Tap) -> Result<bool, IntakeError> {
        let (before, _) = self.tx.neighbours(entry)?;
        let Some(first) = before.and_then(|before| before.confirmation.entry) else {
            return Ok(false);
        };
        let first = self.tx.tap(entry.account(), first)?;
        let again = first.map(|first| entered_again(&first, entry));
        Ok(again == Some(ConflictKind::DoubleEntry))
    }

    /// Has an exit that follows no entry looked at when the time for late records is over: as long as an entry
    /// waits for its exit.
    pub(super) fn wait_for_entry(&self, exit: &Tap) -> Result<(), IntakeError> {
        let tariff = self.settlement.tariff_at(exit.at);
        if tariff.maximum(Direction::Entry, exit.class()).is_some() {
            let late = UnixMs(exit.at.0.max(self.now.0));
            self.tx.insert_exit_alone(exit, tariff.day_ends(late))?;
        }
        Ok(())
    }
}
