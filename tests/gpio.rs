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

const CONFIGFS: &str = "/sys/kernel/config/gpio-sim";

/// Lines of the chip: the output that opens, and the contact of passages.
const OPEN: u32 = 1;
const PASSED: u32 = 2;

/// A simulated chip with eight lines; gone when dropped.
struct Chip {
    config: PathBuf,
    lines: PathBuf,
    device: PathBuf,
}

impl Chip {
    fn new() -> std::io::Result<Self> {
        let config = Path::new(CONFIGFS).join(format!("faregate-{}", std::process::id()));
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

#[tokio::test(flavor = "multi_thread")]
async fn a_rider_walks_through_a_barrier_on_gpio_lines() {
    let chip = match Chip::new() {
        Ok(chip) => chip,
        Err(err) => {
            eprintln!(
                "skipped: this kernel has no gpio-sim that we may configure ({CONFIGFS}: {err})"
            );
            return;
        }
    };
    let site = Site::new(81);
    let files = site.entry(None);
    let modbus = format!(
        "serial = \"{}.board\"\nbaud = 115200\nunit = 1\npoll_ms = 20\n",
        files.gate
    );
    let gpio = format!(
        "kind = \"gpio\"\n[barrier.gpio]\nchip = {:?}\nopen = {{ line = {OPEN} }}\n\
         passed = {{ line = {PASSED}, debounce_ms = 5 }}\n\
         [scanner]\nkind = \"serial\"\ndevice = \"scanner\"\n",
        chip.device
    );
    change(&files.config, &modbus, &gpio);
    let mut scanner = Scanner::plug_in(&site.path("scanner"), Settings::default()).unwrap();
    let daemon = Process::gate(&files.config);
    daemon.wait_for("the scanner is there");
    assert!(!chip.level(OPEN));
    let mut rider = Cast::new(&site.seed, faregate::clock::now()).rider(1);
    let code = rider.make_code(faregate::clock::now());
    scanner.read(&code).await.unwrap();
    assert!(until(|| chip.level(OPEN).then_some(())).is_some());
    chip.pull(PASSED, true);
    daemon.wait_for("\"passed\"");
    chip.pull(PASSED, false);
    assert!(until(|| (!chip.level(OPEN)).then_some(())).is_some());
}
