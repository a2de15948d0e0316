//! What an exit costs, with the account's earlier journeys in view; and, when one of those changes, what
//! that does to the later ones.

use super::missing::at_gate;
use super::{Intake, IntakeError};
use crate::config::Settlement;
use crate::products::{self, Wanted};
use crate::store::{JourneyRow, StoreError, Tx};
use fare_protocol::{AccountId, InHand, Money, PaidBefore, UnixMs};
use fare_rules::conflict::ConflictKind;
use fare_rules::journey::{Event, Journey, Link, Price, Tap, price, price_covered, ride};
use fare_rules::tariff::Use;
use fare_rules::{Paid, QuoteError, Tariff};

/// Most journeys after which others are priced again in one transaction; the next one takes the rest.
const AGAIN_MAX: u32 = 500;

impl Intake<'_> {
    /// What an exit after this entry costs and what it uses, with the conflicts that this shows.
    pub(super) fn fare(&mut self, entry: &Tap, exit: &Tap) -> Result<Option<Priced>, IntakeError> {
        let priced = match self.priced(entry, exit)? {
            Ok(priced) => priced,
            Err(err) => {
                let detail = Some(err.to_string());
                self.conflict(exit, ConflictKind::Unpriced, detail, Some(entry))?;
                return Ok(None);
            }
        };
        self.conflict(exit, ConflictKind::Unpriced, None, None)?;
        let (shown, price) = (exit.confirmation.fare_quoted, &priced.price);
        let detail = shown.filter(|_| price.quote_differs).map(|shown| {
            let (gate, priced, fare) = (exit.gate, price.expected, price.charged.fare);
            format!("gate {gate} showed {shown}, the server found {priced}; charged {fare}")
        });
        self.conflict(exit, ConflictKind::QuoteDiffers, detail, Some(entry))?;
        Ok(Some(priced))
    }

    /// The price of a journey by the tariff of its entry's day.
    pub(super) fn priced(
        &self,
        entry: &Tap,
        exit: &Tap,
    ) -> Result<Result<Priced, QuoteError>, StoreError> {
        priced(self.settlement, self.tx, entry, exit)
    }

    /// A journey's price has changed: those of the account that began later and that look back at it
    /// are priced again. What differs is reversed and charged anew, so that the books are the same in
    /// whatever order records arrive. What a person has decided about stays.
    pub(super) fn reprice_after(&mut self, entry: &Tap) -> Result<(), IntakeError> {
        let account = entry.account();
        let tariffs = self.settlement.reach().map(|reach| entry.at.after(reach));
        let Some(until) = tariffs.max(products::reach(self.tx, account)?) else {
            return Ok(());
        };
        let after = (entry.at, entry.id);
        for (later, row) in self.tx.charged_after(account, after, until)? {
            let Some(entry) = self.tx.tap(account, later)? else {
                continue;
            };
            let Some(charge) = row.state.charge() else {
                self.maximum_again(&entry, row)?;
                continue;
            };
            let Some(exit) = self.tx.tap(account, charge.exit)? else {
                continue;
            };
            let decided =
                self.tx.is_decided(account, later)? || self.tx.is_decided(account, charge.exit)?;
            if !decided && let Ok(priced) = self.priced(&entry, &exit)? {
                self.charge_again(&entry, &exit, row, priced)?;
            }
        }
        Ok(())
    }

    fn charge_again(
        &mut self,
        entry: &Tap,
        exit: &Tap,
        row: JourneyRow,
        priced: Priced,
    ) -> Result<(), IntakeError> {
        let (fare, wanted) = (priced.price.charged.fare, Wanted::These(priced.uses));
        if self.is_too_much(row.state, fare) {
            return Ok(());
        }
        if row.state.fare() == Some(fare) {
            self.use_products(entry, [row.state; 2], &wanted)?;
            return Ok(());
        }
        let event = Event::Exit {
            exit: exit.id,
            passed: exit.standing() == fare_rules::journey::Standing::Passed,
            fare: Some(fare),
        };
        let (state, actions) = row.state.on(event);
        self.tx.update_journey(entry, state, Some(exit))?;
        for action in actions {
            self.act(entry, action, row.state)?;
        }
        self.use_products(entry, [row.state, state], &wanted)?;
        Ok(())
    }

    /// What a missing exit costs, with the account's products as they are left now.
    fn maximum_again(&mut self, entry: &Tap, row: JourneyRow) -> Result<(), IntakeError> {
        if self.tx.is_decided(entry.account(), entry.id)? {
            return Ok(());
        }
        let (_, next) = self.tx.neighbours(entry)?;
        let link = Link {
            entry,
            next: next.as_ref(),
        };
        let (fare, wanted) = self.maximum(&link, row.due)?;
        if fare.is_none_or(|fare| self.is_too_much(row.state, fare)) {
            return Ok(());
        }
        let (state, actions) = row.state.on(Event::NoExit(fare));
        self.tx.update_journey(entry, state, None)?;
        for action in actions {
            self.act(entry, action, row.state)?;
        }
        self.use_products(entry, [row.state, state], &wanted)?;
        Ok(())
    }

    fn is_too_much(&self, state: Journey, fare: Money) -> bool {
        self.only_less && state.fare().is_some_and(|was| fare.minor > was.minor)
    }

    /// Has the journey, which was in the first state and is in the second now, use what is wanted of the account's products; answers whether that is
    /// anything else than before.
    pub(super) fn use_products(
        &self,
        entry: &Tap,
        [was, state]: [Journey; 2],
        wanted: &Wanted,
    ) -> Result<bool, IntakeError> {
        let passed = matches!(state, Journey::Closed(_) | Journey::NoExit(Some(_)));
        let (account, journey) = (entry.account(), (entry.at, entry.id, was.exit()));
        Ok(products::book(
            self.tx, account, journey, wanted, passed, self.now,
        )?)
    }
}

/// Prices again what began after journeys of which a person's decision gave back what they had used: what costs less now
/// does, what would cost more stays. Answers how many such journeys were looked at, at most 500.
///
/// # Errors
/// When the store fails; then everything is as it was.
pub fn price_again(
    settlement: &Settlement,
    tx: &Tx<'_>,
    now: UnixMs,
) -> Result<usize, IntakeError> {
    let due = tx.to_price_again(AGAIN_MAX)?;
    for (account, entry) in &due {
        let tap = tx.tap(*account, *entry)?;
        let tap = tap.ok_or(StoreError::Corrupt("a journey without its entry"))?;
        let mut intake = at_gate(settlement, tx, &tap, now)?;
        intake.only_less = true;
        intake.reprice_after(&tap)?;
        tx.priced_again(*account, *entry)?;
    }
    Ok(due.len())
}

/// What a journey costs, and what of the account's products it uses for that.
pub(crate) struct Priced {
    /// The price, products laid over what is charged.
    pub(crate) price: Price,
    pub(crate) uses: Vec<Use>,
}

/// What the account paid before this entry, as far as it matters for what follows it.
pub(super) fn paid_before(
    settlement: &Settlement,
    tx: &Tx<'_>,
    entry: &Tap,
) -> Result<PaidBefore, StoreError> {
    let tariff = settlement.tariff_at(entry.at);
    let earlier = earlier(&tariff, tx, (entry.account(), entry.at))?;
    Ok(tariff.paid_before(entry.end(), &earlier))
}

/// The account's products that may pay for the journey of this entry.
pub(super) fn in_hand(
    settlement: &Settlement,
    tx: &Tx<'_>,
    entry: &Tap,
) -> Result<Vec<InHand>, StoreError> {
    let account = entry.account();
    if !tx.has_products(account)? {
        return Ok(Vec::new());
    }
    let held = tx.held_products(account, (entry.at, entry.id))?;
    Ok(settlement.tariff_at(entry.at).in_hand(entry.end(), &held))
}

/// The price of a journey by the tariff of its entry's day, with what the account paid before and with its
/// products laid over it.
pub(crate) fn priced(
    settlement: &Settlement,
    tx: &Tx<'_>,
    entry: &Tap,
    exit: &Tap,
) -> Result<Result<Priced, QuoteError>, StoreError> {
    let tariff = settlement.tariff_at(entry.at);
    let earlier = earlier(&tariff, tx, (entry.account(), entry.at))?;
    let ride = ride(entry, exit, &earlier);
    let both = tariff
        .price(&ride)
        .and_then(|quote| Ok((quote, tariff.price(&ride.alone())?.fare)));
    let both = match both {
        Ok(both) => both,
        Err(err) => return Ok(Err(err)),
    };
    let account = entry.account();
    let most = tx.paper_value(account)?;
    let alone = most.map_or(both.1, |most| Money {
        minor: both.1.minor.min(most.minor),
        ..both.1
    });
    let quote = both.0.at_most(most);
    if !tx.has_products(account)? {
        let (price, uses) = (price(exit, quote, alone), Vec::new());
        return Ok(Ok(Priced { price, uses }));
    }
    let held = tx.held_products(account, (entry.at, entry.id))?;
    let ends = (entry.end(), exit.end());
    let cover = |quote| tariff.cover(quote, ends, &held);
    let (price, uses) = price_covered(exit, quote, alone, cover);
    Ok(Ok(Priced { price, uses }))
}

/// The account's journeys that began before this moment, as far back as they matter.
pub(super) fn earlier(
    tariff: &Tariff,
    tx: &Tx<'_>,
    (account, at): (AccountId, UnixMs),
) -> Result<Vec<Paid>, StoreError> {
    match tariff.reach() {
        Some(reach) => tx.paid(account, (at.before(reach), at), tariff.currency()),
        None => Ok(Vec::new()),
    }
}
