//! `faregate bench`: measures the gate on this machine.

mod decode;

use crate::bench::drain::{DrainFigures, DrainPlan, ServerPlan};
use crate::bench::journal::{JournalFigures, JournalPlan};
use crate::bench::pay_codes::{PayCodeFigures, PayCodePlan};
use crate::bench::{self, TapFigures};
use crate::config::GateConfig;
use crate::replay::summary::Spread;
use crate::scratch::ScratchDir;
use clap::{Args, Subcommand};
use serde::Serialize;
use std::io::{self, StdoutLock, Write};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct BenchArgs {
    #[command(subcommand)]
    command: BenchCommand,
}

#[derive(Debug, Subcommand)]
enum BenchCommand {
    /// From a frame to the open command, over a recording of ride codes (fare-sim frames makes one)
    Tap {
        /// The recording
        recording: PathBuf,
        /// The gate's configuration; its devices and journal are not touched
        #[arg(long)]
        config: PathBuf,
        /// Where to put the journal; a temporary folder by default
        #[arg(long)]
        folder: Option<PathBuf>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// How many pictures are read, how many wrongly, and in what time
    Decode(decode::DecodeArgs),
    /// An outbox drained to a real fareserver, and what taps cost meanwhile (fare-sim site makes both)
    Drain {
        /// The gate's configuration, with a [server]; its devices and journal are not touched
        #[arg(long)]
        config: PathBuf,
        /// The server's configuration; the server is started with it
        #[arg(long)]
        server_config: PathBuf,
        /// The server's program; by default fareserver beside this one
        #[arg(long)]
        fareserver: Option<PathBuf>,
        /// Confirmations in the outbox, each with its passage
        #[arg(long, default_value_t = 50_000, value_parser = clap::value_parser!(u64).range(4..))]
        taps: u64,
        /// Those of so many days without a network instead, 43200 taps each
        #[arg(long, conflicts_with = "taps")]
        offline_days: Option<u64>,
        /// Where to put the journal; a temporary folder by default
        #[arg(long)]
        folder: Option<PathBuf>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// A pay code from scan to open command, with a real fareserver (fare-sim site --pay-codes makes both)
    PayCode(PayCodeArgs),
    /// Commits beside bare synced writes, a long outbox beside a short one, days without a network
    Journal {
        /// Rows in the long outbox; 10000000 need 5 GB
        #[arg(long, default_value_t = 1_000_000)]
        rows: u64,
        /// Days without a network, 43200 taps each; 0 leaves them out
        #[arg(long, default_value_t = 0)]
        offline_days: u64,
        /// Where to put the journals; a temporary folder by default
        #[arg(long)]
        folder: Option<PathBuf>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
struct PayCodeArgs {
    /// The gate's configuration, with [server] and [pay_codes]; its devices and journal are not touched
    #[arg(long)]
    config: PathBuf,
    /// The server's configuration; the server is started with it
    #[arg(long)]
    server_config: PathBuf,
    /// The server's program; by default fareserver beside this one
    #[arg(long)]
    fareserver: Option<PathBuf>,
    /// How many codes
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=9_000))]
    codes: u64,
    /// Where to put the journal; a temporary folder by default
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: BenchArgs) -> anyhow::Result<ExitCode> {
    match args.command {
        BenchCommand::Tap {
            recording,
            config,
            folder,
            json,
        } => {
            let config = GateConfig::load(&config)?;
            let figures = bench::tap(&config, &recording, scratch(folder)?.path())?;
            print(&figures, json, write_table)
        }
        BenchCommand::Journal {
            rows,
            offline_days,
            folder,
            json,
        } => {
            let days = offline_days;
            let plan = JournalPlan { rows, days };
            let figures = bench::journal::journal(plan, scratch(folder)?.path())?;
            print(&figures, json, write_journal)
        }
        BenchCommand::Drain {
            config,
            server_config,
            fareserver,
            taps,
            offline_days,
            folder,
            json,
        } => {
            let plan = DrainPlan {
                gate: &GateConfig::load(&config)?,
                server: ServerPlan {
                    program: fareserver.as_deref(),
                    config: &server_config,
                },
                taps: offline_days.map_or(taps, DrainPlan::taps_of),
            };
            let figures = bench::drain::drain(&plan, scratch(folder)?.path())?;
            print(&figures, json, write_drain)
        }
        BenchCommand::PayCode(args) => {
            let plan = PayCodePlan {
                gate: &GateConfig::load(&args.config)?,
                server: ServerPlan {
                    program: args.fareserver.as_deref(),
                    config: &args.server_config,
                },
                codes: args.codes,
            };
            let figures = bench::pay_codes::pay_codes(&plan, scratch(args.folder)?.path())?;
            print(&figures, args.json, write_pay_codes)
        }
        BenchCommand::Decode(args) => decode::run(&args),
    }
}

fn scratch(folder: Option<PathBuf>) -> io::Result<ScratchDir> {
    match folder {
        Some(folder) => ScratchDir::below(&folder, "bench"),
        None => ScratchDir::new("bench"),
    }
}

fn print<F: Serialize>(
    figures: &F,
    json: bool,
    table: impl FnOnce(&F, &mut StdoutLock<'static>) -> io::Result<()>,
) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string(figures)?)?;
    } else {
        table(figures, &mut out)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn write_table(figures: &TapFigures, out: &mut impl Write) -> io::Result<()> {
    let rows = [
        ("frame to open command", &figures.total),
        ("  decode", &figures.decode),
        ("  verify, look up, decide", &figures.decide),
        ("  sign and commit", &figures.commit),
        ("all but decode", &figures.without_decode),
        ("bare 4 KiB fdatasync", &figures.fdatasync),
    ];
    writeln!(
        out,
        "{} taps, journal in {}; milliseconds",
        figures.taps, figures.folder
    )?;
    write_spreads(&rows, out)?;
    writeln!(
        out,
        "commit / fdatasync (medians): {:.2}",
        figures.commit_per_fdatasync
    )
}

fn write_spreads(rows: &[(&str, &Spread)], out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "{:<26} {:>8} {:>8} {:>8} {:>8}",
        "", "p50", "p95", "p99", "max"
    )?;
    for (name, spread) in rows {
        let (p50, p95, p99, max) = (spread.p50, spread.p95, spread.p99, spread.max);
        writeln!(
            out,
            "{name:<26} {p50:>8.3} {p95:>8.3} {p99:>8.3} {max:>8.3}"
        )?;
    }
    Ok(())
}

fn write_journal(figures: &JournalFigures, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "journals in {}; milliseconds", figures.folder)?;
    let of_rows = format!("oldest 500 of {}", figures.rows);
    let mut rows = vec![
        ("commit one confirmation", &figures.commit),
        ("bare 4 KiB fdatasync", &figures.fdatasync),
        ("oldest 500 of 1000", &figures.fetch_of_1000),
        (of_rows.as_str(), &figures.fetch_of_rows),
    ];
    if let Some(offline) = &figures.offline {
        rows.push(("offline: first commits", &offline.first));
        rows.push(("  fdatasync then", &offline.first_fdatasync));
        rows.push(("offline: last commits", &offline.last));
        rows.push(("  fdatasync then", &offline.last_fdatasync));
    }
    write_spreads(&rows, out)?;
    let ratio = figures.commit_per_fdatasync;
    writeln!(out, "commit / fdatasync (medians): {ratio:.2}")?;
    writeln!(
        out,
        "100 taps wait: {:.0} rows/s; one thread signs {:.0}/s; ratio {:.2}",
        figures.group_rows_per_s, figures.signatures_per_s, figures.group_per_signatures
    )?;
    writeln!(
        out,
        "long / short outbox (medians): {:.2}",
        figures.fetch_ratio
    )?;
    if let Some(offline) = &figures.offline {
        writeln!(
            out,
            "offline: {} confirmations, last / first commit (medians) {:.2}, each over \
             its fdatasync {:.2}; file {:.1} MB, opened in {:.0} ms",
            offline.confirmations,
            offline.last_per_first,
            offline.last_per_first_of_disk,
            offline.file_len as f64 / 1e6,
            offline.open_ms
        )?;
    }
    Ok(())
}

fn write_pay_codes(figures: &PayCodeFigures, out: &mut impl Write) -> io::Result<()> {
    let (codes, folder) = (figures.codes, &figures.folder);
    writeln!(out, "{codes} pay codes, journal in {folder}; milliseconds")?;
    let rows = [
        ("scan to open command", &figures.total),
        ("  derive account, look up", &figures.recognise),
        ("  ask the server", &figures.ask),
        ("  decide, sign, commit", &figures.commit),
        ("bare round trip", &figures.round_trip),
    ];
    write_spreads(&rows, out)?;
    let ratio = figures.ask_per_round_trip;
    writeln!(out, "ask / round trip (medians): {ratio:.2}")
}

fn write_drain(figures: &DrainFigures, out: &mut impl Write) -> io::Result<()> {
    let backlog = &figures.backlog;
    writeln!(out, "journal in {}; milliseconds", figures.folder)?;
    let rows = [
        ("backlog: first commits", &backlog.first),
        ("  fdatasync then", &backlog.first_fdatasync),
        ("backlog: last commits", &backlog.last),
        ("  fdatasync then", &backlog.last_fdatasync),
        ("taps, idle", &figures.idle),
        ("  fdatasync then", &figures.idle_fdatasync),
        ("taps, draining", &figures.draining),
        ("  fdatasync then", &figures.draining_fdatasync),
    ];
    write_spreads(&rows, out)?;
    writeln!(
        out,
        "last / first commit (medians) {:.2}, each over its fdatasync {:.2}; draining / idle {:.2}",
        backlog.last_per_first, backlog.last_per_first_of_disk, figures.draining_per_idle
    )?;
    writeln!(
        out,
        "{} records drained in {:.1} s: {:.0} a minute, {:.0} confirmations with their passages",
        figures.records, figures.seconds, figures.records_per_min, figures.confirmations_per_min
    )?;
    writeln!(
        out,
        "one thread verifies {:.0} a minute, inserts bare {:.0} a minute; drained / both {:.2}",
        figures.verified_per_min, figures.inserted_per_min, figures.per_limit
    )?;
    let mb = |len: u64| len as f64 / 1e6;
    writeln!(
        out,
        "file {:.1} MB, opened in {:.0} ms; acknowledged {:.1} MB; forgotten {:.1} MB after {:.1} s",
        mb(backlog.file_len),
        backlog.open_ms,
        mb(figures.drained_len),
        mb(figures.forgotten_len),
        figures.forgetting_s
    )?;
    write!(out, "{}", figures.books)
}
