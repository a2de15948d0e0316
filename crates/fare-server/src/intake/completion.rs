//! Missing ends that evidence tells: what there is of it, and what a journey costs that is completed so. How sure it
//! is, [`fare_rules::completion`] says; from when on that counts, the tariff.

use super::pricing::earlier;
use crate::store::{StoreError, Tx};
use fare_protocol::{Direction, Money};
use fare_rules::completion::{Clue, Completed, HABIT, Sign};
use fare_rules::journey::{Link, Tap};
use fare_rules::tariff::{Covers, Use};
use fare_rules::{End, Quote, Ride, Tariff};

/// A journey with the end that it lacks.
pub(super) struct Complete {
    pub(super) completed: Completed,
    pub(super) fare: Money,
    /// The products it uses.
    pub(super) uses: Vec<Use>,
}

/// Everything that points to an end which is missing.
struct Evidence<'t> {
    /// The other end.
    tap: &'t Tap,
    missing: Direction,
    /// The rider's last tap on the missing side, through which nobody went.
    receipt: Option<Tap>,
    /// The rider's next entry, or exit before, of the same day and elsewhere.
    next: Option<&'t Tap>,
}

impl Evidence<'_> {
    fn weighed(&self, tx: &Tx<'_>) -> Result<Option<Completed>, StoreError> {
        let clue = |tap: &Tap, sign| Clue {
            station: tap.station(),
            sign,
        };
        let (account, at) = (self.tap.account(), self.tap.at);
        let station = self.tap.station();
        let mut clues = tx.habits(account, (station, self.missing), (at.before(HABIT), at))?;
        clues.extend(self.next.map(|tap| clue(tap, Sign::NextTap)));
        clues.extend(self.receipt.iter().map(|tap| clue(tap, Sign::Receipt)));
        Ok(Completed::from(&clues))
    }

    /// When it was, as far as that is known: at the receipt, else at the other end.
    fn at(&self, completed: &Completed) -> End {
        let receipt = self.receipt.iter();
        let mut there = receipt.filter(|tap| tap.station() == completed.station);
        End {
            station: completed.station,
            at: there.next().map_or(self.tap.at, |tap| tap.at),
        }
    }
}

/// A journey that began with this entry, with where it ended; nothing when nothing tells, or not surely enough.
pub(super) fn with_exit(
    tx: &Tx<'_>,
    link: &Link<'_>,
    tariff: &Tariff,
) -> Result<Option<Complete>, StoreError> {
    if !tariff.completes() {
        return Ok(None);
    }
    let (entry, ends) = (link.entry, tariff.day_ends(link.entry.at));
    let account = entry.account();
    let until = link.next.map_or(ends, |next| next.at.min(ends));
    let receipts = tx.taps_without_place(account, Direction::Exit, (entry.at, until))?;
    let evidence = Evidence {
        tap: entry,
        missing: Direction::Exit,
        receipt: receipts.last().copied(),
        // Who enters again where they entered before tells nothing of where they were between.
        next: link.next.filter(|next| {
            let elsewhere = next.station() != entry.station();
            next.direction() == Direction::Entry && next.at < ends && elsewhere
        }),
    };
    let Some(completed) = tariff.completed(evidence.weighed(tx)?) else {
        return Ok(None);
    };
    let ends = (entry.end(), evidence.at(&completed));
    let Some(quote) = priced(tx, tariff, entry, ends)? else {
        return Ok(None);
    };
    let quote = quote.at_most(tx.paper_value(account)?);
    if !tx.has_products(account)? {
        return Ok(Some(complete(completed, (quote, Vec::new()))));
    }
    let held = tx.held_products(account, (entry.at, entry.id))?;
    Ok(Some(complete(completed, tariff.cover(quote, ends, &held))))
}

/// The same of a journey that ended with this exit.
pub(super) fn with_entry(
    tx: &Tx<'_>,
    exit: &Tap,
    tariff: &Tariff,
) -> Result<Option<Complete>, StoreError> {
    if !tariff.completes() {
        return Ok(None);
    }
    let (account, begins) = (
        exit.account(),
        tariff.day_begins(tariff.service_day(exit.at)),
    );
    let (before, _) = tx.neighbours(exit)?;
    let since = before
        .as_ref()
        .map_or(begins, |before| before.at.max(begins));
    let receipts = tx.taps_without_place(account, Direction::Entry, (since, exit.at))?;
    let evidence = Evidence {
        tap: exit,
        missing: Direction::Entry,
        receipt: receipts.last().copied(),
        next: before.as_ref().filter(|before| {
            let elsewhere = before.station() != exit.station();
            before.direction() == Direction::Exit && before.at >= begins && elsewhere
        }),
    };
    let Some(completed) = tariff.completed(evidence.weighed(tx)?) else {
        return Ok(None);
    };
    let ends = (evidence.at(&completed), exit.end());
    let Some(quote) = priced(tx, tariff, exit, ends)? else {
        return Ok(None);
    };
    // There is no journey that could use up a ride.
    let held = tx.held_products(account, (exit.at, exit.id))?.into_iter();
    let passes: Vec<_> = held
        .filter(|one| one.promise.covers == Covers::Pass)
        .collect();
    let (quote, _) = tariff.cover(quote, ends, &passes);
    Ok(Some(complete(completed, (quote, Vec::new()))))
}

fn complete(completed: Completed, (quote, uses): (Quote, Vec<Use>)) -> Complete {
    Complete {
        completed,
        fare: quote.fare,
        uses,
    }
}

/// Nothing where the tariff no longer has a station.
fn priced(
    tx: &Tx<'_>,
    tariff: &Tariff,
    tap: &Tap,
    (entry, exit): (End, End),
) -> Result<Option<Quote>, StoreError> {
    let earlier = earlier(tariff, tx, (tap.account(), entry.at))?;
    let ride = Ride {
        class: tap.class(),
        class_until: None,
        entry,
        exit,
        earlier: &earlier,
    };
    Ok(tariff.price(&ride).ok())
}
