//! Stored value under the same demands as the platforms beyond a network, where they have a meaning for it.

use crate::gate::account;
use crate::parties::{NOW, cny, order, refund};
use fare_protocol::{Money, UnixMs};
use fare_rules::tariff::Day;
use fare_server::charging::{
    Capability, ChargeError, DeclineReason, Means, Order, Outcome, Platform, RefundOutcome, Secret,
    StoredValue, top_up,
};
use fare_server::store::{Store, StoreError};
use tokio::runtime::Runtime;

/// An account with CNY 8.00.
fn with_eight(test: impl AsyncFnOnce(StoredValue, Store)) {
    let fresh = super::fresh();
    fresh.with(|database| {
        let paid_in: Result<Money, StoreError> =
            database.write(|tx| top_up(tx, [9; 16], account(1), cny(800), NOW));
        assert_eq!(paid_in.unwrap(), cny(800));
    });
    let (store, thread) = Store::open(&fresh.url).unwrap();
    Runtime::new()
        .unwrap()
        .block_on(test(StoredValue::new(store.clone()), store));
    thread.join().unwrap();
}

async fn left(store: &Store) -> Money {
    let left = store.read(|tx| tx.stored_value(account(1), cny(0).currency));
    let left: Result<Money, StoreError> = left.await;
    left.unwrap()
}

fn three(n: u8) -> Order {
    order(n, &Means::Balance(account(1)))
}

#[test]
fn an_order_is_charged_once_however_often_it_is_sent_or_asked_after() {
    with_eight(async |platform, store| {
        let order = three(1);
        assert_eq!(platform.query(&order, NOW).await.unwrap(), Outcome::Missing);
        let first = platform.charge(&order, NOW).await.unwrap();
        let Outcome::Paid(paid) = &first else {
            panic!("{first:?}")
        };
        assert_eq!(paid.amount, order.amount);
        for _ in 0..3 {
            assert_eq!(platform.charge(&order, NOW).await.unwrap(), first);
            assert_eq!(platform.query(&order, NOW).await.unwrap(), first);
        }
        assert_eq!(left(&store).await, cny(500));
    });
}

#[test]
fn what_is_not_there_is_declined_and_may_be_there_later() {
    with_eight(async |platform, store| {
        for n in 1..=2 {
            platform.charge(&three(n), NOW).await.unwrap();
        }
        let Outcome::Declined(no) = platform.charge(&three(3), NOW).await.unwrap() else {
            panic!("not declined")
        };
        assert_eq!(no.reason, DeclineReason::NoMoney);
        let mut dollars = three(4);
        dollars.amount = Money::new(1, "USD".parse().unwrap());
        let declined = platform.charge(&dollars, NOW).await.unwrap();
        assert!(matches!(declined, Outcome::Declined(_)), "another currency");
        assert_eq!(left(&store).await, cny(200));
    });
}

#[test]
fn parts_are_given_back_once_each_and_what_is_taken_back_is_over() {
    with_eight(async |platform, store| {
        let charged = three(1);
        platform.charge(&charged, NOW).await.unwrap();
        let part = refund(11, &charged, 120);
        let missing = platform.query_refund(&part, NOW).await.unwrap();
        assert_eq!(missing, RefundOutcome::Missing);
        for _ in 0..2 {
            let done = platform.refund(&part, NOW).await.unwrap();
            assert_eq!(done, RefundOutcome::Done(cny(120)));
        }
        let more = platform
            .refund(&refund(12, &charged, 181), NOW)
            .await
            .unwrap();
        assert!(matches!(more, RefundOutcome::Refused(_)), "{more:?}");
        assert_eq!(left(&store).await, cny(620));
        for _ in 0..2 {
            let over = platform.cancel(&charged, NOW).await.unwrap();
            assert_eq!(over, Outcome::Ended);
        }
        assert_eq!(left(&store).await, cny(800));
        let again = platform.charge(&charged, NOW).await.unwrap();
        assert_eq!(again, Outcome::Ended, "never under this number");
        let never = three(2);
        assert_eq!(platform.cancel(&never, NOW).await.unwrap(), Outcome::Ended);
        assert_eq!(platform.charge(&never, NOW).await.unwrap(), Outcome::Ended);
        assert_eq!(left(&store).await, cny(800));
    });
}

#[test]
fn a_bill_lists_charges_and_refunds_of_its_day() {
    with_eight(async |platform, _store| {
        platform.charge(&three(1), NOW).await.unwrap();
        platform
            .refund(&refund(11, &three(1), 120), NOW)
            .await
            .unwrap();
        let tomorrow = UnixMs(NOW.0 + 86_400_000);
        platform.charge(&three(2), tomorrow).await.unwrap();
        let rows = platform
            .bill(Day::of(2025, 11, 29).unwrap(), NOW)
            .await
            .unwrap();
        let amounts: Vec<_> = rows
            .iter()
            .map(|row| (row.amount, row.refund.is_some()))
            .collect();
        assert_eq!(amounts.len(), 2, "{rows:?}");
        assert!(amounts.contains(&(cny(300), false)) && amounts.contains(&(cny(120), true)));
    });
}

#[test]
fn what_it_cannot_do_is_refused() {
    with_eight(async |platform, store| {
        let order = order(1, &Means::PayCode(Secret::new("280000000000000001")));
        let refused = platform.charge(&order, NOW).await.unwrap_err();
        assert!(
            matches!(refused, ChargeError::Unsupported { .. }),
            "{refused}"
        );
        assert!(!platform.capabilities().contains(&Capability::Notice));
        assert!(platform.notice(&Default::default(), NOW).is_err());
        assert_eq!(left(&store).await, cny(800));
    });
}
