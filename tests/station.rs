//! The page of a station in a real browser, before a real gate: sign in by keyboard, watch the gate, close it
//! with a confirmation, find the rider, sign out; and let somebody through.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::browser::Browser;
use common::lane::Lane;
use common::page::{PASSWORD, Page, add_staff, listeners};
use common::{Process, Site, program, until};
use fare_sim::board::BoardEvent;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
// long: one supervisor, every part of the page
async fn a_supervisor_watches_a_gate_closes_it_and_finds_the_rider() {
    let site = Site::new(41);
    let server: Process = site.serve(None);
    let (gates, console) = listeners(&site);
    let entry = site.entry(Some(gates));
    site.register(&[&entry]);
    add_staff(&site, "Wang", "supervisor");
    let id = entry.gate.to_string();
    let mut lane = Lane::open(&site, entry).await;
    lane.enters(1).await;

    let page = Page {
        browser: Browser::start(),
        console,
    };
    page.browser.resize(1280, 900);
    let url = |path: &str| format!("http://{}{path}", page.console);
    page.browser.open(&url("/login?next=/stations/PGY"));
    page.browser.is_accessible("signing in");
    page.browser.keep_screenshot("login");
    page.types("Wang<Tab>wrong password<Enter>");
    page.says("no account has this name");
    page.types(&format!("{PASSWORD}<Enter>"));
    page.sees("location.pathname", &json!("/stations/PGY"));
    page.sees(
        "document.getElementById('link').textContent",
        &json!("live"),
    );
    page.says("online");
    // The rider who went in is counted.
    page.sees(
        "document.querySelector('#gates .number').textContent",
        &json!("1"),
    );
    page.browser.is_accessible("the station");
    page.browser.keep_screenshot("station");

    // Close the gate, by keyboard alone: tick it, say why, look it over, tell it.
    page.browser
        .run("document.querySelector('input[name=gate]').focus()");
    page.types("<Space>");
    page.browser
        .run("const m = document.getElementById('mode'); m.value = 'closed'");
    page.browser
        .run("document.getElementById('reason').focus()");
    page.types("crowd<Enter>");
    page.sees("document.getElementById('sure').open", &json!(true));
    page.sees(
        "document.getElementById('sure-gates').textContent",
        &json!(id),
    );
    page.browser.is_accessible("the confirmation");
    page.browser.keep_screenshot("station-sure");
    page.types("<Escape>");
    page.sees("document.getElementById('sure').open", &json!(false));
    page.browser
        .run("document.getElementById('reason').focus()");
    page.types("<Enter>");
    page.sees("document.getElementById('sure').open", &json!(true));
    page.types("<Tab><Enter>");
    // The gate itself says so: its signed record of the change has come back.
    page.sees(
        "document.querySelector('#gates td:nth-of-type(2)').textContent",
        &json!("closed"),
    );
    page.browser.keep_screenshot("station-closed");

    // The rider beside the gate, by the receipt's last digits.
    let taps = until(|| {
        let mut log = program("faregate");
        let output = log
            .args(["log", "--json", "--config"])
            .arg(&lane.files.config);
        let output = output.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let lines = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        let mut receipts = lines.filter_map(|line| line["receipt"].as_str().map(str::to_owned));
        receipts.next_back()
    });
    let receipt = taps.expect("a receipt in the gate's log");
    page.browser.run("document.getElementById('tail').focus()");
    page.types(&format!("{}<Enter>", &receipt[receipt.len() - 8..]));
    page.says("The rider is inside.");
    page.browser.is_accessible("the rider");
    page.browser.keep_screenshot("station-rider");

    // A small screen and the dark scheme.
    page.browser.resize(390, 844);
    let wide = "document.scrollingElement.scrollWidth - innerWidth";
    page.sees(&format!("{wide} <= 0"), &json!(true));
    page.browser.keep_screenshot("station-small");
    let dark = json!({ "features": [{ "name": "prefers-color-scheme", "value": "dark" }] });
    page.browser.devtools("Emulation.setEmulatedMedia", &dark);
    page.browser.resize(1280, 900);
    page.browser.is_accessible("the station in the dark");
    page.browser.keep_screenshot("station-dark");

    page.browser
        .run("document.getElementById('sign-out').click()");
    page.sees("location.pathname", &json!("/login"));
    let audit = program("fareserver")
        .args(["audit", "--database"])
        .arg(site.city.database())
        .output()
        .unwrap();
    let audit = String::from_utf8(audit.stdout).unwrap();
    for deed in ["sign-in-refused", "gate-mode", "rider-find", "sign-out"] {
        assert!(audit.contains(deed), "{deed} is not in {audit}");
    }
    assert!(audit.contains(": crowd"), "{audit}");
    drop(server);
}

/// What `faregate log --json` says of the newest passage let through for this reason, once it is there.
fn let_through(lane: &Lane, why: &str) -> Value {
    let found = until(|| {
        let mut log = program("faregate");
        let output = log
            .args(["log", "--json", "--config"])
            .arg(&lane.files.config);
        let output = String::from_utf8(output.output().unwrap().stdout).unwrap();
        let lines = output
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        let mut done = lines.filter(|line| {
            (&line["kind"], &line["passage"], &line["detail"])
                == (&json!("let-through"), &json!("passed"), &json!(why))
        });
        done.next_back()
    });
    found.unwrap_or_else(|| panic!("nobody let through {why}: {:#?}", lane.daemon.log()))
}

#[tokio::test(flavor = "multi_thread")]
// long: one steward, one gate, all by keyboard; then the same at the gate
async fn a_steward_lets_somebody_through_and_so_does_somebody_at_the_gate() {
    let site = Site::new(43);
    let server: Process = site.serve(None);
    let (gates, console) = listeners(&site);
    let entry = site.entry(Some(gates));
    site.register(&[&entry]);
    add_staff(&site, "Zhao", "steward");
    let mut lane = Lane::open(&site, entry).await;
    let page = Page::signed_in(console, "Zhao");
    page.says("online");
    page.says("Nobody within the last hour");
    // Modes are the supervisor's.
    page.sees(
        "document.getElementById('modes').checkVisibility()",
        &json!(false),
    );
    page.browser
        .run("document.getElementById('help-way').focus()");
    // The list of ways by its first letter, then why.
    page.types("i<Tab>phone is dead<Enter>");
    page.sees("document.getElementById('help-sure').open", &json!(true));
    let what = "document.getElementById('help-sure-what').textContent";
    page.sees(
        what,
        &json!(format!("Gate {} opens once, in.", lane.files.gate)),
    );
    page.browser.is_accessible("the confirmation");
    page.browser.keep_screenshot("let-through-sure");
    page.types("<Escape>");
    page.sees("document.getElementById('help-sure').open", &json!(false));
    page.browser
        .run("document.getElementById('help-reason').focus()");
    page.types("<Enter>");
    page.sees("document.getElementById('help-sure').open", &json!(true));
    page.types("<Tab><Enter>");
    // The barrier opens, somebody goes through, and the gate's records of both come back.
    lane.sees(BoardEvent::Passed).await;
    page.says("went through");
    page.sees("document.querySelectorAll('#helped tr').length", &json!(1));
    let row = "document.querySelector('#helped tr').innerText";
    for part in ["Zhao", "phone is dead", "in"] {
        page.sees(&format!("{row}.includes('{part}')"), &json!(true));
    }
    page.sees(
        "document.querySelectorAll('#gates .number')[2].textContent",
        &json!("1"),
    );
    page.browser.is_accessible("somebody let through");
    page.browser.keep_screenshot("let-through");
    page.browser.resize(390, 844);
    page.sees(
        "document.scrollingElement.scrollWidth - innerWidth <= 0",
        &json!(true),
    );
    page.browser.keep_screenshot("let-through-small");
    let line = let_through(&lane, "by server: phone is dead");
    assert_eq!(line["direction"], "entry");

    // At the gate by hand; the wrong way nothing opens.
    let by_hand = |way: &str| {
        let mut command = program("faregate");
        command.args([
            "let-through",
            "--direction",
            way,
            "--reason",
            "wheelchair",
            "--config",
        ]);
        command.arg(&lane.files.config).output().unwrap()
    };
    let wrong = by_hand("exit");
    let said = String::from_utf8(wrong.stderr).unwrap();
    assert_eq!(wrong.status.code(), Some(1), "{said}");
    assert!(said.contains("does not lead that way"), "{said}");
    let done = by_hand("entry");
    let said = String::from_utf8(done.stdout).unwrap();
    assert!(
        done.status.success() && said.contains("open for one, entry"),
        "{said}"
    );
    lane.sees(BoardEvent::Passed).await;
    page.says("staff at the gate");
    let line = let_through(&lane, "by staff: wheelchair");
    assert_eq!(line["direction"], "entry");

    // Nobody is charged, and the audit says who did it.
    let fareserver = |args: &[&str]| {
        let mut command = program("fareserver");
        command
            .args(args)
            .arg("--database")
            .arg(site.city.database());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let audit = fareserver(&["audit"]);
    assert!(
        audit.contains("let-through") && audit.contains("Zhao"),
        "{audit}"
    );
    let books = fareserver(&["books"]);
    let none = |line: &str| line.starts_with("postings") && line.ends_with(" 0");
    assert!(books.lines().any(none), "{books}");
    drop(server);
}
