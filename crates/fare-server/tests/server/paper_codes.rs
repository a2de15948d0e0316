//! Paper codes: made, used at gates that know of one another or do not, charged from what was paid for them.

use super::site::{NOW, Site};
use crate::gate::{Gate, MORNING, Tap};
use fare_protocol::wire::FeedChange;
use fare_protocol::{
    AccountId, Annulment, Currency, Direction, FareReason, Money, PaperCode, PassageOutcome,
    RiderClass, SignedRecord, UnixMs, Voucher,
};
use fare_server::paper_codes::{Wanted, keep};
use fare_server::store::StoreError;

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
