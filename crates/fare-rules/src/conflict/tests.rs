//! Kinds, proposals, clocks, and money that a decision moves.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::ledger::LedgerAccount;
use crate::ledger::books::Balances;
use fare_protocol::{
    CodeRef, Confirmation, Currency, Direction, GeoPoint, LaneNo, Location, Mode, RecordId,
    RiderClass,
};
use proptest::prelude::*;

const RIDER: AccountId = AccountId([7; 16]);

fn cny(minor: i64) -> Money {
    Money::new(minor, Currency::CNY)
}

fn entry(gate: &str, minute: i64, code: u8) -> Tap {
    Tap {
        id: RecordId([code; 16]),
        gate: gate.parse().unwrap(),
        at: UnixMs(minute * 60_000),
        confirmation: Confirmation {
            direction: Direction::Entry,
            code_ref: CodeRef([code; 16]),
            account: RIDER,
            class: RiderClass::Adult,
            location: Location {
                station: "PGY".parse().unwrap(),
                line: "1".parse().unwrap(),
                lane: LaneNo(1),
                point: GeoPoint::from_e7(0, 0).unwrap(),
            },
            mode: Mode::Normal,
            fare_quoted: None,
            entry: None,
            tariff: None,
            rules: 1,
        },
        passage: None,
        evidence: None,
        follows: None,
    }
}

#[test]
fn kinds_are_known_by_their_names() {
    for kind in ConflictKind::ALL {
        assert_eq!(ConflictKind::from_code(kind.code()), Some(kind));
    }
    assert_eq!(ConflictKind::from_code("nonsense"), None);
}

#[test]
fn two_gates_at_once_are_one_ride_and_anything_else_is_two() {
    let first = entry("PGY-01", 0, 1);
    for (second, kind) in [
        (entry("PGY-02", 1, 2), ConflictKind::DoubleEntry),
        (entry("PGY-02", 10, 2), ConflictKind::DoubleEntry),
        (entry("PGY-02", 11, 2), ConflictKind::EntryTwice),
        (entry("PGY-02", 60, 1), ConflictKind::DoubleEntry),
        (entry("PGY-01", 1, 2), ConflictKind::EntryTwice),
    ] {
        assert_eq!(entered_again(&first, &second), kind, "{second:?}");
    }
}

#[test]
fn proposals_charge_the_least_fare_what_was_told_or_nothing() {
    let known = Circumstances {
        least: Some(cny(300)),
        told: Some(cny(300)),
        expired: false,
    };
    let unknown = Circumstances::default();
    for kind in ConflictKind::ALL {
        let proposal = kind.propose(&known);
        let charges = match proposal.decision {
            Decision::Keep => false,
            Decision::Charge { fare } => fare == cny(300),
        };
        let expected = matches!(
            kind,
            ConflictKind::EntryTwice
                | ConflictKind::ExitWithoutEntry
                | ConflictKind::Unpriced
                | ConflictKind::ExitClaimed
        );
        assert_eq!(charges, expected, "{kind:?}");
        assert!(kind.may_charge() || !charges, "{kind:?}");
        assert_eq!(kind.propose(&unknown).decision, Decision::Keep, "{kind:?}");
        assert!(!proposal.why.sentence().is_empty());
    }
}

#[test]
fn a_clock_is_out_of_bounds_only_beyond_its_own_error() {
    let stamp = |at: i64, error: u32| Stamp {
        at: UnixMs(at),
        error_ms: Millis(error),
    };
    let received = UnixMs(1_000_000);
    // stamp, previous | fault
    for (now, previous, fault) in [
        (stamp(1_000_000, 0), None, None),
        (stamp(1_120_000, 0), None, None),
        (stamp(1_120_001, 0), None, Some(ClockFault::Ahead(120_001))),
        (stamp(1_120_050, 50), None, None),
        (stamp(0, 50), None, None),
        (
            stamp(0, 300_001),
            None,
            Some(ClockFault::Unsure(Millis(300_001))),
        ),
        (stamp(500_000, 50), Some(stamp(620_100, 50)), None),
        (
            stamp(500_000, 50),
            Some(stamp(620_101, 50)),
            Some(ClockFault::Backwards(120_001)),
        ),
        (
            stamp(i64::MIN, 0),
            Some(stamp(i64::MAX, 0)),
            Some(ClockFault::Backwards(i64::MAX)),
        ),
    ] {
        assert_eq!(clock_fault(now, previous, received), fault, "{now:?}");
    }
}

#[test]
fn conflicts_about_gates_move_no_money() {
    let charge = Decision::Charge { fare: cny(300) };
    for kind in ConflictKind::ALL {
        assert_eq!(Decision::Keep.fare(kind, cny(200)), Ok(cny(200)));
        let fare = charge.fare(kind, cny(200));
        if kind.may_charge() {
            assert_eq!(fare, Ok(cny(300)));
        } else {
            assert_eq!(fare, Err(DecisionError::NoMoney(kind)));
        }
    }
    assert!(adjust(RIDER, cny(0), cny(-1)).is_err());
    let eur = Money::zero("EUR".parse().unwrap());
    assert!(adjust(RIDER, cny(300), eur).is_err());
}

proptest! {
    /// Decisions one after the other leave what the last one said; overtaking them in the opposite
    /// order leaves what was paid at first.
    #[test]
    fn decisions_and_their_overtaking_balance(
        fares in prop::collection::vec(0..1_000_i64, 1..8)
    ) {
        let mut books = Balances::default();
        let mut post = |from: i64, to: i64| {
            for posting in adjust(RIDER, cny(from), cny(to)).unwrap() {
                books.post(&posting).unwrap();
                assert!(books.is_balanced());
            }
            let revenue = books.of(LedgerAccount::FareRevenue, Currency::CNY);
            assert_eq!(books.of(LedgerAccount::Rider(RIDER), Currency::CNY), -revenue);
            revenue
        };
        let mut paid = fares[0];
        prop_assert_eq!(post(0, paid), paid);
        for fare in &fares[1..] {
            prop_assert_eq!(post(paid, *fare), *fare);
            paid = *fare;
        }
        for pair in fares.windows(2).rev() {
            prop_assert_eq!(post(pair[1], pair[0]), pair[0]);
        }
    }
}
