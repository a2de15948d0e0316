//! A printed ticket in the hands of a rider and of somebody with a copy: printed by the real program, looked at by a real
//! browser, read by real gates that have no network, settled by the real server when it is back.
#![allow(clippy::unwrap_used)]

mod common;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use common::browser::Browser;
use common::lane::Lane;
use common::{Process, Site, program, until};
use fare_protocol::{LaneNo, PaperCode};
use fare_rules::Role;
use fare_sim::board::Habits;
use fare_sim::city::GateSite;
use fare_sim::crowd::Optics;
use fare_sim::screenshot::Screenshot;
use fare_sim::shot::{Difficulty, FrameSize};
use serde_json::{Value, json};
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

const EYES: (Optics, Habits) = (
    Optics {
        size: FrameSize::HD,
        fps: 10,
        difficulty: Difficulty::Easy,
    },
    Habits {
        passage_after: fare_protocol::Millis(300),
        beam: fare_protocol::Millis(150),
        annul_every: None,
    },
);

fn print(site: &Site, count: &str, out: &Path) -> std::process::Output {
    let mut print = program("fareserver");
    print.args([
        "paper-codes",
        "print",
        "--value",
        "CNY:700",
        "--count",
        count,
        "--config",
    ]);
    print.arg(site.city.server_config());
    print.arg("--out").arg(out).output().unwrap()
}

/// The first ticket of a sheet as somebody's camera takes it.
fn photographed(sheet: &Path, to: &Path) -> Screenshot {
    let browser = Browser::start();
    browser.resize(800, 1130);
    browser.open(&format!("file://{}", sheet.display()));
    // Millimetres are 96/25.4 pixels.
    let clip = json!({ "x": 24, "y": 32, "width": 248, "height": 262, "scale": 3 });
    let taken = browser.devtools(
        "Page.captureScreenshot",
        &json!({ "format": "png", "clip": clip }),
    );
    let png = STANDARD.decode(taken["data"].as_str().unwrap()).unwrap();
    fs::write(to, png).unwrap();
    Screenshot::read(to).unwrap()
}

/// Conflicts that no later record has cleared.
const STANDING: &str = "SELECT count(*) FROM conflict
                        WHERE conflict NOT IN (SELECT conflict FROM conflict_end)";

fn count(database: &Path, sql: &str) -> i64 {
    let database = rusqlite::Connection::open(database).unwrap();
    database.query_row(sql, [], |row| row.get(0)).unwrap()
}

/// A server at an address that stays, not running.
fn metro(seed: u64) -> (Site, SocketAddr) {
    let site = Site::new(seed);
    let mut server: Process = site.serve(None);
    let ready: Value = site.ready();
    let address = ready["listen"].as_str().unwrap().parse().unwrap();
    assert!(server.terminate().0.success());
    (site, address)
}

#[test]
fn sheets_are_printed_once_and_for_nobody_else_to_read() {
    let (site, _) = metro(51);
    let out = site.path("tickets");
    let done = print(&site, "13", &out);
    assert!(done.status.success(), "{done:?}");
    let said = String::from_utf8(done.stdout).unwrap();
    assert!(said.contains("13 paper codes, CNY 91.00"), "{said}");
    let sheets = [1, 2].map(|n| out.join(format!("paper-codes-{n}.svg")));
    let codes = sheets.clone().map(|sheet: PathBuf| {
        let mode = fs::metadata(&sheet).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let svg = fs::read_to_string(sheet).unwrap();
        svg.matches("CNY 7.00, adult, until 20").count()
    });
    assert_eq!(codes, [12, 1]);
    let kept = count(&site.city.database(), "SELECT count(*) FROM paper_code");
    let paid = "SELECT sum(minor) FROM posting_line WHERE ledger = 'stored-value'";
    assert_eq!((kept, count(&site.city.database(), paid)), (13, 9_100));
    // What is there is not written over, and nothing is sold by that.
    let again = print(&site, "1", &out);
    assert_eq!(again.status.code(), Some(2), "{again:?}");
    assert_eq!(
        count(&site.city.database(), "SELECT count(*) FROM paper_code"),
        13
    );
    assert_eq!(
        fs::read_dir(&out).unwrap().count(),
        2,
        "nothing half-written"
    );
}

#[test]
fn an_older_print_is_paid_back_whole_by_its_moment() {
    let (site, _) = metro(53);
    assert!(print(&site, "3", &site.path("tickets")).status.success());
    let run = |args: &[&str]| {
        let mut run = program("fareserver");
        let config = site.city.server_config();
        run.arg("paper-codes")
            .args(args)
            .arg("--config")
            .arg(config);
        run.output().unwrap()
    };
    let listed = String::from_utf8(run(&["list"]).stdout).unwrap();
    assert!(listed.contains("  3 of CNY 7.00, adult, by "), "{listed}");
    let (at, _) = listed.split_once(' ').unwrap();
    let refund = |at: &str| {
        run(&[
            "refund",
            "--by",
            "Wang",
            "--reason",
            "not sold",
            "--printed",
            at,
        ])
    };
    let done = refund(at);
    let said = String::from_utf8(done.stdout).unwrap();
    assert_eq!(
        said.matches(": CNY 7.00 to be paid back (unused)").count(),
        3,
        "{said}"
    );
    assert_eq!(refund(at).status.code(), Some(1), "once");
    assert_eq!(refund("2026-01-01T00:00:00Z").status.code(), Some(2));
    let listed = String::from_utf8(run(&["list"]).stdout).unwrap();
    assert!(listed.ends_with("; 3 paid back\n"), "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
// long: one ticket's life
async fn a_printed_ticket_opens_one_entry_and_one_exit_without_a_network() {
    let (site, address) = metro(52);
    let (entry, exit) = (site.entry(Some(address)), site.exit(Some(address)));
    let between = GateSite {
        station: "GCH".parse().unwrap(),
        lane: LaneNo(1),
        role: Role::Both,
    };
    let between = site.city.write_gate(between, Some(address)).unwrap();
    site.register(&[&entry, &exit, &between]);
    let out = site.path("tickets");
    assert!(print(&site, "1", &out).status.success());
    let sheet = out.join("paper-codes-1.svg");
    let ticket = photographed(&sheet, &site.path("ticket.png"));
    assert!(PaperCode::is_claimed_by(ticket.text()));

    let mut at_entry = Lane::open_as(&site, entry, EYES, "ready").await;
    at_entry.lets_through(ticket.clone()).await;
    at_entry.refuses(ticket.clone(), "passback");
    let mut at_exit = Lane::open_as(&site, exit, EYES, "ready").await;
    at_exit.lets_through(ticket.clone()).await;
    at_exit.refuses(ticket.clone(), "paper-code-used");
    assert_eq!((at_entry.records_made(), at_exit.records_made()), (2, 2));

    let server = site.serve(Some(address));
    server.wait_for("listening");
    let database = site.city.database();
    let paid = "SELECT count(*) FROM journey WHERE state = 'closed' AND fare_minor = 600";
    let settled = until(|| (count(&database, paid) == 1).then_some(()));
    assert!(settled.is_some(), "{:#?}", server.log());
    assert_eq!(count(&database, STANDING), 0);
    let held = "SELECT count(*) FROM denied";
    let known = until(|| (count(&database, held) == 1).then_some(()));
    assert!(known.is_some(), "{:#?}", server.log());

    // A copy, at a gate that has heard of it; it leads both ways.
    let mut elsewhere = Lane::open_as(&site, between, EYES, "ready").await;
    let heard = until(|| (count(&elsewhere.files.journal, held) == 1).then_some(()));
    assert!(heard.is_some(), "{:#?}", elsewhere.daemon.log());
    elsewhere.refuses(ticket, "paper-code-used");
    assert_eq!(elsewhere.records_made(), 0);
}
