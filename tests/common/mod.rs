//! A place to test in: keys, certificates, configurations, and real processes.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use fare_protocol::{GateId, KeyEntry, KeySet, Signer, UnixMs};
use fare_sim::cast::Cast;
use fare_sim::pki;
use fare_sim::seed::Seed;
pub mod browser;

use faregate::clock::Stopwatch;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use tempfile::TempDir;

/// Longest wait for something that should come at once; only a failing test waits so long.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/gate-config");

/// A temporary folder with the keys and tables that configurations name.
pub struct Site {
    dir: TempDir,
    pub seed: Seed,
    authority: pki::Authority,
}

impl Site {
    pub fn new(seed: u64) -> Self {
        let seed = Seed::new(seed);
        let site = Self {
            dir: tempfile::tempdir().unwrap(),
            authority: pki::Authority::new().unwrap(),
            seed: seed.clone(),
        };
        let cast = Cast::new(&seed, faregate::clock::now());
        pki::write_key_set(&site.path("issuers.json"), &[cast.issuer()]).unwrap();
        let server = pki::new_signing_key().unwrap();
        pki::write_signing_key(&site.path("server.seed"), &server).unwrap();
        pki::write_key_set(&site.path("servers.json"), &[&server]).unwrap();
        fs::write(site.path("ca.pem"), site.authority.certificate()).unwrap();
        let tls = site.authority.server().unwrap();
        tls.write(&site.path("server.pem"), &site.path("server-tls.key"))
            .unwrap();
        for table in ["tariff-beijing.toml", "stations-beijing-line1.toml"] {
            fs::copy(Path::new(EXAMPLES).join(table), site.path(table)).unwrap();
        }
        site
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes the configuration of a gate whose frames, board and journal are `NAME.y4m`, `NAME.tty`
    /// and `NAME.journal`; answers its path. `role` is entry (at PGY) or exit (at GMO).
    pub fn gate(&self, role: &str, server: Option<&str>) -> PathBuf {
        let example = fs::read_to_string(Path::new(EXAMPLES).join(format!("{role}.toml"))).unwrap();
        let (alone, _) = example.split_once("[server]").unwrap();
        let (before, after) = alone.split_once("[frames]").unwrap();
        let (_, barrier) = after.split_once("[barrier]").unwrap();
        let frames = format!("[frames]\nsource = \"y4m\"\npath = \"{role}.y4m\"\n\n[barrier]");
        let mut config = format!("{before}{frames}{barrier}")
            .replace("keys/gate.key", &format!("{role}.key"))
            .replace("keys/", "")
            .replace("/dev/ttyUSB0", &format!("{role}.tty"))
            .replace("/var/lib/faregate/gate.journal", &format!("{role}.journal"));
        let key = pki::new_signing_key().unwrap();
        pki::write_signing_key(&self.path(&format!("{role}.key")), &key).unwrap();
        fs::write(self.path(&format!("{role}.pub")), key.public().to_string()).unwrap();
        if let Some(url) = server {
            let tls = self.authority.gate(Self::gate_id(role)).unwrap();
            let names = [format!("{role}.pem"), format!("{role}-tls.key")];
            tls.write(&self.path(&names[0]), &self.path(&names[1]))
                .unwrap();
            config += &format!(
                "[server]\nurl = \"{url}\"\nca = \"ca.pem\"\ncertificate = \"{}\"\n\
                 private_key = \"{}\"\nbackoff_min_ms = 50\nbackoff_max_ms = 500\n",
                names[0], names[1]
            );
        }
        let path = self.path(&format!("{role}.toml"));
        fs::write(&path, config).unwrap();
        path
    }

    pub fn gate_id(role: &str) -> GateId {
        let id = if role == "entry" { "PGY-01" } else { "GMO-02" };
        id.parse().unwrap()
    }

    /// Writes a server's configuration and registers both gates; answers the configuration's path.
    pub fn server(&self, listen: &str) -> PathBuf {
        let path = self.path("server.toml");
        let text = format!(
            "database = \"fares.sqlite3\"\nlisten = \"{listen}\"\nconsole_listen = \"127.0.0.1:0\"\n\
             ready_file = \"ready.json\"\nsigning_key = \"server.seed\"\nissuers = \"issuers.json\"\n\
             tariff = \"tariff-beijing.toml\"\nstations = \"stations-beijing-line1.toml\"\n\
             journey_valid_ms = 14400000\n\n[tls]\ncert = \"server.pem\"\nkey = \"server-tls.key\"\n\
             client_ca = \"ca.pem\"\n"
        );
        fs::write(&path, text).unwrap();
        for (role, station) in [("entry", "PGY"), ("exit", "GMO")] {
            let key = fs::read_to_string(self.path(&format!("{role}.pub"))).unwrap();
            let id = Self::gate_id(role);
            let database = self.path("fares.sqlite3");
            let mut add = program("fareserver");
            add.args(["gate", "add", "--database"]).arg(database);
            add.args([
                "--id",
                id.as_str(),
                "--key",
                &key,
                "--station",
                station,
                "--line",
                "1",
            ]);
            assert!(add.output().unwrap().status.success());
        }
        path
    }
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
    let key = pki::new_signing_key().unwrap().public();
    KeySet(vec![KeyEntry {
        key,
        from_ms: UnixMs(0),
        until_ms: UnixMs(i64::MAX),
    }])
}
