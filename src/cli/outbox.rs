//! `faregate outbox`: what waits for the server, what it refused, and the way there by hand.
//!
//! Works beside a running daemon, on the same file.

use crate::clock;
use crate::config::GateConfig;
use crate::courier::bundle::{self, Carrier, Which};
use crate::journal::{OutboxFile, Quarantined, Waiting};
use clap::{Args, Subcommand};
use fare_protocol::{RecordBody, RecordId, SignedRecord};
use serde::Serialize;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Rows read at once.
const PAGE: usize = 500;

#[derive(Debug, Args)]
pub(super) struct OutboxArgs {
    /// The gate's configuration
    #[arg(long, global = true, default_value = "/etc/faregate/gate.toml")]
    config: PathBuf,
    #[command(subcommand)]
    command: OutboxCommand,
}

#[derive(Debug, Subcommand)]
enum OutboxCommand {
    /// List the records that wait for the server, and those that it refused for good
    List {
        /// Print one JSON object on each line: state, seq, id, kind, at_ms, len; for refused records
        /// also refused_at_ms, code, reason
        #[arg(long)]
        json: bool,
    },
    /// Let refused records wait for the server again; a running daemon sends them within 30 seconds
    Retry {
        /// The records' ids
        #[arg(required_unless_present = "all")]
        ids: Vec<RecordId>,
        /// All refused records
        #[arg(long, conflicts_with = "ids")]
        all: bool,
    },
    /// Write what waits to a sealed file for `fareserver import`; it goes on waiting until answered
    Export {
        /// The file, for example on a USB stick
        file: PathBuf,
        /// Refused records instead
        #[arg(long)]
        quarantined: bool,
    },
    /// Take the server's answers from the file that `fareserver import` gave back
    Ack {
        /// The file
        file: PathBuf,
    },
}

pub(super) fn run(args: OutboxArgs) -> anyhow::Result<ExitCode> {
    let config = GateConfig::load(&args.config)?;
    let mut outbox = OutboxFile::open(&config.journal)?;
    let mut out = io::stdout().lock();
    match args.command {
        OutboxCommand::List { json } => list(&outbox, json, &mut out),
        OutboxCommand::Retry { ids, all } => {
            let ids = if all { refused(&outbox)? } else { ids };
            retry(&mut outbox, &ids, &mut out)
        }
        OutboxCommand::Export { file, quarantined } => {
            let which = if quarantined {
                Which::Quarantined
            } else {
                Which::Pending
            };
            export(&outbox, which, carrier(&config), &file, &mut out)
        }
        OutboxCommand::Ack { file } => ack(&mut outbox, carrier(&config), &file, &mut out),
    }
}

fn carrier(config: &GateConfig) -> Carrier<'_> {
    Carrier {
        gate: config.gate,
        key: &config.signing_key,
        servers: &config.servers,
        now: clock::now(),
    }
}

/// One line of the list.
#[derive(Debug, Serialize)]
struct Row {
    state: &'static str,
    seq: u64,
    id: String,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    at_ms: Option<i64>,
    len: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused_at_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Row {
    fn pending(record: &Waiting) -> Self {
        let parsed = SignedRecord::parse(&record.envelope).ok();
        let kind = match parsed.as_ref().map(|record| &record.record().body) {
            Some(RecordBody::Confirmation(_)) => "confirmation",
            Some(RecordBody::Passage(_)) => "passage",
            Some(RecordBody::ModeChange(_)) => "mode-change",
            Some(RecordBody::LetThrough(_)) => "let-through",
            Some(RecordBody::Config(_)) => "configuration",
            None => "unreadable",
        };
        Self {
            state: "pending",
            seq: record.seq.0,
            id: record.id.to_string(),
            kind,
            at_ms: parsed.map(|record| record.record().stamp.at.0),
            len: record.envelope.len(),
            refused_at_ms: None,
            code: None,
            reason: None,
        }
    }

    fn quarantined(row: Quarantined) -> Self {
        Self {
            state: "quarantined",
            refused_at_ms: Some(row.refused_at.0),
            code: Some(row.code),
            reason: Some(row.reason),
            ..Self::pending(&row.record)
        }
    }

    fn write(&self, json: bool, out: &mut impl Write) -> anyhow::Result<()> {
        if json {
            writeln!(out, "{}", serde_json::to_string(self)?)?;
            return Ok(());
        }
        let Self {
            state,
            seq,
            id,
            kind,
            ..
        } = self;
        write!(out, "{state:<12} {seq:>8}  {id}  {kind:<13}")?;
        if let (Some(code), Some(reason)) = (&self.code, &self.reason) {
            write!(out, " {code}: {}", reason.escape_debug())?;
        }
        writeln!(out)?;
        Ok(())
    }
}

fn list(outbox: &OutboxFile, json: bool, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let mut after = None;
    loop {
        let rows = outbox.quarantined(after, PAGE)?;
        let Some(last) = rows.last() else { break };
        after = Some(last.record.seq);
        for row in rows {
            Row::quarantined(row).write(json, out)?;
        }
    }
    after = None;
    loop {
        let rows = outbox.pending(after, PAGE)?;
        let Some(last) = rows.last() else { break };
        after = Some(last.seq);
        for row in &rows {
            Row::pending(row).write(json, out)?;
        }
    }
    if !json {
        let counts = outbox.counts()?;
        writeln!(
            out,
            "{} pending, {} quarantined; {} diagnostic notes evicted so far",
            counts.pending, counts.quarantined, counts.events_evicted
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The ids of all records in quarantine.
fn refused(outbox: &OutboxFile) -> anyhow::Result<Vec<RecordId>> {
    let rows = outbox.quarantined(None, usize::MAX)?;
    Ok(rows.into_iter().map(|row| row.record.id).collect())
}

fn retry(
    outbox: &mut OutboxFile,
    ids: &[RecordId],
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    let mut status = ExitCode::SUCCESS;
    let mut retried = 0_usize;
    for &id in ids {
        if outbox.retry(id, clock::now())? {
            retried += 1;
        } else {
            writeln!(out, "{id}: not in quarantine")?;
            status = ExitCode::FAILURE;
        }
    }
    let when = if outbox.beside_daemon() {
        "the daemon sends them within 30 seconds"
    } else {
        "no daemon runs; they are sent once it does"
    };
    writeln!(out, "{retried} records wait again; {when}")?;
    Ok(status)
}

fn export(
    outbox: &OutboxFile,
    which: Which,
    carrier: Carrier<'_>,
    file: &Path,
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    let done = bundle::export(outbox, which, carrier, file)?;
    if done.records == 0 {
        writeln!(out, "nothing to export; no file written")?;
    } else {
        let file = file.display();
        writeln!(
            out,
            "{file}: {} records in {} parts",
            done.records, done.parts
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

fn ack(
    outbox: &mut OutboxFile,
    carrier: Carrier<'_>,
    file: &Path,
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    let applied = bundle::apply(outbox, carrier, file)?;
    let file = file.display();
    for (number, err) in &applied.refused {
        writeln!(out, "{file}: part {number} not taken: {err}")?;
    }
    let done = applied.done;
    writeln!(
        out,
        "{file}: {} parts; {} records accepted, {} quarantined, {} answered before or not here",
        applied.parts, done.accepted, done.quarantined, done.ignored
    )?;
    Ok(if applied.refused.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
