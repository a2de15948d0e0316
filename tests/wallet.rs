//! The wallet in a real browser on a phone's screen, before a real gate: enrol, lose the network, show
//! the code, walk through with that very screenshot, get the voucher and its picture, lose the network
//! again, leave with a screenshot of the picture, read the receipt.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::lane::Lane;
use common::wallet::{
    LaneScreen, Metro, Wallet, decoded, gate_eyes, gate_eyes_slowly, pays_in, sells, with_screen,
};
use common::{Site, program, until};
use fare_protocol::receipt::Receipt;
use fare_protocol::{LaneNo, Picture, RideCode, SignedRecord, UnixMs, picture, ride_code};
use fare_rules::Role;
use fare_sim::board::BoardEvent;
use fare_sim::camera::Camera;
use fare_sim::city::GateSite;
use fare_sim::pki;
use fare_sim::screen::{Code, Look, Packing, Phone};
use fare_sim::screenshot::Screenshot;
use fare_sim::shot::{Difficulty, FrameSize, Shot};
use serde_json::{Value, json};
use std::fs;

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
    let code = wallet.joins(&metro);
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
    let page = with_screen(&exit);
    let served = "the screen's page is served";
    let mut at_exit = Lane::open_as(&metro.site, exit, gate_eyes_slowly(), served).await;
    let mut at_other = Lane::open_as(&metro.site, other, gate_eyes(), "ready").await;
    let screen = LaneScreen::open(page);
    screen.says("Show your code");
    let _seen = at_exit
        .crowd
        .hold(at_exit.files.gate, copy.clone())
        .unwrap();
    at_exit.sees(BoardEvent::Opened).await;
    for words in ["¥6.00", "Balance ¥44.00", "余额 ¥44.00"] {
        screen.says(words);
    }
    screen.shot(&wallet, "lane-balance");
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

const PRODUCTS: &str = r#"
[[product]]
id = "month"
name = "Month pass"
price_minor = 20000
valid_days = 30
pass = true
most_minor = 400
[[product]]
id = "ten"
name = "Ten rides"
price_minor = 4500
valid_days = 90
rides = 10
"#;

/// Who has a pass and a multi-ride sees at an exit without a network that they pay, and is charged nothing.
#[tokio::test(flavor = "multi_thread")]
// long: one journey, every place that shows what products pay
async fn the_exit_gate_shows_what_products_pay_and_the_server_charges_no_more() {
    let mut metro = Metro::selling(35, PRODUCTS);
    let (entry, exit) = (
        metro.site.entry(Some(metro.gates)),
        metro.site.exit(Some(metro.gates)),
    );
    metro.site.register(&[&entry, &exit]);
    let wallet = Wallet::new(&metro.site.path(""));
    let code = wallet.joins(&metro);
    let account = code.claims().issuer.account;
    sells(&metro.site, account, "month");
    sells(&metro.site, account, "ten");
    let mut at_entry = Lane::open_as(&metro.site, entry, gate_eyes(), "ready").await;
    let (file, _) = wallet.code_shot("products-entry");
    at_entry
        .lets_through(Screenshot::read(&file).unwrap())
        .await;
    let text = wallet.shows(picture::PREFIX);
    let said = Picture::parse(text.as_bytes()).unwrap().picture().clone();
    let told: Vec<_> = said.products.iter().map(|one| one.offer.as_str()).collect();
    assert_eq!(told, ["month", "ten"]);
    let (file, text) = wallet.code_shot("products-picture");
    assert_eq!(decoded(&file), text, "the gate's reader reads the picture");

    wallet.says("Paid at the exit by: Month pass and Ten rides");
    wallet.shot("products-on-the-way");

    metro.network_is_lost();
    let page = with_screen(&exit);
    let served = "the screen's page is served";
    let mut at_exit = Lane::open_as(&metro.site, exit, gate_eyes_slowly(), served).await;
    let screen = LaneScreen::open(page);
    screen.says("Show your code");
    let copy = Screenshot::read(&file).unwrap();
    let _seen = at_exit.crowd.hold(at_exit.files.gate, copy).unwrap();
    at_exit.sees(BoardEvent::Opened).await;
    for words in ["¥0.00", "Pass", "Multi‑ride, 9 left", "通票", "剩余 9 次"] {
        screen.says(words);
    }
    screen.shot(&wallet, "lane-products");
    at_exit.sees(BoardEvent::Passed).await;

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
    wallet.clicks(".journeys details summary");
    wallet.sees("receipt");
    for words in [
        "month: pass",
        "ten: ride 1 of 10",
        "0.00",
        "signed by the server",
    ] {
        assert!(wallet.text().contains(words), "{words}: {}", wallet.text());
    }
    wallet.shot("products-receipt");
    let database = rusqlite::Connection::open(metro.site.city.database()).unwrap();
    let one = |sql: &str| -> i64 { database.query_row(sql, [], |row| row.get(0)).unwrap() };
    assert_eq!(one("SELECT count(*) FROM conflict"), 0);
    assert_eq!(one("SELECT count(*) FROM product_use"), 2);
    let owed = "SELECT coalesce(sum(minor), 0) FROM posting_line WHERE ledger = 'rider'";
    assert_eq!(one(owed), 0);
}

/// What was bought and what is on sale, also with no network, in each language; and an exit without an entry among the
/// journeys, with what staff charge for it.
#[tokio::test(flavor = "multi_thread")]
// long: one rider, two things that stand below the code
async fn products_and_an_exit_without_an_entry_stand_below_the_code() {
    let mut metro = Metro::selling(36, PRODUCTS);
    let exit = metro.site.exit(Some(metro.gates));
    metro.site.register(&[&exit]);
    let wallet = Wallet::new(&metro.site.path(""));
    let code = wallet.joins(&metro);
    wallet.says("You have none");
    sells(&metro.site, code.claims().issuer.account, "ten");
    sells(&metro.site, code.claims().issuer.account, "month");
    wallet.browser.open(&metro.page());
    wallet.sees("products");
    metro.network_is_lost();
    wallet.browser.open(&metro.page());
    wallet.sees("products");
    wallet.clicks(".offers summary");
    for words in [
        "Passes and tickets",
        "Ten rides",
        "10 of 10 journeys left",
        "all journeys",
        "On sale at service desks",
        "at most ¥4.00 of a journey",
        "30 days",
        "¥200.00",
        "As of",
    ] {
        wallet.says(words);
    }
    let below = "document.querySelector('.products').scrollIntoView({ block: 'start' })";
    for (language, direction, words) in [
        ("zh", "ltr", "剩余 10 次,共 10 次"),
        ("ar", "rtl", "المتبقي"),
        ("en", "ltr", "10 of 10"),
    ] {
        wallet.speaks(language, direction);
        wallet.says(words);
        for scheme in ["dark", "light"] {
            wallet.scheme(scheme);
            wallet
                .browser
                .run("document.querySelector('.offers').open = true");
            wallet.browser.run(below);
            wallet.shot(&format!("products-{language}-{scheme}"));
            let where_ = format!("products, {language}, {scheme}");
            wallet.browser.is_accessible(&where_);
        }
        wallet.fits_at_twice_the_size(&format!("products-{language}"));
    }
    // A keyboard opens and closes what is on sale.
    let is_open = "return document.querySelector('.offers').open";
    wallet
        .browser
        .run("document.querySelector('.offers summary').focus()");
    wallet.presses("Enter", 13);
    assert!(wallet.browser.waits_for(is_open, &json!(false)));

    // An exit gate that has heard nothing of late lets out whom it knows no entry of.
    let mut at_exit = Lane::open_as(&metro.site, exit, gate_eyes(), "ready").await;
    let (file, _) = wallet.code_shot("exit-alone");
    at_exit.lets_through(Screenshot::read(&file).unwrap()).await;
    metro.network_is_back();
    let database = rusqlite::Connection::open(metro.site.city.database()).unwrap();
    let id = "SELECT lower(hex(conflict)) FROM conflict WHERE kind = 'exit-without-entry'";
    let told = || {
        database
            .query_row(id, [], |row| row.get::<_, String>(0))
            .ok()
    };
    let id = until(told).expect("the server hears of the exit");
    wallet.browser.open(&metro.page());
    wallet.says("Out at Guomao, entry missing");
    let mut resolve = program("fareserver");
    resolve.args([
        "conflicts",
        "resolve",
        "--charge",
        "CNY:700",
        "--by",
        "Wang",
    ]);
    resolve.args(["--reason", "no entry", "--database"]);
    resolve.arg(metro.site.city.database()).arg(id);
    let done = resolve.output().unwrap();
    assert!(done.status.success(), "{done:?}");
    wallet.browser.open(&metro.page());
    wallet.says("charged without an entry");
    wallet.says("¥7.00");
    wallet.clicks("[data-testid=exit] summary");
    wallet.says("Tell a service desk");
    wallet
        .browser
        .run("document.querySelector('[data-testid=exit]').scrollIntoView({ block: 'center' })");
    wallet.shot("exit-without-entry");
    wallet.browser.is_accessible("an exit without an entry");
    wallet.fits_at_twice_the_size("exit-without-entry");
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
