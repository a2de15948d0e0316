//! `fare-sim demo`: the whole way once, with real processes.

use crate::crowd::Optics;
use crate::demo::{self, Plan};
use crate::shot::{Difficulty, FrameSize};
use anyhow::Context;
use fare_protocol::StationId;
use std::path::PathBuf;
use std::time::Duration;

/// Run server, two gates, two barrier boards and riders; show every journey.
///
/// `fareserver` and `faregate` are started from this program's own folder. Exit status 0 only when
/// every journey was charged once, the right fare, and the books balance.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How many journeys.
    #[arg(long, default_value_t = 20)]
    journeys: usize,
    /// Go on after the summary, until Ctrl-C.
    #[arg(long)]
    stay: bool,
    /// Riders, halls and hands follow from this number.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Keep keys, configurations, journals, books and logs here [default: a temporary folder,
    /// removed unless something went wrong].
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Have the server keep everything in PostgreSQL, on a server of the demo's own.
    #[arg(long)]
    postgres: bool,
    /// Width and height of camera frames.
    #[arg(long, default_value_t = FrameSize::HD)]
    size: FrameSize,
    /// Frames a second.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=120))]
    fps: u32,
    /// How well riders hold their phones.
    #[arg(long, value_enum, default_value = "easy")]
    difficulty: Difficulty,
    /// Least time between the two gates.
    #[arg(long, value_name = "MS", default_value_t = 1500)]
    walk_ms: u64,
    /// Station of the entry gate.
    #[arg(long, value_name = "STATION", default_value = "PGY")]
    from: StationId,
    /// How many of the journeys are paid by a payment platform's code, through a sandbox platform of the demo's own.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pay_codes: usize,
    /// What `make wallet` built: riders who watch may enrol, and walk through with screenshots.
    #[arg(long, value_name = "DIR")]
    wallet: Option<PathBuf>,
    /// Station of the exit gate.
    #[arg(long, value_name = "STATION", default_value = "GMO")]
    to: StationId,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let plan = Plan {
        journeys: args.journeys,
        stay: args.stay,
        seed: args.seed,
        dir: args.dir.clone(),
        postgres: args.postgres,
        optics: Optics {
            size: args.size,
            fps: args.fps,
            difficulty: args.difficulty,
        },
        walk: Duration::from_millis(args.walk_ms),
        from: args.from,
        to: args.to,
        pay_codes: args.pay_codes.min(args.journeys),
        wallet: args.wallet.clone(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(demo::run(&plan))
}
