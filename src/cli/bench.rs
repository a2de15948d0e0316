//! `faregate bench`: measures the gate on this machine.

mod decode;

use crate::bench::{self, TapFigures};
use crate::config::GateConfig;
use crate::scratch::ScratchDir;
use clap::{Args, Subcommand};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
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
}

pub(super) fn run(args: BenchArgs) -> anyhow::Result<ExitCode> {
    match args.command {
        BenchCommand::Tap {
            recording,
            config,
            folder,
            json,
        } => tap(&recording, &config, folder, json),
        BenchCommand::Decode(args) => decode::run(&args),
    }
}

fn tap(
    recording: &Path,
    config: &Path,
    folder: Option<PathBuf>,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let config = GateConfig::load(config)?;
    let scratch = match folder {
        Some(folder) => ScratchDir::below(&folder, "bench")?,
        None => ScratchDir::new("bench")?,
    };
    let figures = bench::tap(&config, recording, scratch.path())?;
    let mut out = io::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string(&figures)?)?;
    } else {
        write_table(&figures, &mut out)?;
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
    writeln!(
        out,
        "commit / fdatasync (medians): {:.2}",
        figures.commit_per_fdatasync
    )
}
