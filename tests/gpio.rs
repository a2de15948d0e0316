//! The real daemon with a barrier on GPIO lines of the kernel's own simulated chip (gpio-sim). Where the
//! kernel has none, or the test may not configure it, the test says so and passes.
#![allow(clippy::unwrap_used)]
#![allow(clippy::print_stderr)]

mod common;

use common::{Process, Site, change, until};
use fare_sim::cast::Cast;
use fare_sim::scanner::{Scanner, Settings};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

const CONFIGFS: &str = "/sys/kernel/config/gpio-sim";

/// Lines of the chip: outputs.
const GREEN: u32 = 0;
const OPEN: u32 = 1;
const CLOSE: u32 = 3;
/// And contacts.
const PASSED: u32 = 2;
const TAILGATE: u32 = 4;
const OBSTRUCTED: u32 = 5;
const FIRE: u32 = 6;

/// How long a gate of [`Site`] waits for a rider.
const PASSAGE_TIMEOUT: Duration = Duration::from_secs(5);

/// A simulated chip with eight lines; gone when dropped.
struct Chip {
    config: PathBuf,
    lines: PathBuf,
    device: PathBuf,
}

impl Chip {
    fn new(number: u64) -> std::io::Result<Self> {
        let name = format!("faregate-{}-{number}", std::process::id());
        let config = Path::new(CONFIGFS).join(name);
        let bank = config.join("bank0");
        fs::create_dir_all(&bank)?;
        fs::write(bank.join("num_lines"), "8")?;
        fs::write(config.join("live"), "1")?;
        let read =
            |path: PathBuf| Ok::<_, std::io::Error>(fs::read_to_string(path)?.trim().to_owned());
        let (chip, platform) = (
            read(bank.join("chip_name"))?,
            read(config.join("dev_name"))?,
        );
        Ok(Self {
            config,
            lines: Path::new("/sys/devices/platform")
                .join(platform)
                .join(&chip),
            device: Path::new("/dev").join(chip),
        })
    }

    fn level(&self, line: u32) -> bool {
        let value = self.lines.join(format!("sim_gpio{line}/value"));
        fs::read_to_string(value).unwrap().trim() == "1"
    }

    fn pull(&self, line: u32, up: bool) {
        let pull = if up { "pull-up" } else { "pull-down" };
        fs::write(self.lines.join(format!("sim_gpio{line}/pull")), pull).unwrap();
    }
}

impl Drop for Chip {
    fn drop(&mut self) {
        let _ = fs::write(self.config.join("live"), "0");
        let _ = fs::remove_dir(self.config.join("bank0"));
        let _ = fs::remove_dir(&self.config);
    }
}

/// A gate whose barrier and lamps are on a chip, with a scanner that hands it codes.
struct Gate {
    // Dropped first: it has the chip's lines.
    daemon: Process,
    chip: Chip,
    site: Site,
    scanner: Scanner,
}

impl Gate {
    /// Nothing where this kernel has no such chip.
    fn new(seed: u64, lines: &str) -> Option<Self> {
        let chip = match Chip::new(seed) {
            Ok(chip) => chip,
            Err(err) => {
                eprintln!(
                    "skipped: this kernel has no gpio-sim that we may configure ({CONFIGFS}: {err})"
                );
                return None;
            }
        };
        let site = Site::new(seed);
        let files = site.entry(None);
        let modbus = format!(
            "serial = \"{}.board\"\nbaud = 115200\nunit = 1\npoll_ms = 20\n",
            files.gate
        );
        let device = &chip.device;
        let gpio = format!(
            "kind = \"gpio\"\n[barrier.gpio]\nchip = {device:?}\nopen = {{ line = {OPEN} }}\n\
             passed = {{ line = {PASSED}, debounce_ms = 5 }}\n{lines}\
             [scanner]\nkind = \"serial\"\ndevice = \"scanner\"\n\
             [lamps]\nkind = \"gpio\"\nchip = {device:?}\ngreen = {GREEN}\n"
        );
        change(&files.config, &modbus, &gpio);
        let scanner = Scanner::plug_in(&site.path("scanner"), Settings::default()).unwrap();
        let daemon = Process::gate(&files.config);
        daemon.wait_for("the scanner is there");
        Some(Self {
            daemon,
            chip,
            site,
            scanner,
        })
    }

    async fn enters(&mut self, rider: u64) {
        let now = faregate::clock::now();
        let code = Cast::new(&self.site.seed, now).rider(rider).make_code(now);
        self.scanner.read(&code).await.unwrap();
    }

    fn waits_for(&self, line: u32, on: bool) {
        let there = until(|| (self.chip.level(line) == on).then_some(()));
        assert!(there.is_some(), "line {line}: {:#?}", self.daemon.log());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rider_walks_through_a_barrier_on_gpio_lines() {
    let Some(mut gate) = Gate::new(81, "") else {
        return;
    };
    assert!(!gate.chip.level(OPEN) && !gate.chip.level(GREEN));
    gate.enters(1).await;
    gate.waits_for(OPEN, true);
    gate.waits_for(GREEN, true);
    gate.chip.pull(PASSED, true);
    gate.daemon.wait_for("\"passed\"");
    gate.chip.pull(PASSED, false);
    gate.waits_for(OPEN, false);
    gate.waits_for(GREEN, false);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_contacts_of_a_barrier_are_heard_and_it_is_shut_by_a_line_of_its_own() {
    let lines = format!(
        "close = {{ line = {CLOSE}, pulse_ms = 1000 }}\ntailgate = {{ line = {TAILGATE}, debounce_ms = 5 }}\n\
         obstructed = {{ line = {OBSTRUCTED} }}\nfire = {{ line = {FIRE} }}\n"
    );
    let Some(mut gate) = Gate::new(82, &lines) else {
        return;
    };
    gate.enters(1).await;
    gate.waits_for(OPEN, true);
    assert!(!gate.chip.level(CLOSE));
    // The rider's time is over, and somebody still stands there: it waits for them.
    gate.chip.pull(OBSTRUCTED, true);
    tokio::time::sleep(PASSAGE_TIMEOUT + Duration::from_secs(2)).await;
    assert!(gate.chip.level(OPEN), "{:#?}", gate.daemon.log());
    gate.chip.pull(OBSTRUCTED, false);
    gate.daemon.wait_for("annulled");
    gate.waits_for(OPEN, false);
    gate.waits_for(CLOSE, true);
    gate.waits_for(CLOSE, false);
    gate.chip.pull(TAILGATE, true);
    gate.daemon.wait_for("went through unasked");
    gate.chip.pull(TAILGATE, false);
    gate.chip.pull(FIRE, true);
    gate.daemon.wait_for("fire alarm");
    gate.waits_for(OPEN, true);
    gate.chip.pull(FIRE, false);
    gate.waits_for(OPEN, false);
}
