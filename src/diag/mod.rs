//! A bundle for the people who mend gates from afar: what happened, how the gate is doing, with what
//! configuration and on what computer. No secret and nothing of a rider is in it.
//!
//! Made within a time limit: a part that would take longer says that it was cut off. A part that fails
//! says why in its place; the others are there all the same.

mod computer;
mod log;
mod settings;
mod soundness;
mod tar;

use crate::clock::{self, Stopwatch};
use crate::config::GateConfig;
use crate::logbook::Zone;
use crate::status::{Paint, Report, screen};
use fare_protocol::UnixMs;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tar::Tar;

/// The largest part, in bytes; the rest of it is cut off.
const PART_LEN_MAX: usize = 16 * 1024 * 1024;

const READ_ME: &str = "\
A bundle of `faregate diag`, for the people who mend gates.

log.jsonl     what happened, one JSON object a line: without accounts, receipts and fares
status.txt    the screen of `faregate status`
status.json   the same for machines
config.toml   the configuration without comments, addresses of keys and passwords
versions.txt  the programs
journal.txt   whether the journal is whole, and what is in it
computer.txt  kernel, memory, disks, warmth
";

/// What goes in, and for how long it may take.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The gate's configuration.
    pub config: PathBuf,
    /// From when on the log is wanted.
    pub since: UnixMs,
    /// For all of it together.
    pub limit: Duration,
}

/// Time that is left.
#[derive(Clone, Copy, Debug)]
struct Deadline {
    since: Stopwatch,
    limit: Duration,
}

impl Deadline {
    fn left(&self) -> Duration {
        self.limit.saturating_sub(self.since.elapsed())
    }

    fn is_over(&self) -> bool {
        self.left().is_zero()
    }
}

/// Writes the bundle to `file`; answers with its parts and their sizes in bytes.
///
/// # Errors
/// When the file is there already or cannot be written, or the configuration cannot be read.
pub fn write(file: &Path, wish: &Wish) -> anyhow::Result<Vec<(&'static str, usize)>> {
    let deadline = Deadline {
        since: Stopwatch::start(),
        limit: wish.limit,
    };
    let files = GateConfig::status_of(&wish.config)?;
    let now = clock::now();
    // Made from what is quick to what may take long.
    let report = Report::look(&files, now);
    let parts = [
        ("README.txt", READ_ME.to_owned()),
        ("versions.txt", computer::versions()),
        ("computer.txt", computer::facts(&files.journal)),
        ("config.toml", settings::without_secrets(&wish.config)),
        ("status.txt", screen(&report, &Zone::utc(), Paint::Plain)),
        ("status.json", status(&report)),
        (
            "log.jsonl",
            log::extract(&files.journal, wish.since, deadline),
        ),
        ("journal.txt", soundness::of(&files.journal, deadline)),
    ];
    let mut tar = Tar::new(BufWriter::new(new_file(file)?), now);
    let mut written = Vec::new();
    for (name, text) in &parts {
        let bytes = text.as_bytes();
        let bytes = bytes
            .get(..bytes.len().min(PART_LEN_MAX))
            .unwrap_or_default();
        tar.add(&format!("faregate-diag/{name}"), bytes)?;
        written.push((*name, bytes.len()));
    }
    tar.finish()?.flush()?;
    Ok(written)
}

/// Never in the place of something else.
fn new_file(path: &Path) -> io::Result<File> {
    let file = File::create_new(path);
    file.map_err(|err| io::Error::new(err.kind(), format!("{}: {err}", path.display())))
}

fn status(report: &Report) -> String {
    let problems = report.problems();
    let json = serde_json::json!({ "problems": problems, "report": report });
    let text = serde_json::to_string_pretty(&json);
    text.unwrap_or_else(|err| format!("not written: {err}\n"))
}

#[cfg(test)]
mod tests;
