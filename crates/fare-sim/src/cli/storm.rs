//! `fare-sim storm`: many gates come back at once.

use crate::storm::{self, Plan};
use anyhow::Context;
use std::io::{self, Write};
use std::time::Duration;

/// Let many gates with a backlog come back in the same minute against one `fareserver`, which is
/// started from this program's own folder; print time, requests and the server's peak memory.
///
/// Exit status 0 only when every record is at the server, once, and the books balance.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How many gates.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(2..))]
    gates: u32,
    /// How many riders each let through while it was alone; two records each.
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u32).range(1..))]
    backlog: u32,
    /// All come back within so many seconds.
    #[arg(long, value_name = "S", default_value_t = 60)]
    within_s: u64,
    /// How many uploads the server takes at once [default: the server's own].
    #[arg(long, value_name = "N")]
    uploads_max: Option<u32>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    // Whoever was first has installed the same one.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let plan = Plan {
        gates: args.gates,
        backlog: args.backlog,
        within: Duration::from_secs(args.within_s),
        uploads_max: args.uploads_max,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let outcome = runtime.block_on(storm::run(&plan))?;
    writeln!(io::stdout().lock(), "{outcome}")?;
    Ok(())
}
