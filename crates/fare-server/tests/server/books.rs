//! Closing the books, looking at closes, sharing revenue out, and what is not paid.

use super::site::{NOW, Site};
use crate::gate::{Gate, account};
use fare_protocol::{Direction, Millis, RiderClass, UnixMs};
use fare_server::books::clearing::{ClearingError, Rule, statements};
use fare_server::books::exposure::exposure;
use fare_server::books::{CloseError, Verdict, close, verify};
use fare_server::store::{CloseRow, StoreError};

const LATER: UnixMs = UnixMs(NOW.0 + 3_600_000);

fn closes(site: &mut Site, until: UnixMs) -> Result<CloseRow, CloseError> {
    site.database.write(|tx| close(tx, until, "Wang", LATER))
}

fn verdicts(site: &mut Site) -> Vec<Verdict> {
    let looked: Result<_, StoreError> = site.database.read(verify);
    looked
        .unwrap()
        .into_iter()
        .map(|(_, verdict)| verdict)
        .collect()
}

/// Somebody goes from PGY to XDN and pays 5.00.
fn journey(site: &mut Site, gates: [&Gate; 2], rider: u8, minute: i64) {
    let entry = gates[0].passes(Direction::Entry, account(rider), minute);
    site.send(gates[0], &entry.each_ref());
    let exit = gates[1].passes(Direction::Exit, account(rider), minute + 40);
    site.send(gates[1], &exit.each_ref());
}

#[test]
fn closes_follow_on_one_another_and_tell_when_a_posting_was_changed() {
    let (a, b) = (Gate::new("PGY-01", "PGY"), Gate::new("XDN-02", "XDN"));
    let mut site = Site::new(&[&a, &b]);
    journey(&mut site, [&a, &b], 1, 1);
    let too_soon = closes(&mut site, UnixMs(LATER.0 - 1)).unwrap_err();
    assert!(matches!(too_soon, CloseError::TooSoon(_)), "{too_soon}");
    let first = closes(&mut site, NOW.after(Millis(1))).unwrap();
    assert_eq!((first.nth, first.postings, first.previous), (1, 2, [0; 32]));
    let again = closes(&mut site, NOW.after(Millis(1))).unwrap_err();
    assert!(matches!(again, CloseError::Closed(_)), "{again}");
    let second = closes(&mut site, NOW.after(Millis(2))).unwrap();
    assert_eq!(
        (second.nth, second.postings, second.previous),
        (2, 0, first.hash)
    );
    assert_eq!(second.from, first.until);
    assert_eq!(verdicts(&mut site), [Verdict::Whole, Verdict::Whole]);

    // Somebody who is above the database's own guards makes a posting nobody made.
    let fresh = site.fresh.as_ref().unwrap();
    fresh.without_guards(
        "posting_line",
        "UPDATE posting_line SET minor = CASE WHEN minor < 0 THEN -1 ELSE 1 END",
    );
    let verdicts = verdicts(&mut site);
    assert!(
        matches!(verdicts[0], Verdict::Differs(what) if what.contains("not those")),
        "{verdicts:?}"
    );
    assert_eq!(
        verdicts[1],
        Verdict::Whole,
        "nothing of its time was touched"
    );
}

#[test]
fn a_close_that_was_changed_is_seen() {
    let (a, b) = (Gate::new("PGY-01", "PGY"), Gate::new("XDN-02", "XDN"));
    let mut site = Site::new(&[&a, &b]);
    journey(&mut site, [&a, &b], 1, 1);
    for ms in [1, 2] {
        closes(&mut site, NOW.after(Millis(ms))).unwrap();
    }
    let fresh = site.fresh.as_ref().unwrap();
    let guarded = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        fresh.script("UPDATE book_close SET person = 'Li'");
    }));
    assert!(guarded.is_err(), "a close is final");
    fresh.without_guards(
        "book_close",
        "UPDATE book_close SET postings = 9 WHERE nth = 1",
    );
    let differs = verdicts(&mut site);
    assert!(
        matches!(differs[0], Verdict::Differs(what) if what.contains("hash")),
        "{differs:?}"
    );
}

#[test]
fn operators_get_what_the_books_say_to_the_minor_unit() {
    let (a, b) = (Gate::new("PGY-01", "PGY"), Gate::on("XDN-02", "XDN", "2"));
    let mut site = Site::new(&[&a, &b]);
    for (rider, minute) in [(1, 1), (2, 2), (3, 3)] {
        journey(&mut site, [&a, &b], rider, minute);
    }
    let rule = "entry_permille = 333\n\
                [[operator]]\nid = \"one\"\nname = \"Line 1\"\nlines = [\"1\"]\n\
                [[operator]]\nid = \"two\"\nname = \"Line 2\"\nlines = [\"2\"]\n";
    let all = (UnixMs(0), LATER);
    let share = |site: &mut Site, rule: &str| {
        let rule = Rule::parse(rule).unwrap();
        site.database.read(|tx| statements(tx, &rule, all))
    };
    let shared = share(&mut site, rule).unwrap();
    let share_of = |nth: usize| shared[nth].totals[0].share_minor;
    // 5.00 three times: 33.3 % of each, rounded down, to the line of entry.
    assert_eq!((share_of(0), share_of(1)), (3 * 166, 3 * 334));
    assert_eq!(share_of(0) + share_of(1), -site.sum("rider"));
    assert_eq!(shared[0].revenue[0].minor, site.sum("fare-revenue").abs());
    let csv = shared[1].csv();
    let lines: Vec<_> = csv.lines().collect();
    assert_eq!(lines.len(), 4);
    assert!(lines[1].ends_with(",capture,1,2,500,334,CNY"), "{csv}");
    assert!(!csv.contains("…"), "no account is in it");
    let json = serde_json::to_value(&shared[0]).unwrap();
    assert_eq!(json["totals"][0]["items"], 3);
    assert!(json.get("items").is_none());

    let half = "entry_permille = 500\n[[operator]]\nid = \"one\"\nname = \"1\"\nlines = [\"1\"]\n";
    let refused = share(&mut site, half).unwrap_err();
    assert!(
        matches!(refused, ClearingError::NobodysLine { .. }),
        "{refused}"
    );
    assert!(
        refused.to_string().starts_with("line 2 has no operator"),
        "{refused}"
    );
}

#[test]
fn exposure_is_what_nobody_has_paid_and_what_riders_inside_may_cost() {
    let (a, b) = (Gate::new("PGY-01", "PGY"), Gate::new("XDN-02", "XDN"));
    let mut site = Site::new(&[&a, &b]);
    let look = |site: &mut Site| {
        let settlement = &site.settlement;
        site.database
            .read(|tx| exposure(tx, settlement, NOW))
            .unwrap()
    };
    let before = look(&mut site);
    assert!(before.all.is_empty() && before.accounts.is_empty());
    assert_eq!(before.gates.len(), 2, "gates without taps stand there too");

    journey(&mut site, [&a, &b], 1, 1);
    journey(&mut site, [&a, &b], 1, 100);
    let entry = a.passes(Direction::Entry, account(2), 200);
    site.send(&a, &entry.each_ref());
    let found = look(&mut site);
    let tariff = &site.settlement.tariff;
    let pgy = "PGY".parse().unwrap();
    let fares = tariff.stations().map(|to| {
        let way = tariff.quote(pgy, to.id, RiderClass::Adult).unwrap();
        way.fare.minor
    });
    let most = fares.max().unwrap();
    assert!(most > 500, "this table has no maximum, and dearer ways");
    let all = found.all[0];
    assert_eq!((all.unpaid_minor, all.debt_minor), (-site.sum("rider"), 0));
    assert_eq!((all.unpaid_minor, all.inside), (2 * 500, 1));
    assert_eq!(all.inside_minor, most);
    let of = |nth: usize| {
        (
            found.accounts[nth].sum.unpaid_minor,
            found.accounts[nth].sum.inside,
        )
    };
    let mut accounts = [of(0), of(1)];
    accounts.sort_unstable();
    assert_eq!(accounts, [(0, 1), (1_000, 0)]);
    assert!(found.accounts[0].sum.worst_minor() >= found.accounts[1].sum.worst_minor());
    assert_eq!((found.gates[0].inside, found.gates[1].inside), (1, 0));
    assert_eq!(found.gates[0].unheard_minor_per_h, 3 * most / 24);
    assert!(found.gates[0].heard_ms.is_some());
    assert_eq!(found.gates[0].first_rides_max_minor, None, "not known");
}
