//! `fare-sim board`: a simulated barrier board on a pty.

use super::lines;
use crate::board::{Board, BoardCommand, BoardHandle, Habits, Happening};
use anyhow::Context;
use fare_protocol::Millis;
use std::fs::File;
use std::io::Write;
use std::num::NonZeroU32;
use std::path::PathBuf;
use tokio::signal::unix::{SignalKind, signal};

/// A simulated barrier board: Modbus RTU on a pty, a rider behind it.
///
/// Prints one JSON object a line for everything that happens. Reads commands from standard input:
/// `fire on|off`, `obstruct on|off`, `hold` (the next rider does not pass).
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Symbolic link to make; it leads to the serial line.
    #[arg(long, value_name = "PATH")]
    link: PathBuf,
    /// From opening until a rider is in the beam.
    #[arg(long, value_name = "MS", default_value_t = 300)]
    passage_after_ms: u32,
    /// How long a rider is in the beam.
    #[arg(long, value_name = "MS", default_value_t = 150)]
    beam_ms: u32,
    /// Nobody passes at every Nth opening.
    #[arg(long, value_name = "N")]
    annul_every: Option<NonZeroU32>,
    /// Append the events to this file as well.
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(serve(args))
}

async fn serve(args: &Args) -> anyhow::Result<()> {
    let mut log = args
        .events
        .as_ref()
        .map(|path| {
            let open = File::options().append(true).create(true).open(path);
            open.with_context(|| format!("cannot open the events file {}", path.display()))
        })
        .transpose()?;
    let habits = Habits {
        passage_after: Millis(args.passage_after_ms),
        beam: Millis(args.beam_ms),
        annul_every: args.annul_every,
    };
    let mut board = Board::spawn(&args.link, habits)?;
    let mut commands = lines::stdin();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    loop {
        tokio::select! {
            happening = board.next_event() => match happening {
                Some(happening) => tell(happening, log.as_mut())?,
                None => return Ok(()),
            },
            Some(line) = commands.recv() => obey(&board, &line),
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
        }
    }
}

fn tell(happening: Happening, log: Option<&mut File>) -> anyhow::Result<()> {
    if let Some(log) = log {
        writeln!(log, "{}", serde_json::to_string(&happening)?)
            .context("cannot write the events file")?;
    }
    lines::print_json(&happening)
}

fn obey(board: &BoardHandle, line: &str) {
    match line.parse::<BoardCommand>() {
        Ok(command) => board.command(command),
        Err(why) => tracing::warn!("{why}"),
    }
}
