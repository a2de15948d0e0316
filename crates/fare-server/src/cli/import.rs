//! `fareserver import`: records that a gate exported to a file.

use crate::clock;
use crate::config::{self, Overrides};
use crate::import::{Importer, Part};
use crate::store::{Database, DatabaseUrl};
use anyhow::Context;
use clap::Args;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// The server's configuration: its key opens what gates sealed for it
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The database, instead of the configuration's: a SQLite file or postgres://…
    #[arg(long, value_name = "URL", value_parser = super::database)]
    database: Option<DatabaseUrl>,
    /// Where to write the answers, for `faregate outbox ack` [default: the bundle's name and .ack]
    #[arg(long, value_name = "FILE")]
    ack: Option<PathBuf>,
    /// What `faregate outbox export` wrote
    bundle: PathBuf,
}

pub(super) fn run(args: ImportArgs) -> anyhow::Result<ExitCode> {
    let overrides = Overrides {
        database: args.database,
        listen: None,
    };
    let config = config::load(&args.config, overrides)?;
    let mut database = Database::open_existing(&config.database)?;
    database.read(|tx| config.settlement.released.look(tx))?;
    let cannot = |what: &str, file: &Path| format!("cannot {what} {}", file.display());
    let bundle = File::open(&args.bundle).with_context(|| cannot("read", &args.bundle))?;
    let ack = args.ack.unwrap_or_else(|| beside(&args.bundle, ".ack"));
    let half = beside(&ack, ".part");
    let file = File::create(&half).with_context(|| cannot("write", &half))?;
    let mut answers = BufWriter::new(file);
    let mut importer = Importer {
        database: &mut database,
        settlement: &config.settlement,
        key: &config.key,
        now: clock::now(),
    };
    let parts = importer.import(&mut BufReader::new(bundle), &mut answers)?;
    // Whole or not at all: what is carried back to the gate must be durable here.
    let file = answers.into_inner().map_err(|err| err.into_error())?;
    file.sync_all().with_context(|| cannot("write", &half))?;
    fs::rename(&half, &ack).with_context(|| cannot("write", &ack))?;
    let mut out = io::stdout().lock();
    for part in &parts {
        print(&mut out, part)?;
    }
    writeln!(out, "answers are in {}", ack.display())?;
    Ok(if parts.iter().all(|part| part.taken.is_ok()) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn print(out: &mut impl Write, part: &Part) -> io::Result<()> {
    let number = part.number;
    match &part.taken {
        Ok((gate, report)) => {
            let (accepted, repeated) = (report.accepted, report.repeated);
            let refused = report.refused.len();
            writeln!(
                out,
                "part {number}: gate {gate}: {accepted} accepted, {repeated} known already, \
                 {refused} refused"
            )
        }
        Err(err) => writeln!(out, "part {number}: not taken: {err}"),
    }
}

fn beside(file: &Path, end: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}
