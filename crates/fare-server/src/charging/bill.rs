//! A platform's bill of a day beside our books: what differs.

use super::platform::{BillRow, PlatformId};
use super::stored::day_span;
use crate::store::{Booked, StoreError, Tx};
use fare_rules::tariff::Day;
use std::collections::BTreeMap;
use std::fmt;

/// What stands on one side and not, or not so, on the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// The platform charged or gave back what our books do not have.
    OnlyAtPlatform(BillRow),
    /// Our books have what the platform does not.
    OnlyInBooks(Booked),
    /// Another amount.
    Amount {
        /// What the platform has.
        bill: BillRow,
        /// What we have.
        booked: Booked,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = |refund: &Option<String>| if refund.is_some() { "refund" } else { "charge" };
        match self {
            Self::OnlyAtPlatform(row) => {
                let (what, BillRow { order, amount, .. }) = (kind(&row.refund), row);
                write!(f, "only at the platform  {what} {amount} of order {order}")
            }
            Self::OnlyInBooks(row) => {
                let (what, Booked { order, amount, .. }) = (kind(&row.refund), row);
                write!(f, "only in our books     {what} {amount} of order {order}")
            }
            Self::Amount { bill, booked } => {
                let (what, theirs, ours) = (kind(&bill.refund), bill.amount, booked.amount);
                let order = &bill.order;
                write!(
                    f,
                    "another amount        {what} of order {order}: {theirs} at the platform, {ours} here"
                )
            }
        }
    }
}

/// What our books have of a day, and of the days next to it: a charge near midnight may stand on either side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Books {
    /// Of the day itself.
    pub day: Vec<Booked>,
    /// Of the day before and the day after.
    pub near: Vec<Booked>,
}

impl Books {
    /// Reads them.
    ///
    /// # Errors
    /// Those of the database.
    pub fn read(tx: &Tx<'_>, platform: PlatformId, day: Day) -> Result<Self, StoreError> {
        let mut near = tx.booked(platform, day_span(Day(day.0 - 1)))?;
        near.extend(tx.booked(platform, day_span(Day(day.0 + 1)))?);
        Ok(Self {
            day: tx.booked(platform, day_span(day))?,
            near,
        })
    }
}

/// What differs between a bill and our books, in the order of the bill, then of the books. An order that the platform
/// charged and gave back whole, and of which our books have nothing, was taken back: both have it as nothing.
pub fn differences(bill: &[BillRow], books: &Books) -> Vec<Difference> {
    let key = |order: &str, refund: &Option<String>| (order.to_owned(), refund.clone());
    let all = books.day.iter().chain(&books.near);
    let ours: BTreeMap<_, _> = all.map(|one| (key(&one.order, &one.refund), one)).collect();
    let theirs: BTreeMap<_, _> = bill
        .iter()
        .map(|row| (key(&row.order, &row.refund), row))
        .collect();
    let mut found = Vec::new();
    for row in bill {
        match ours.get(&key(&row.order, &row.refund)) {
            None if is_taken_back(row, bill, &ours) => {}
            None => found.push(Difference::OnlyAtPlatform(row.clone())),
            Some(booked) if booked.amount != row.amount => found.push(Difference::Amount {
                bill: row.clone(),
                booked: (*booked).clone(),
            }),
            Some(_) => {}
        }
    }
    let missing = |one: &&Booked| !theirs.contains_key(&key(&one.order, &one.refund));
    let missing = books.day.iter().filter(missing);
    found.extend(missing.cloned().map(Difference::OnlyInBooks));
    found
}

/// Whether the bill has the row's order as charged and given back whole, and our books have nothing of it.
fn is_taken_back(
    row: &BillRow,
    bill: &[BillRow],
    ours: &BTreeMap<(String, Option<String>), &Booked>,
) -> bool {
    let of_order = bill
        .iter()
        .filter(|other| other.order == row.order && other.amount.currency == row.amount.currency);
    let (mut charged, mut back) = (0_i64, 0_i64);
    for other in of_order {
        let sum = match other.refund {
            Some(_) => &mut back,
            None => &mut charged,
        };
        *sum = sum.saturating_add(other.amount.minor);
    }
    let known = ours.keys().any(|(order, _)| *order == row.order);
    charged == back && !known
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use fare_protocol::{Currency, Money};
    use proptest::prelude::*;

    fn row(n: u8, minor: i64) -> BillRow {
        BillRow {
            order: format!("order-{n}"),
            refund: n.is_multiple_of(5).then(|| format!("refund-{n}")),
            reference: n.to_string(),
            amount: Money::new(minor, Currency::CNY),
        }
    }

    fn booked(row: &BillRow) -> Booked {
        Booked {
            order: row.order.clone(),
            refund: row.refund.clone(),
            amount: row.amount,
        }
    }

    #[test]
    fn each_kind_of_difference_is_told_once() {
        let bill = [row(1, 300), row(2, 400), row(3, 500), row(5, 100)];
        let books = Books {
            day: vec![
                booked(&bill[0]),
                booked(&row(2, 450)),
                booked(&row(4, 600)),
                booked(&bill[3]),
            ],
            near: vec![booked(&row(7, 700))],
        };
        let found = differences(&bill, &books);
        assert_eq!(
            found,
            [
                Difference::Amount {
                    bill: bill[1].clone(),
                    booked: booked(&row(2, 450))
                },
                Difference::OnlyAtPlatform(bill[2].clone()),
                Difference::OnlyInBooks(booked(&row(4, 600))),
            ]
        );
        let said = found[0].to_string();
        assert!(
            said.contains("CNY 4.00 at the platform, CNY 4.50 here"),
            "{said}"
        );
    }

    #[test]
    fn what_was_taken_back_whole_is_no_difference() {
        let back = |minor| BillRow {
            refund: Some("0".to_owned()),
            ..row(1, minor)
        };
        let nothing = Books::default();
        assert_eq!(differences(&[row(1, 300), back(300)], &nothing), []);
        assert_eq!(differences(&[row(1, 300), back(200)], &nothing).len(), 2);
        let books = Books {
            day: vec![booked(&row(1, 300))],
            near: vec![],
        };
        let found = differences(&[row(1, 300), back(300)], &books);
        assert_eq!(found, [Difference::OnlyAtPlatform(back(300))]);
    }

    proptest! {
        #[test]
        fn a_bill_agrees_with_itself_and_with_nothing_else(
            minors in prop::collection::vec(1..10_000_i64, 1..20), lost in any::<prop::sample::Index>(),
            near in any::<bool>(),
        ) {
            let bill: Vec<_> = (1..).zip(&minors).map(|(n, minor)| row(n, *minor)).collect();
            let ours: Vec<_> = bill.iter().map(booked).collect();
            let books = if near {
                Books { day: vec![], near: ours }
            } else {
                Books { day: ours, near: vec![] }
            };
            prop_assert_eq!(differences(&bill, &books), vec![]);
            let mut short = bill.clone();
            short.remove(lost.index(bill.len()));
            prop_assert_eq!(differences(&short, &books).len(), usize::from(!near));
        }
    }
}
