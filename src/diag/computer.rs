//! The computer and its programs, from the files in which Linux tells of them.

use crate::logbook::Zone;
use crate::status::Machine;
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// Files that say what runs here. None names a person.
const FACTS: [&str; 6] = [
    "/proc/version",
    "/proc/uptime",
    "/proc/loadavg",
    "/proc/meminfo",
    "/proc/cpuinfo",
    "/proc/device-tree/model",
];

/// Longest piece of one file, in bytes.
const FACT_LEN_MAX: usize = 16 * 1024;

/// The programs.
pub(super) fn versions() -> String {
    let sqlite = rusqlite::version();
    let features = if cfg!(feature = "camera") {
        "camera"
    } else {
        "none"
    };
    let os = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = os.lines().find(|line| line.starts_with("PRETTY_NAME="));
    format!(
        "faregate {} for {}, features: {features}\nSQLite {sqlite}\njournal schema {}\n{}\n",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::ARCH,
        crate::journal::SCHEMA_VERSION,
        name.unwrap_or("PRETTY_NAME unknown")
    )
}

/// Kernel, memory, room, warmth, time.
pub(super) fn facts(journal: &Path) -> String {
    let mut out = String::new();
    let machine = Machine::look(journal);
    let now = Zone::utc().rfc3339(crate::clock::now());
    // Writing to a string cannot fail.
    let _ = writeln!(out, "time {now}\n{machine:#?}");
    for file in FACTS {
        let Ok(bytes) = fs::read(file) else { continue };
        let bytes = bytes
            .get(..bytes.len().min(FACT_LEN_MAX))
            .unwrap_or_default();
        let text = String::from_utf8_lossy(bytes);
        let _ = writeln!(out, "\n== {file}\n{}", text.trim_end_matches(['\n', '\0']));
    }
    out
}
