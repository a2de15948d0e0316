//! Missing ends that evidence tells: what a journey costs then, and that it says how sure it is.

use super::api::Running;
use super::phone::Phone;
use super::site::{NOW, Site, settlement};
use crate::gate::{Gate, MORNING, Tap, account};
use fare_protocol::{AccountId, Annulment, Direction, PassageOutcome, SignedRecord, UnixMs};
use fare_rules::Tariff;
use fare_rules::completion::Sign;
use fare_server::config::Settlement;
use fare_server::correction::story;
use fare_server::intake::{charge_without_entry, close_ended, look_at_incidents};
use fare_server::store::Incident;
use serde_json::json;
use std::sync::Arc;

const RULE: &str =
    "[maximum]\nno_exit_minor = 900\nno_entry_minor = 700\n[completion]\nat_least = 75\n";

/// Beijing's fares and this rule: 5.00 from PGY to XDN, 3.00 from PGY to GCH.
fn with(rule: &str) -> Settlement {
    let mut with = settlement();
    with.tariff_text.tariff.push_str(rule);
    with.tariff = Arc::new(Tariff::parse(&with.tariff_text).unwrap());
    with
}

struct Line {
    site: Site,
    pgy: Gate,
    gch: Gate,
    xdn: Gate,
}

fn line(rule: &str) -> Line {
    let gate = |id, station| Gate::new(id, station);
    let (pgy, gch, xdn) = (
        gate("PGY-01", "PGY"),
        gate("GCH-03", "GCH"),
        gate("XDN-02", "XDN"),
    );
    let mut site = Site::new(&[&pgy, &gch, &xdn]);
    site.settlement = with(rule);
    Line {
        site,
        pgy,
        gch,
        xdn,
    }
}

fn passes(gate: &Gate, direction: Direction, account: AccountId, minute: i64) -> [SignedRecord; 2] {
    let tap = gate.tap(Tap {
        direction,
        account,
        minute,
        quoted: None,
        names: None,
        code: u8::try_from(minute.rem_euclid(251)).unwrap(),
    });
    let passage = gate.passage(&tap, PassageOutcome::Passed);
    [tap, passage]
}

impl Line {
    /// Everything that the server does by itself once the day is over.
    fn tend(&mut self) {
        let now = self.site.settlement.tariff.day_ends(NOW);
        let settlement = &self.site.settlement;
        let done = self.site.database.write(|tx| {
            close_ended(settlement, tx, now)?;
            charge_without_entry(settlement, tx, now)
        });
        done.map_err(|err| err.to_string()).unwrap();
    }

    /// Whole journeys from PGY to XDN on so many days before the test's.
    fn habit(&mut self, days: i64) {
        for day in (1..=days).rev() {
            let minute = -day * 1_440;
            let entry = passes(&self.pgy, Direction::Entry, account(1), minute);
            let exit = passes(&self.xdn, Direction::Exit, account(1), minute + 40);
            self.site.send(&self.pgy, &entry.each_ref());
            self.site.send(&self.xdn, &exit.each_ref());
        }
    }

    fn enters(&mut self, minute: i64) -> SignedRecord {
        let entry = passes(&self.pgy, Direction::Entry, account(1), minute);
        self.site.send(&self.pgy, &entry.each_ref());
        entry[0].clone()
    }

    /// A whole journey from XDN to PGY, after the one that is looked at.
    fn travels_back(&mut self) {
        let entry = passes(&self.xdn, Direction::Entry, account(1), 200);
        let exit = passes(&self.pgy, Direction::Exit, account(1), 240);
        self.site.send(&self.xdn, &entry.each_ref());
        self.site.send(&self.pgy, &exit.each_ref());
    }

    /// What `journeys show` says of the entry's journey.
    fn says(&mut self, entry: &SignedRecord) -> Option<String> {
        let id = entry.record().id;
        let story = self.site.database.read(|tx| story(tx, id));
        story.map_err(|err| err.to_string()).unwrap().completed
    }
}

#[test]
fn who_enters_next_elsewhere_left_there() {
    let mut line = line(RULE);
    let entry = line.enters(1);
    line.travels_back();
    line.tend();
    assert_eq!(line.site.sum("fare-revenue"), 500 + 500, "and back");
    assert_eq!(
        line.says(&entry).unwrap(),
        "left at XDN, 75 % sure: entered there next"
    );
}

#[test]
fn a_habit_and_the_next_entry_support_one_another() {
    let mut line = line(&RULE.replace("75", "90"));
    line.habit(6);
    let entry = line.enters(1);
    line.tend();
    assert_eq!(
        line.site.sum("fare-revenue"),
        6 * 500 + 900,
        "6 of 6 is 85 %"
    );
    assert_eq!(line.says(&entry), None);
    // The next entry's record comes late: what it tells makes the journey cheaper, by a reversal.
    line.travels_back();
    line.tend();
    assert_eq!(line.site.sum("fare-revenue"), 6 * 500 + 500 + 500);
    assert_eq!(
        line.says(&entry).unwrap(),
        "left at XDN, 96 % sure: 6 of 6 journeys from here went there; entered there next"
    );
}

#[test]
fn a_tap_through_which_nobody_went_is_a_receipt() {
    let mut line = line(RULE);
    let entry = line.enters(1);
    let tap = line.gch.exit(account(1), 30);
    let nobody = PassageOutcome::Annulled(Annulment::TimedOut);
    let passage = line.gch.passage(&tap, nobody);
    line.site.send(&line.gch, &[&tap, &passage]);
    line.tend();
    assert_eq!(line.site.sum("fare-revenue"), 300);
    let says = line.says(&entry).unwrap();
    assert_eq!(
        says,
        "left at GCH, 95 % sure: tapped out there, where nobody went through"
    );
}

#[test]
fn evidence_that_does_not_agree_is_none_and_so_is_the_way_home() {
    let mut line = line(RULE);
    line.habit(10);
    let entry = line.enters(1);
    let next = passes(&line.gch, Direction::Entry, account(1), 200);
    let out = passes(&line.pgy, Direction::Exit, account(1), 230);
    line.site.send(&line.gch, &next.each_ref());
    line.site.send(&line.pgy, &out.each_ref());
    line.tend();
    assert_eq!(line.site.sum("fare-revenue"), 10 * 500 + 900 + 300);
    assert_eq!(line.says(&entry), None);
    // Who enters again where they entered before tells nothing.
    let mut other = self::line(RULE);
    let entry = other.enters(1);
    other.enters(200);
    other.tend();
    assert_eq!(other.site.sum("fare-revenue"), 900 + 900);
    assert_eq!(other.says(&entry), None);
}

#[test]
fn without_the_rule_and_with_the_real_exit_nothing_is_completed() {
    let mut line = line(RULE);
    let entry = line.enters(1);
    let next = passes(&line.xdn, Direction::Entry, account(1), 200);
    line.site.send(&line.xdn, &next.each_ref());
    line.tend();
    assert!(line.says(&entry).is_some());
    // The exit was at GCH after all.
    let exit = passes(&line.gch, Direction::Exit, account(1), 30);
    line.site.send(&line.gch, &exit.each_ref());
    assert_eq!(line.says(&entry), None);
    let journeys = line.site.journeys();
    let whole = journeys.iter().find(|one| one.entry == entry.record().id);
    assert_eq!(whole.unwrap().fare.unwrap().minor, 300);

    let mut plain = self::line("[maximum]\nno_exit_minor = 900\n");
    let entry = plain.enters(1);
    let next = passes(&plain.xdn, Direction::Entry, account(1), 200);
    plain.site.send(&plain.xdn, &next.each_ref());
    plain.tend();
    assert_eq!(plain.site.sum("fare-revenue"), 1_800);
    assert_eq!(plain.says(&entry), None);
}

#[test]
fn it_never_costs_more_than_the_maximum() {
    let mut line = line(&RULE.replace("900", "400"));
    let entry = line.enters(1);
    line.travels_back();
    line.tend();
    assert_eq!(line.site.sum("fare-revenue"), 400 + 500);
    assert_eq!(
        line.says(&entry),
        None,
        "the maximum is charged and not a completed fare"
    );
}

#[test]
fn an_exit_without_an_entry_is_completed_too() {
    let mut line = line(RULE);
    let (first, out) = (
        passes(&line.pgy, Direction::Entry, account(1), 1),
        passes(&line.gch, Direction::Exit, account(1), 30),
    );
    line.site.send(&line.pgy, &first.each_ref());
    line.site.send(&line.gch, &out.each_ref());
    let exit = passes(&line.pgy, Direction::Exit, account(1), 200);
    line.site.send(&line.pgy, &exit.each_ref());
    line.tend();
    assert_eq!(
        line.site.sum("fare-revenue"),
        300 + 300,
        "from GCH, where the rider had left"
    );
    let id = exit[0].record().id;
    let completed = line.site.database.read(|tx| tx.completed(account(1), id));
    let completed = completed.unwrap().unwrap();
    assert_eq!((completed.station.as_str(), completed.percent), ("GCH", 75));
    assert_eq!(completed.because[0].sign, Sign::NextTap);
}

#[test]
fn an_incident_spares_a_completed_fare_too() {
    let mut line = line(RULE);
    let entry = line.enters(1);
    line.travels_back();
    line.tend();
    assert_eq!(line.site.sum("fare-revenue"), 500 + 500);
    let incident = Incident {
        station: Some("PGY".parse().unwrap()),
        from: UnixMs(MORNING),
        until: UnixMs(MORNING + 60 * 60_000),
        person: "Wang".to_owned(),
        reason: "the exits were closed off".to_owned(),
    };
    let now = UnixMs(line.site.settlement.tariff.day_ends(NOW).0 + 1);
    let settlement = &line.site.settlement;
    let given_back = line.site.database.write(|tx| {
        tx.insert_incident([7; 16], &incident, now)?;
        look_at_incidents(settlement, tx, now)
    });
    assert_eq!(given_back.map_err(|err| err.to_string()).unwrap(), 1);
    assert_eq!(line.site.sum("fare-revenue"), 500);
    assert_eq!(line.says(&entry), None);
}

#[tokio::test]
async fn a_rider_sees_where_the_exit_is_taken_to_have_been() {
    let (pgy, xdn) = (Gate::new("PGY-01", "PGY"), Gate::new("XDN-02", "XDN"));
    let settlement = with(RULE);
    let server = Running::with(&[&pgy, &xdn], settlement.clone()).await;
    let phone = Phone::new(&server, 1);
    let (_, account) = phone.enrol().await;
    server
        .send(&pgy, &pgy.passes(Direction::Entry, account, 1))
        .await;
    server
        .send(&xdn, &xdn.passes(Direction::Entry, account, 200))
        .await;
    server.database.with(|database| {
        let over = UnixMs(settlement.tariff.day_ends(fare_server::clock::now()).0 + 1);
        let closed = database.write(|tx| close_ended(&settlement, tx, over));
        assert_eq!(closed.map_err(|err| err.to_string()).unwrap().len(), 2);
    });
    let seen = phone.json("/v1/rider/journeys").await;
    let first = &seen["journeys"][1];
    assert_eq!(first["fare"]["minor"], json!(500));
    assert_eq!(first["completed"]["at"]["id"], json!("XDN"));
    assert_eq!(first["completed"]["percent"], json!(75));
    assert_eq!(
        first["completed"]["because"],
        json!([{"station": "XDN", "sign": "next-tap"}])
    );
    assert_eq!(seen["journeys"][0]["completed"], json!(null));
    server.end().await;
}
