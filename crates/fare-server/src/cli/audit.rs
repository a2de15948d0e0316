//! `fareserver audit`: what staff did, from the table that nothing is ever taken out of.

use super::database;
use crate::clock::{self, rfc3339};
use crate::store::{Database, DatabaseUrl};
use clap::Args;
use fare_protocol::UnixMs;
use std::io::{self, Write};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct AuditArgs {
    /// The database: a SQLite file or postgres://…
    #[arg(long, value_name = "URL", value_parser = database)]
    database: DatabaseUrl,
    /// From this moment on, for example 2026-11-29T08:30:00+08:00
    #[arg(long, value_name = "MOMENT", value_parser = clock::moment)]
    since: Option<UnixMs>,
    /// Up to before this moment
    #[arg(long, value_name = "MOMENT", value_parser = clock::moment)]
    until: Option<UnixMs>,
    /// What this person did
    #[arg(long, value_name = "NAME")]
    person: Option<String>,
    /// The newest so many
    #[arg(long, default_value_t = 1_000)]
    most: u32,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: AuditArgs) -> anyhow::Result<ExitCode> {
    let from = args.since.unwrap_or(UnixMs(i64::MIN));
    let until = args.until.unwrap_or(UnixMs(i64::MAX));
    let (person, most) = (args.person.as_deref(), args.most);
    let mut database = Database::open_existing(&args.database)?;
    let done = database.read(|tx| tx.audits((from, until), person, most))?;
    let mut out = io::stdout().lock();
    for done in done {
        if args.json {
            writeln!(out, "{}", serde_json::to_string(&done)?)?;
            continue;
        }
        let at = rfc3339(done.at_ms);
        let (person, via) = (done.person, done.via);
        write!(
            out,
            "{at} {person:<16} {via:<7} {:<16} {}",
            done.what, done.about
        )?;
        if !done.why.is_empty() {
            write!(out, ": {}", done.why)?;
        }
        writeln!(out)?;
    }
    Ok(ExitCode::SUCCESS)
}
