//! `fare-sim plug`: a real gate whose plug is pulled again and again.

use crate::plug::{self, Plan};
use anyhow::{Context, ensure};
use std::io::{self, Write};

/// Kill a real gate (SIGKILL) at moments drawn from the seed while riders tap, start it again on the
/// same journal, and compare what the barrier did with what the journal and a real `fareserver` hold.
/// Both programs are started from this program's own folder.
///
/// Exit status 0 only when nothing is missing and nothing is there twice.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How often the plug is pulled.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    cycles: u32,
    /// Moments, riders and hands follow from this number.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let plan = Plan {
        cycles: args.cycles,
        seed: args.seed,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let outcome = runtime.block_on(plug::run(plan))?;
    writeln!(io::stdout().lock(), "seed {}\n{outcome}", args.seed)?;
    let (lost, twice) = (outcome.lost, outcome.duplicated);
    ensure!(lost + twice == 0, "{lost} lost, {twice} duplicated");
    Ok(())
}
