//! A real `fareserver` beside the benchmark: a program of its own, of which this one contains nothing.

use super::BenchError;
use crate::clock::{self, Stopwatch};
use crate::config::GateConfig;
use crate::courier::{Courier, CourierConfig, CourierNews};
use crate::journal::JournalHandle;
use fare_protocol::Signer;
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// How long the server may take to listen.
const READY_MAX: Duration = Duration::from_secs(20);

/// Which server to start, and as what.
#[derive(Clone, Copy, Debug)]
pub struct ServerPlan<'p> {
    /// The program; `fareserver` beside this one when absent.
    pub program: Option<&'p Path>,
    /// Its configuration, with a `ready_file`. Its database is written to.
    pub config: &'p Path,
}

/// The running server; killed when dropped.
pub(super) struct Server {
    child: Child,
    program: PathBuf,
    database: PathBuf,
    /// `https://host:port`.
    pub(super) url: String,
}

/// The part of the server's configuration that matters here; paths start at its folder.
#[derive(Deserialize)]
struct Config {
    database: PathBuf,
    ready_file: PathBuf,
}

/// What the server writes when it listens.
#[derive(Deserialize)]
struct Ready {
    listen: String,
}

impl Server {
    /// The courier of this gate, to this server.
    pub(super) fn courier(
        &self,
        gate: &GateConfig,
        journal: &JournalHandle,
    ) -> Result<(Courier, CourierNews), BenchError> {
        let configured = gate.server.as_ref();
        let without = || BenchError::Setup("the gate has no [server]".to_owned());
        let config = CourierConfig {
            server: self.url.clone(),
            ..CourierConfig::new(gate, configured.ok_or_else(without)?)
        };
        let clock = Arc::new(clock::now);
        Ok(Courier::new(config, journal.clone(), clock)?)
    }

    /// Registers the gate, starts the server and waits until it listens.
    pub(super) fn start(plan: ServerPlan<'_>, gate: &GateConfig) -> Result<Self, BenchError> {
        let program = match plan.program {
            Some(program) => program.to_owned(),
            None => std::env::current_exe()
                .map_err(|err| BenchError::Setup(err.to_string()))?
                .with_file_name("fareserver"),
        };
        let wrong = |detail: String| {
            let config = plan.config.display();
            BenchError::Setup(format!("{config}: {detail}"))
        };
        let text = fs::read_to_string(plan.config).map_err(|err| wrong(err.to_string()))?;
        let config: Config = toml::from_str(&text).map_err(|err| wrong(err.to_string()))?;
        let folder = plan.config.parent().unwrap_or(Path::new("."));
        let (database, ready) = (folder.join(config.database), folder.join(config.ready_file));
        register(&program, &database, gate)?;
        // One of an earlier run would be believed.
        let _absent = fs::remove_file(&ready);
        let child = Command::new(&program)
            .arg("run")
            .arg("--config")
            .arg(plan.config)
            .env("RUST_LOG", "error")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .map_err(|err| failed(&program, format!("cannot be started: {err}")))?;
        let mut server = Self {
            child,
            program,
            database,
            url: String::new(),
        };
        server.url = format!("https://{}", server.listening(&ready)?);
        Ok(server)
    }

    fn listening(&mut self, ready: &Path) -> Result<String, BenchError> {
        let watch = Stopwatch::start();
        while watch.elapsed() < READY_MAX {
            // Not there yet, or not yet whole.
            let text = fs::read(ready).unwrap_or_default();
            if let Ok(Ready { listen }) = serde_json::from_slice(&text) {
                return Ok(listen);
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(failed(&self.program, format!("ended: {status}")));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err(failed(&self.program, "does not listen".to_owned()))
    }

    /// Ends the server and asks whether its books balance; what it says of them.
    pub(super) fn books(mut self) -> Result<String, BenchError> {
        self.end();
        let mut command = Command::new(&self.program);
        command.arg("books").arg("--database").arg(&self.database);
        run(&self.program, command)
    }

    fn end(&mut self) {
        // When it has ended by itself there is nobody to tell.
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

fn register(program: &Path, database: &Path, gate: &GateConfig) -> Result<(), BenchError> {
    let mut command = Command::new(program);
    let location = &gate.location;
    command.args(["gate", "add", "--id", gate.gate.as_str()]);
    command.args(["--station", location.station.as_str()]);
    command.args(["--line", location.line.as_str(), "--key"]);
    command.arg(Signer::public(gate.signing_key.as_ref()).to_string());
    command.arg("--database").arg(database);
    run(program, command).map(drop)
}

fn run(program: &Path, mut command: Command) -> Result<String, BenchError> {
    let done = command.output();
    let done = done.map_err(|err| failed(program, format!("cannot be started: {err}")))?;
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    if done.status.success() {
        return Ok(said);
    }
    let complained = String::from_utf8_lossy(&done.stderr);
    Err(failed(program, format!("failed: {said}{complained}")))
}

fn failed(program: &Path, detail: String) -> BenchError {
    BenchError::Program {
        program: program.to_owned(),
        detail,
    }
}
