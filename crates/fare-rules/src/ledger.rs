//! Double-entry postings: how a journey's money moves, and books that always sum to zero.
//!
//! ```text
//! hold      rider -fare   held    +fare     an exit tap
//! capture   held  -fare   revenue +fare     its passage
//! void      held  -fare   rider   +fare     nobody passed
//! reverse   revenue -fare rider   +fare     the charge was wrong: a late record shows it, or a
//!                                           person decided so
//! resolve   rider -fare   revenue +fare     a person decided about a conflict
//! sell      cash or rider -price  prepaid +price   a product was sold
//! use       prepaid -part  revenue +part    a journey used it, and somebody passed
//! return    revenue -part  prepaid +part    the journey was another one
//! lapse     prepaid -rest  lapsed  +rest    its time is over
//! unsell    prepaid -price cash or rider +price    it was sold by mistake; or a part of it was paid back
//! pay out   stored value -left  cash +back  lapsed +fee    a paper code was brought back
//! ask       rider -amount   refunds +amount   a refund is wanted of a platform: set aside until it answers
//! refund    refunds -amount platform +amount  it gave back
//! refused   refunds -amount rider   +amount   it did not
//! share     revenue -part   operator +part    what an operator gets of a close of the books
//! ```
//! How what riders owe becomes money on a platform is in [`crate::charging`].
//! Nothing is ever changed or deleted; a correction is one more posting.

use fare_protocol::{AccountId, Money, MoneyError};

/// An account of the ledger; not to be confused with a rider's [`AccountId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LedgerAccount {
    /// What a rider has paid (negative: money that left the rider).
    Rider(AccountId),
    /// What taps hold until their passages are known.
    Held,
    /// What journeys have earned.
    FareRevenue,
    /// What has been asked of platforms and is not known to be paid (negative).
    Charging,
    /// What platforms declined and riders owe (negative).
    Debt,
    /// What Alipay took for us and owes us (negative).
    Alipay,
    /// The same of WeChat Pay.
    WeChat,
    /// What riders paid in beforehand and we owe them.
    StoredValue,
    /// What desks took for it (negative).
    Cash,
    /// What was charged too much, or too little (negative): a person looks.
    Suspense,
    /// What riders paid for products and journeys have not earned yet.
    Prepaid,
    /// What was paid for products and nobody used in time.
    Lapsed,
    /// What is set aside for riders until platforms have given it back.
    Refunds,
    /// What is owed to an operator out of fares; the posting's own account says to which.
    Operator,
}

/// One line of a posting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where.
    pub account: LedgerAccount,
    /// How much comes in (positive) or goes out (negative).
    pub amount: Money,
}

/// Why a posting was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PostingKind {
    /// An exit tap.
    Hold,
    /// Its passage.
    Capture,
    /// Nobody passed.
    Void,
    /// The charge was wrong.
    Reverse,
    /// A person decided about a conflict.
    Resolve,
    /// A charge was sent to a platform.
    Send,
    /// The platform said no.
    Decline,
    /// The platform charged it.
    Settle,
    /// A platform charged what nothing asked for.
    Unexpected,
    /// A platform gave back, or a desk paid stored value out.
    Refund,
    /// Money was paid into stored value.
    TopUp,
    /// A product was sold.
    Sell,
    /// A journey used a product.
    Use,
    /// A journey uses a product no longer.
    Return,
    /// A product's time is over.
    Lapse,
    /// A product was sold by mistake, or a part of its price was paid back.
    Unsell,
    /// A refund is wanted of a platform.
    AskRefund,
    /// The platform does not give it.
    RefuseRefund,
    /// An operator gets its part of a close of the books.
    Share,
}

/// Entries of one currency that sum to zero. No other posting exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    kind: PostingKind,
    entries: Vec<Entry>,
}

/// Why entries are not a posting, or cannot be posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PostingError {
    /// Fewer than two entries.
    #[error("a posting has at least two entries, got {0}")]
    TooFew(usize),
    /// The entries do not cancel out.
    #[error("the entries sum to {0}, expected zero")]
    Unbalanced(Money),
    /// A fare below zero.
    #[error("the fare is {0}, expected zero or more; take money back with a reversal")]
    NegativeFare(Money),
    /// Two currencies, or a sum beyond 64 bits.
    #[error("{0}")]
    Money(#[from] MoneyError),
}

impl LedgerAccount {
    /// Its kind, for the database and the books' printout.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Rider(_) => "rider",
            Self::Held => "held",
            Self::FareRevenue => "fare-revenue",
            Self::Charging => "charging",
            Self::Debt => "debt",
            Self::Alipay => "alipay",
            Self::WeChat => "wechat",
            Self::StoredValue => "stored-value",
            Self::Cash => "cash",
            Self::Suspense => "suspense",
            Self::Prepaid => "prepaid",
            Self::Lapsed => "lapsed",
            Self::Refunds => "refunds",
            Self::Operator => "operator",
        }
    }
}

impl PostingKind {
    /// Its name, for the database.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Capture => "capture",
            Self::Void => "void",
            Self::Reverse => "reverse",
            Self::Resolve => "resolve",
            Self::Send => "send",
            Self::Decline => "decline",
            Self::Settle => "settle",
            Self::Unexpected => "unexpected",
            Self::Refund => "refund",
            Self::TopUp => "top-up",
            Self::Sell => "product-sale",
            Self::Use => "product-use",
            Self::Return => "product-return",
            Self::Lapse => "product-lapse",
            Self::Unsell => "product-unsold",
            Self::AskRefund => "refund-ask",
            Self::RefuseRefund => "refund-refused",
            Self::Share => "share",
        }
    }
}

impl Posting {
    /// The posting of these entries.
    ///
    /// # Errors
    /// When they are fewer than two, of several currencies, or do not sum to zero.
    pub fn new(kind: PostingKind, entries: Vec<Entry>) -> Result<Self, PostingError> {
        let [first, rest @ ..] = entries.as_slice() else {
            return Err(PostingError::TooFew(0));
        };
        if rest.is_empty() {
            return Err(PostingError::TooFew(1));
        }
        let sum = rest
            .iter()
            .try_fold(first.amount, |sum, entry| sum.checked_add(entry.amount))?;
        if sum.minor != 0 {
            return Err(PostingError::Unbalanced(sum));
        }
        Ok(Self { kind, entries })
    }

    /// Takes `fare` from the rider into hold.
    ///
    /// # Errors
    /// When `fare` is negative; so with the other four.
    pub fn hold(rider: AccountId, fare: Money) -> Result<Self, PostingError> {
        let (from, to) = (LedgerAccount::Rider(rider), LedgerAccount::Held);
        Self::transfer(PostingKind::Hold, from, to, fare)
    }

    /// Makes a held fare revenue.
    ///
    /// # Errors
    /// As [`Posting::hold`].
    pub fn capture(fare: Money) -> Result<Self, PostingError> {
        let (from, to) = (LedgerAccount::Held, LedgerAccount::FareRevenue);
        Self::transfer(PostingKind::Capture, from, to, fare)
    }

    /// Gives a held fare back.
    ///
    /// # Errors
    /// As [`Posting::hold`].
    pub fn void(rider: AccountId, fare: Money) -> Result<Self, PostingError> {
        let (from, to) = (LedgerAccount::Held, LedgerAccount::Rider(rider));
        Self::transfer(PostingKind::Void, from, to, fare)
    }

    /// Gives a captured fare back.
    ///
    /// # Errors
    /// As [`Posting::hold`].
    pub fn reverse(rider: AccountId, fare: Money) -> Result<Self, PostingError> {
        let (from, to) = (LedgerAccount::FareRevenue, LedgerAccount::Rider(rider));
        Self::transfer(PostingKind::Reverse, from, to, fare)
    }

    /// Charges what a person decided.
    ///
    /// # Errors
    /// As [`Posting::hold`].
    pub fn resolve(rider: AccountId, fare: Money) -> Result<Self, PostingError> {
        let (from, to) = (LedgerAccount::Rider(rider), LedgerAccount::FareRevenue);
        Self::transfer(PostingKind::Resolve, from, to, fare)
    }

    /// What is owed, by the rider's account or as debt, is asked of a platform.
    ///
    /// # Errors
    /// As [`Posting::hold`].
    pub fn send(owed: LedgerAccount, amount: Money) -> Result<Self, PostingError> {
        Self::transfer(PostingKind::Send, LedgerAccount::Charging, owed, amount)
    }

    /// The platform said no: it is debt.
    ///
    /// # Errors
    /// As [`Posting::hold`].
    pub fn decline(amount: Money) -> Result<Self, PostingError> {
        let (from, to) = (LedgerAccount::Debt, LedgerAccount::Charging);
        Self::transfer(PostingKind::Decline, from, to, amount)
    }

    /// A platform charged `got` for what stands in `owed` with `wanted`; what differs goes to suspense.
    ///
    /// # Errors
    /// As [`Posting::hold`].
    pub fn settle(
        owed: LedgerAccount,
        platform: LedgerAccount,
        wanted: Money,
        got: Money,
    ) -> Result<Self, PostingError> {
        if got.minor < 0 {
            return Err(PostingError::NegativeFare(got));
        }
        let entry = |account, amount| Entry { account, amount };
        let mut entries = vec![entry(owed, wanted), entry(platform, got.checked_neg()?)];
        let more = got.checked_add(wanted.checked_neg()?)?;
        if more.minor != 0 {
            entries.push(entry(LedgerAccount::Suspense, more));
        }
        Self::new(PostingKind::Settle, entries)
    }

    /// A platform charged what nothing asked for.
    ///
    /// # Errors
    /// As [`Posting::hold`].
    pub fn unexpected(platform: LedgerAccount, got: Money) -> Result<Self, PostingError> {
        let (kind, to) = (PostingKind::Unexpected, LedgerAccount::Suspense);
        Self::transfer(kind, platform, to, got)
    }

    /// What we owe a rider is set aside until a platform has given it back.
    ///
    /// # Errors
    /// As [`Posting::hold`].
    pub fn ask_refund(rider: AccountId, amount: Money) -> Result<Self, PostingError> {
        let (from, to) = (LedgerAccount::Rider(rider), LedgerAccount::Refunds);
        Self::transfer(PostingKind::AskRefund, from, to, amount)
    }

    /// The platform does not give it: we owe it again.
    ///
    /// # Errors
    /// As [`Posting::hold`].
    pub fn refuse_refund(rider: AccountId, amount: Money) -> Result<Self, PostingError> {
        let (from, to) = (LedgerAccount::Refunds, LedgerAccount::Rider(rider));
        Self::transfer(PostingKind::RefuseRefund, from, to, amount)
    }

    /// A platform gave back to the rider what was set aside, or what we owed.
    ///
    /// # Errors
    /// As [`Posting::hold`].
    pub fn refund(
        from: LedgerAccount,
        platform: LedgerAccount,
        amount: Money,
    ) -> Result<Self, PostingError> {
        Self::transfer(PostingKind::Refund, from, platform, amount)
    }

    /// An operator gets its part of revenue; below zero when more was given back than earned.
    ///
    /// # Errors
    /// When the part has no negative.
    pub fn share(part: Money) -> Result<Self, PostingError> {
        let entry = |account, amount| Entry { account, amount };
        let revenue = entry(LedgerAccount::FareRevenue, part.checked_neg()?);
        let entries = vec![revenue, entry(LedgerAccount::Operator, part)];
        Self::new(PostingKind::Share, entries)
    }

    /// Money was paid into stored value at a desk.
    ///
    /// # Errors
    /// As [`Posting::hold`].
    pub fn top_up(amount: Money) -> Result<Self, PostingError> {
        let (from, to) = (LedgerAccount::Cash, LedgerAccount::StoredValue);
        Self::transfer(PostingKind::TopUp, from, to, amount)
    }

    /// What is left of stored value is paid out at a desk, less what is kept.
    ///
    /// # Errors
    /// When either is negative, or they are of several currencies.
    pub fn pay_out(back: Money, kept: Money) -> Result<Self, PostingError> {
        if let Some(negative) = [back, kept].into_iter().find(|part| part.minor < 0) {
            return Err(PostingError::NegativeFare(negative));
        }
        let entry = |account, amount| Entry { account, amount };
        let left = back.checked_add(kept)?;
        let mut entries = vec![entry(LedgerAccount::StoredValue, left.checked_neg()?)];
        entries.push(entry(LedgerAccount::Cash, back));
        if kept.minor != 0 {
            entries.push(entry(LedgerAccount::Lapsed, kept));
        }
        Self::new(PostingKind::Refund, entries)
    }

    /// A product was sold, for cash or on the rider's account.
    ///
    /// # Errors
    /// As [`Posting::hold`].
    pub fn sell(from: LedgerAccount, price: Money) -> Result<Self, PostingError> {
        Self::transfer(PostingKind::Sell, from, LedgerAccount::Prepaid, price)
    }

    /// It was sold by mistake: the price goes back where it came from.
    ///
    /// # Errors
    /// As [`Posting::hold`].
    pub fn unsell(to: LedgerAccount, price: Money) -> Result<Self, PostingError> {
        Self::transfer(PostingKind::Unsell, LedgerAccount::Prepaid, to, price)
    }

    /// A journey earns a part of a product's price.
    ///
    /// # Errors
    /// As [`Posting::hold`].
    pub fn use_product(part: Money) -> Result<Self, PostingError> {
        let (from, to) = (LedgerAccount::Prepaid, LedgerAccount::FareRevenue);
        Self::transfer(PostingKind::Use, from, to, part)
    }

    /// A journey earns it no longer.
    ///
    /// # Errors
    /// As [`Posting::hold`].
    pub fn return_product(part: Money) -> Result<Self, PostingError> {
        let (from, to) = (LedgerAccount::FareRevenue, LedgerAccount::Prepaid);
        Self::transfer(PostingKind::Return, from, to, part)
    }

    /// What is left of a product's price when its time is over.
    ///
    /// # Errors
    /// As [`Posting::hold`].
    pub fn lapse(rest: Money) -> Result<Self, PostingError> {
        let (from, to) = (LedgerAccount::Prepaid, LedgerAccount::Lapsed);
        Self::transfer(PostingKind::Lapse, from, to, rest)
    }

    fn transfer(
        kind: PostingKind,
        from: LedgerAccount,
        to: LedgerAccount,
        fare: Money,
    ) -> Result<Self, PostingError> {
        if fare.minor < 0 {
            return Err(PostingError::NegativeFare(fare));
        }
        let out = Entry {
            account: from,
            amount: fare.checked_neg()?,
        };
        let into = Entry {
            account: to,
            amount: fare,
        };
        Self::new(kind, vec![out, into])
    }

    /// Why it was made.
    pub fn kind(&self) -> PostingKind {
        self.kind
    }

    /// Its lines.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }
}

/// Books in memory, as the tests of postings and journeys keep them.
#[cfg(test)]
pub(crate) mod books {
    use super::{Entry, LedgerAccount, Posting};
    use fare_protocol::{Currency, MoneyError};
    use std::collections::BTreeMap;

    /// The balance of every account, by currency.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub(crate) struct Balances(BTreeMap<(LedgerAccount, Currency), i64>);

    impl Balances {
        /// Adds a posting, whole or not at all.
        pub(crate) fn post(&mut self, posting: &Posting) -> Result<(), MoneyError> {
            let mut after = self.0.clone();
            for Entry { account, amount } in posting.entries() {
                let balance = after.entry((*account, amount.currency)).or_insert(0);
                let sum = balance.checked_add(amount.minor);
                *balance = sum.ok_or(MoneyError::Overflow)?;
            }
            self.0 = after;
            Ok(())
        }

        /// The balance of one account, in minor units.
        pub(crate) fn of(&self, account: LedgerAccount, currency: Currency) -> i64 {
            self.0.get(&(account, currency)).copied().unwrap_or(0)
        }

        /// Whether every currency's balances sum to zero.
        pub(crate) fn is_balanced(&self) -> bool {
            let mut sums = BTreeMap::<Currency, i128>::new();
            for ((_, currency), minor) in &self.0 {
                *sums.entry(*currency).or_insert(0) += i128::from(*minor);
            }
            sums.values().all(|sum| *sum == 0)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::books::Balances;
    use super::*;
    use fare_protocol::Currency;
    use proptest::prelude::*;

    const RIDER: AccountId = AccountId([7; 16]);

    fn cny(minor: i64) -> Money {
        Money::new(minor, Currency::CNY)
    }

    fn entry(account: LedgerAccount, amount: Money) -> Entry {
        Entry { account, amount }
    }

    #[test]
    fn only_balanced_entries_of_one_currency_are_a_posting() {
        let eur: Currency = "EUR".parse().unwrap();
        let (rider, held) = (LedgerAccount::Rider(RIDER), LedgerAccount::Held);
        let refused = |entries| Posting::new(PostingKind::Hold, entries).unwrap_err();
        assert_eq!(refused(vec![]), PostingError::TooFew(0));
        assert_eq!(refused(vec![entry(rider, cny(0))]), PostingError::TooFew(1));
        assert_eq!(
            refused(vec![entry(rider, cny(-300)), entry(held, cny(299))]),
            PostingError::Unbalanced(cny(-1))
        );
        assert!(matches!(
            refused(vec![
                entry(rider, cny(-300)),
                entry(held, Money::new(300, eur))
            ]),
            PostingError::Money(MoneyError::CurrencyDiffers { .. })
        ));
        assert_eq!(
            refused(vec![
                entry(rider, cny(i64::MAX)),
                entry(held, cny(i64::MAX))
            ]),
            PostingError::Money(MoneyError::Overflow)
        );
    }

    #[test]
    fn a_fare_below_zero_is_no_fare() {
        let minus = cny(-1);
        for refused in [
            Posting::hold(RIDER, minus),
            Posting::capture(minus),
            Posting::void(RIDER, minus),
            Posting::reverse(RIDER, minus),
        ] {
            assert_eq!(refused, Err(PostingError::NegativeFare(minus)));
        }
    }

    #[test]
    fn money_follows_passage() {
        let at = |books: &Balances| {
            let of = |account| books.of(account, Currency::CNY);
            (
                of(LedgerAccount::Rider(RIDER)),
                of(LedgerAccount::Held),
                of(LedgerAccount::FareRevenue),
            )
        };
        let mut books = Balances::default();
        for (posting, after) in [
            (Posting::hold(RIDER, cny(300)), (-300, 300, 0)),
            (Posting::void(RIDER, cny(300)), (0, 0, 0)),
            (Posting::hold(RIDER, cny(400)), (-400, 400, 0)),
            (Posting::capture(cny(400)), (-400, 0, 400)),
            (Posting::reverse(RIDER, cny(400)), (0, 0, 0)),
        ] {
            books.post(&posting.unwrap()).unwrap();
            assert_eq!(at(&books), after);
            assert!(books.is_balanced());
        }
    }

    #[test]
    fn a_posting_that_does_not_fit_leaves_the_books_alone() {
        let mut books = Balances::default();
        books
            .post(&Posting::capture(cny(i64::MAX)).unwrap())
            .unwrap();
        let before = books.clone();
        let refused = books.post(&Posting::capture(cny(1)).unwrap());
        assert_eq!(refused, Err(MoneyError::Overflow));
        assert_eq!(books, before);
    }

    proptest! {
        #[test]
        fn books_sum_to_zero_after_every_posting(
            moves in prop::collection::vec((0..4_u8, 0..5_u8, 0..i64::MAX), 0..40)
        ) {
            let mut books = Balances::default();
            for (kind, rider, minor) in moves {
                let (rider, fare) = (AccountId([rider; 16]), cny(minor));
                let posting = match kind {
                    0 => Posting::hold(rider, fare),
                    1 => Posting::capture(fare),
                    2 => Posting::void(rider, fare),
                    _ => Posting::reverse(rider, fare),
                };
                let _overflow = books.post(&posting.unwrap());
                prop_assert!(books.is_balanced());
            }
        }
    }
}
