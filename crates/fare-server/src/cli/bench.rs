//! `fareserver bench`: what the server can take, measured here.

use super::database;
use crate::bench::{self, BenchError, Figures, Growth, Load, Report};
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
    /// What a journey costs when many are stored already
    Growth(GrowthArgs),
    /// The server that is measured
    #[command(hide = true)]
    Serve(ServeArgs),
}

#[derive(Debug, Args)]
struct IngestArgs {
    /// How many journeys
    #[arg(long, default_value_t = 20_000)]
    journeys: usize,
    /// By a tariff with a cap for the day and one for the month, so that each price looks back
    #[arg(long)]
    caps: bool,
    /// While so many gates wait for news
    #[arg(long, value_name = "N", default_value_t = 0)]
    waiting: usize,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
struct GrowthArgs {
    /// How many journeys are stored, smallest number first; a million needs some 6 GB on each engine
    #[arg(long, value_name = "N,N…", value_delimiter = ',', default_values_t = [100_000, 1_000_000])]
    stored: Vec<usize>,
    #[command(flatten)]
    place: Place,
}

/// Where and how it is measured.
#[derive(Debug, Args)]
struct Place {
    /// Without PostgreSQL
    #[arg(long)]
    sqlite_only: bool,
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
        BenchCommand::Ingest(args) => ingest(&args)?,
        BenchCommand::Growth(args) => growth(&args)?,
        BenchCommand::Serve(args) => bench::serve(&args.database, args.caps)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn ingest(args: &IngestArgs) -> anyhow::Result<()> {
    let load = Load {
        journeys: args.journeys,
        caps: args.caps,
        waiting: args.waiting,
    };
    let measure = |folder: &Path, cluster: Option<&Cluster>| bench::ingest(load, folder, cluster);
    let (report, mut out) = (args.place.measure(measure)?, io::stdout().lock());
    if args.place.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?;
    } else {
        print(&mut out, &report)?;
    }
    Ok(())
}

fn growth(args: &GrowthArgs) -> anyhow::Result<()> {
    let measure =
        |folder: &Path, cluster: Option<&Cluster>| bench::growth(&args.stored, folder, cluster);
    let (all, mut out) = (args.place.measure(measure)?, io::stdout().lock());
    if args.place.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&all)?)?;
        return Ok(());
    }
    for Growth {
        engine,
        stored,
        journey_ms,
        ratio,
    } in &all
    {
        writeln!(
            out,
            "{engine:<9} {stored:>10} journeys stored: {journey_ms:.3} ms a journey, {ratio:.2} of the first"
        )?;
    }
    Ok(())
}

impl Place {
    /// What is measured in a folder of its own, which is gone afterwards, and on PostgreSQL if that is wanted.
    fn measure<T>(
        &self,
        measure: impl FnOnce(&Path, Option<&Cluster>) -> Result<T, BenchError>,
    ) -> anyhow::Result<T> {
        let own = format!("fareserver-bench-{}", std::process::id());
        let folder = self.folder.clone();
        let folder = folder.unwrap_or_else(|| std::env::temp_dir().join(own));
        let cannot = || format!("cannot make {}", folder.display());
        std::fs::create_dir(&folder).with_context(cannot)?;
        let measured = self.measure_in(&folder, measure);
        std::fs::remove_dir_all(&folder).with_context(|| format!("{} stays", folder.display()))?;
        measured
    }

    fn measure_in<T>(
        &self,
        folder: &Path,
        measure: impl FnOnce(&Path, Option<&Cluster>) -> Result<T, BenchError>,
    ) -> anyhow::Result<T> {
        // PostgreSQL runs as another user when we are root, and must find its folder.
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder, mode)?;
        let cluster = match self.sqlite_only {
            true => None,
            false => Some(Cluster::start(&folder.join("pg"), Safety::Durable)?),
        };
        Ok(measure(folder, cluster.as_ref())?)
    }
}

fn print(out: &mut impl Write, report: &Report) -> io::Result<()> {
    let Report {
        journeys,
        waiting,
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
        told_per_s,
    } in &report.engines
    {
        writeln!(
            out,
            "{engine:<9} {journeys_per_s:>7.0} journeys/s, bare engine {bare_journeys_per_s:>7.0}: \
             {:.0} %; the server had at most {peak_mib:.0} MiB",
            100.0 * ratio
        )?;
        if *waiting > 0 {
            let each = told_per_s / *waiting as f64;
            writeln!(
                out,
                "          {waiting} waiting gates were told news {each:.1} times a second each"
            )?;
        }
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
