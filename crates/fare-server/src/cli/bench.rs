//! `fareserver bench`: what the server can take, measured here.

use super::database;
use crate::bench::{self, Figures, Report};
use crate::cluster::{Cluster, Safety};
use crate::store::DatabaseUrl;
use anyhow::Context;
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
    /// Take journeys over HTTP on SQLite and PostgreSQL, beside the bare engines
    Ingest(IngestArgs),
    /// The server that is measured
    #[command(hide = true)]
    Serve(ServeArgs),
}

#[derive(Debug, Args)]
struct IngestArgs {
    /// How many journeys
    #[arg(long, default_value_t = 20_000)]
    journeys: usize,
    /// Without PostgreSQL
    #[arg(long)]
    sqlite_only: bool,
    /// By a tariff with a cap for the day and one for the month, so that each price looks back
    #[arg(long)]
    caps: bool,
    /// A folder for the databases, on the disk to be measured; it must not exist [default: in the
    /// folder for temporary files]
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct ServeArgs {
    /// The database: a SQLite file or postgres://…
    #[arg(long, value_name = "URL", value_parser = database)]
    database: DatabaseUrl,
    /// By a tariff with caps
    #[arg(long)]
    caps: bool,
}

pub(super) fn run(args: BenchArgs) -> anyhow::Result<ExitCode> {
    match args.command {
        BenchCommand::Ingest(args) => ingest(args)?,
        BenchCommand::Serve(args) => bench::serve(&args.database, args.caps)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn ingest(args: IngestArgs) -> anyhow::Result<()> {
    let default = || std::env::temp_dir().join(format!("fareserver-bench-{}", std::process::id()));
    let folder = args.folder.clone().unwrap_or_else(default);
    let cannot = || format!("cannot make {}", folder.display());
    std::fs::create_dir(&folder).with_context(cannot)?;
    let report = measure(&args, &folder);
    std::fs::remove_dir_all(&folder).with_context(|| format!("{} stays", folder.display()))?;
    let (report, mut out) = (report?, io::stdout().lock());
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?;
    } else {
        print(&mut out, &report)?;
    }
    Ok(())
}

fn measure(args: &IngestArgs, folder: &Path) -> anyhow::Result<Report> {
    // PostgreSQL runs as another user when we are root, and must find its folder.
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder, mode)?;
    let cluster = match args.sqlite_only {
        true => None,
        false => Some(Cluster::start(&folder.join("pg"), Safety::Durable)?),
    };
    Ok(bench::ingest(
        args.journeys,
        args.caps,
        folder,
        cluster.as_ref(),
    )?)
}

fn print(out: &mut impl Write, report: &Report) -> io::Result<()> {
    let Report {
        journeys,
        records_per_upload,
        ..
    } = report;
    writeln!(
        out,
        "{journeys} journeys of 2 confirmations and 2 passages each, {records_per_upload} records an upload"
    )?;
    for Figures {
        engine,
        journeys_per_s,
        bare_journeys_per_s,
        ratio,
        peak_mib,
    } in &report.engines
    {
        writeln!(
            out,
            "{engine:<9} {journeys_per_s:>7.0} journeys/s, bare engine {bare_journeys_per_s:>7.0}: \
             {:.0} %; the server had at most {peak_mib:.0} MiB",
            100.0 * ratio
        )?;
    }
    let (single, together) = (report.verified_per_s, report.verified_together_per_s);
    writeln!(
        out,
        "ed25519   {single:>7.0} signatures/s on one core, {together:.0} together: {:.0} journeys/s",
        together / 4.0
    )?;
    if let (Some(tps), Some(postgres)) = (report.pgbench_tps, report.engines.get(1)) {
        let times = postgres.journeys_per_s / tps;
        writeln!(
            out,
            "pgbench   {tps:>7.0} TPC-B transactions/s; journeys are {times:.1} times that"
        )?;
    }
    Ok(())
}
