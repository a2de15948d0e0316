//! The wallet in a real browser on a phone's screen, before a real gate: enrol, lose the network, show
//! the code, walk through with that very screenshot, get the voucher and its picture, lose the network
//! again, leave with a screenshot of the picture, read the receipt.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::browser::{Browser, Screen};
use common::lane::Lane;
use common::{Process, Site, change, program, until};
use fare_protocol::receipt::Receipt;
use fare_protocol::{
    AccountId, LaneNo, Millis, RideCode, SignedRecord, UnixMs, picture, ride_code,
};
use fare_rules::Role;
use fare_sim::board::{BoardEvent, Habits};
use fare_sim::camera::Camera;
use fare_sim::cast::Cast;
use fare_sim::city::{GateFiles, GateSite};
use fare_sim::crowd::Optics;
use fare_sim::pki;
use fare_sim::screen::{Code, Look, Packing, Phone};
use fare_sim::screenshot::Screenshot;
use fare_sim::shot::{Difficulty, FrameSize, Shot};
use serde_json::{Value, json};
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

const PHONE: Screen = Screen {
    width: 390,
    height: 844,
    scale: 2.0,
};

/// A gate's camera that can read a screenshot, and riders who walk through.
fn gate_eyes() -> (Optics, Habits) {
    let optics = Optics {
        size: FrameSize::HD,
        fps: 10,
        difficulty: Difficulty::Easy,
    };
    (optics, Habits::default())
}

/// What `make wallet` built.
fn built() -> &'static Path {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/wallet/dist"));
    let index = folder.join("index.html");
    assert!(
        index.exists(),
        "{} is missing: run make wallet",
        index.display()
    );
    folder
}

/// A server that riders may come to, at addresses that stay.
struct Metro {
    site: Site,
    cast: Cast,
    server: Option<Process>,
    gates: SocketAddr,
    wallet: SocketAddr,
}

impl Metro {
    fn open(seed: u64) -> Self {
        let site = Site::new(seed);
        let cast = Cast::new(&site.seed, faregate::clock::now());
        site.city
            .open_to_riders(cast.issuer_key(), Some(built()))
            .unwrap();
        let server = site.serve(None);
        let ready = site.ready();
        let address = |key: &str| ready[key].as_str().unwrap().parse().unwrap();
        let (gates, wallet) = (address("listen"), address("riders_listen"));
        // A page belongs to its address: after the network comes back it must be the same.
        let part = |listen: &str| format!("[riders]\nlisten = \"{listen}\"");
        change(
            &site.city.server_config(),
            &part("127.0.0.1:0"),
            &part(&format!("{wallet}")),
        );
        Self {
            site,
            cast,
            server: Some(server),
            gates,
            wallet,
        }
    }

    fn page(&self) -> String {
        format!("http://{}/", self.wallet)
    }

    fn network_is_lost(&mut self) {
        let mut server = self.server.take().unwrap();
        assert!(server.terminate().0.success(), "{:#?}", server.log());
    }

    fn network_is_back(&mut self) {
        let server = self.site.serve(Some(self.gates));
        server.wait_for("listening");
        self.server = Some(server);
    }
}

/// The wallet on a phone.
struct Wallet {
    browser: Browser,
    shots: PathBuf,
}

impl Wallet {
    fn new(folder: &Path) -> Self {
        // Somebody who wants to look at the pictures says where they shall stay.
        let shots = std::env::var_os("WALLET_SHOTS").map(PathBuf::from);
        let shots = shots.unwrap_or_else(|| folder.join("shots"));
        fs::create_dir_all(&shots).unwrap();
        let browser = Browser::phone(PHONE);
        Self { browser, shots }
    }

    fn sees(&self, test_id: &str) {
        let script = format!("return document.querySelector('[data-testid={test_id}]') !== null");
        let seen = self.browser.waits_for(&script, &json!(true));
        let text = self.browser.run("return document.body.innerText");
        assert!(seen, "no {test_id} in {text}");
    }

    fn clicks(&self, selector: &str) {
        self.browser
            .run(&format!("document.querySelector('{selector}').click()"));
    }

    /// Chooses a file as a person does.
    fn chooses(&self, selector: &str, file: &Path) {
        let document = self.browser.devtools("DOM.getDocument", &json!({}));
        let wanted = json!({ "nodeId": document["root"]["nodeId"], "selector": selector });
        let node = self.browser.devtools("DOM.querySelector", &wanted);
        let chosen = json!({ "nodeId": node["nodeId"], "files": [file] });
        self.browser.devtools("DOM.setFileInputFiles", &chosen);
    }

    /// The text of the code on the screen.
    fn code(&self) -> String {
        let script = "return document.querySelector('canvas.code')?.dataset.text ?? null";
        let code = until(|| self.browser.run(script).as_str().map(str::to_owned));
        code.unwrap_or_else(|| panic!("no code: {}", self.text()))
    }

    /// Waits until what stands on the card begins so.
    fn shows(&self, prefix: &str) -> String {
        let shown = until(|| Some(self.code()).filter(|text| text.starts_with(prefix)));
        shown.unwrap_or_else(|| panic!("no {prefix}: {}", self.text()))
    }

    /// The picture that is kept on the phone, whatever stands on the screen.
    fn kept_picture(&self) -> Value {
        self.browser.run_async(
            "const done = arguments[arguments.length - 1];
             const open = indexedDB.open('faregate-wallet');
             open.onsuccess = () => {
               const all = open.result.transaction('riders').objectStore('riders').getAll();
               all.onsuccess = () => { open.result.close(); done(all.result[0].picture ?? null); };
             };",
        )
    }

    /// Presses the button that saves the picture; the file.
    fn saves(&self, folder: &Path) -> PathBuf {
        let params = json!({ "behavior": "allow", "downloadPath": folder });
        self.browser
            .devtools("Browser.setDownloadBehavior", &params);
        self.clicks("[data-testid=save]");
        let saved = until(|| {
            let files = fs::read_dir(folder)
                .unwrap()
                .map(|file| file.unwrap().path());
            files
                .into_iter()
                .find(|file| file.extension().is_some_and(|end| end == "png"))
        });
        saved.expect("a file")
    }

    fn text(&self) -> String {
        let text = self.browser.run("return document.body.innerText");
        text.as_str().unwrap().to_owned()
    }

    fn shot(&self, name: &str) -> PathBuf {
        let file = self.shots.join(format!("{name}.png"));
        fs::write(&file, self.browser.screenshot()).unwrap();
        file
    }

    /// A picture of the screen, with the code that it must show. Between the two the code may have
    /// changed; then another picture is taken.
    fn code_shot(&self, name: &str) -> (PathBuf, String) {
        self.browser.run("scrollTo(0, 0)");
        let same = until(|| {
            let before = self.code();
            let file = self.shot(name);
            (self.code() == before).then_some((file, before))
        });
        same.expect("a code that stays for a moment")
    }

    fn scheme(&self, scheme: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.browser.devtools(
            "Emulation.setEmulatedMedia",
            &json!({ "features": features }),
        );
    }

    fn speaks(&self, language: &str, direction: &str) {
        self.browser.run(&format!(
            "const s = document.querySelector('[data-testid=language]'); s.value = '{language}';\
             s.dispatchEvent(new Event('change'))"
        ));
        let dir = "return document.documentElement.dir + document.querySelector('[data-testid=language]').value";
        assert!(
            self.browser
                .waits_for(dir, &json!(format!("{direction}{language}")))
        );
    }

    /// At 200 % zoom the screen has half the width, and all of it still fits.
    fn fits_at_twice_the_size(&self, where_: &str) {
        let half = json!({ "width": PHONE.width / 2, "height": PHONE.height / 2,
                           "deviceScaleFactor": PHONE.scale * 2.0, "mobile": true });
        self.browser
            .devtools("Emulation.setDeviceMetricsOverride", &half);
        let wide = "return document.scrollingElement.scrollWidth - innerWidth";
        let wide = self.browser.run(wide).as_i64().unwrap();
        self.shot(&format!("{where_}-twice"));
        let whole = json!({ "width": PHONE.width, "height": PHONE.height,
                            "deviceScaleFactor": PHONE.scale, "mobile": true });
        self.browser
            .devtools("Emulation.setDeviceMetricsOverride", &whole);
        assert!(wide <= 0, "{where_}: {wide} px too wide at 200 %");
    }
}

/// What the gate's own reader reads in a picture.
fn decoded(file: &Path) -> String {
    let output = program("faregate")
        .args(["decode", "--json"])
        .arg(file)
        .output()
        .unwrap();
    let line: Value = serde_json::from_slice(&output.stdout).unwrap();
    line["text"]
        .as_str()
        .unwrap_or_else(|| panic!("{line}"))
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
// long: one rider, every screen of the wallet
async fn a_rider_enrols_loses_the_network_walks_through_and_reads_the_receipt() {
    let mut metro = Metro::open(31);
    let (entry, exit) = (
        metro.site.entry(Some(metro.gates)),
        metro.site.exit(Some(metro.gates)),
    );
    metro.site.register(&[&entry, &exit]);
    let wallet = Wallet::new(&metro.site.path(""));
    wallet.browser.open(&metro.page());
    wallet.sees("start");
    wallet.shot("welcome");
    wallet.browser.is_accessible("the first page");
    wallet.clicks("[data-testid=start]");
    wallet.code();
    wallet.sees("ready");

    metro.network_is_lost();
    wallet.browser.open(&metro.page());
    let (file, text) = wallet.code_shot("offline");
    assert_eq!(
        decoded(&file),
        text,
        "the gate's reader reads what the phone meant"
    );
    let now = faregate::clock::now();
    let code = RideCode::parse(text.as_bytes()).unwrap();
    let believed = pki::key_set(&[metro.cast.issuer()]);
    let made_at = code.verify(&believed, now).unwrap().claims().made_at;
    assert!(
        now.since(made_at) < 30_000,
        "made {} ms ago",
        now.since(made_at)
    );
    wallet.sees("ready");
    assert!(
        wallet.text().contains("works all the same"),
        "{}",
        wallet.text()
    );

    // The gate has no network either: it opens on its own decision.
    let mut at_entry = Lane::open_as(&metro.site, entry, gate_eyes(), "ready").await;
    let (file, _) = wallet.code_shot("entry");
    at_entry
        .lets_through(Screenshot::read(&file).unwrap())
        .await;
    wallet.shows(ride_code::PREFIX);

    metro.network_is_back();
    wallet
        .browser
        .run("window.dispatchEvent(new Event('online'))");
    wallet.sees("open");
    wallet.shows(picture::PREFIX);
    wallet.shot("on-the-way");
    wallet.browser.is_accessible("on the way");
    wallet.fits_at_twice_the_size("on-the-way");

    // Underground: no network for the phone, and none for the gate.
    metro.network_is_lost();
    wallet.browser.open(&metro.page());
    wallet.shows(picture::PREFIX);
    wallet.sees("open");
    let (file, text) = wallet.code_shot("picture");
    assert_eq!(decoded(&file), text, "the gate's reader reads the picture");
    let downloads = metro.site.path("downloads");
    fs::create_dir_all(&downloads).unwrap();
    let saved = wallet.saves(&downloads);
    fs::copy(&saved, wallet.shots.join("saved-picture.png")).unwrap();
    assert_eq!(decoded(&saved), text, "and the file of it");
    wallet.clicks("[data-testid=other]");
    wallet.shows(ride_code::PREFIX);
    wallet.clicks("[data-testid=other]");
    wallet.shows(picture::PREFIX);
    let copy = Screenshot::read(&saved).unwrap();

    at_entry.refuses(copy.clone(), "picture-at-entry");
    let mut at_exit = Lane::open_as(&metro.site, exit, gate_eyes(), "ready").await;
    at_exit.lets_through(Screenshot::read(&file).unwrap()).await;
    // The same picture once more: its journey is over here.
    at_exit.refuses(copy, "picture-used");
    assert_eq!(
        at_exit.records_made(),
        2,
        "one confirmation and its passage"
    );

    metro.network_is_back();
    wallet
        .browser
        .run("window.dispatchEvent(new Event('online'))");
    let paid = "return document.querySelector('.state.closed') !== null";
    assert!(
        wallet.browser.waits_for(paid, &json!(true)),
        "{}",
        wallet.text()
    );
    wallet.shows(ride_code::PREFIX);
    assert_eq!(wallet.kept_picture(), Value::Null);
    wallet.clicks(".journeys details summary");
    wallet.sees("receipt");
    for expected in ["Pingguoyuan to Guomao", "CN¥6.00", "signed by the server"] {
        let text = wallet.text().replace('¥', "CN¥").replace("CNCN", "CN");
        assert!(text.contains(expected), "{expected} is not in {text}");
    }
    wallet
        .browser
        .run("document.querySelector('.journeys details').scrollIntoView({ block: 'center' })");
    wallet.shot("receipt");
    wallet.browser.is_accessible("the receipt");
    // Nothing is left of the journey above the code.
    assert!(
        !wallet.text().contains("At the exit show"),
        "{}",
        wallet.text()
    );
    inspected(&mut metro, &wallet, &at_exit);
}

/// Somebody pays into an account's stored value at the desk.
fn pays_in(site: &Site, account: AccountId, amount: &str) {
    let bind = ["bind", "--platform", "stored-value"];
    let top_up = ["top-up", "--amount", amount];
    for args in [bind, top_up] {
        let mut charges = program("fareserver");
        charges.arg("charges").args(args).arg("--database");
        charges.arg(site.city.database()).arg(account.to_hex());
        let done = charges.output().unwrap();
        assert!(done.status.success(), "{done:?}");
    }
}

/// Gives the lane a screen; where its page is.
fn with_screen(files: &GateFiles) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let display = format!("\n[display]\nlisten = \"{address}\"\nlanguages = [\"en\", \"zh\"]\n");
    let config = fs::read_to_string(&files.config).unwrap() + &display;
    fs::write(&files.config, config).unwrap();
    address
}

/// Both gates have a network: the second one hears from the server that the picture's journey is over.
#[tokio::test(flavor = "multi_thread")]
// long: one picture at three gates
async fn a_copied_picture_is_refused_at_another_gate_once_the_server_has_told_it() {
    let metro = Metro::open(34);
    let (entry, exit) = (
        metro.site.entry(Some(metro.gates)),
        metro.site.exit(Some(metro.gates)),
    );
    let other = GateSite {
        station: "GCH".parse().unwrap(),
        lane: LaneNo(1),
        role: Role::Exit,
    };
    let other = metro
        .site
        .city
        .write_gate(other, Some(metro.gates))
        .unwrap();
    metro.site.register(&[&entry, &exit, &other]);
    let wallet = Wallet::new(&metro.site.path(""));
    wallet.browser.open(&metro.page());
    wallet.sees("start");
    wallet.clicks("[data-testid=start]");
    let text = wallet.shows(ride_code::PREFIX);
    let code = RideCode::parse(text.as_bytes()).unwrap();
    pays_in(&metro.site, code.claims().issuer.account, "CNY:5000");
    let mut at_entry = Lane::open_as(&metro.site, entry, gate_eyes(), "ready").await;
    let (file, _) = wallet.code_shot("two-gates-entry");
    at_entry
        .lets_through(Screenshot::read(&file).unwrap())
        .await;
    wallet.shows(picture::PREFIX);
    let (file, _) = wallet.code_shot("two-gates-picture");
    let copy = Screenshot::read(&file).unwrap();
    wallet.sees("balance");
    assert!(wallet.text().contains("50.00"), "{}", wallet.text());
    wallet.browser.is_accessible("on the way, with a balance");
    let (optics, _) = gate_eyes();
    // Long enough for a browser on a busy machine to see what the rider is shown.
    let slowly = Habits {
        passage_after: Millis(3_500),
        ..Habits::default()
    };
    let page = with_screen(&exit);
    let served = "the screen's page is served";
    let mut at_exit = Lane::open_as(&metro.site, exit, (optics, slowly), served).await;
    let mut at_other = Lane::open_as(&metro.site, other, gate_eyes(), "ready").await;
    let screen = Browser::start();
    screen.resize(1280, 800);
    screen.open(&format!("http://{page}/"));
    let seen = |words: &str| {
        let text = "return document.getElementById('words').innerText";
        let there = || {
            screen
                .run(text)
                .as_str()
                .is_some_and(|text| text.contains(words))
        };
        assert!(until(|| there().then_some(())).is_some(), "no {words}");
    };
    seen("Show your code");
    let _seen = at_exit
        .crowd
        .hold(at_exit.files.gate, copy.clone())
        .unwrap();
    at_exit.sees(BoardEvent::Opened).await;
    for words in ["¥6.00", "Balance ¥44.00", "余额 ¥44.00"] {
        seen(words);
    }
    fs::write(wallet.shots.join("lane-balance.png"), screen.screenshot()).unwrap();
    at_exit.sees(BoardEvent::Passed).await;
    at_exit.crowd.leave(at_exit.files.gate).unwrap();
    let heard = until(|| {
        let journal = rusqlite::Connection::open(&at_other.files.journal).unwrap();
        let told = "SELECT count(*) FROM ended";
        let told: u32 = journal.query_row(told, [], |row| row.get(0)).unwrap();
        (told == 1).then_some(())
    });
    assert!(heard.is_some(), "{:#?}", at_other.daemon.log());
    at_other.refuses(copy.clone(), "journey-ended");
    at_exit.refuses(copy, "picture-used");
    assert_eq!((at_other.records_made(), at_exit.records_made()), (0, 2));
    let database = rusqlite::Connection::open(metro.site.city.database()).unwrap();
    let conflicts = "SELECT count(*) FROM conflict";
    let conflicts: u32 = database.query_row(conflicts, [], |row| row.get(0)).unwrap();
    assert_eq!(conflicts, 0, "nobody else got out");
    let left = until(|| wallet.text().contains("44.00").then_some(()));
    assert!(left.is_some(), "{}", wallet.text());
    wallet.shot("two-gates-balance");
}

/// An inspector checks the exit's receipt where there is no network.
fn inspected(metro: &mut Metro, wallet: &Wallet, at_exit: &Lane) {
    let journal = rusqlite::Connection::open(&at_exit.files.journal).unwrap();
    let first = "SELECT envelope FROM records ORDER BY seq LIMIT 1";
    let envelope: Vec<u8> = journal.query_row(first, [], |row| row.get(0)).unwrap();
    let receipt = Receipt::text(&SignedRecord::parse(&envelope).unwrap()).unwrap();
    let page = format!("{}#inspect", metro.page());
    let keys = "return document.querySelector('[data-testid=keys]')?.textContent.startsWith('Keys of 2 gates')";
    wallet.browser.open("about:blank");
    wallet.browser.open(&page);
    assert!(
        wallet.browser.waits_for(keys, &json!(true)),
        "{}",
        wallet.text()
    );
    metro.network_is_lost();
    wallet.browser.open("about:blank");
    wallet.browser.open(&page);
    assert!(
        wallet.browser.waits_for(keys, &json!(true)),
        "{}",
        wallet.text()
    );
    wallet.browser.is_accessible("the inspector's page");
    let checks = |text: &str, how: &str| {
        let typed = json!(text);
        wallet.browser.run(&format!(
            "document.querySelector('[data-testid=receipt-text]').value = {typed}"
        ));
        wallet.clicks("[data-testid=check]");
        let said = "return document.querySelector('[data-how]')?.dataset.how ?? null";
        assert!(
            wallet.browser.waits_for(said, &json!(how)),
            "{}",
            wallet.text()
        );
    };
    checks(&receipt, "good");
    for expected in ["Genuine", "Guomao", "GMO-01, line 1, lane 1", "6.00"] {
        assert!(
            wallet.text().contains(expected),
            "{expected}: {}",
            wallet.text()
        );
    }
    wallet.shot("inspected");
    photographed(wallet, &metro.site, &receipt);
    wallet.browser.is_accessible("a genuine receipt");
    wallet.fits_at_twice_the_size("inspected");
    // In the hash of the record before: still a record, and not the one that was signed.
    let mut altered = envelope;
    altered[60] ^= 1;
    let altered = Receipt::text(&SignedRecord::parse(&altered).unwrap()).unwrap();
    checks(&altered, "bad");
    assert!(wallet.text().contains("Not genuine"), "{}", wallet.text());
}

/// The same from a photo of the gate's screen, taken by hand.
fn photographed(wallet: &Wallet, site: &Site, receipt: &str) {
    let code = Code::new(receipt.as_bytes(), Packing::Alphanumeric).unwrap();
    let (mut look, mut hand) = (site.seed.fork("screen", 1), site.seed.fork("hand", 1));
    let screen = Phone::new(code, Look::draw(&mut look));
    let shot = Shot::draw(Difficulty::Easy, &screen, FrameSize::HD, &mut hand);
    let photo = site.path("photo.png");
    let camera = Camera::new(FrameSize::HD, &site.seed);
    camera.take(&screen, &shot).save(&photo).unwrap();
    wallet.browser.run(
        "document.querySelector('[data-testid=receipt-text]').value = '';\
         document.querySelector('[data-testid=answer]').replaceChildren()",
    );
    wallet.chooses("#picture", &photo);
    let said = "return document.querySelector('[data-how]')?.dataset.how ?? null";
    assert!(
        wallet.browser.waits_for(said, &json!("good")),
        "{}",
        wallet.text()
    );
    let read = "return document.querySelector('[data-testid=receipt-text]').value";
    assert_eq!(wallet.browser.run(read), json!(receipt));
    wallet.shot("inspected-photo");
}

#[test]
fn every_language_scheme_and_size_shows_a_code_that_is_read() {
    let metro = Metro::open(32);
    let wallet = Wallet::new(&metro.site.path(""));
    wallet.browser.open(&metro.page());
    wallet.sees("start");
    wallet.fits_at_twice_the_size("welcome");
    wallet.clicks("[data-testid=start]");
    wallet.code();
    for (language, direction) in [("en", "ltr"), ("zh", "ltr"), ("ar", "rtl")] {
        wallet.speaks(language, direction);
        wallet.sees("ready");
        for scheme in ["light", "dark"] {
            wallet.scheme(scheme);
            let (file, text) = wallet.code_shot(&format!("{language}-{scheme}"));
            assert_eq!(decoded(&file), text, "{language}, {scheme}");
            wallet
                .browser
                .is_accessible(&format!("{language}, {scheme}"));
        }
        wallet.fits_at_twice_the_size(language);
    }
    wallet.speaks("en", "ltr");
    wallet.scheme("light");

    // A child rides along, with a key of its own.
    let first = wallet.code();
    wallet.clicks(".chips .round");
    wallet.browser.is_accessible("the riders");
    wallet.shot("riders");
    wallet.clicks("dialog .buttons button");
    let two = "return document.querySelectorAll('.chip').length";
    assert!(
        wallet.browser.waits_for(two, &json!(2)),
        "{}",
        wallet.text()
    );
    let account = |text: &str| {
        RideCode::parse(text.as_bytes())
            .unwrap()
            .claims()
            .issuer
            .account
    };
    let second = wallet.code();
    assert_ne!(account(&first), account(&second));
    wallet.sees("ready");
    let (file, text) = wallet.code_shot("two-riders");
    assert_eq!(decoded(&file), text);

    // The whole screen white.
    wallet.clicks(".card .round");
    let (file, text) = wallet.code_shot("big");
    assert_eq!(decoded(&file), text);
    wallet.browser.is_accessible("the whole screen");
}

/// A code that is over is not seen again, not even for a moment: it is wiped when the page goes to the
/// background.
#[test]
fn a_code_does_not_outlive_its_time() {
    let metro = Metro::open(33);
    let wallet = Wallet::new(&metro.site.path(""));
    wallet.browser.open(&metro.page());
    wallet.sees("start");
    wallet.clicks("[data-testid=start]");
    let first = wallet.code();
    let hide = |state: &str| {
        wallet.browser.run(&format!(
            "Object.defineProperty(document, 'visibilityState', {{ value: '{state}', configurable: true }});\
             document.dispatchEvent(new Event('visibilitychange'))"
        ));
    };
    hide("hidden");
    let gone = "const c = document.querySelector('canvas.code');\
                const px = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;\
                return [c.dataset.text ?? null, px.every(level => level === 255)]";
    assert_eq!(wallet.browser.run(gone), json!([null, true]));
    hide("visible");
    let second = wallet.code();
    let counter = |text: &str| RideCode::parse(text.as_bytes()).unwrap().claims().counter;
    assert!(counter(&second) > counter(&first));

    // Half a minute later by the page's clock the next code stands there, and none in between is over.
    wallet
        .browser
        .run("const real = Date.now; Date.now = () => real() + 31_000");
    let next = until(|| Some(wallet.code()).filter(|text| counter(text) > counter(&second)));
    let made_at = |text: &str| RideCode::parse(text.as_bytes()).unwrap().claims().made_at;
    let UnixMs(apart) = UnixMs(made_at(&next.unwrap()).since(made_at(&second)));
    assert!((30_000..45_000).contains(&apart), "{apart} ms");
}
