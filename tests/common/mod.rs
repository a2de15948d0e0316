//! A place to test in: keys, certificates, configurations, and real processes.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use fare_protocol::{KeySet, LaneNo};
use fare_rules::Role;
use fare_sim::cast::Cast;
use fare_sim::city::{City, GateFiles, GateSite};
use fare_sim::pki;
use fare_sim::seed::Seed;
pub mod browser;
pub mod lane;
pub mod page;
pub mod place;
pub mod wallet;

use faregate::clock::Stopwatch;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use tempfile::TempDir;

/// Longest wait for something that should come at once; only a failing test waits so long.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A small metro in a temporary folder: an entry gate at PGY, an exit gate at GMO, a server.
pub struct Site {
    dir: TempDir,
    pub seed: Seed,
    pub city: City,
}

impl Site {
    pub fn new(seed: u64) -> Self {
        let (dir, seed) = (tempfile::tempdir().unwrap(), Seed::new(seed));
        let cast = Cast::new(&seed, faregate::clock::now());
        let city = City::write(dir.path(), &[cast.issuer()]).unwrap();
        Self { dir, seed, city }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn entry(&self, server: Option<SocketAddr>) -> GateFiles {
        self.gate("PGY", Role::Entry, server)
    }

    pub fn exit(&self, server: Option<SocketAddr>) -> GateFiles {
        self.gate("GMO", Role::Exit, server)
    }

    fn gate(&self, station: &str, role: Role, server: Option<SocketAddr>) -> GateFiles {
        let site = GateSite {
            station: station.parse().unwrap(),
            lane: LaneNo(1),
            role,
        };
        self.city.write_gate(site, server).unwrap()
    }

    /// Tells the server which gates to believe.
    pub fn register(&self, gates: &[&GateFiles]) {
        for files in gates {
            let mut add = program("fareserver");
            add.args(["gate", "add", "--database"])
                .arg(self.city.database());
            add.args([
                "--id",
                files.gate.as_str(),
                "--key",
                &files.public_key.to_string(),
            ]);
            add.args(["--station", files.station.id.as_str(), "--line", "1"]);
            assert!(add.output().unwrap().status.success());
        }
    }

    /// What the server says of itself once it listens.
    pub fn ready(&self) -> serde_json::Value {
        let ready = until(|| fs::read_to_string(self.city.server_ready()).ok());
        serde_json::from_str(&ready.unwrap()).unwrap()
    }

    /// Starts the server, at `listen` or at a free port.
    pub fn serve(&self, listen: Option<SocketAddr>) -> Process {
        let mut server = program("fareserver");
        server
            .args(["run", "--config"])
            .arg(self.city.server_config());
        server.args(
            listen
                .into_iter()
                .flat_map(|at| ["--listen".to_owned(), at.to_string()]),
        );
        Process::start(server)
    }
}

/// Writes `file` anew with `from` replaced.
pub fn change(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{from} is not in {}", file.display());
    fs::write(file, text.replace(from, to)).unwrap();
}

/// One of our programs, from beside the gate's.
pub fn program(name: &str) -> Command {
    let beside = Path::new(env!("CARGO_BIN_EXE_faregate")).with_file_name(name);
    assert!(
        beside.exists(),
        "{} is missing: run cargo build --workspace",
        beside.display()
    );
    let mut command = Command::new(beside);
    command.env_remove("RUST_LOG").env("NO_COLOR", "1");
    command
}

/// A running program whose log lines are kept. Killed when dropped.
pub struct Process {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    reader: Option<JoinHandle<()>>,
}

impl Process {
    pub fn start(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let log = BufReader::new(child.stderr.take().unwrap());
        let kept = Arc::clone(&lines);
        let reader = std::thread::spawn(move || {
            log.lines()
                .map_while(Result::ok)
                .for_each(|line| kept.lock().unwrap().push(line));
        });
        Self {
            child,
            lines,
            reader: Some(reader),
        }
    }

    pub fn gate(config: &Path) -> Self {
        let mut command = program("faregate");
        command.args(["run", "--log-json", "--config"]).arg(config);
        Self::start(command)
    }

    pub fn log(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// Waits for the first log line that contains `text`.
    pub fn wait_for(&self, text: &str) -> String {
        let found = until(|| self.log().into_iter().find(|line| line.contains(text)));
        found.unwrap_or_else(|| panic!("no log line with {text:?} in {:#?}", self.log()))
    }

    /// Sends SIGTERM and waits for the end; answers status and time.
    pub fn terminate(&mut self) -> (ExitStatus, Duration) {
        let start = Stopwatch::start();
        let kill = Command::new("kill")
            .arg(self.child.id().to_string())
            .status()
            .unwrap();
        assert!(kill.success());
        let status = self.child.wait().unwrap();
        let took = start.elapsed();
        self.reader
            .take()
            .into_iter()
            .for_each(|reader| reader.join().unwrap());
        (status, took)
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end, however long that takes.
    pub fn wait(&mut self) -> ExitStatus {
        let status = self.child.wait().unwrap();
        self.reader
            .take()
            .into_iter()
            .for_each(|reader| reader.join().unwrap());
        status
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks again and again until there is an answer, or patience ends.
pub fn until<T>(mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Stopwatch::start();
    while start.elapsed() < PATIENCE {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    None
}

/// Keys that nobody else has.
pub fn foreign_keys() -> KeySet {
    pki::key_set(&[&pki::new_signing_key().unwrap()])
}
