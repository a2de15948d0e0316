//! When what accounts owe is charged, how often a decline is tried again, and how the money stands meanwhile.
//!
//! ```text
//!          send              paid
//!   due ---------> sent ---------------> paid        rider +a charging -a | charging +a platform -a
//!                   |  ^
//!          declined |  | send again, other means
//!                   v  |                             charging +a debt -a  | debt +a charging -a
//!                   debt --------------> paid        debt +a platform -a (told late)
//! ```
//! A platform that charged another amount has its own amount booked and the rest in suspense; one that charged in
//! another currency leaves the charge where it is (`differs`), for a person. What we owe an account is set off
//! against what it owes next.

use crate::ledger::{LedgerAccount, Posting, PostingError};
use fare_protocol::{AccountId, Currency, Money, RecordId, UnixMs};
use std::collections::BTreeMap;

/// A day, for calendars of tries.
const DAY_MS: i64 = 86_400_000;

/// Most days of a calendar of tries, and the latest of them.
pub const RETRIES_MAX: usize = 12;
/// The latest day of a try after the first decline.
pub const RETRY_DAY_MAX: u16 = 90;

/// When an account is charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Each journey by itself, as soon as it is paid.
    Journey,
    /// All of a service day at once, when it is over.
    Day,
    /// As `Day`, but at once when so much is owed, in minor units.
    Threshold(i64),
}

/// One posting of the rider's account that nothing has charged yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owed {
    /// Its id.
    pub posting: [u8; 16],
    /// The entry of the journey that it is about.
    pub entry: Option<RecordId>,
    /// What the rider owes by it, in minor units; below zero what we owe.
    pub minor: i64,
    /// When it was made.
    pub made: UnixMs,
}

/// Postings that are charged together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// Their ids.
    pub postings: Vec<[u8; 16]>,
    /// Their sum, in minor units: zero when they cancel out, and then nothing is charged.
    pub minor: i64,
}

impl Policy {
    /// What is charged now, out of all that is owed in one currency; the rest waits. `day_began` is the
    /// beginning of the service day that is on.
    pub fn bundles(self, owed: &[Owed], day_began: UnixMs) -> Vec<Bundle> {
        let sum = |part: &[Owed]| {
            part.iter()
                .try_fold(0_i64, |sum, one| sum.checked_add(one.minor))
        };
        let together = |part: Vec<Owed>| match sum(&part) {
            Some(minor) if minor >= 0 && !part.is_empty() => vec![Bundle {
                postings: part.iter().map(|one| one.posting).collect(),
                minor,
            }],
            // What we owe waits for what is owed next.
            Some(_) | None => Vec::new(),
        };
        match self {
            Self::Journey => {
                let mut journeys = BTreeMap::<Option<RecordId>, Vec<Owed>>::new();
                for one in owed {
                    journeys.entry(one.entry).or_default().push(*one);
                }
                let ours = |part: &Vec<Owed>| sum(part).is_none_or(|minor| minor < 0);
                if journeys.values().any(ours) {
                    return together(owed.to_vec());
                }
                journeys.into_values().flat_map(together).collect()
            }
            Self::Threshold(most) if sum(owed).is_some_and(|minor| minor >= most) => {
                together(owed.to_vec())
            }
            Self::Day | Self::Threshold(_) => {
                let before = owed.iter().filter(|one| one.made < day_began);
                together(before.copied().collect())
            }
        }
    }
}

/// On which days after the first decline a charge is tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryCalendar(Vec<u16>);

/// Why days are no calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "write at most {RETRIES_MAX} days, each later than the one before, from 1 to {RETRY_DAY_MAX}"
)]
pub struct NotACalendar;

impl RetryCalendar {
    /// The days, rising.
    ///
    /// # Errors
    /// When they do not rise, or are too many or too late.
    pub fn new(days: Vec<u16>) -> Result<Self, NotACalendar> {
        let rises = days.is_sorted_by(|a, b| a < b);
        let within = days.iter().all(|day| (1..=RETRY_DAY_MAX).contains(day));
        if rises && within && days.len() <= RETRIES_MAX {
            Ok(Self(days))
        } else {
            Err(NotACalendar)
        }
    }

    /// When to try again after so many declines, the first of which was then; none when no more.
    pub fn next(&self, declines: u32, first: UnixMs) -> Option<UnixMs> {
        let nth = usize::try_from(declines).ok()?.checked_sub(1)?;
        let day = i64::from(*self.0.get(nth)?);
        Some(UnixMs(first.0.saturating_add(day * DAY_MS)))
    }
}

/// How far a charge has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChargeState {
    /// Nothing has been sent.
    Due,
    /// A platform has been asked; what became of it is not known yet.
    Sent,
    /// The money is the platform's to hand on.
    Paid,
    /// Declined: the account owes it.
    Debt,
    /// A platform charged what cannot be booked against it: a person looks.
    Differs,
}

impl ChargeState {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Due, Self::Sent, Self::Paid, Self::Debt, Self::Differs];

    /// Its name.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Sent => "sent",
            Self::Paid => "paid",
            Self::Debt => "debt",
            Self::Differs => "differs",
        }
    }
}

/// What happens to a charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChargeEvent {
    /// A platform is asked.
    Send,
    /// A platform charged this much, in this ledger account of ours.
    Paid(LedgerAccount, Money),
    /// A platform said no, or the order was taken back.
    Declined,
}

/// A charge: what is wanted of whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge {
    /// Of whom.
    pub account: AccountId,
    /// How much, more than zero.
    pub amount: Money,
    /// How far it has come.
    pub state: ChargeState,
}

impl Charge {
    /// What an event makes of it, and what is posted. What changes nothing posts nothing: a notice that is told
    /// again, a decline of what was paid elsewhere.
    ///
    /// # Errors
    /// When amounts do not fit.
    pub fn on(self, event: ChargeEvent) -> Result<(ChargeState, Option<Posting>), PostingError> {
        use ChargeState::{Debt, Differs, Due, Paid, Sent};
        let rider = LedgerAccount::Rider(self.account);
        let (charging, debt) = (LedgerAccount::Charging, LedgerAccount::Debt);
        Ok(match (self.state, event) {
            (Due, ChargeEvent::Send) => (Sent, Some(Posting::send(rider, self.amount)?)),
            (Debt, ChargeEvent::Send) => (Sent, Some(Posting::send(debt, self.amount)?)),
            (Sent, ChargeEvent::Declined) => (Debt, Some(Posting::decline(self.amount)?)),
            (Sent | Differs, ChargeEvent::Paid(to, got)) => self.paid(charging, to, got)?,
            (Debt, ChargeEvent::Paid(to, got)) => self.paid(debt, to, got)?,
            // Charged although it was paid already or never sent: not against anything.
            (Paid | Due, ChargeEvent::Paid(to, got)) => {
                (self.state, Some(Posting::unexpected(to, got)?))
            }
            (Sent | Paid | Differs, ChargeEvent::Send)
            | (Due | Paid | Debt | Differs, ChargeEvent::Declined) => (self.state, None),
        })
    }

    fn paid(
        self,
        from: LedgerAccount,
        to: LedgerAccount,
        got: Money,
    ) -> Result<(ChargeState, Option<Posting>), PostingError> {
        if got.currency == self.amount.currency {
            let posting = Posting::settle(from, to, self.amount, got)?;
            return Ok((ChargeState::Paid, Some(posting)));
        }
        let posting = Posting::unexpected(to, got)?;
        let state = match self.state {
            ChargeState::Debt => ChargeState::Debt,
            ChargeState::Due | ChargeState::Sent | ChargeState::Paid | ChargeState::Differs => {
                ChargeState::Differs
            }
        };
        Ok((state, Some(posting)))
    }
}

/// What stands in the ledger for a charge in this state: in flight, and as debt.
pub fn standing(state: ChargeState, amount: Money) -> (Money, Money) {
    let none = Money::zero(amount.currency);
    match state {
        ChargeState::Due | ChargeState::Paid => (none, none),
        ChargeState::Sent | ChargeState::Differs => (amount, none),
        ChargeState::Debt => (none, amount),
    }
}

/// Only CNY is charged by platforms beyond a network; others stay owed.
pub fn is_charged(currency: Currency) -> bool {
    currency == Currency::CNY
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::ledger::books::Balances;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const RIDER: AccountId = AccountId([7; 16]);

    fn cny(minor: i64) -> Money {
        Money::new(minor, Currency::CNY)
    }

    fn owed(n: u8, entry: u8, minor: i64, made: i64) -> Owed {
        Owed {
            posting: [n; 16],
            entry: Some(RecordId([entry; 16])),
            minor,
            made: UnixMs(made),
        }
    }

    fn sums(bundles: &[Bundle]) -> Vec<i64> {
        bundles.iter().map(|bundle| bundle.minor).collect()
    }

    #[test]
    fn policies_say_when() {
        let three = [owed(1, 1, 300, 5), owed(2, 2, 400, 6), owed(3, 3, 500, 15)];
        let began = UnixMs(10);
        assert_eq!(
            sums(&Policy::Journey.bundles(&three, began)),
            [300, 400, 500]
        );
        assert_eq!(sums(&Policy::Day.bundles(&three, began)), [700]);
        assert_eq!(
            sums(&Policy::Threshold(1_300).bundles(&three, began)),
            [700]
        );
        assert_eq!(
            sums(&Policy::Threshold(1_200).bundles(&three, began)),
            [1_200]
        );
        assert_eq!(Policy::Day.bundles(&three, UnixMs(5)), []);
        assert_eq!(Policy::Day.bundles(&[], began), []);
    }

    #[test]
    fn what_we_owe_is_set_off() {
        let began = UnixMs(10);
        let back = [owed(1, 1, -300, 5), owed(2, 2, 400, 6)];
        assert_eq!(sums(&Policy::Journey.bundles(&back, began)), [100]);
        assert_eq!(sums(&Policy::Day.bundles(&back, began)), [100]);
        assert_eq!(Policy::Journey.bundles(&back[..1], began), [], "it waits");
        let undone = [owed(1, 1, 300, 5), owed(2, 1, -300, 6)];
        assert_eq!(sums(&Policy::Journey.bundles(&undone, began)), [0]);
    }

    #[test]
    fn a_calendar_rises_and_ends() {
        let calendar = RetryCalendar::new(vec![1, 3, 7]).unwrap();
        let first = UnixMs(1_000);
        let next = |declines| {
            calendar
                .next(declines, first)
                .map(|at| (at.0 - 1_000) / DAY_MS)
        };
        assert_eq!(
            [0, 1, 2, 3, 4].map(next),
            [None, Some(1), Some(3), Some(7), None]
        );
        for bad in [vec![0], vec![3, 3], vec![7, 1], vec![91], (1..14).collect()] {
            assert_eq!(RetryCalendar::new(bad), Err(NotACalendar));
        }
        assert!(RetryCalendar::new(vec![]).unwrap().next(1, first).is_none());
    }

    #[test]
    fn an_amount_that_differs_is_booked_as_it_is() {
        let charge = |state| Charge {
            account: RIDER,
            amount: cny(300),
            state,
        };
        let paid = |state, got| charge(state).on(ChargeEvent::Paid(LedgerAccount::Alipay, got));
        let (state, posting) = paid(ChargeState::Sent, cny(250)).unwrap();
        assert_eq!(state, ChargeState::Paid);
        assert_eq!(posting.unwrap().entries().len(), 3);
        let dollars = Money::new(300, "USD".parse().unwrap());
        let (state, posting) = paid(ChargeState::Sent, dollars).unwrap();
        assert_eq!(state, ChargeState::Differs);
        assert!(posting.is_some());
        let (state, posting) = paid(ChargeState::Paid, cny(300)).unwrap();
        assert_eq!(state, ChargeState::Paid);
        assert!(posting.is_some(), "charged twice stands in suspense");
    }

    proptest! {
        #[test]
        fn bundles_part_what_is_owed(
            minors in prop::collection::vec((0..6_u8, -500..900_i64, 0..20_i64), 0..30),
            policy in prop_oneof![
                Just(Policy::Journey), Just(Policy::Day), (0..3_000_i64).prop_map(Policy::Threshold)
            ],
        ) {
            let all: Vec<_> = (0..).zip(&minors).map(|(n, (e, m, at))| owed(n, *e, *m, *at)).collect();
            let bundles = policy.bundles(&all, UnixMs(10));
            let mut seen = BTreeSet::new();
            for bundle in &bundles {
                prop_assert!(bundle.minor >= 0);
                prop_assert!(!bundle.postings.is_empty());
                let of = |id: &[u8; 16]| all.iter().find(|one| one.posting == *id).unwrap().minor;
                prop_assert_eq!(bundle.postings.iter().map(of).sum::<i64>(), bundle.minor);
                for posting in &bundle.postings {
                    prop_assert!(seen.insert(*posting), "charged twice");
                }
            }
            if policy == Policy::Journey {
                let total: i64 = all.iter().map(|one| one.minor).sum();
                let charged: i64 = bundles.iter().map(|bundle| bundle.minor).sum();
                prop_assert!(charged == total || (total < 0 && bundles.is_empty()));
            }
        }

        #[test]
        fn books_balance_whatever_happens_to_a_charge(
            events in prop::collection::vec((0..4_u8, -50..50_i64), 0..20)
        ) {
            let mut books = Balances::default();
            let mut charge = Charge { account: RIDER, amount: cny(300), state: ChargeState::Due };
            for (what, more) in events {
                let event = match what {
                    0 => ChargeEvent::Send,
                    1 => ChargeEvent::Declined,
                    2 => ChargeEvent::Paid(LedgerAccount::WeChat, cny(300 + more)),
                    _ => ChargeEvent::Paid(LedgerAccount::WeChat, Money::new(300, "USD".parse().unwrap())),
                };
                let (state, posting) = charge.on(event).unwrap();
                charge.state = state;
                if let Some(posting) = posting {
                    books.post(&posting).unwrap();
                }
                prop_assert!(books.is_balanced());
                let (flying, debt) = standing(state, charge.amount);
                prop_assert_eq!(books.of(LedgerAccount::Charging, Currency::CNY), -flying.minor);
                prop_assert_eq!(books.of(LedgerAccount::Debt, Currency::CNY), -debt.minor);
                // The rider's account is cleared once, when the charge was sent for the first time.
                let cleared = if state == ChargeState::Due { 0 } else { 300 };
                prop_assert_eq!(books.of(LedgerAccount::Rider(RIDER), Currency::CNY), cleared);
            }
        }
    }
}
