//! `fare-sim load`: what a gate's daemon takes of its computer.

use crate::crowd::Optics;
use crate::load::{self, Plan};
use crate::shot::{Difficulty, FrameSize};
use anyhow::Context;
use std::ffi::OsString;
use std::io::{self, Write};
use std::time::Duration;

/// Measure a real gate from outside, with a camera, a board and a real `fareserver` beside it: memory and
/// processor time before an empty hall and with riders at a steady rate, and how long it takes from its start to
/// the first rider for whom the barrier opens.
///
/// `fareserver` lies in this program's own folder, and `faregate` too unless --gate names another: a release
/// build, or `--gate qemu-arm --gate -L --gate /usr/arm-linux-gnueabihf --gate FILE`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How long each of both is measured
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    seconds: u32,
    /// Riders a minute
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=60))]
    per_minute: u32,
    /// How often the daemon is started
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    starts: u32,
    /// Riders and hands follow from this number
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The daemon's program; repeated, what goes before it and then it
    #[arg(long, value_name = "WORD", allow_hyphen_values = true)]
    gate: Vec<OsString>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let plan = Plan {
        measure: Duration::from_secs(args.seconds.into()),
        per_minute: args.per_minute,
        starts: args.starts,
        seed: args.seed,
        optics: Optics {
            size: FrameSize::HD,
            fps: 30,
            difficulty: Difficulty::Easy,
        },
        gate: args.gate.clone(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let outcome = runtime.block_on(load::run(&plan))?;
    let mut out = io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&outcome)?)?;
    } else {
        writeln!(out, "{outcome}")?;
    }
    Ok(())
}
