//! What an account's journeys cost that began in a span of time: what prices look back at.

use super::Account;
use fare_protocol::{Currency, RecordId, UnixMs};
use fare_rules::Paid;
use fare_rules::journey::{Journey, Tap};
use std::collections::BTreeMap;
use std::ops::Bound;

/// When a journey began, and its entry.
pub(super) type Began = (UnixMs, RecordId);

/// All journeys of one account that cost something and began in `span`, its end not included.
pub(super) struct PaidSpan {
    pub(super) span: (UnixMs, UnixMs),
    pub(super) paid: BTreeMap<Began, (Paid, Currency)>,
}

impl Account {
    /// The journey of this entry is in this state now.
    pub(super) fn note_paid(&mut self, entry: &Tap, state: Journey, exit: Option<&Tap>) {
        let Some(known) = &mut self.paid else { return };
        let began = (entry.at, entry.id);
        let Some(charge) = state.charge() else {
            known.paid.remove(&began);
            return;
        };
        let Some(exit) = exit.filter(|exit| exit.id == charge.exit) else {
            // Where it ended is not said: the database knows.
            self.paid = None;
            return;
        };
        if (known.span.0..known.span.1).contains(&entry.at) {
            let (entry, exit) = (entry.end(), exit.end());
            let minor = charge.fare.minor;
            let paid = Paid { entry, exit, minor };
            known.paid.insert(began, (paid, charge.fare.currency));
        }
    }

    /// What they cost that began from `from` up to before `until`; nothing when the database must be asked, as
    /// when products covered some.
    pub(super) fn paid(
        &self,
        (from, until): (UnixMs, UnixMs),
        currency: Currency,
    ) -> Option<Vec<Paid>> {
        let known = self.paid.as_ref().filter(|_| !self.products)?;
        let within = known.span.0 <= from && until <= known.span.1;
        within.then(|| {
            let all = known.paid.values();
            let wanted =
                all.filter(|(paid, of)| *of == currency && (from..until).contains(&paid.entry.at));
            wanted.map(|(paid, _)| *paid).collect()
        })
    }

    /// Whether it is known that no journey which cost something began after this one and before `until`.
    pub(super) fn paid_nothing_after(&self, began: Began, until: UnixMs) -> bool {
        self.paid.as_ref().is_some_and(|known| {
            let within = known.span.0 <= began.0 && until <= known.span.1;
            let after = (Bound::Excluded(began), Bound::Unbounded);
            let next = known.paid.range(after).next();
            within && next.is_none_or(|((at, _), _)| *at >= until)
        })
    }
}
