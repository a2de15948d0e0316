//! Paper codes: made, used at gates that know of one another or do not, charged from what was paid for them.

use super::site::{NOW, Site};
use crate::gate::{Gate, MORNING, Tap};
use fare_protocol::wire::{FeedChange, TariffText};
use fare_protocol::{
    AccountId, Annulment, Currency, Direction, FareReason, Money, PaperCode, PassageOutcome,
    RiderClass, SignedRecord, UnixMs, Voucher,
};
use fare_rules::Tariff;
use fare_server::paper_codes::refund::{Refund, RefundError, refund};
use fare_server::paper_codes::{Wanted, keep};
use fare_server::store::StoreError;
use std::sync::Arc;

fn cny(minor: i64) -> Money {
    Money::new(minor, Currency::CNY)
}

/// A code worth so much, made in the morning.
fn made(site: &mut Site, value: i64) -> PaperCode {
    let wanted = Wanted {
        class: RiderClass::Adult,
        value: cny(value),
        valid_from: UnixMs(MORNING),
        valid_until: UnixMs(MORNING + 20 * 3_600_000),
    };
    assert!(wanted.valid_for().is_some());
    let code = wanted.make().unwrap();
    let work = |tx: &fare_server::store::Tx<'_>| -> Result<(), StoreError> {
        keep(tx, &code, "desk", UnixMs(MORNING))
    };
    site.database.write(work).unwrap();
    code
}

fn goes(
    gate: &Gate,
    direction: Direction,
    account: AccountId,
    minute: i64,
    quoted: Option<Money>,
) -> [SignedRecord; 2] {
    let tap = gate.tap(Tap {
        direction,
        account,
        minute,
        quoted,
        names: None,
        code: match direction {
            Direction::Entry => 1,
            Direction::Exit => 2,
        },
    });
    let passage = gate.passage(&tap, PassageOutcome::Passed);
    [tap, passage]
}

fn is_denied(site: &mut Site, account: AccountId) -> bool {
    site.database.read(|tx| tx.is_denied(account)).unwrap()
}

fn left(site: &mut Site, account: AccountId) -> Option<Money> {
    let left = site
        .database
        .read(|tx| tx.left_to_spend(account, Currency::CNY));
    left.unwrap()
}

#[test]
fn its_journey_is_charged_from_what_was_paid_and_gates_hear_that_it_is_over() {
    let (a, b) = (Gate::new("PGY-01", "PGY"), Gate::new("XDN-02", "XDN"));
    let mut site = Site::new(&[&a, &b]);
    let code = made(&mut site, 700);
    let account = code.account;
    assert_eq!(site.sum("stored-value"), 700, "we owe it until it is used");
    assert_eq!(left(&mut site, account), Some(cny(700)));
    site.send(&a, &goes(&a, Direction::Entry, account, 1, None).each_ref());
    assert!(!is_denied(&mut site, account), "the rider is to come out");
    let out = goes(&b, Direction::Exit, account, 40, Some(cny(500)));
    site.send(&b, &out.each_ref());
    assert!(is_denied(&mut site, account));
    assert_eq!(site.sum("fare-revenue"), 500);
    assert_eq!(left(&mut site, account), Some(cny(200)));
    assert!(site.conflicts().is_empty());
    // A gate refuses it before it forgets the journey: in between it would let it in again.
    let news = site.news(1).changes;
    let place = |wanted: fn(&FeedChange) -> bool| news.iter().position(wanted).unwrap();
    let denied = place(|change| matches!(change, FeedChange::Denied { .. }));
    let closed = place(|change| matches!(change, FeedChange::JourneyClosed { .. }));
    assert!(denied < closed, "{news:?}");
}

#[test]
fn gates_hear_that_it_is_over_also_when_its_exit_came_first() {
    let (a, b) = (Gate::new("PGY-01", "PGY"), Gate::new("XDN-02", "XDN"));
    let mut site = Site::new(&[&a, &b]);
    let account = made(&mut site, 700).account;
    let entry = goes(&a, Direction::Entry, account, 1, None);
    site.send(&b, &goes(&b, Direction::Exit, account, 40, None).each_ref());
    site.send(&a, &entry.each_ref());
    assert_eq!(site.sum("fare-revenue"), 500);
    assert!(is_denied(&mut site, account));
}

/// Whatever an offline gate showed, or when it could show nothing.
#[test]
fn never_more_is_charged_than_was_paid_for_it() {
    for quoted in [None, Some(cny(300)), Some(cny(500))] {
        let (a, b) = (Gate::new("PGY-01", "PGY"), Gate::new("XDN-02", "XDN"));
        let mut site = Site::new(&[&a, &b]);
        let account = made(&mut site, 300).account;
        site.send(&a, &goes(&a, Direction::Entry, account, 1, None).each_ref());
        let answers = site.send(
            &b,
            &goes(&b, Direction::Exit, account, 40, quoted).each_ref(),
        );
        let Some(Voucher::Exit(voucher)) = site.voucher(&answers[0]) else {
            panic!("{answers:?}")
        };
        assert_eq!(voucher.fare, cny(300), "{quoted:?}");
        let last = voucher.steps.last().unwrap();
        let value = FareReason::PaperValue { value_minor: 300 };
        assert_eq!((&last.reason, last.minor), (&value, -200));
        assert_eq!(site.sum("fare-revenue"), 300);
        assert_eq!(left(&mut site, account), Some(cny(0)));
    }
}

#[test]
fn an_exit_that_nobody_went_through_leaves_it_as_it_was() {
    let (a, b) = (Gate::new("PGY-01", "PGY"), Gate::new("XDN-02", "XDN"));
    let mut site = Site::new(&[&a, &b]);
    let account = made(&mut site, 700).account;
    site.send(&a, &goes(&a, Direction::Entry, account, 1, None).each_ref());
    let [tap, _] = goes(&b, Direction::Exit, account, 40, Some(cny(500)));
    site.send(&b, &[&tap]);
    b.rewind(&tap);
    let annulled = b.passage(&tap, PassageOutcome::Annulled(Annulment::TimedOut));
    site.send(&b, &[&annulled]);
    assert!(!is_denied(&mut site, account));
    let out = goes(&b, Direction::Exit, account, 45, Some(cny(500)));
    site.send(&b, &out.each_ref());
    assert!(is_denied(&mut site, account));
    assert_eq!(site.sum("fare-revenue"), 500);
}

/// Gates that know nothing of one another open for each copy once. One journey is charged; staff see the rest.
#[test]
fn copies_at_gates_without_a_network_are_found_when_the_records_come() {
    let (a, b) = (Gate::new("PGY-01", "PGY"), Gate::new("XDN-02", "XDN"));
    let (c, d) = (Gate::new("GCH-01", "GCH"), Gate::new("GMO-01", "GMO"));
    let mut site = Site::new(&[&a, &b, &c, &d]);
    let account = made(&mut site, 700).account;
    site.send(&a, &goes(&a, Direction::Entry, account, 1, None).each_ref());
    site.send(&c, &goes(&c, Direction::Entry, account, 5, None).each_ref());
    let kinds = site.conflict_kinds();
    for wanted in ["double-entry", "same-code"] {
        assert!(kinds.contains(&wanted.to_owned()), "{kinds:?}");
    }
    site.send(&b, &goes(&b, Direction::Exit, account, 40, None).each_ref());
    site.send(&d, &goes(&d, Direction::Exit, account, 50, None).each_ref());
    let kinds = site.conflict_kinds();
    assert!(
        kinds.contains(&"exit-without-entry".to_owned()),
        "{kinds:?}"
    );
    let revenue = site.sum("fare-revenue");
    assert!((1..=700).contains(&revenue), "one journey: {revenue}");
    assert_eq!(left(&mut site, account), Some(cny(700 - revenue)));
    assert!(is_denied(&mut site, account));
}

#[test]
fn it_is_taken_off_the_deny_list_a_day_after_its_time() {
    let (a, b) = (Gate::new("PGY-01", "PGY"), Gate::new("XDN-02", "XDN"));
    let mut site = Site::new(&[&a, &b]);
    let code = made(&mut site, 700);
    let account = code.account;
    site.send(&a, &goes(&a, Direction::Entry, account, 1, None).each_ref());
    site.send(&b, &goes(&b, Direction::Exit, account, 40, None).each_ref());
    let day = 86_400_000;
    let mut forgets = |at: i64| {
        let forget = |tx: &fare_server::store::Tx<'_>| tx.forget_paper_codes(UnixMs(at));
        let forgotten: Result<usize, StoreError> = site.database.write(forget);
        (forgotten.unwrap(), is_denied(&mut site, account))
    };
    assert_eq!(forgets(code.valid_until.0 + day - 1), (0, true));
    assert_eq!(forgets(code.valid_until.0 + day), (1, false));
    assert_eq!(forgets(NOW.0), (0, false));
}

/// One that staff refuse stays refused, whatever becomes of its journey.
#[test]
fn what_staff_refuse_is_theirs_to_allow() {
    let (a, b) = (Gate::new("PGY-01", "PGY"), Gate::new("XDN-02", "XDN"));
    let mut site = Site::new(&[&a, &b]);
    let code = made(&mut site, 700);
    let account = code.account;
    let deny = |tx: &fare_server::store::Tx<'_>| tx.deny(account, NOW);
    let denied: Result<bool, StoreError> = site.database.write(deny);
    assert!(denied.unwrap());
    // Gates that had not heard of it.
    site.send(&a, &goes(&a, Direction::Entry, account, 1, None).each_ref());
    site.send(&b, &goes(&b, Direction::Exit, account, 40, None).each_ref());
    let forget = |tx: &fare_server::store::Tx<'_>| {
        tx.forget_paper_codes(UnixMs(code.valid_until.0 + 9 * 86_400_000))
    };
    let forgotten: Result<usize, StoreError> = site.database.write(forget);
    assert_eq!(forgotten.unwrap(), 0);
    assert!(is_denied(&mut site, account));
}

fn brought_back(site: &mut Site, account: AccountId) -> Result<Refund, RefundError> {
    let tariff = site.settlement.tariff.clone();
    site.database.write(|tx| refund(tx, &tariff, account, NOW))
}

/// By a tariff that says this of paper codes.
fn by_rule(site: &mut Site, rule: &str) {
    let text = &site.settlement.tariff_text;
    let tariff = TariffText {
        tariff: [&text.tariff, "\n[paper_code]\n", rule].concat(),
        stations: text.stations.clone(),
    };
    site.settlement.tariff = Arc::new(Tariff::parse(&tariff).unwrap());
}

#[test]
fn an_unused_one_is_paid_back_once_and_gates_refuse_it() {
    let (a, b) = (Gate::new("PGY-01", "PGY"), Gate::new("XDN-02", "XDN"));
    let mut site = Site::new(&[&a, &b]);
    let code = made(&mut site, 700);
    let account = code.account;
    let done = brought_back(&mut site, account).unwrap();
    assert_eq!(
        (done.back, done.kept, done.was_used),
        (cny(700), cny(0), false)
    );
    assert!(is_denied(&mut site, account), "withdrawn");
    assert_eq!((site.sum("cash"), site.sum("stored-value")), (0, 0));
    let again = brought_back(&mut site, account).unwrap_err();
    assert!(matches!(again, RefundError::Before(_)), "{again}");
    // A gate without a network had let somebody in by it: what that costs is owed, and it stays refused.
    site.send(&a, &goes(&a, Direction::Entry, account, 1, None).each_ref());
    assert!(is_denied(&mut site, account));
    site.send(&b, &goes(&b, Direction::Exit, account, 40, None).each_ref());
    assert_eq!(site.sum("rider"), -500);
    assert_eq!(left(&mut site, account), Some(cny(-500)));
    let forget = |tx: &fare_server::store::Tx<'_>| {
        tx.forget_paper_codes(UnixMs(code.valid_until.0 + 86_400_000))
    };
    let forgotten: Result<usize, StoreError> = site.database.write(forget);
    assert_eq!(
        (forgotten.unwrap(), is_denied(&mut site, account)),
        (1, false)
    );
    let nobody = brought_back(&mut site, AccountId([9; 16])).unwrap_err();
    assert!(matches!(nobody, RefundError::Unknown), "{nobody}");
}

#[test]
fn what_a_journey_left_is_paid_back_by_the_rule_of_the_tariff() {
    let (a, b) = (Gate::new("PGY-01", "PGY"), Gate::new("XDN-02", "XDN"));
    let mut site = Site::new(&[&a, &b]);
    let account = made(&mut site, 700).account;
    site.send(&a, &goes(&a, Direction::Entry, account, 1, None).each_ref());
    let inside = brought_back(&mut site, account).unwrap_err();
    assert!(matches!(inside, RefundError::GoingOn), "{inside}");
    site.send(&b, &goes(&b, Direction::Exit, account, 40, None).each_ref());
    let none = brought_back(&mut site, account).unwrap_err();
    assert!(matches!(none, RefundError::Used(_)), "{none}");
    by_rule(&mut site, "refund_rest_fee_minor = 200");
    let nothing = brought_back(&mut site, account).unwrap_err();
    assert!(matches!(nothing, RefundError::Nothing), "{nothing}");
    by_rule(&mut site, "refund_rest_fee_minor = 50");
    let done = brought_back(&mut site, account).unwrap();
    assert_eq!(
        (done.back, done.kept, done.was_used),
        (cny(150), cny(50), true)
    );
    assert_eq!((site.sum("cash"), site.sum("lapsed")), (-550, 50));
    // The fare is still to be charged from it.
    assert_eq!(
        (site.sum("stored-value"), left(&mut site, account)),
        (500, Some(cny(0)))
    );
}

#[test]
fn a_fee_is_kept_of_an_unused_one_and_an_exit_alone_is_no_end() {
    let (a, b) = (Gate::new("PGY-01", "PGY"), Gate::new("XDN-02", "XDN"));
    let mut site = Site::new(&[&a, &b]);
    by_rule(&mut site, "refund_unused_fee_minor = 100");
    let [unused, alone] = [700, 700].map(|value| made(&mut site, value).account);
    let done = brought_back(&mut site, unused).unwrap();
    assert_eq!((done.back, done.kept), (cny(600), cny(100)));
    site.send(&b, &goes(&b, Direction::Exit, alone, 40, None).each_ref());
    let late = brought_back(&mut site, alone).unwrap_err();
    assert!(
        matches!(late, RefundError::GoingOn),
        "its entry may still come: {late}"
    );
}
