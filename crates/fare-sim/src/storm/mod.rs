//! A reconnection storm: many gates with a backlog come back in the same minute against one real
//! `fareserver`, upload as couriers do, and wait when they are told to.

mod gate;

use crate::city::{City, GateSite};
use crate::clock;
use anyhow::{Context, ensure};
use fare_protocol::{LaneNo, StationId};
use fare_rules::Role;
use fare_server::store::{Database, StoreError, Tx};
use gate::{Backlog, Tally, Wire};
use serde::Deserialize;
use std::fmt;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

/// How long the server may take to listen.
const READY_MAX: Duration = Duration::from_secs(20);

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

/// What the server writes when it listens.
#[derive(Deserialize)]
struct Ready {
    listen: SocketAddr,
}

/// The server; killed when dropped.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // When it has ended by itself there is nobody to tell.
        let _ended = self.0.kill().and_then(|()| self.0.wait());
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
    let server = start(&city, folder.path())?;
    let ready = wait_until_ready(&city.server_ready()).await?;
    let wire = wire(&city, folder.path(), ready.listen)?;
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
    let peak_kib = peak_kib(server.0.id())?;
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
    let put = |tx: &Tx<'_>| -> Result<(), StoreError> {
        let mut gates = backlogs.iter();
        gates.try_for_each(|backlog| tx.put_gate(&backlog.registered()))
    };
    Database::open(&city.database())?.write(put)?;
    Ok(backlogs)
}

fn start(city: &City, folder: &Path) -> anyhow::Result<Server> {
    let here = std::env::current_exe().context("cannot tell where this program lies")?;
    let program: PathBuf = here.with_file_name("fareserver");
    let log = File::create(folder.join("fareserver.log"))?;
    let child = Command::new(&program)
        .arg("run")
        .arg("--config")
        .arg(city.server_config())
        .env("RUST_LOG", "error")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn();
    let child = child.with_context(|| {
        let program = program.display();
        format!("cannot start {program}; build it with `cargo build -p fare-server`")
    })?;
    Ok(Server(child))
}

async fn wait_until_ready(file: &Path) -> anyhow::Result<Ready> {
    let begun = Instant::now();
    loop {
        // Not there yet, or not yet whole.
        let text = fs::read(file).unwrap_or_default();
        if let Ok(ready) = serde_json::from_slice(&text) {
            return Ok(ready);
        }
        ensure!(begun.elapsed() < READY_MAX, "the server does not listen");
        sleep(Duration::from_millis(20)).await;
    }
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

/// The greatest resident set of a process so far.
fn peak_kib(pid: u32) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).context("the server ended")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok());
    kib.context("no VmHWM in /proc")
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
