//! The real programs, which lie in this program's own folder: a `fareserver` on a city, a `faregate`
//! on a gate's files. What is started is killed when dropped.

use crate::cast::Cast;
use crate::city::{City, GateFiles, GateSite};
use crate::clock;
use crate::seed::Seed;
use anyhow::{Context, ensure};
use fare_protocol::LaneNo;
use fare_rules::Role;
use fare_server::store::{self, Database, StoreError, Tx};
use serde::Deserialize;
use std::ffi::OsString;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long the server may take to listen.
const READY_MAX: Duration = Duration::from_secs(20);

/// A running program; killed when dropped.
pub(crate) struct Running(Child);

impl Running {
    /// SIGKILL, and waits for the end: nothing is flushed, as when power goes away.
    pub(crate) fn pull_the_plug(mut self) -> anyhow::Result<()> {
        self.end().context("the program cannot be killed")
    }

    fn end(&mut self) -> std::io::Result<()> {
        self.0.kill()?;
        self.0.wait().map(drop)
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// An error when it has ended by itself.
    pub(crate) fn check(&mut self) -> anyhow::Result<()> {
        match self.0.try_wait()? {
            None => Ok(()),
            Some(status) => anyhow::bail!("a program ended by itself: {status}"),
        }
    }

    /// The greatest resident set so far, in KiB.
    pub(crate) fn peak_kib(&self) -> anyhow::Result<u64> {
        let status = format!("/proc/{}/status", self.0.id());
        let status = fs::read_to_string(status).context("the program ended")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok());
        kib.context("no VmHWM in /proc")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // When it has ended by itself there is nobody to tell.
        let _ended = self.end();
    }
}

/// The program `name` of this program's own folder.
fn program(name: &str) -> anyhow::Result<PathBuf> {
    let here = std::env::current_exe().context("cannot tell where this program lies")?;
    Ok(here.with_file_name(name))
}

/// Starts a program of this folder with its log appended to `log`.
fn start(mut command: Command, log: &Path) -> anyhow::Result<Running> {
    let log = File::options().create(true).append(true).open(log)?;
    command.env("NO_COLOR", "1").stdin(Stdio::null());
    let child = command.stdout(Stdio::null()).stderr(log).spawn();
    let child = child.with_context(|| {
        let program = command.get_program().to_string_lossy().into_owned();
        format!("cannot start {program}; build it with `cargo build --workspace`")
    })?;
    Ok(Running(child))
}

/// Starts the server of `city`; what it logs of this level and above goes to `log`.
pub(crate) fn server(city: &City, level: &str, log: &Path) -> anyhow::Result<Running> {
    let mut command = Command::new(program("fareserver")?);
    command
        .arg("run")
        .arg("--config")
        .arg(city.server_config())
        .env("RUST_LOG", level);
    start(command, log)
}

/// Starts the daemon of a gate.
pub(crate) fn gate(files: &GateFiles, log: &Path) -> anyhow::Result<Running> {
    let mut command = Command::new(program("faregate")?);
    command.arg("run").arg("--config").arg(&files.config);
    start(command, log)
}

/// The same with another program: what goes before its arguments, and it; this folder's when there is none.
pub(crate) fn gate_of(
    program: &[OsString],
    files: &GateFiles,
    log: &Path,
) -> anyhow::Result<Running> {
    let Some((first, rest)) = program.split_first() else {
        return gate(files, log);
    };
    let mut command = Command::new(first);
    command.args(rest).arg("run");
    command.arg("--config").arg(&files.config);
    start(command, log)
}

/// What the server writes when it listens.
#[derive(Deserialize)]
struct Ready {
    listen: SocketAddr,
}

/// Waits until the server of `city` listens; where.
pub(crate) async fn listening(city: &City) -> anyhow::Result<SocketAddr> {
    let begun = Instant::now();
    loop {
        // Not there yet, or not yet whole.
        let text = fs::read(city.server_ready()).unwrap_or_default();
        if let Ok(Ready { listen }) = serde_json::from_slice(&text) {
            return Ok(listen);
        }
        ensure!(begun.elapsed() < READY_MAX, "the server does not listen");
        sleep(Duration::from_millis(20)).await;
    }
}

/// Tells the server of `city`, before or while it runs, which gates to believe.
pub(crate) fn register(city: &City, gates: &[store::Gate]) -> anyhow::Result<()> {
    let put = |tx: &Tx<'_>| -> Result<(), StoreError> {
        gates.iter().try_for_each(|gate| tx.put_gate(gate))
    };
    Ok(Database::open(&city.database())?.write(put)?)
}

/// A city in `folder` with its server running, and the files of one entry gate that it believes.
pub(crate) async fn with_entry_gate(
    seed: &Seed,
    folder: &Path,
) -> anyhow::Result<(City, Running, GateFiles)> {
    let cast = Cast::new(seed, clock::now());
    let city = City::write(folder, &[cast.issuer()])?;
    let server = server(&city, "warn", &folder.join("fareserver.log"))?;
    let site = GateSite {
        station: "PGY".parse()?,
        lane: LaneNo(1),
        role: Role::Entry,
    };
    let files = city.write_gate(site, Some(listening(&city).await?))?;
    let gate = store::Gate {
        id: files.gate,
        key: files.public_key,
        station: files.station.id,
        line: files.station.line,
    };
    register(&city, &[gate])?;
    Ok((city, server, files))
}
