//! `faregate diag`: a bundle for the people who mend gates.

use crate::clock;
use crate::diag::{self, Wish};
use crate::logbook::Zone;
use clap::Args;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Write a bundle for the people who mend gates: log, status, configuration, journal, computer
///
/// A tar file without secrets and without anything of a rider: accounts, receipts and fares are left out.
/// Works whether the daemon runs or not, and changes nothing.
///
/// Exit status: 0 written, 1 not written, 2 bad usage or bad configuration.
#[derive(Debug, Args)]
pub(super) struct DiagArgs {
    /// The bundle, for example on a USB stick; it must not be there yet
    file: PathBuf,
    /// The gate's configuration
    #[arg(long, default_value = "/etc/faregate/gate.toml")]
    config: PathBuf,
    /// From when on the log is wanted: 14:30, yesterday, 2026-11-29, 2h, 3d
    #[arg(long, value_name = "TIME", default_value = "1d")]
    since: String,
    /// Take no longer; what is not done by then says so
    #[arg(long, value_name = "SECONDS", default_value = "30")]
    limit: u16,
}

pub(super) fn run(args: DiagArgs) -> anyhow::Result<ExitCode> {
    let wish = Wish {
        since: Zone::of_system().parse(&args.since, clock::now())?,
        config: args.config,
        limit: Duration::from_secs(args.limit.into()),
    };
    let parts = diag::write(&args.file, &wish)?;
    let mut out = io::stdout().lock();
    for (name, bytes) in parts {
        writeln!(out, "{bytes:>10} bytes  {name}")?;
    }
    writeln!(out, "{}", args.file.display())?;
    Ok(ExitCode::SUCCESS)
}
