//! A reconnection storm: many gates with a backlog come back in the same minute against one real
//! `fareserver`, upload as couriers do, and wait when they are told to.

mod gate;

use crate::beside;
use crate::city::{City, GateSite};
use crate::clock;
use anyhow::{Context, ensure};
use fare_protocol::{LaneNo, StationId};
use fare_rules::Role;
use fare_server::store::{Database, StoreError, Tx};
use gate::{Backlog, Tally, Wire};
use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

/// What to let loose.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Gates; half of them are entries.
    pub gates: u32,
    /// Riders that each gate let through while it was alone: two records each.
    pub backlog: u32,
    /// All gates come back within this time.
    pub within: Duration,
    /// How many uploads the server takes at once; its own default when absent.
    pub uploads_max: Option<u32>,
}

/// What it came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Records at the gates before, all at the server afterwards.
    pub records: u64,
    /// From the first gate's coming to the last answer.
    pub took: Duration,
    /// What the requests met with.
    pub tally: Tally,
    /// The server's greatest resident memory, in KiB.
    pub peak_kib: u64,
    /// Journeys charged.
    pub closed: u64,
    /// Conflicts that stand.
    pub conflicts: u64,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            records,
            took,
            tally,
            peak_kib,
            closed,
            conflicts,
        } = self;
        let seconds = took.as_secs_f64();
        let rate = *records as f64 / seconds * 60.0;
        writeln!(
            f,
            "records       {records:>10}  all at the server, each once"
        )?;
        writeln!(
            f,
            "time          {seconds:>10.1}  s, {rate:.0} records a minute"
        )?;
        writeln!(f, "requests      {:>10}", tally.requests)?;
        writeln!(
            f,
            "turned away   {:>10}  429, came again when told",
            tally.turned_away
        )?;
        writeln!(
            f,
            "failed        {:>10}  5xx, timeouts, broken connections",
            tally.failed
        )?;
        writeln!(
            f,
            "slowest       {:>10}  ms for a request that was taken",
            tally.slowest_ms
        )?;
        writeln!(
            f,
            "peak memory   {:>10.1}  MiB, the server",
            *peak_kib as f64 / 1024.0
        )?;
        writeln!(f, "journeys      {closed:>10}  charged, books balanced")?;
        write!(f, "conflicts     {conflicts:>10}")
    }
}

/// Runs a storm to its end.
///
/// # Errors
/// When something could not be started, or a record is missing afterwards.
pub async fn run(plan: &Plan) -> anyhow::Result<Outcome> {
    let folder = TempDir::with_prefix("fare-storm-").context("no temporary folder")?;
    let city = City::write(folder.path(), &[])?;
    if let Some(most) = plan.uploads_max {
        let config = city.server_config();
        let text = fs::read_to_string(&config)?;
        fs::write(&config, format!("uploads_max = {most}\n{text}"))?;
    }
    let backlogs = register(plan, &city)?;
    let server = beside::server(&city, "error", &folder.path().join("fareserver.log"))?;
    let wire = wire(&city, folder.path(), beside::listening(&city).await?)?;
    let begun = Instant::now();
    let mut gates = JoinSet::new();
    for backlog in backlogs {
        let (wire, within) = (wire.clone(), plan.within);
        gates.spawn(async move {
            sleep(within.mul_f64(f64::from(getrandom::u32()?) / f64::from(u32::MAX))).await;
            backlog.drain(&wire).await
        });
    }
    let mut tally = Tally::default();
    while let Some(drained) = gates.join_next().await {
        tally.add(&drained??);
    }
    let took = begun.elapsed();
    let peak_kib = server.peak_kib()?;
    check(plan, &city, took, tally, peak_kib)
}

fn register(plan: &Plan, city: &City) -> anyhow::Result<Vec<Backlog>> {
    let stations: Vec<_> = city.tariff().stations().collect();
    let (Some(first), Some(last)) = (stations.first(), stations.last()) else {
        anyhow::bail!("the tariff has no stations");
    };
    let now = clock::now();
    let backlogs = (0..plan.gates).map(|n| {
        let station = if n % 2 == 0 { first } else { last };
        Backlog::new(n, station, plan.backlog, now)
    });
    let backlogs = backlogs.collect::<Result<Vec<_>, _>>()?;
    let gates: Vec<_> = backlogs.iter().map(Backlog::registered).collect();
    beside::register(city, &gates)?;
    Ok(backlogs)
}

/// All gates show one certificate: which gate it is, the server reads from records and address.
fn wire(city: &City, folder: &Path, listen: SocketAddr) -> anyhow::Result<Wire> {
    let station: StationId = "PGY".parse()?;
    let site = GateSite {
        station,
        lane: LaneNo(1),
        role: Role::Both,
    };
    let files = city.write_gate(site, Some(listen))?;
    let keys = folder.join("keys");
    let read = |name: String| fs::read_to_string(keys.join(name));
    Ok(Wire {
        server: format!("https://{listen}"),
        ca: read("ca.pem".to_owned())?,
        identity: read(format!("{}.pem", files.gate))? + &read(format!("{}-tls.key", files.gate))?,
    })
}

/// Every record is at the server, once, and the books balance.
fn check(
    plan: &Plan,
    city: &City,
    took: Duration,
    tally: Tally,
    peak_kib: u64,
) -> anyhow::Result<Outcome> {
    let mut database = Database::open_existing(&city.database())?;
    let read = |tx: &Tx<'_>| Ok::<_, StoreError>((tx.counts()?, tx.books()?, tx.gate_views()?));
    let (counts, books, gates) = database.read(read)?;
    let each = 2 * u64::from(plan.backlog);
    let records = each * u64::from(plan.gates);
    ensure!(
        counts.records == records,
        "{records} records were at the gates, {} are at the server",
        counts.records
    );
    for gate in gates {
        let whole = gate.seq == each && gate.records == each;
        ensure!(
            whole,
            "gate {}: {} of {} records",
            gate.gate,
            gate.records,
            gate.seq
        );
    }
    ensure!(books.balanced, "the books do not balance: {books:?}");
    Ok(Outcome {
        records,
        took,
        tally,
        peak_kib,
        closed: counts.closed,
        conflicts: counts.conflicts,
    })
}
