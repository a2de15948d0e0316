//! `fare-sim cuts`: power cuts that lose what was not synced.

use crate::cuts::{self, Plan};
use anyhow::ensure;
use std::io::{self, Write};
use std::path::PathBuf;

/// Record a journal at work with strace, build the disk as power cuts at calls drawn from the seed may
/// have left it, open the journal on each, and look for what it had answered.
///
/// Exit status 0 only when nothing is missing, and a disk that ignores syncs does show losses.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How many cuts.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..))]
    images: u32,
    /// Where they are and what they lose follows from this number.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Riders in the recording; two records each.
    #[arg(long, default_value_t = 160, value_parser = clap::value_parser!(u32).range(2..=2_000))]
    riders: u32,
    /// Do the recorded work in this folder; how the program calls itself.
    #[arg(long, hide = true)]
    work_in: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    if let Some(folder) = &args.work_in {
        return cuts::work(folder, args.riders);
    }
    let outcome = cuts::run(Plan {
        images: args.images,
        seed: args.seed,
        riders: args.riders,
    })?;
    writeln!(io::stdout().lock(), "seed {}\n{outcome}", args.seed)?;
    let (lost, broken) = (outcome.lost, outcome.broken);
    ensure!(lost == 0, "{lost} answered records are missing");
    ensure!(broken == 0, "{broken} images are broken");
    ensure!(outcome.control_failed > 0, "the control shows no loss");
    Ok(())
}
