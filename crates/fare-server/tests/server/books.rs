//! Closing the books, looking at closes, sharing revenue out, and what is not paid.

use super::site::{NOW, Site};
use crate::gate::{Gate, account};
use fare_protocol::{Direction, Millis, RiderClass, SignedRecord, UnixMs};
use fare_server::books::clearing::{ClearingError, Rule, Statement, account_of, statements};
use fare_server::books::exposure::exposure;
use fare_server::books::keeper::{Keeper, Sharing};
use fare_server::books::{CloseError, Verdict, close, verify};
use fare_server::correction::{Correction, correct};
use fare_server::intake::{Intake, IntakeError, check};
use fare_server::store::{Case, CloseRow, Flaw, StoreError};
use std::sync::Arc;

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

const DAY: Millis = Millis(86_400_000);

/// Uploads records when it is this late.
fn send_at(site: &mut Site, gate: &Gate, records: &[SignedRecord], now: UnixMs) {
    let gate = gate.registered();
    let uploads = records.iter().map(crate::gate::upload);
    let checked: Vec<_> = uploads.map(|upload| check(&upload, &gate)).collect();
    let settlement = &site.settlement;
    let taken = site
        .database
        .write(|tx| Intake::new(settlement, tx, gate, now).take(&checked))
        .map_err(|err: IntakeError| err.to_string());
    taken.unwrap();
}

fn three_operators() -> Rule {
    let operator = |line: &str| {
        format!("[[operator]]\nid = \"line-{line}\"\nname = \"{line}\"\nlines = [\"{line}\"]\n")
    };
    let all: String = ["1", "2", "3"].map(operator).concat();
    Rule::parse(&format!("entry_permille = 500\n{all}")).unwrap()
}

/// What each operator gets of a time.
fn shares(site: &mut Site, time: (UnixMs, UnixMs)) -> [i64; 3] {
    let rule = three_operators();
    let all: Vec<Statement> = site
        .database
        .read(|tx| statements(tx, &rule, time))
        .unwrap();
    let share = |of: &Statement| of.totals.first().map_or(0, |total| total.share_minor);
    [share(&all[0]), share(&all[1]), share(&all[2])]
}

#[test]
fn a_journey_that_gets_another_exit_takes_from_the_operator_what_it_got() {
    let a = Gate::new("PGY-01", "PGY");
    let (b, c) = (
        Gate::on("XDN-02", "XDN", "2"),
        Gate::on("GMO-01", "GMO", "3"),
    );
    let mut site = Site::new(&[&a, &b, &c]);
    let (first, second) = (
        (UnixMs(0), NOW.after(DAY)),
        (NOW.after(DAY), UnixMs(i64::MAX)),
    );
    let entry = a.passes(Direction::Entry, account(1), 1);
    let later_exit = b.passes(Direction::Exit, account(1), 50);
    send_at(&mut site, &a, &entry, NOW);
    send_at(&mut site, &b, &later_exit, NOW);
    assert_eq!(shares(&mut site, first), [250, 250, 0]);
    // The rider had left elsewhere before; that record comes a day late, when the first statement is written.
    let exit = c.passes(Direction::Exit, account(1), 40);
    send_at(&mut site, &c, &exit, NOW.after(Millis(2 * DAY.0)));
    assert_eq!(shares(&mut site, first), [250, 250, 0], "as it was written");
    let [one, two, three] = shares(&mut site, second);
    assert_eq!(two, -250, "it gives back what it got");
    assert_eq!(
        (250 + one + two + 250 + three, one),
        (site.sum("fare-revenue"), three - 250)
    );
    assert_eq!(250 + one, three, "half each of what it costs now");
}

#[test]
fn what_staff_correct_is_shared_out_over_the_journeys_lines() {
    let (a, b) = (Gate::new("PGY-01", "PGY"), Gate::on("XDN-02", "XDN", "2"));
    let mut site = Site::new(&[&a, &b]);
    journey(&mut site, [&a, &b], 1, 1);
    let correction = Correction {
        entry: site.journeys().remove(0).entry,
        fare: fare_protocol::Money::new(200, site.settlement.tariff.currency()),
        by: "Wang".to_owned(),
        reason: "a lift was out of order".to_owned(),
    };
    let done: Result<Case, _> = site.database.write(|tx| correct(tx, &correction, LATER));
    done.unwrap();
    let time = (NOW.after(Millis(1)), UnixMs(i64::MAX));
    assert_eq!(shares(&mut site, time), [-150, -150, 0]);
}

#[test]
// long: some days of one keeper
fn the_keeper_proves_closes_each_day_and_posts_what_operators_get() {
    let (a, b) = (Gate::new("PGY-01", "PGY"), Gate::on("XDN-02", "XDN", "2"));
    let mut site = Site::new(&[&a, &b]);
    journey(&mut site, [&a, &b], 1, 1);
    let folder = tempfile::tempdir().unwrap();
    let keeper = Keeper {
        database: site.fresh.as_ref().unwrap().url.clone(),
        settlement: Arc::new(site.settlement.clone()),
        sharing: Some(Sharing {
            rule: three_operators(),
            statements: Some(folder.path().to_owned()),
        }),
    };
    let round = |now: UnixMs| {
        let work = || keeper.round([1; 16], now).unwrap();
        std::thread::scope(|scope| scope.spawn(work).join().unwrap())
    };
    let kept = round(NOW);
    assert_eq!(kept.proved, Some(vec![]));
    assert_eq!(
        kept.closed.len(),
        1,
        "all before the service day that is on"
    );
    assert_eq!((kept.closed[0].postings, kept.shared.len()), (0, 0));
    let kept = round(NOW.after(Millis(1_800_000)));
    assert_eq!(
        (kept.proved, kept.closed.len()),
        (None, 0),
        "not yet an hour"
    );
    // The server was away for three days.
    let kept = round(NOW.after(Millis(3 * DAY.0)));
    assert_eq!(kept.proved, Some(vec![]));
    let postings: Vec<_> = kept.closed.iter().map(|close| close.postings).collect();
    assert_eq!(postings, [2, 0, 0], "a close for each day");
    let parts: Vec<_> = kept
        .shared
        .iter()
        .map(|share| (share.operator.as_str(), share.part.minor))
        .collect();
    assert_eq!(parts, [("line-1", 250), ("line-2", 250)]);
    assert_eq!(kept.shared[0].account, account_of("line-1"));
    assert_eq!((site.sum("operator"), site.sum("fare-revenue")), (500, 0));
    let mut written: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|file| file.unwrap().file_name())
        .collect();
    written.sort();
    assert_eq!(written.len(), 4, "{written:?}");
    let csv = folder.path().join(&written[1]).join("line-2.csv");
    assert!(
        std::fs::read_to_string(csv)
            .unwrap()
            .contains(",capture,1,2,500,250,CNY")
    );
    // Shares are no revenue: what is posted of them is not shared out again.
    let kept = round(NOW.after(Millis(5 * DAY.0)));
    assert_eq!((kept.closed.len(), kept.shared.len()), (2, 0));
    assert!(
        verdicts(&mut site)
            .iter()
            .all(|verdict| *verdict == Verdict::Whole)
    );
    assert!(site.books().balanced);

    // Somebody who is above the database's own guards takes from an operator.
    let fresh = site.fresh.as_ref().unwrap();
    fresh.without_guards(
        "posting_line",
        "UPDATE posting_line SET minor = minor - 50 WHERE ledger = 'operator'",
    );
    let kept = round(NOW.after(Millis(6 * DAY.0)));
    let flaws: Vec<_> = kept
        .proved
        .unwrap()
        .iter()
        .map(|finding| finding.flaw)
        .collect();
    assert_eq!(
        flaws,
        [Flaw::Unbalanced, Flaw::Unbalanced, Flaw::Share, Flaw::Share]
    );
    let proof = site.database.read(|tx| tx.last_proof()).unwrap().unwrap();
    assert_eq!(
        (proof.findings, proof.made),
        (4, NOW.after(Millis(6 * DAY.0)))
    );
}
