//! Missing ends of journeys: what gates' own records spare riders, and what an exit without an entry costs.

use super::api::Running;
use super::phone::Phone;
use super::site::{NOW, Site, settlement};
use crate::gate::{Gate, MORNING, account};
use fare_protocol::{
    Annulment, Direction, Mode, ModeChange, ModeSource, Modes, PassageOutcome, RecordBody,
    SignedRecord, UnixMs,
};
use fare_rules::Tariff;
use fare_server::config::Settlement;
use fare_server::intake::{charge_without_entry, close_ended, look_at_incidents};
use fare_server::store::Incident;
use serde_json::{Value, json};
use std::sync::Arc;

const MAXIMUM: &str = "[maximum]\nno_exit_minor = 900\nno_entry_minor = 700\n";

/// Gates at PGY and XDN, and a server with this rule beside Beijing's fares.
fn site(rule: &str) -> (Site, Gate, Gate) {
    let (a, b) = (Gate::new("PGY-01", "PGY"), Gate::new("XDN-02", "XDN"));
    let mut site = Site::new(&[&a, &b]);
    site.settlement = with(rule);
    (site, a, b)
}

/// Beijing's fares and this rule.
fn with(rule: &str) -> Settlement {
    let mut with = settlement();
    with.tariff_text.tariff.push_str(rule);
    with.tariff = Arc::new(Tariff::parse(&with.tariff_text).unwrap());
    with
}

/// When the day is over on which the server learnt of everything.
fn over(site: &Site) -> UnixMs {
    site.settlement.tariff.day_ends(NOW)
}

/// Everything that the server does by itself at this time.
fn tend(site: &mut Site, now: UnixMs) {
    let settlement = &site.settlement;
    let done = site.database.write(|tx| {
        look_at_incidents(settlement, tx, now)?;
        close_ended(settlement, tx, now)?;
        charge_without_entry(settlement, tx, now)
    });
    done.map_err(|err| err.to_string()).unwrap();
}

fn mode(gate: &Gate, minute: i64, exit: Mode, source: ModeSource) -> SignedRecord {
    let change = ModeChange {
        modes: Modes {
            entry: Mode::Normal,
            exit,
        },
        source,
        command: None,
        reason: "a test".parse().unwrap(),
    };
    gate.make(minute, RecordBody::ModeChange(change))
}

/// The gate at XDN had this mode from minute 20 to 30; a rider entered at PGY in minute `entered`.
fn rides_while(exit: Mode, entered: i64, modes_late: bool) -> i64 {
    let (mut site, a, b) = site(MAXIMUM);
    let entry = a.passes(Direction::Entry, account(1), entered);
    let modes = [
        mode(&b, 20, exit, ModeSource::Fire),
        mode(&b, 30, Mode::Normal, ModeSource::Fire),
    ];
    let now = over(&site);
    if modes_late {
        site.send(&a, &entry.each_ref());
        // The server that looks for incidents has heard of everything that came by then.
        let settlement = &site.settlement;
        let ended = site.database.write(|tx| close_ended(settlement, tx, now));
        assert_eq!(ended.map_err(|err| err.to_string()).unwrap().len(), 1);
        assert_eq!(site.sum("fare-revenue"), 900, "nothing is known yet");
        site.send(&b, &modes.each_ref());
        tend(&mut site, now);
    } else {
        site.send(&b, &modes.each_ref());
        site.send(&a, &entry.each_ref());
        tend(&mut site, now);
    }
    tend(&mut site, UnixMs(now.0 + 1));
    assert_eq!(site.journeys()[0].state, "no-exit");
    let kinds = site.conflict_kinds();
    assert!(kinds.is_empty(), "nobody is asked: {kinds:?}");
    site.sum("fare-revenue")
}

#[test]
fn a_gates_own_modes_spare_who_was_inside_whenever_its_records_come() {
    for late in [false, true] {
        // mode | entered in minute | charged
        for (mode, entered, charged) in [
            (Mode::Emergency, 10, 0),
            (Mode::Free, 10, 0),
            (Mode::EntryExitExempt, 29, 0),
            (Mode::FareExempt, 1, 0),
            (Mode::Closed, 10, 900),
            (Mode::Normal, 10, 900),
            (Mode::Emergency, 31, 900),
        ] {
            assert_eq!(
                rides_while(mode, entered, late),
                charged,
                "{mode}, minute {entered}"
            );
        }
    }
}

#[test]
fn a_window_goes_on_while_nothing_else_is_known() {
    let (mut site, a, b) = site(MAXIMUM);
    site.send(&b, &[&mode(&b, 20, Mode::Emergency, ModeSource::Staff)]);
    site.send(&a, &a.passes(Direction::Entry, account(1), 200).each_ref());
    let now = over(&site);
    tend(&mut site, now);
    assert_eq!(site.sum("fare-revenue"), 0);
    let exit =
        |tx: &fare_server::store::Tx<'_>| tx.mode_windows(Direction::Exit, (UnixMs(MORNING), NOW));
    let windows = site.database.read(exit).unwrap();
    assert_eq!(windows.len(), 1);
    assert_eq!(
        (windows[0].station.as_str(), windows[0].until),
        ("XDN", None)
    );
    let entry =
        |tx: &fare_server::store::Tx<'_>| tx.mode_windows(Direction::Entry, (UnixMs(MORNING), NOW));
    assert!(site.database.read(entry).unwrap().is_empty());
}

#[test]
fn an_incident_that_staff_tell_of_later_gives_the_maximum_back() {
    let (mut site, a, _) = site(MAXIMUM);
    site.send(&a, &a.passes(Direction::Entry, account(1), 1).each_ref());
    let now = over(&site);
    tend(&mut site, now);
    assert_eq!(site.sum("fare-revenue"), 900);
    let incident = Incident {
        station: Some("PGY".parse().unwrap()),
        from: UnixMs(MORNING + 30 * 60_000),
        until: UnixMs(MORNING + 60 * 60_000),
        person: "Wang".to_owned(),
        reason: "power failure".to_owned(),
    };
    let add = |tx: &fare_server::store::Tx<'_>| tx.insert_incident([1; 16], &incident, now);
    site.database.write(add).unwrap();
    tend(&mut site, UnixMs(now.0 + 1));
    assert_eq!(site.sums(), (0, 0, 0));
}

#[test]
fn a_rider_whom_a_barrier_did_not_let_out_pays_no_maximum() {
    // what became of the rider's exit | charged
    for (outcome, charged) in [
        (PassageOutcome::Annulled(Annulment::NotOpened), 0),
        (PassageOutcome::Annulled(Annulment::TimedOut), 900),
        (PassageOutcome::Annulled(Annulment::Cancelled), 900),
    ] {
        let (mut site, a, b) = site(MAXIMUM);
        site.send(&a, &a.passes(Direction::Entry, account(1), 1).each_ref());
        let exit = b.exit(account(1), 40);
        let passage = b.passage(&exit, outcome);
        site.send(&b, &[&exit, &passage]);
        let now = over(&site);
        tend(&mut site, now);
        assert_eq!(site.sum("fare-revenue"), charged, "{outcome:?}");
    }
}

#[test]
fn an_exit_without_an_entry_costs_what_the_table_says_once_and_until_the_entry_comes() {
    let (mut site, a, b) = site(MAXIMUM);
    let entry = a.passes(Direction::Entry, account(1), 1);
    site.send(&b, &b.passes(Direction::Exit, account(1), 40).each_ref());
    let now = over(&site);
    tend(&mut site, UnixMs(now.0 - 1));
    assert_eq!(site.sums(), (0, 0, 0), "the entry may still come");
    for later in [0, 1, 86_400_000] {
        tend(&mut site, UnixMs(now.0 + later));
        assert_eq!(site.sums(), (-700, 0, 700), "once");
    }
    assert!(site.conflicts().is_empty(), "the tariff has decided");
    site.send(&a, &entry.each_ref());
    assert_eq!(site.sums(), (-500, 0, 500), "the journey instead");
    assert_eq!(site.conflict_kinds(), ["overtaken"]);
    tend(&mut site, UnixMs(now.0 + 2 * 86_400_000));
    assert_eq!(site.sums(), (-500, 0, 500));
}

#[test]
fn an_entry_that_comes_in_time_is_all_there_is() {
    let (mut site, a, b) = site(MAXIMUM);
    let entry = a.passes(Direction::Entry, account(1), 1);
    site.send(&b, &b.passes(Direction::Exit, account(1), 40).each_ref());
    site.send(&a, &entry.each_ref());
    let now = over(&site);
    tend(&mut site, now);
    assert_eq!(site.sums(), (-500, 0, 500));
    assert!(site.conflicts().is_empty());
}

#[test]
fn an_exit_without_an_entry_is_left_to_people_where_no_rule_may_decide() {
    // No rule in the table.
    let (mut site_of, _, b) = site("[maximum]\nno_exit_minor = 900\n");
    site_of.send(&b, &b.passes(Direction::Exit, account(1), 40).each_ref());
    let now = over(&site_of);
    tend(&mut site_of, now);
    assert_eq!(site_of.sums(), (0, 0, 0));
    assert_eq!(site_of.conflict_kinds(), ["exit-without-entry"]);

    // The entry gates were open: in emergency, in both directions.
    let (mut open, a, b) = site(MAXIMUM);
    let emergency = ModeChange {
        modes: Modes::both(Mode::Emergency),
        source: ModeSource::Fire,
        command: None,
        reason: "the fire input came on".parse().unwrap(),
    };
    open.send(&a, &[&a.make(1, RecordBody::ModeChange(emergency))]);
    open.send(&b, &b.passes(Direction::Exit, account(1), 40).each_ref());
    tend(&mut open, now);
    assert_eq!(open.sums(), (0, 0, 0));
    assert_eq!(open.conflict_kinds(), ["exit-without-entry"]);
}

#[test]
fn an_open_entry_gate_that_is_heard_of_late_gives_back_what_the_missing_entry_cost() {
    let (mut site, a, b) = site(MAXIMUM);
    site.send(&b, &b.passes(Direction::Exit, account(1), 40).each_ref());
    let now = over(&site);
    let settlement = &site.settlement;
    let charge = |tx: &fare_server::store::Tx<'_>| charge_without_entry(settlement, tx, now);
    let charged = site.database.write(charge);
    assert_eq!(charged.map_err(|err| err.to_string()), Ok(1));
    assert_eq!(site.sums(), (-700, 0, 700));
    let emergency = ModeChange {
        modes: Modes::both(Mode::Emergency),
        source: ModeSource::Fire,
        command: None,
        reason: "the fire input came on".parse().unwrap(),
    };
    site.send(&a, &[&a.make(1, RecordBody::ModeChange(emergency))]);
    tend(&mut site, now);
    assert_eq!(site.sums(), (0, 0, 0));
    assert_eq!(site.conflict_kinds(), ["overtaken"]);
    tend(&mut site, UnixMs(now.0 + 1));
    assert_eq!(site.sums(), (0, 0, 0));
}

/// The rider's list has it beside the journeys: what it costs and by which rule.
#[tokio::test]
async fn a_rider_sees_an_exit_without_an_entry_and_what_it_costs() {
    let (b, settlement) = (Gate::new("XDN-02", "XDN"), with(MAXIMUM));
    let server = Running::with(&[&b], settlement.clone()).await;
    let phone = Phone::new(&server, 1);
    let (_, account) = phone.enrol().await;
    server
        .send(&b, &b.passes(Direction::Exit, account, 40))
        .await;
    let seen = phone.json("/v1/rider/journeys").await;
    let exit = &seen["exits"][0];
    assert_eq!(
        (&exit["at"]["id"], &exit["state"], &exit["fare"]),
        (&json!("XDN"), &json!("waiting"), &Value::Null)
    );
    server.database.with(|database| {
        let over = settlement.tariff.day_ends(fare_server::clock::now());
        let charge = |tx: &fare_server::store::Tx<'_>| charge_without_entry(&settlement, tx, over);
        assert_eq!(database.write(charge).map_err(|err| err.to_string()), Ok(1));
    });
    let seen = phone.json("/v1/rider/journeys").await;
    let exit = &seen["exits"][0];
    assert_eq!(
        (&exit["state"], &exit["fare"], &exit["steps"][0]["code"]),
        (
            &json!("charged"),
            &json!({"minor": 700, "currency": "CNY"}),
            &json!("no-entry")
        )
    );
    assert_eq!(seen["journeys"], json!([]));
    server.end().await;
}
