//! `fare-sim city`: whole days of a simulated city, with faults, from one seed each.

use crate::simulation::{self, Settings};
use std::io::{self, Write};

/// Simulate a city: riders, gates, network and server with faults; a broken rule ends it with 1.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The first seed; everything that happens follows from it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many seeds, one after the other.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// For how many hours riders travel.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    hours: u32,
    /// How many gates, half of them entries; a line has room for 46.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u32).range(4..=46))]
    gates: u32,
    /// How many riders.
    #[arg(long, default_value_t = 12)]
    riders: u32,
    /// How many faults: 0 is none, 1 the usual.
    #[arg(long, default_value_t = 1.0)]
    faults: f32,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    for seed in args.seed..args.seed.saturating_add(args.seeds) {
        let report = simulation::run(Settings {
            seed,
            hours: args.hours,
            gates: args.gates,
            riders: args.riders,
            faults: args.faults,
        })?;
        writeln!(io::stdout().lock(), "seed {seed}: {report}")?;
    }
    Ok(())
}
