//! What every adapter must do, whatever its platform does.

use crate::parties::{NOW, Party, cny, order, refund};
use fare_protocol::UnixMs;
use fare_rules::tariff::Day;
use fare_server::charging::{
    Capability, ChargeError, DeclineReason, Means, NoticeAbout, Order, Outcome, Paid, PlatformId,
    RefundOutcome, Secret,
};
use fare_sim::platform::{Fault, Operation};

macro_rules! conformance {
    ($platform:ident as $module:ident: $($case:ident),* $(,)?) => {
        mod $module {
            $(#[tokio::test] async fn $case() {
                super::$case(super::Party::new(super::PlatformId::$platform).await).await;
            })*
        }
    };
}

macro_rules! every_adapter {
    (all: $($all:ident),* $(,)?; beyond a network: $($beyond:ident),* $(,)?;) => {
        conformance! { StoredValue as stored_value: $($all),* }
        conformance! { Alipay as alipay: $($all),*, $($beyond),* }
        conformance! { WeChat as wechat: $($all),*, $($beyond),* }
    };
}

every_adapter! {
    all:
        an_order_is_charged_once_however_often_it_is_sent,
        a_lost_answer_is_asked_after,
        a_lost_request_was_never_charged,
        an_answer_that_takes_too_long_is_asked_after,
        a_decline_is_a_no_with_a_reason,
        another_currency_is_not_charged,
        parts_are_given_back_once_each,
        what_is_taken_back_is_over,
        a_bill_lists_charges_and_refunds,
        what_a_platform_cannot_do_is_not_asked_of_it;
    // Stored value asks nobody, tells nothing by itself, signs nothing, and has the server's own clock.
    beyond a network:
        a_rider_who_is_asked_pays_later,
        a_code_to_show_is_paid_and_told,
        a_late_or_repeated_notice_says_the_same,
        what_is_badly_signed_is_not_believed,
        a_wrong_amount_is_told_as_it_is,
        a_wrong_currency_is_told_as_it_is,
        clocks_that_differ_are_told_and_nothing_is_lost,
        a_bill_that_is_not_the_one_that_was_signed_is_not_believed;
}

fn paid(outcome: Outcome) -> Paid {
    let Outcome::Paid(paid) = outcome else {
        panic!("not paid: {outcome:?}")
    };
    paid
}

/// Charged now or a little later, as agreements are at some.
async fn charged(party: &Party, order: &Order) -> Paid {
    let told = party.platform.charge(order, NOW).await.unwrap();
    if told == Outcome::Waiting {
        return paid(party.platform.query(order, NOW).await.unwrap());
    }
    paid(told)
}

async fn an_order_is_charged_once_however_often_it_is_sent(party: Party) {
    for (n, means) in (1..).zip(party.means()) {
        let order = order(n, &means);
        let first = charged(&party, &order).await;
        assert_eq!(first.amount, order.amount);
        assert!(first.at.is_some(), "the platform says when");
        for _ in 0..3 {
            let again = party.platform.charge(&order, NOW).await.unwrap();
            // One says so at once, others have to be asked.
            let same = Outcome::Paid(first.clone());
            assert!(again == Outcome::Waiting || again == same, "{again:?}");
            let known = paid(party.platform.query(&order, NOW).await.unwrap());
            assert_eq!(known, first);
        }
        let taken = party.taken_minor().await;
        assert_eq!(taken, 300 * i64::from(n), "once each");
    }
}

async fn a_lost_answer_is_asked_after(party: Party) {
    for (n, means) in (1..).zip(party.means()) {
        let order = order(n, &means);
        party.tell(Operation::Charge, Fault::LoseAnswer);
        party.tell(Operation::Query, Fault::LoseAnswer);
        let lost = party.platform.charge(&order, NOW).await.unwrap_err();
        assert!(matches!(lost, ChargeError::Unanswered { .. }), "{lost}");
        let lost = party.platform.query(&order, NOW).await.unwrap_err();
        assert!(matches!(lost, ChargeError::Unanswered { .. }), "{lost}");
        let known = paid(party.platform.query(&order, NOW).await.unwrap());
        assert_eq!(known.amount, order.amount);
    }
}

async fn a_lost_request_was_never_charged(party: Party) {
    for (n, means) in (1..).zip(party.means()) {
        let order = order(n, &means);
        party.tell(Operation::Charge, Fault::LoseRequest);
        party.platform.charge(&order, NOW).await.unwrap_err();
        let known = party.platform.query(&order, NOW).await.unwrap();
        assert_eq!(known, Outcome::Missing);
        // The same number may be sent again.
        assert_eq!(charged(&party, &order).await.amount, order.amount);
    }
}

async fn an_answer_that_takes_too_long_is_asked_after(party: Party) {
    let order = order(1, &party.means()[0]);
    party.tell(Operation::Charge, Fault::Hold);
    let late = party.platform.charge(&order, NOW).await.unwrap_err();
    assert!(matches!(late, ChargeError::Unanswered { .. }), "{late}");
    let known = paid(party.platform.query(&order, NOW).await.unwrap());
    party.release();
    assert_eq!(known.amount, order.amount);
}

async fn a_decline_is_a_no_with_a_reason(party: Party) {
    for (n, means) in (1..).zip(party.means()) {
        let order = party.to_be_declined(order(n, &means));
        let Outcome::Declined(no) = party.platform.charge(&order, NOW).await.unwrap() else {
            panic!("not declined")
        };
        assert_eq!(no.reason, DeclineReason::NoMoney);
        assert!(!no.code.is_empty(), "the platform's own word");
    }
    assert_eq!(party.taken_minor().await, 0);
}

async fn a_rider_who_is_asked_pays_later(party: Party) {
    let order = order(1, &party.means()[0]);
    party.tell(Operation::Charge, Fault::AskRider);
    let asked = party.platform.charge(&order, NOW).await.unwrap();
    assert_eq!(asked, Outcome::Waiting);
    let asked = party.platform.query(&order, NOW).await.unwrap();
    assert_eq!(asked, Outcome::Waiting);
    assert!(party.sandbox().book().pay(order.no.as_str(), NOW));
    let known = paid(party.platform.query(&order, NOW).await.unwrap());
    assert_eq!(known.amount, order.amount);
}

async fn a_code_to_show_is_paid_and_told(party: Party) {
    assert!(party.can(Capability::ShowCode));
    let order = order(1, &Means::ShowCode);
    let Outcome::Shown(code) = party.platform.charge(&order, NOW).await.unwrap() else {
        panic!("no code")
    };
    assert!(code.contains(order.no.as_str()), "{code}");
    let known = party.platform.query(&order, NOW).await.unwrap();
    assert_eq!(known, Outcome::Waiting);
    assert!(party.sandbox().book().pay(order.no.as_str(), NOW));
    let notice = party.platform.notice(&party.notice(&order), NOW).unwrap();
    let NoticeAbout::Order(told) = notice.about else {
        panic!("about a refund")
    };
    let known = paid(party.platform.query(&order, NOW).await.unwrap());
    assert_eq!(paid(told), known);
}

async fn a_late_or_repeated_notice_says_the_same(party: Party) {
    let order = order(1, &party.means()[0]);
    party.tell(Operation::Charge, Fault::LoseAnswer);
    party.platform.charge(&order, NOW).await.unwrap_err();
    let known = paid(party.platform.query(&order, NOW).await.unwrap());
    // Three days later, when the merchant's machine is back.
    let late = UnixMs(NOW.0 + 3 * 86_400_000);
    party.sandbox().set_time(Some(late));
    let mut ids = Vec::new();
    for _ in 0..3 {
        let notice = party.platform.notice(&party.notice(&order), late).unwrap();
        assert_eq!(notice.order, order.no);
        assert_eq!(
            notice.about,
            NoticeAbout::Order(Outcome::Paid(known.clone()))
        );
        ids.push(notice.id);
    }
    ids.dedup();
    assert_eq!(ids.len(), 1, "the same notice, told again");
}

async fn what_is_badly_signed_is_not_believed(party: Party) {
    for (n, means) in (1..).zip(party.means()) {
        let order = order(n, &means);
        party.tell(Operation::Charge, Fault::MisSign);
        let forged = party.platform.charge(&order, NOW).await.unwrap_err();
        assert!(matches!(forged, ChargeError::Forged { .. }), "{forged}");
        let known = paid(party.platform.query(&order, NOW).await.unwrap());
        assert_eq!(known.amount, order.amount);
        party.tell(Operation::Notice, Fault::MisSign);
        let forged = party.platform.notice(&party.notice(&order), NOW);
        assert!(matches!(forged, Err(ChargeError::Forged { .. })));
        let mut changed = party.notice(&order);
        let last = changed.body.len() / 2;
        changed.body[last] ^= 1;
        assert!(party.platform.notice(&changed, NOW).is_err());
    }
}

async fn a_wrong_amount_is_told_as_it_is(party: Party) {
    for (n, more) in (1..).zip([-100, 50]) {
        let order = order(n, &party.means()[0]);
        party.tell(Operation::Charge, Fault::WrongAmount(more));
        let told = charged(&party, &order).await;
        assert_eq!(told.amount, cny(300 + more));
        let known = paid(party.platform.query(&order, NOW).await.unwrap());
        assert_eq!(known, told);
    }
}

async fn a_wrong_currency_is_told_as_it_is(party: Party) {
    let wrong = order(1, &party.means()[0]);
    let dollars = Fault::WrongCurrency("USD".to_owned());
    party.tell(Operation::Charge, dollars);
    let told = charged(&party, &wrong).await;
    assert_eq!(told.amount.to_string(), "USD 3.00");
    assert_ne!(told.amount, wrong.amount);
}

async fn another_currency_is_not_charged(party: Party) {
    let mut other = order(2, &party.means()[0]);
    other.amount.currency = "HKD".parse().unwrap();
    match party.platform.charge(&other, NOW).await {
        Err(refused) => assert!(matches!(refused, ChargeError::Currency { .. }), "{refused}"),
        // Whoever has none of it has not enough.
        Ok(outcome) => assert!(matches!(outcome, Outcome::Declined(_)), "{outcome:?}"),
    }
    let known = party.platform.query(&other, NOW).await.unwrap();
    assert_eq!((known, party.taken_minor().await), (Outcome::Missing, 0));
}

async fn a_bill_that_is_not_the_one_that_was_signed_is_not_believed(party: Party) {
    if party.platform.id() != PlatformId::WeChat {
        // Alipay signs where its bill is, and not what is in it.
        assert_eq!(party.platform.id(), PlatformId::Alipay);
        return;
    }
    charged(&party, &order(1, &party.means()[0])).await;
    party.tell(Operation::Bill, Fault::WrongAmount(1));
    let day = Day::of(2025, 11, 29).unwrap();
    let forged = party.platform.bill(day, NOW).await.unwrap_err();
    assert!(matches!(forged, ChargeError::Forged { .. }), "{forged}");
    assert_eq!(party.platform.bill(day, NOW).await.unwrap().len(), 1);
}

async fn clocks_that_differ_are_told_and_nothing_is_lost(party: Party) {
    let order = order(1, &party.means()[0]);
    // Our clock is a day behind: the platform refuses, and nothing was charged.
    let behind = UnixMs(NOW.0 - 86_400_000);
    let refused = party.platform.charge(&order, behind).await.unwrap_err();
    let said = refused.to_string();
    assert!(matches!(refused, ChargeError::Rejected { .. }), "{said}");
    assert!(said.contains("clock"), "{said}");
    assert_eq!(party.sandbox().book().entries(), []);
    // A little off is no harm.
    let little = UnixMs(NOW.0 + 120_000);
    party.platform.charge(&order, little).await.unwrap();
    let known = paid(party.platform.query(&order, NOW).await.unwrap());
    assert_eq!(known.amount, order.amount);
}

async fn parts_are_given_back_once_each(party: Party) {
    assert!(party.can(Capability::PartialRefund));
    let order = order(1, &party.means()[0]);
    charged(&party, &order).await;
    let (first, second) = (refund(11, &order, 120), refund(12, &order, 180));
    let missing = party.platform.query_refund(&first, NOW).await.unwrap();
    assert_eq!(missing, RefundOutcome::Missing);
    party.tell(Operation::Refund, Fault::LoseAnswer);
    party.platform.refund(&first, NOW).await.unwrap_err();
    let known = party.platform.query_refund(&first, NOW).await.unwrap();
    assert_eq!(known, RefundOutcome::Done(cny(120)));
    // Sent again, it is the same refund.
    party.platform.refund(&first, NOW).await.unwrap();
    assert_eq!(party.taken_minor().await, 180);
    let done = party.platform.refund(&second, NOW).await.unwrap();
    assert_eq!(done, RefundOutcome::Done(cny(180)));
    let more = refund(13, &order, 1);
    let refused = party.platform.refund(&more, NOW).await.unwrap();
    assert!(matches!(refused, RefundOutcome::Refused(_)), "{refused:?}");
    assert_eq!(party.taken_minor().await, 0);
}

async fn what_is_taken_back_is_over(party: Party) {
    for (n, means) in (1..).zip(party.means()) {
        let order = order(n, &means);
        charged(&party, &order).await;
        let over = party.platform.cancel(&order, NOW).await.unwrap();
        assert_eq!(over, Outcome::Ended);
        let known = party.platform.query(&order, NOW).await.unwrap();
        assert_eq!(known, Outcome::Ended);
        let again = party.platform.charge(&order, NOW).await.unwrap();
        assert_eq!(again, Outcome::Ended, "never under this number");
    }
    if party.can(Capability::ShowCode) {
        let shown = order(9, &Means::ShowCode);
        party.platform.charge(&shown, NOW).await.unwrap();
        let over = party.platform.cancel(&shown, NOW).await.unwrap();
        assert_eq!(over, Outcome::Ended);
    }
    assert_eq!(party.taken_minor().await, 0);
}

async fn a_bill_lists_charges_and_refunds(party: Party) {
    assert!(party.can(Capability::Bill));
    let mut orders = Vec::new();
    for (n, means) in (1..).zip(party.means()) {
        orders.push(order(n, &means));
        charged(&party, &orders[orders.len() - 1]).await;
    }
    let declined = party.to_be_declined(order(9, &party.means()[0]));
    party.platform.charge(&declined, NOW).await.unwrap();
    let back = refund(11, &orders[0], 120);
    party.platform.refund(&back, NOW).await.unwrap();
    let rows = party
        .platform
        .bill(Day::of(2025, 11, 29).unwrap(), NOW)
        .await
        .unwrap();
    assert_eq!(rows.len(), orders.len() + 1, "{rows:?}");
    for order in &orders {
        let row = rows
            .iter()
            .find(|row| row.order == order.no.as_str() && row.refund.is_none());
        assert_eq!(row.unwrap().amount, order.amount);
    }
    let row = rows.iter().find(|row| row.refund.is_some()).unwrap();
    assert_eq!(row.refund.as_deref(), Some(back.no.as_str()));
    assert_eq!(row.amount, cny(120));
    let other = Day::of(2025, 11, 28).unwrap();
    assert_eq!(party.platform.bill(other, NOW).await.unwrap(), []);
}

async fn what_a_platform_cannot_do_is_not_asked_of_it(party: Party) {
    let account = crate::gate::account(1);
    let all = [
        Means::Balance(account),
        Means::PayCode(Secret::new("280000000000000001")),
        Means::Agreement(Secret::new("20250000000000000001")),
        Means::ShowCode,
    ];
    for means in all.iter().filter(|means| !party.can(means.needs())) {
        let order = order(1, means);
        let refused = party.platform.charge(&order, NOW).await.unwrap_err();
        assert!(
            matches!(refused, ChargeError::Unsupported { .. }),
            "{refused}"
        );
    }
    if !party.can(Capability::Notice) {
        assert!(party.platform.notice(&Default::default(), NOW).is_err());
    }
    assert_eq!(party.taken_minor().await, 0);
}
