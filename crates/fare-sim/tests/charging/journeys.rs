//! Journeys charged through platforms: the books at each step, debts, the deny list, bills. On both engines.

use super::site::Site;
use crate::gate::{Gate, account};
use crate::parties;
use fare_protocol::wire::FeedChange;
use fare_protocol::{AccountId, Direction, Money, UnixMs};
use fare_rules::charging::{ChargeState, Policy, RetryCalendar};
use fare_rules::tariff::Day;
use fare_server::charging::desk::{Desk, Done, Heard, Rules, ask_refund};
use fare_server::charging::{
    Books, Difference, Means, Platform, PlatformId, Secret, StoredValue, differences, top_up,
};
use fare_server::correction::{Correction, correct};
use fare_server::store::{ChargeRow, ChargeView, Payer, RefundRow, Store, StoreError};
use fare_sim::platform::{Fault, Operation, Sandbox};
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::runtime::Runtime;

const DAY_MS: i64 = 86_400_000;

/// A server with a platform beyond a network, and riders who have travelled.
pub(super) struct House {
    pub(super) site: Site,
    gates: (Gate, Gate),
    desk: Desk,
    pub(super) sandbox: Sandbox,
    runtime: Runtime,
    store: Option<(Store, JoinHandle<()>)>,
    pub(super) now: UnixMs,
}

impl Drop for House {
    fn drop(&mut self) {
        drop(self.store.take());
    }
}

fn rules(policy: Policy) -> Rules {
    Rules {
        policy,
        retry: RetryCalendar::new(vec![1, 3]).unwrap(),
        subject: "Metro fare".to_owned(),
    }
}

fn cny(minor: i64) -> Money {
    parties::cny(minor)
}

impl House {
    pub(super) fn new(policy: Policy) -> Self {
        let gates = (Gate::new("PGY-01", "PGY"), Gate::new("XDN-02", "XDN"));
        let fresh = super::fresh();
        let url = fresh.url.clone();
        let site = Site::new_in(fresh, &[&gates.0, &gates.1]);
        let runtime = Runtime::new().unwrap();
        let (store, thread) = Store::open(&url).unwrap();
        let start = Sandbox::start("127.0.0.1:0".parse().unwrap());
        let sandbox = runtime.block_on(start).unwrap();
        let now = super::site::NOW;
        sandbox.set_time(Some(now));
        let mut house = Self {
            desk: Desk::new(
                store.clone(),
                Arc::new(site.settlement.clone()),
                rules(policy),
                vec![],
                [1; 16],
            ),
            site,
            gates,
            sandbox,
            runtime,
            store: Some((store, thread)),
            now,
        };
        house.desk = house.another_desk(policy, 1);
        house
    }

    pub(super) fn another_desk(&self, policy: Policy, holder: u8) -> Desk {
        let store = self.store.as_ref().unwrap().0.clone();
        let (sandbox, notify) = (&self.sandbox, parties::NOTIFY);
        let platforms: Vec<Arc<dyn Platform>> = vec![
            Arc::new(parties::alipay(sandbox, notify)),
            Arc::new(parties::wechat(sandbox, notify)),
            Arc::new(StoredValue::new(store.clone())),
        ];
        let settlement = Arc::new(self.site.settlement.clone());
        Desk::new(store, settlement, rules(policy), platforms, [holder; 16])
            .with_pay_codes(Some(super::pay_codes::seal()))
    }

    /// Rides from Pingguoyuan to Xidan, which costs CNY 5.00.
    pub(super) fn rides(&mut self, account: AccountId, minute: i64) {
        let entry = self.gates.0.passes(Direction::Entry, account, minute);
        let exit = self.gates.1.passes(Direction::Exit, account, minute + 39);
        self.site.send(&self.gates.0, &entry.each_ref());
        self.site.send(&self.gates.1, &exit.each_ref());
    }

    pub(super) fn bind(&mut self, account: AccountId, platform: PlatformId) {
        let beyond = platform != PlatformId::StoredValue;
        let payer = Payer {
            account,
            platform,
            agreement: beyond.then(|| Secret::new("20250000000000000001")),
            policy: None,
        };
        let now = self.now;
        let put = |tx: &fare_server::store::Tx<'_>| tx.put_payer(&payer, now);
        let put: Result<(), StoreError> = self.site.database.write(put);
        put.unwrap();
    }

    pub(super) fn round(&mut self) -> Done {
        self.runtime.block_on(self.desk.round(self.now)).unwrap()
    }

    pub(super) fn later(&mut self, ms: i64) {
        self.now = UnixMs(self.now.0 + ms);
        self.sandbox.set_time(Some(self.now));
    }

    pub(super) fn charges(&mut self) -> Vec<ChargeView> {
        self.site
            .database
            .read(|tx| tx.charge_views(None, 100))
            .unwrap()
    }

    pub(super) fn only(&mut self) -> ChargeRow {
        let charges = self.charges();
        assert_eq!(charges.len(), 1);
        charges[0].row
    }

    pub(super) fn state(&mut self) -> ChargeState {
        self.only().charge.state
    }

    /// The ledger's sums, which balance: rider, in flight, debt, Alipay.
    pub(super) fn sums(&mut self) -> [i64; 4] {
        ["rider", "charging", "debt", "alipay"].map(|ledger| self.site.sum(ledger))
    }

    /// Whether gates are told to refuse the account.
    pub(super) fn is_denied(&mut self, account: AccountId) -> bool {
        let news = self.site.news(0);
        news.changes.contains(&FeedChange::Denied { account })
    }
}

#[test]
fn a_journey_is_charged_once_and_the_books_say_where_its_money_is() {
    let mut house = House::new(Policy::Journey);
    house.rides(account(1), 1);
    assert_eq!(house.round(), Done::default(), "nobody knows how it pays");
    house.bind(account(1), PlatformId::Alipay);
    assert_eq!(house.sums(), [-500, 0, 0, 0]);
    let done = house.round();
    assert_eq!((done.made, done.sent, done.paid), (1, 1, 1));
    assert_eq!(house.sums(), [0, 0, 0, -500]);
    assert_eq!(house.site.sum("fare-revenue"), 500);
    assert_eq!(house.sandbox.book().taken_minor(), 500);
    for _ in 0..3 {
        house.later(60_000);
        assert_eq!(house.round(), Done::default());
    }
    house.rides(account(1), 60);
    house.later(60_000);
    assert_eq!(house.round().paid, 1);
    assert_eq!(house.sandbox.book().taken_minor(), 1_000);
    assert_eq!(house.charges().len(), 2);
}

#[test]
fn a_day_is_one_charge_and_a_threshold_does_not_wait() {
    let mut house = House::new(Policy::Day);
    house.rides(account(1), 1);
    house.rides(account(1), 60);
    house.bind(account(1), PlatformId::Alipay);
    assert_eq!(house.round(), Done::default(), "the day is not over");
    house.later(DAY_MS);
    assert_eq!(house.round().paid, 1);
    assert_eq!(house.only().charge.amount, cny(1_000));
    let mut house = House::new(Policy::Threshold(1_000));
    house.bind(account(1), PlatformId::Alipay);
    house.rides(account(1), 1);
    assert_eq!(house.round(), Done::default());
    house.rides(account(1), 60);
    house.later(DAY_MS / 24);
    // Looked at when the day is over, or when more comes.
    let made = house.round().made;
    house.later(DAY_MS);
    assert_eq!(made + house.round().made, 1);
    assert_eq!(house.only().charge.amount, cny(1_000));
}

#[test]
fn a_lost_answer_is_asked_after_and_a_lost_request_sent_again() {
    for (fault, times) in [
        (Fault::LoseAnswer, 1),
        (Fault::LoseRequest, 1),
        (Fault::MisSign, 1),
    ] {
        let mut house = House::new(Policy::Journey);
        house.rides(account(1), 1);
        house.bind(account(1), PlatformId::Alipay);
        house.sandbox.tell(Operation::Charge, fault.clone(), 1);
        assert_eq!(house.round().paid, 0);
        assert_eq!(house.sums(), [0, -500, 0, 0], "in flight");
        assert_eq!(house.state(), ChargeState::Sent);
        assert_eq!(house.round(), Done::default(), "not at once");
        house.later(20_000);
        assert_eq!(house.round().paid, 1, "{fault:?}");
        assert_eq!(house.sums(), [0, 0, 0, -500]);
        let entries = house.sandbox.book().entries();
        assert_eq!((entries.len(), entries[0].asked_times), (1, times));
    }
}

#[test]
fn a_decline_is_a_debt_that_gates_know_of_until_it_is_paid() {
    let mut house = House::new(Policy::Journey);
    let rider = account(1);
    house.rides(rider, 1);
    house.bind(rider, PlatformId::Alipay);
    house.sandbox.tell(Operation::Charge, Fault::Decline, 2);
    assert_eq!(house.round().declined, 1);
    assert_eq!(house.sums(), [0, 0, -500, 0]);
    assert!(house.is_denied(rider));
    let why = house.charges()[0].newest.clone().unwrap().why.unwrap();
    assert!(why.starts_with("no-money"), "{why}");
    assert_eq!(house.only().next, Some(UnixMs(house.now.0 + DAY_MS)));
    house.later(DAY_MS);
    assert_eq!(house.round().declined, 1, "tried again after a day");
    let first = house.now.0 - DAY_MS;
    assert_eq!(house.only().next, Some(UnixMs(first + 3 * DAY_MS)));
    assert!(house.is_denied(rider));
    // The rider pays at the desk, by a code that is scanned; staff refuse the account for reasons of their own.
    let (row, platform) = (
        house.only(),
        house.desk.platform(PlatformId::Alipay).cloned().unwrap(),
    );
    let paying = house
        .desk
        .try_by(&row, platform.as_ref(), Means::ShowCode, house.now);
    let heard = house.runtime.block_on(paying).unwrap();
    assert!(matches!(heard, Some(Heard::Shown(_))), "{heard:?}");
    assert_eq!(house.sums(), [0, -500, 0, 0]);
    let order = house.charges()[0].newest.clone().unwrap().order;
    assert!(house.sandbox.book().pay(order.as_str(), house.now));
    let notice = house.sandbox.alipay_notice(order.as_str()).unwrap();
    for _ in 0..3 {
        let told = house.desk.notice(PlatformId::Alipay, &notice, house.now);
        house.runtime.block_on(told).unwrap();
        assert_eq!(house.sums(), [0, 0, 0, -500], "once");
        assert_eq!(house.state(), ChargeState::Paid);
        assert!(!house.is_denied(rider), "paying lets it in again");
    }
    house.later(30 * DAY_MS);
    assert_eq!(house.round(), Done::default());
    assert_eq!(house.sandbox.book().taken_minor(), 500);
}

#[test]
fn whom_staff_refuse_stays_refused_when_the_debt_is_paid() {
    let mut house = House::new(Policy::Journey);
    let (rider, now) = (account(1), house.now);
    house.rides(rider, 1);
    house.bind(rider, PlatformId::Alipay);
    house.sandbox.tell(Operation::Charge, Fault::Decline, 1);
    house.round();
    house.site.database.write(|tx| tx.deny(rider, now)).unwrap();
    house.later(DAY_MS);
    assert_eq!(house.round().paid, 1);
    assert!(house.is_denied(rider));
    assert!(house.site.database.write(|tx| tx.allow(rider)).unwrap());
    assert!(!house.is_denied(rider));
    // And the other way round: staff take back theirs, the debt stands.
    house.rides(rider, 60);
    // The gates' records are taken at the time of the first ones here: looked at because it pays anew.
    house.bind(rider, PlatformId::Alipay);
    house.sandbox.tell(Operation::Charge, Fault::Decline, 1);
    assert_eq!(house.round().declined, 1);
    house.site.database.write(|tx| tx.deny(rider, now)).unwrap();
    assert!(!house.site.database.write(|tx| tx.allow(rider)).unwrap());
    assert!(house.is_denied(rider));
}

#[test]
fn another_amount_stands_in_suspense_and_another_currency_waits_for_a_person() {
    let mut house = House::new(Policy::Journey);
    house.rides(account(1), 1);
    house.bind(account(1), PlatformId::Alipay);
    house
        .sandbox
        .tell(Operation::Charge, Fault::WrongAmount(-100), 1);
    house.round();
    assert_eq!(house.sums(), [0, 0, 0, -400]);
    assert_eq!(house.site.sum("suspense"), -100);
    assert_eq!(house.state(), ChargeState::Paid);
    let why = house.charges()[0].newest.clone().unwrap().why.unwrap();
    assert_eq!(why, "CNY 5.00 was asked for");
    let mut house = House::new(Policy::Journey);
    house.rides(account(1), 1);
    house.bind(account(1), PlatformId::Alipay);
    let dollars = Fault::WrongCurrency("USD".to_owned());
    house.sandbox.tell(Operation::Charge, dollars, 1);
    house.round();
    assert_eq!(house.state(), ChargeState::Differs);
    assert_eq!(
        house.sums(),
        [0, -500, 0, -500],
        "the second in another currency"
    );
    house.later(DAY_MS);
    assert_eq!(house.round(), Done::default(), "nobody charges it again");
}

/// A rider who paid 5.00 is owed 1.20 by a correction, and it is asked of the platform.
fn asked_for(house: &mut House) {
    house.rides(account(1), 1);
    house.bind(account(1), PlatformId::Alipay);
    house.round();
    let (entry, now) = (house.site.journeys().remove(0).entry, house.now);
    let correction = Correction {
        entry,
        fare: cny(380),
        by: "Wang".to_owned(),
        reason: "a lift was out of order".to_owned(),
    };
    let corrected = house
        .site
        .database
        .write(|tx| correct(tx, &correction, now));
    corrected.unwrap();
    assert_eq!(house.sums(), [120, 0, 0, -500], "we owe it");
    let view = house.charges().remove(0);
    let order = view.newest.unwrap();
    let refund = RefundRow {
        id: [9; 16],
        account: account(1),
        charge: view.row.id,
        order: order.order,
        platform: order.platform,
        charged: cny(500),
        amount: cny(120),
        state: "asked".to_owned(),
        why: None,
        by: ("Wang".to_owned(), "a lift was out of order".to_owned()),
    };
    let asked: Result<(), StoreError> =
        house.site.database.write(|tx| ask_refund(tx, &refund, now));
    asked.unwrap();
    let set_aside = house.site.sum("refunds");
    assert_eq!((house.sums(), set_aside), ([0, 0, 0, -500], 120));
}

#[test]
fn a_part_is_given_back_and_set_off_in_the_books() {
    let mut house = House::new(Policy::Journey);
    asked_for(&mut house);
    // What the rider owes next is not set off against it too.
    house.rides(account(1), 100);
    house.sandbox.tell(Operation::Refund, Fault::LoseAnswer, 1);
    assert_eq!(house.round().refunded, 0);
    house.later(DAY_MS / 24);
    assert_eq!(house.round().refunded, 1);
    assert_eq!(house.round().refunded, 0);
    let set_aside = house.site.sum("refunds");
    assert_eq!((house.sums(), set_aside), ([0, 0, 0, -880], 0));
    assert_eq!(house.site.sum("fare-revenue"), 880);
    assert_eq!(house.sandbox.book().taken_minor(), 880);
    let charges = house.charges();
    let amounts = charges.iter().map(|view| view.row.charge.amount.minor);
    assert_eq!(amounts.collect::<Vec<_>>(), [500, 500]);
    assert_eq!(charges[1].refunded_minor, 120);
    // The correction and what was given back cancel out: nothing is charged for them.
    house.later(2 * DAY_MS);
    assert_eq!(house.round(), Done::default());
    assert_eq!(house.sums(), [0, 0, 0, -880]);
}

#[test]
fn a_refund_that_the_platform_does_not_give_is_owed_again() {
    let mut house = House::new(Policy::Journey);
    asked_for(&mut house);
    // Asked after first, then sent.
    house.sandbox.tell(Operation::Refund, Fault::Decline, 2);
    assert_eq!(house.round().refunded, 0);
    let set_aside = house.site.sum("refunds");
    assert_eq!((house.sums(), set_aside), ([120, 0, 0, -500], 0));
    assert_eq!(house.sandbox.book().taken_minor(), 500);
    assert_eq!(house.charges()[0].refunded_minor, 0);
    // What the rider owes next is less by it.
    house.rides(account(1), 100);
    house.later(1_000);
    house.round();
    assert_eq!(house.sums(), [0, 0, 0, -880]);
}

#[test]
fn stored_value_is_a_platform_like_the_others() {
    let mut house = House::new(Policy::Journey);
    let (rider, now) = (account(1), house.now);
    house.rides(rider, 1);
    house.bind(rider, PlatformId::StoredValue);
    assert_eq!(house.round().declined, 1, "nothing was paid in");
    assert_eq!(house.site.sum("debt"), -500);
    let paid_in: Result<Money, StoreError> = house
        .site
        .database
        .write(|tx| top_up(tx, [8; 16], rider, cny(800), now));
    assert_eq!(paid_in.unwrap(), cny(800));
    assert_eq!(
        (house.site.sum("cash"), house.site.sum("stored-value")),
        (-800, 800)
    );
    house.later(DAY_MS);
    assert_eq!(house.round().paid, 1);
    assert_eq!(
        (house.site.sum("debt"), house.site.sum("stored-value")),
        (0, 300)
    );
    let left: Result<Money, StoreError> = house
        .site
        .database
        .read(|tx| tx.stored_value(rider, cny(0).currency));
    assert_eq!(left.unwrap(), cny(300));
    assert!(!house.is_denied(rider));
}

#[test]
fn a_contract_at_wechat_pay_is_taken_at_once_and_charged_a_little_later() {
    let mut house = House::new(Policy::Journey);
    house.rides(account(1), 1);
    house.bind(account(1), PlatformId::WeChat);
    assert_eq!(house.round().paid, 0);
    house.later(5_000);
    assert_eq!(house.round().paid, 1);
    assert_eq!(house.site.sum("wechat"), -500);
}

#[test]
fn several_servers_on_one_database_send_one_order() {
    let mut house = House::new(Policy::Journey);
    for rider in 1..=12 {
        house.rides(account(rider), 1);
        house.bind(account(rider), PlatformId::Alipay);
    }
    let desks: Vec<_> = (1..=3)
        .map(|n| house.another_desk(Policy::Journey, n))
        .collect();
    let now = house.now;
    house.runtime.block_on(async {
        let rounds = desks.into_iter().map(|desk| {
            tokio::spawn(async move {
                // Whoever has no lease does nothing; when it is over, another takes it.
                desk.round(now).await.unwrap();
                desk.round(UnixMs(now.0 + 61_000)).await.unwrap();
            })
        });
        for round in rounds.collect::<Vec<_>>() {
            round.await.unwrap();
        }
    });
    let entries = house.sandbox.book().entries();
    assert_eq!(entries.len(), 12);
    assert_eq!(house.sandbox.book().taken_minor(), 6_000);
    assert_eq!(house.sums(), [0, 0, 0, -6_000]);
}

#[test]
fn a_bill_shows_what_differs_from_our_books() {
    let mut house = House::new(Policy::Journey);
    for (rider, fault) in [(1, None), (2, Some(Fault::WrongAmount(30))), (3, None)] {
        house.rides(account(rider), 1);
        house.bind(account(rider), PlatformId::Alipay);
        if let Some(fault) = fault {
            house.sandbox.tell(Operation::Charge, fault, 1);
        }
        house.later(1_000);
        assert_eq!(house.round().sent, 1);
    }
    let day = Day((house.now.0 + 8 * 3_600_000).div_euclid(DAY_MS));
    let platform = house.desk.platform(PlatformId::Alipay).cloned().unwrap();
    let bill = house
        .runtime
        .block_on(platform.bill(day, house.now))
        .unwrap();
    assert_eq!(bill.len(), 3);
    let books: Result<Books, StoreError> = house
        .site
        .database
        .read(|tx| Books::read(tx, PlatformId::Alipay, day));
    let books = books.unwrap();
    // Our books have what was really charged, so that they agree; suspense has what it was too much.
    assert_eq!(differences(&bill, &books), []);
    assert_eq!(house.site.sum("suspense"), 30);
    let mut short = books.clone();
    let lost = short.day.remove(0);
    let found = differences(&bill, &short);
    assert!(matches!(&found[..], [Difference::OnlyAtPlatform(row)] if row.order == lost.order));
    let found = differences(&bill[1..], &books);
    assert_eq!(found.len(), 1);
}
