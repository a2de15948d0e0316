//! A metro that riders may come to, and the wallet on a phone in a real browser.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used)]

use super::browser::{Browser, Screen};
use super::{Process, Site, change, program, until};
use fare_protocol::{AccountId, Millis, RideCode, ride_code};
use fare_sim::board::Habits;
use fare_sim::cast::Cast;
use fare_sim::city::GateFiles;
use fare_sim::crowd::Optics;
use fare_sim::shot::{Difficulty, FrameSize};
use serde_json::{Value, json};
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

pub const PHONE: Screen = Screen {
    width: 390,
    height: 844,
    scale: 2.0,
};

/// A gate's camera that can read a screenshot, and riders who walk through.
pub fn gate_eyes() -> (Optics, Habits) {
    let optics = Optics {
        size: FrameSize::HD,
        fps: 10,
        difficulty: Difficulty::Easy,
    };
    (optics, Habits::default())
}

/// The same, and riders so slow that a browser on a busy machine sees what they are shown.
pub fn gate_eyes_slowly() -> (Optics, Habits) {
    let (optics, habits) = gate_eyes();
    let slowly = Habits {
        passage_after: Millis(3_500),
        ..habits
    };
    (optics, slowly)
}

/// What `make wallet` built.
pub fn built() -> &'static Path {
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
pub struct Metro {
    pub site: Site,
    pub cast: Cast,
    pub server: Option<Process>,
    pub gates: SocketAddr,
    pub wallet: SocketAddr,
}

impl Metro {
    pub fn open(seed: u64) -> Self {
        Self::selling(seed, "")
    }

    /// A metro whose tariff has these `[[product]]`s too.
    pub fn selling(seed: u64, products: &str) -> Self {
        let site = Site::new(seed);
        let tariff = site.path("tariff.toml");
        let text = fs::read_to_string(&tariff).unwrap() + products;
        fs::write(&tariff, text).unwrap();
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

    pub fn page(&self) -> String {
        format!("http://{}/", self.wallet)
    }

    pub fn network_is_lost(&mut self) {
        let mut server = self.server.take().unwrap();
        assert!(server.terminate().0.success(), "{:#?}", server.log());
    }

    pub fn network_is_back(&mut self) {
        let server = self.site.serve(Some(self.gates));
        server.wait_for("listening");
        self.server = Some(server);
    }
}

/// The wallet on a phone.
pub struct Wallet {
    pub browser: Browser,
    pub shots: PathBuf,
}

impl Wallet {
    pub fn new(folder: &Path) -> Self {
        // Somebody who wants to look at the pictures says where they shall stay.
        let shots = std::env::var_os("WALLET_SHOTS").map(PathBuf::from);
        let shots = shots.unwrap_or_else(|| folder.join("shots"));
        fs::create_dir_all(&shots).unwrap();
        let browser = Browser::phone(PHONE);
        Self { browser, shots }
    }

    /// A rider comes to the metro; answers the first code.
    pub fn joins(&self, metro: &Metro) -> RideCode {
        self.browser.open(&metro.page());
        self.sees("start");
        self.clicks("[data-testid=start]");
        let text = self.shows(ride_code::PREFIX);
        RideCode::parse(text.as_bytes()).unwrap()
    }

    pub fn sees(&self, test_id: &str) {
        let script = format!("return document.querySelector('[data-testid={test_id}]') !== null");
        let seen = self.browser.waits_for(&script, &json!(true));
        let text = self.browser.run("return document.body.innerText");
        assert!(seen, "no {test_id} in {text}");
    }

    /// Waits until these words stand somewhere on the page.
    pub fn says(&self, words: &str) {
        let said = until(|| self.text().contains(words).then_some(()));
        assert!(said.is_some(), "no {words:?} in {}", self.text());
    }

    /// Presses a key as a person does.
    pub fn presses(&self, key: &str, code: u32) {
        for kind in ["keyDown", "keyUp"] {
            let text = if kind == "keyDown" { "\r" } else { "" };
            let params = json!({ "type": kind, "key": key, "code": key, "text": text,
                                 "windowsVirtualKeyCode": code });
            self.browser.devtools("Input.dispatchKeyEvent", &params);
        }
    }

    pub fn clicks(&self, selector: &str) {
        self.browser
            .run(&format!("document.querySelector('{selector}').click()"));
    }

    /// Chooses a file as a person does.
    pub fn chooses(&self, selector: &str, file: &Path) {
        let document = self.browser.devtools("DOM.getDocument", &json!({}));
        let wanted = json!({ "nodeId": document["root"]["nodeId"], "selector": selector });
        let node = self.browser.devtools("DOM.querySelector", &wanted);
        let chosen = json!({ "nodeId": node["nodeId"], "files": [file] });
        self.browser.devtools("DOM.setFileInputFiles", &chosen);
    }

    /// The text of the code on the screen.
    pub fn code(&self) -> String {
        let script = "return document.querySelector('canvas.code')?.dataset.text ?? null";
        let code = until(|| self.browser.run(script).as_str().map(str::to_owned));
        code.unwrap_or_else(|| panic!("no code: {}", self.text()))
    }

    /// Waits until what stands on the card begins so.
    pub fn shows(&self, prefix: &str) -> String {
        let shown = until(|| Some(self.code()).filter(|text| text.starts_with(prefix)));
        shown.unwrap_or_else(|| panic!("no {prefix}: {}", self.text()))
    }

    /// The picture that is kept on the phone, whatever stands on the screen.
    pub fn kept_picture(&self) -> Value {
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
    pub fn saves(&self, folder: &Path) -> PathBuf {
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

    pub fn text(&self) -> String {
        let text = self.browser.run("return document.body.innerText");
        text.as_str().unwrap().to_owned()
    }

    pub fn shot(&self, name: &str) -> PathBuf {
        let file = self.shots.join(format!("{name}.png"));
        fs::write(&file, self.browser.screenshot()).unwrap();
        file
    }

    /// A picture of the screen, with the code that it must show. Between the two the code may have
    /// changed; then another picture is taken.
    pub fn code_shot(&self, name: &str) -> (PathBuf, String) {
        self.browser.run("scrollTo(0, 0)");
        let same = until(|| {
            let before = self.code();
            let file = self.shot(name);
            (self.code() == before).then_some((file, before))
        });
        same.expect("a code that stays for a moment")
    }

    pub fn scheme(&self, scheme: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.browser.devtools(
            "Emulation.setEmulatedMedia",
            &json!({ "features": features }),
        );
    }

    pub fn speaks(&self, language: &str, direction: &str) {
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
    pub fn fits_at_twice_the_size(&self, where_: &str) {
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
pub fn decoded(file: &Path) -> String {
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

/// Somebody pays into an account's stored value at the desk.
pub fn pays_in(site: &Site, account: AccountId, amount: &str) {
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
pub fn with_screen(files: &GateFiles) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let display = format!("\n[display]\nlisten = \"{address}\"\nlanguages = [\"en\", \"zh\"]\n");
    let config = fs::read_to_string(&files.config).unwrap() + &display;
    fs::write(&files.config, config).unwrap();
    address
}

/// A browser at the page of a lane's screen.
pub struct LaneScreen(Browser);

impl LaneScreen {
    pub fn open(page: SocketAddr) -> Self {
        let browser = Browser::start();
        browser.resize(1280, 800);
        browser.open(&format!("http://{page}/"));
        Self(browser)
    }

    pub fn says(&self, words: &str) {
        let text = "return document.getElementById('words').innerText";
        let text = || self.0.run(text).as_str().map(str::to_owned);
        let there = until(|| text().filter(|text| text.contains(words)));
        assert!(there.is_some(), "no {words}");
    }

    /// Keeps what is on it beside the wallet's own pictures.
    pub fn shot(&self, wallet: &Wallet, name: &str) {
        let file = wallet.shots.join(name).with_extension("png");
        fs::write(file, self.0.screenshot()).unwrap();
    }
}

/// A product is sold at the desk, for cash.
pub fn sells(site: &Site, account: AccountId, offer: &str) {
    let mut sell = program("fareserver");
    sell.args(["products", "sell", "--paid", "cash", "--offer", offer]);
    sell.args(["--by", "Wang", "--config"]);
    sell.arg(site.city.server_config()).arg(account.to_hex());
    let done = sell.output().unwrap();
    assert!(done.status.success(), "{done:?}");
}
