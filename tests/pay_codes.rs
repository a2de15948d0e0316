//! Pay codes with real programs: two gates before cameras, the settlement server, and a platform that speaks
//! Alipay's and WeChat Pay's words.
#![allow(clippy::unwrap_used)]

mod common;

use common::browser::{Browser, Screen};
use common::lane::Lane;
use common::{Process, Site, program, until};
use fare_protocol::UnixMs;
use fare_rules::Refusal;
use fare_sim::board::{BoardEvent, Habits};
use fare_sim::cast::{Cast, PAYERS};
use fare_sim::city::GateFiles;
use fare_sim::crowd::Optics;
use fare_sim::platform::{Sandbox, State};
use fare_sim::recording::RecordingWriter;
use fare_sim::screen::{Code, Packing, flat};
use fare_sim::screenshot::Screenshot;
use fare_sim::shot::{Difficulty, FrameSize};
use serde_json::json;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

/// The fare from Pingguoyuan to Guomao, in minor units.
const FARE: i64 = 600;

/// A metro whose server charges through a platform.
struct House {
    site: Site,
    sandbox: Sandbox,
    server: Option<Process>,
    address: SocketAddr,
}

impl House {
    async fn new(seed: u64) -> Self {
        let site = Site::new(seed);
        let sandbox = Sandbox::start("127.0.0.1:0".parse().unwrap()).await;
        let sandbox = sandbox.unwrap();
        site.city.charge_through(&sandbox.base()).unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        Self {
            site,
            sandbox,
            server: None,
            address: free.local_addr().unwrap(),
        }
    }

    fn serve(&mut self) {
        let server = self.site.serve(Some(self.address));
        server.wait_for("listening");
        self.server = Some(server);
    }

    /// An entry gate and an exit gate at work; `more` stands in their [pay_codes].
    async fn lanes(&self, more: &str) -> (Lane, Lane) {
        let entry = self.site.entry(Some(self.address));
        let exit = self.site.exit(Some(self.address));
        self.site.register(&[&entry, &exit]);
        (self.lane(entry, more).await, self.lane(exit, more).await)
    }

    async fn lane(&self, files: GateFiles, more: &str) -> Lane {
        files.take_pay_codes(more).unwrap();
        Lane::open(&self.site, files).await
    }

    /// One number out of the server's database.
    fn number(&self, sql: &str) -> i64 {
        let books = rusqlite::Connection::open(self.site.city.database()).unwrap();
        books.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    #[track_caller]
    fn comes(&self, sql: &str, wanted: i64) {
        let come = until(|| (self.number(sql) == wanted).then_some(()));
        let server = self.server.as_ref().map(Process::log);
        assert!(
            come.is_some(),
            "{sql}: {}, not {wanted}; {server:#?}",
            self.number(sql)
        );
    }

    /// The rider enters, and the server knows.
    async fn enters(&self, lane: &mut Lane, rider: u64) {
        lane.enters(rider).await;
        self.comes("SELECT count(*) FROM journey WHERE state = 'open'", 1);
    }

    fn books_balance(&self) {
        let mut books = program("fareserver");
        let books = books.args(["books", "--database"]);
        let books = books.arg(self.site.city.database()).output().unwrap();
        assert!(books.status.success(), "{books:?}");
    }
}

/// The code that the rider shows.
fn digits(site: &Site, rider: u64) -> String {
    let cast = Cast::new(&site.seed, faregate::clock::now());
    cast.pay_code(rider).unwrap().reveal().to_owned()
}

/// Whether these bytes stand in a file of the folder.
fn stands_in(folder: &Path, text: &str) -> Option<String> {
    fs::read_dir(folder).unwrap().find_map(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return stands_in(&path, text);
        }
        // Pipes and links to ptys are none of ours to read.
        let is_file = fs::symlink_metadata(&path).is_ok_and(|about| about.is_file());
        if !is_file {
            return None;
        }
        let bytes = fs::read(&path).unwrap();
        let found = bytes
            .windows(text.len())
            .any(|part| part == text.as_bytes());
        found.then(|| path.display().to_string())
    })
}

/// A rider holds the phone up until the gate has said this.
async fn refused(lane: &mut Lane, rider: u64, refusal: Refusal) {
    let before = lane.daemon.log().len();
    lane.crowd.show(lane.files.gate, rider).unwrap();
    let word = format!("\"{}\"", refusal.code());
    let said = until(|| {
        let log = lane.daemon.log();
        let news = log.get(before..).unwrap_or_default();
        let said = news
            .iter()
            .any(|line| line.contains("\"refused\"") && line.contains(&word));
        said.then_some(())
    });
    assert!(said.is_some(), "no {word}: {:#?}", lane.daemon.log());
    lane.crowd.leave(lane.files.gate).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_picture_lets_in_and_out_and_is_charged_once() {
    let mut house = House::new(81).await;
    house.serve();
    let (mut entry, mut exit) = house.lanes("").await;
    for rider in [PAYERS, PAYERS + 1] {
        house.enters(&mut entry, rider).await;
        exit.enters(rider).await;
        house.comes("SELECT count(*) FROM journey WHERE state = 'open'", 0);
    }
    house.comes("SELECT count(*) FROM charge WHERE state = 'paid'", 2);
    let orders = house.sandbox.book().entries();
    let all_once = |order: &fare_sim::platform::Entry| {
        (order.state, order.minor, order.asked_times) == (State::Paid, FARE, 1)
    };
    assert!(
        orders.len() == 2 && orders.iter().all(all_once),
        "{orders:?}"
    );
    assert!(orders.iter().any(|order| order.wechat) && orders.iter().any(|order| !order.wechat));
    // The gate showed the fare, by what the server told, and the two agree.
    house.comes("SELECT count(*) FROM conflict", 0);
    // What was needed to charge is gone, and the codes stood nowhere.
    house.comes("SELECT count(*) FROM pay_code WHERE sealed IS NOT NULL", 0);
    for lane in [&entry, &exit] {
        assert!(
            !lane
                .daemon
                .log()
                .iter()
                .any(|line| line.contains("not priced"))
        );
    }
    for rider in [PAYERS, PAYERS + 1] {
        let digits = digits(&house.site, rider);
        let folder = house.site.path("");
        assert_eq!(stands_in(&folder, &digits), None, "the code is in a file");
        let server = house.server.as_ref().unwrap().log();
        for log in [entry.daemon.log(), exit.daemon.log(), server] {
            assert!(!log.iter().any(|line| line.contains(&digits)), "in a log");
        }
    }
    house.books_balance();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_holds_up_nobody() {
    let house = House::new(82).await;
    // It takes connections and never says a word.
    let mute = TcpListener::bind(house.address).unwrap();
    let (mut entry, _exit) = house.lanes("").await;
    refused(&mut entry, PAYERS, Refusal::ServerSilent).await;
    // The lane goes on: a ride code needs nobody.
    entry.enters(1).await;
    refused(&mut entry, PAYERS + 1, Refusal::ServerSilent).await;
    assert!(entry.daemon.is_running());
    drop(mute);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_admitted_without_the_server_is_charged_when_it_is_back() {
    let mut house = House::new(83).await;
    let admit = "without_server = \"admit\"\nadmit_per_hour = 1\n";
    let (mut entry, mut exit) = house.lanes(admit).await;
    entry.enters(PAYERS).await;
    entry.daemon.wait_for("without the server's word");
    // One an hour.
    refused(&mut entry, PAYERS + 1, Refusal::ServerSilent).await;
    house.serve();
    house.comes("SELECT count(*) FROM journey WHERE state = 'open'", 1);
    // The gate has told the code of the ride that it admitted, under the id of its confirmation.
    house.comes(
        "SELECT count(*) FROM pay_ask JOIN tap ON tap.account = pay_ask.account AND tap.id = ask",
        1,
    );
    exit.enters(PAYERS).await;
    house.comes("SELECT count(*) FROM charge WHERE state = 'paid'", 1);
    assert_eq!(house.sandbox.book().taken_minor(), FARE);
    house.books_balance();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decline_is_a_debt_and_the_code_lets_nobody_in_again() {
    let mut house = House::new(84).await;
    house.serve();
    let digits = digits(&house.site, PAYERS);
    house.sandbox.book().declined_means.push(digits);
    let (mut entry, mut exit) = house.lanes("").await;
    house.enters(&mut entry, PAYERS).await;
    exit.enters(PAYERS).await;
    house.comes("SELECT count(*) FROM charge WHERE state = 'debt'", 1);
    house.comes("SELECT count(*) FROM denied WHERE why = 'debt'", 1);
    house.comes("SELECT count(*) FROM pay_code WHERE sealed IS NOT NULL", 0);
    assert_eq!(house.sandbox.book().taken_minor(), 0);
    // By the server's word or by the gate's own list, whichever is first.
    refused(&mut entry, PAYERS, Refusal::Denied).await;
    house.books_balance();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_takes_none_says_so() {
    let house = House::new(85).await;
    let files = house.site.entry(None);
    let mut lane = Lane::open(&house.site, files).await;
    refused(&mut lane, PAYERS, Refusal::PayCodeNotTaken).await;
    lane.crowd.show(lane.files.gate, 1).unwrap();
    lane.sees(BoardEvent::Opened).await;
}

#[test]
fn a_replay_has_no_server_and_its_report_no_code() {
    let site = Site::new(86);
    let digits = digits(&site, PAYERS);
    let code = Code::new(digits.as_bytes(), Packing::Byte).unwrap();
    let folder = site.path("recording");
    let mut recording = RecordingWriter::create(&folder).unwrap();
    let picture = flat(&code, 8);
    for n in 0..3 {
        let at = UnixMs(1_800_000_000_000 + 33 * n);
        recording.add(at, &picture, None).unwrap();
    }
    recording.finish().unwrap();
    let replayed = |more: &str, says: &str| {
        let files = site.entry(Some("127.0.0.1:9".parse().unwrap()));
        if !more.is_empty() {
            files.take_pay_codes(more).unwrap();
        }
        let mut replay = program("faregate");
        replay
            .arg("replay")
            .arg(&folder)
            .args(["--json", "--config"]);
        let done = replay.arg(&files.config).output().unwrap();
        let said = String::from_utf8([done.stdout, done.stderr].concat()).unwrap();
        assert!(said.contains(says), "{says}: {said}");
        assert!(!said.contains(&digits), "{said}");
        assert!(said.contains("hidden"), "{said}");
    };
    replayed("", "pay-code-not-taken");
    replayed("answer_ms = 200\n", "server-silent");
    replayed(
        "without_server = \"admit\"\nadmit_per_hour = 5\n",
        "\"admit\"",
    );
}

/// The rider's screen, of a usual phone.
const PHONE: Screen = Screen {
    width: 390,
    height: 844,
    scale: 2.0,
};

/// A camera that can read a screenshot.
const SHARP: Optics = Optics {
    size: FrameSize::HD,
    fps: 10,
    difficulty: Difficulty::Easy,
};

/// Somebody holds this screen to the glass and walks through.
async fn walks_through(lane: &mut Lane, screen: &Path) {
    let screenshot = Screenshot::read(screen).unwrap();
    let _seen = lane.crowd.hold(lane.files.gate, screenshot).unwrap();
    lane.sees(BoardEvent::Passed).await;
    lane.crowd.leave(lane.files.gate).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
// long: one rider, from the page to the paid charge
async fn a_wallet_keeps_the_code_and_its_screen_goes_in_and_out() {
    let wallet = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/wallet/dist"));
    assert!(wallet.join("index.html").exists(), "run make wallet");
    let mut house = House::new(87).await;
    let cast = Cast::new(&house.site.seed, faregate::clock::now());
    let riders = house
        .site
        .city
        .open_to_riders(cast.issuer_key(), Some(wallet));
    riders.unwrap();
    house.serve();
    let ready = house.site.ready();
    let browser = Browser::phone(PHONE);
    browser.open(&format!(
        "http://{}/",
        ready["riders_listen"].as_str().unwrap()
    ));
    let there = |selector: &str| {
        let script = format!("return document.querySelector(\"{selector}\") !== null");
        assert!(browser.waits_for(&script, &json!(true)), "no {selector}");
    };
    let clicks = |selector: &str| {
        there(selector);
        browser.run(&format!("document.querySelector(\"{selector}\").click()"));
    };
    clicks("[data-testid=start]");
    there(".card[data-shows=code] canvas[data-text]");
    // As a payment app shows it, in groups.
    let digits = digits(&house.site, PAYERS);
    clicks("[data-testid=pay] summary");
    browser.run(&format!(
        "document.querySelector('[data-testid=pay-text]').value = '{} {}'",
        &digits[..4],
        &digits[4..]
    ));
    clicks("[data-testid=pay-keep]");
    there(&format!(
        ".card[data-shows=pay-code] canvas[data-text='{digits}']"
    ));
    browser.run("scrollTo(0, 0)");
    let shots = std::env::var_os("WALLET_SHOTS").map(PathBuf::from);
    let screen = shots
        .unwrap_or_else(|| house.site.path(""))
        .join("pay-code.png");
    fs::write(&screen, browser.screenshot()).unwrap();
    let entry = house.site.entry(Some(house.address));
    let exit = house.site.exit(Some(house.address));
    house.site.register(&[&entry, &exit]);
    for files in [&entry, &exit] {
        files.take_pay_codes("").unwrap();
    }
    let eyes = (SHARP, Habits::default());
    let mut entry = Lane::open_as(&house.site, entry, eyes, "ready").await;
    let mut exit = Lane::open_as(&house.site, exit, eyes, "ready").await;
    walks_through(&mut entry, &screen).await;
    house.comes("SELECT count(*) FROM journey WHERE state = 'open'", 1);
    walks_through(&mut exit, &screen).await;
    house.comes("SELECT count(*) FROM charge WHERE state = 'paid'", 1);
    assert_eq!(house.sandbox.book().taken_minor(), FARE);
    clicks("[data-testid=pay-left]");
    there(".card[data-shows=code] canvas[data-text]");
    house.books_balance();
}
