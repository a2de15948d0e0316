//! Journeys charged by the code that was shown at the gate: once, by that code, and the code is gone after it.

use super::journeys::House;
use fare_protocol::wire::FeedChange;
use fare_protocol::{AccountId, PayCode};
use fare_rules::charging::{ChargeState, Policy};
use fare_server::charging::PlatformId;
use fare_server::charging::desk::Done;
use fare_server::pay_codes::Seal;
use fare_server::store::{StoreError, Way};
use fare_sim::platform::{Fault, Operation};

/// What the code lies sealed under.
pub(super) fn seal() -> Seal {
    Seal::new(&[6; 32]).unwrap()
}

fn code() -> PayCode {
    PayCode::new("alipay".parse().unwrap(), "280000000000000001").unwrap()
}

fn account() -> AccountId {
    code().id().account()
}

impl House {
    /// A gate has asked about the code.
    fn shows(&mut self) {
        let (sealed, now) = (seal().seal(account(), &code()).unwrap(), self.now);
        let put = |tx: &fare_server::store::Tx<'_>| {
            tx.put_pay_code(account(), PlatformId::Alipay, &sealed, now)
        };
        let put: Result<(), StoreError> = self.site.database.write(put);
        put.unwrap();
    }

    fn keeps_code(&mut self) -> bool {
        let kept = self.site.database.read(|tx| tx.pay_code(account()));
        kept.map_err(|err: StoreError| err.to_string())
            .unwrap()
            .is_some()
    }
}

#[test]
fn a_journey_is_charged_once_by_the_code_that_was_shown() {
    // A policy of its own: the code may not live until the end of the day.
    let mut house = House::new(Policy::Day);
    house.shows();
    house.rides(account(), 1);
    let done = house.round();
    assert_eq!((done.made, done.sent, done.paid), (1, 1, 1));
    assert_eq!(house.sums(), [0, 0, 0, -500]);
    let newest = house.charges()[0].newest.clone().unwrap();
    assert_eq!(
        (newest.way, newest.platform),
        (Way::PayCode, PlatformId::Alipay)
    );
    assert!(!house.keeps_code(), "it is not needed any more");
    for _ in 0..3 {
        house.later(60_000);
        assert_eq!(house.round(), Done::default());
    }
    assert_eq!(house.sandbox.book().taken_minor(), 500);
    // The same code again is another journey.
    house.shows();
    house.rides(account(), 60);
    house.later(60_000);
    assert_eq!(house.round().paid, 1);
    assert_eq!(house.sandbox.book().taken_minor(), 1_000);
    assert!(!house.keeps_code());
}

#[test]
fn the_code_stays_while_there_is_something_to_be_charged_with_it() {
    let mut house = House::new(Policy::Journey);
    house.shows();
    house.rides(account(), 1);
    house.rides(account(), 60);
    let done = house.round();
    assert_eq!((done.made, done.paid), (2, 2), "both by the one code");
    assert!(!house.keeps_code());
}

#[test]
fn a_lost_request_is_sent_again_with_the_code() {
    for (fault, times) in [(Fault::LoseAnswer, 1), (Fault::LoseRequest, 1)] {
        let mut house = House::new(Policy::Journey);
        house.shows();
        house.rides(account(), 1);
        house.sandbox.tell(Operation::Charge, fault.clone(), 1);
        assert_eq!(house.round().paid, 0);
        assert_eq!(house.sums(), [0, -500, 0, 0], "in flight");
        assert!(house.keeps_code(), "it may have to be sent again");
        house.later(20_000);
        assert_eq!(house.round().paid, 1, "{fault:?}");
        assert!(!house.keeps_code());
        let entries = house.sandbox.book().entries();
        assert_eq!((entries.len(), entries[0].asked_times), (1, times));
    }
}

#[test]
fn a_decline_is_a_debt_and_the_code_is_gone() {
    let mut house = House::new(Policy::Journey);
    house.shows();
    house.rides(account(), 1);
    house.sandbox.tell(Operation::Charge, Fault::Decline, 1);
    assert_eq!(house.round().declined, 1);
    assert_eq!(house.sums(), [0, 0, -500, 0]);
    assert!(house.is_denied(account()));
    assert!(!house.keeps_code());
    house.later(86_400_000);
    assert_eq!(house.round(), Done::default(), "nothing to try it with");
    assert_eq!(house.state(), ChargeState::Debt);
    // Shown once more, it is tried once more, and paying lets it in again.
    house.shows();
    house.later(86_400_000);
    assert_eq!(house.round().paid, 1);
    assert_eq!(house.sums(), [0, 0, 0, -500]);
    let account = account();
    let changes = house.site.news(0).changes;
    assert!(!changes.contains(&FeedChange::Denied { account }));
    assert_eq!(house.sandbox.book().taken_minor(), 500);
}

#[test]
fn a_code_that_nobody_tells_makes_a_debt_after_a_while() {
    let mut house = House::new(Policy::Journey);
    house.shows();
    let forget = |tx: &fare_server::store::Tx<'_>| tx.forget_pay_code(account());
    let forgotten: Result<bool, StoreError> = house.site.database.write(forget);
    assert!(forgotten.unwrap());
    house.rides(account(), 1);
    house.later(60_000);
    assert_eq!(house.round().made, 1);
    assert_eq!(house.state(), ChargeState::Due, "a gate may tell it yet");
    house.later(600_000);
    assert_eq!(house.round(), Done::default());
    house.later(600_000);
    assert_eq!(house.round().declined, 1);
    assert_eq!(house.sums(), [0, 0, -500, 0]);
    assert!(house.is_denied(account()));
    let why = house.charges()[0].newest.clone().unwrap().why.unwrap();
    assert_eq!(why, "means: the code is not known here");
    assert!(house.sandbox.book().entries().is_empty());
}
