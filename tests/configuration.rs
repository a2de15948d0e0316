//! A gate's configuration from the server, with the two real programs: tried, kept, refused, taken back, and
//! what becomes of it when the gate is killed in between.
#![allow(clippy::unwrap_used)]

mod common;

use common::lane::OPTICS;
use common::place::{Place, done, refused};
use common::{Process, change, program, until};
use fare_sim::board::{Board, BoardHandle, Habits};
use fare_sim::crowd::Crowd;
use fare_sim::seed::Seed;
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// Exit status of a daemon that wants to be started anew.
const START_ANEW: i32 = 75;

/// What systemd does: starts the daemon, and starts it again unless it stopped as it was told.
struct Supervisor {
    log: Arc<Mutex<Vec<String>>>,
    pid: Arc<AtomicU32>,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Supervisor {
    fn start(config: PathBuf) -> Self {
        let log = Arc::new(Mutex::new(Vec::new()));
        let (pid, stopping) = (
            Arc::new(AtomicU32::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let (lines, id, stop) = (Arc::clone(&log), Arc::clone(&pid), Arc::clone(&stopping));
        let thread = std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                let mut daemon = Process::gate(&config);
                id.store(daemon.id(), Ordering::Relaxed);
                let status = daemon.wait();
                id.store(0, Ordering::Relaxed);
                let mut lines = lines.lock().unwrap();
                lines.extend(daemon.log());
                lines.push(format!("ended with {:?}", status.code()));
            }
        });
        Self {
            log,
            pid,
            stopping,
            thread: Some(thread),
        }
    }

    fn kill(&self, signal: &str) {
        let pid = until(|| Some(self.pid.load(Ordering::Relaxed)).filter(|pid| *pid != 0)).unwrap();
        let mut kill = Command::new("kill");
        drop(kill.args([signal, &pid.to_string()]).status());
    }

    fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        if self.pid.load(Ordering::Relaxed) != 0 {
            self.kill("-KILL");
        }
        drop(self.thread.take().map(JoinHandle::join));
    }
}

/// An enrolled gate at work, with a camera, a board and a server.
struct Gate {
    place: Place,
    supervisor: Supervisor,
    _server: Process,
    _board: BoardHandle,
    _crowd: Crowd,
}

impl Gate {
    async fn open() -> Self {
        let place = Place::new();
        let server = place.serve();
        done(place.enroll(&place.invite()));
        let folder = place.folder();
        let board = Board::spawn(&folder.join("board"), Habits::default()).unwrap();
        let mut crowd = Crowd::new(&Seed::new(7), OPTICS);
        let gate = "PGY-01".parse().unwrap();
        let watched = crowd.add_camera(gate, &folder.join("camera")).unwrap();
        let supervisor = Supervisor::start(folder.join("gate.toml"));
        watched.await;
        Self {
            place,
            supervisor,
            _server: server,
            _board: board,
            _crowd: crowd,
        }
    }

    fn faregate(&self, args: &[&str]) -> Command {
        let mut command = program("faregate");
        command.args(args).arg("--config");
        command.arg(self.place.folder().join("gate.toml"));
        command
    }

    fn fareserver(&self, args: &[&str]) -> Command {
        let mut command = program("fareserver");
        command.args(args).arg("--database");
        command.arg(self.place.server_toml().with_file_name("fares.sqlite3"));
        command
    }

    /// Sends the gate its own configuration with `from` replaced.
    fn send(&self, from: &str, to: &str, more: &[&str]) {
        let file = self.place.dir.path().join("new.toml");
        fs::copy(&self.place.gate_toml, &file).unwrap();
        change(&file, from, to);
        let file = file.to_str().unwrap();
        let args = ["gate", "config", "PGY-01", file, "--reason", "test"];
        let said = done(self.fareserver(&[&args[..], more].concat()));
        assert!(said.contains("told to try it"), "{said}");
    }

    fn shown(&self) -> Value {
        let output = self
            .faregate(&["config", "show", "--json"])
            .output()
            .unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Waits until what the gate keeps is so.
    fn keeps(&self, is: impl Fn(&Value) -> bool) -> Value {
        let kept = until(|| Some(self.shown()).filter(&is));
        kept.unwrap_or_else(|| panic!("{:#}\n{:#?}", self.shown(), self.supervisor.log()))
    }

    fn ends(&self, outcome: &str) -> Value {
        self.keeps(|kept| kept["trial"].is_null() && kept["last"]["outcome"] == outcome)
    }

    /// Waits until the server knows.
    fn server_hears(&self, words: &str) {
        let ask = || done(self.fareserver(&["gate", "config", "PGY-01"]));
        let heard = until(|| ask().contains(words).then_some(()));
        assert!(
            heard.is_some(),
            "no {words:?}: {}\n{:#?}",
            ask(),
            self.supervisor.log()
        );
    }

    fn status(&self) -> Value {
        let output = self.faregate(&["status", "--json"]).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
// long: one gate, its configurations one after another
async fn a_configuration_is_kept_refused_or_taken_back() {
    let gate = Gate::open().await;
    assert_eq!(gate.shown()["in_force"], "own");
    gate.send("refusal_shown_ms = 2000", "refusal_shown_ms = 2500", &[]);
    let kept = gate.ends("live");
    assert_eq!(kept["in_force"], "server");
    let (live, text) = (
        kept["live"]["command"].clone(),
        done(gate.faregate(&["config", "show", "--toml"])),
    );
    assert!(text.contains("refusal_shown_ms = 2500"), "{text}");
    gate.server_hears("in force since");
    let own = fs::read_to_string(gate.place.folder().join("gate.toml")).unwrap();
    assert!(own.contains("refusal_shown_ms = 2000"), "never written to");

    // A fault, and something of the gate's own: nothing changes, and who sent it reads where it is.
    let pid = gate.supervisor.pid.load(Ordering::Relaxed);
    gate.send("grace_ms = 5000 ", "grace = 5000 ", &[]);
    let kept = gate.ends("refused");
    let why = kept["last"]["why"].as_str().unwrap();
    let line = 1 + own
        .lines()
        .position(|line| line.starts_with("grace_ms"))
        .unwrap();
    let place = format!("server's gate.toml:{line}:1: ");
    assert!(why.starts_with(&place) && why.contains("grace"), "{why}");
    gate.server_hears(&place);
    gate.send("\"gate.journal\"", "\"other.journal\"", &[]);
    gate.server_hears("journal.path is the gate's own");
    assert_eq!(gate.shown()["live"]["command"], live);
    assert_eq!(
        gate.supervisor.pid.load(Ordering::Relaxed),
        pid,
        "the same process"
    );
    let status = gate.status();
    assert!(
        status["problems"].to_string().contains("config-not-taken"),
        "{status}"
    );
    let listed = done(gate.fareserver(&["gate", "list"]));
    assert!(listed.contains("configuration refused"), "{listed}");

    // A board that is not there: tried, and taken back.
    gate.send("\"board\"", "\"no-board\"", &["--prove-within", "5"]);
    let kept = gate.ends("rolled-back");
    let why = kept["last"]["why"].as_str().unwrap();
    assert_eq!(why, "the barrier's board does not answer within 5 s");
    assert_eq!(
        kept["live"]["command"], live,
        "the one before, not the gate's own"
    );
    gate.server_hears("tried and taken back");
    let again = until(|| (gate.status()["daemon"]["barrier"]["answers"] == true).then_some(()));
    assert!(again.is_some(), "{}", gate.status());
    let log = done(gate.faregate(&["log", "--utc"]));
    for words in [
        "the server's is in force",
        "is refused: server's gate.toml:",
        "is tried and taken back",
    ] {
        assert!(log.contains(words), "{log}");
    }
    let audit = done(gate.fareserver(&["audit"]));
    assert_eq!(audit.matches("gate-config").count(), 4, "{audit}");
    let ended = format!("ended with {:?}", Some(START_ANEW));
    let starts = gate
        .supervisor
        .log()
        .iter()
        .filter(|line| **line == ended)
        .count();
    assert_eq!(starts, 3, "into the first, into the last and out of it");

    // A good one clears it.
    gate.send("refusal_shown_ms = 2000", "refusal_shown_ms = 2600", &[]);
    gate.ends("live");
    assert!(
        !gate.status()["problems"]
            .to_string()
            .contains("config-not-taken")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_is_killed_in_between_comes_up_with_the_old_or_the_new() {
    let gate = Gate::open().await;
    let mode = |mode| done(gate.faregate(&["mode", "set", mode, "--reason", "test"]));
    let up = until(|| {
        gate.faregate(&["mode"])
            .status()
            .unwrap()
            .success()
            .then_some(())
    });
    assert!(up.is_some(), "{:#?}", gate.supervisor.log());

    // Staged, and not tried while the barrier stands open: the next start tries it.
    mode("free");
    gate.send("refusal_shown_ms = 2000", "refusal_shown_ms = 2500", &[]);
    gate.keeps(|kept| kept["trial"]["begun"] == false);
    gate.supervisor.kill("-KILL");
    gate.ends("live");
    mode("normal");

    // Killed while one is tried: the one before.
    gate.send("\"board\"", "\"no-board\"", &["--prove-within", "3600"]);
    gate.keeps(|kept| kept["trial"]["begun"] == true);
    gate.supervisor.kill("-KILL");
    let kept = gate.ends("rolled-back");
    let why = kept["last"]["why"].as_str().unwrap();
    assert!(why.contains("ended before it had shown"), "{why}");
    assert_eq!(kept["in_force"], "server");
    gate.server_hears("tried and taken back");
    let text = done(gate.faregate(&["config", "show", "--toml"]));
    assert!(
        text.contains("2500") && text.contains("\"board\""),
        "{text}"
    );

    // Told to stop while one is tried: tried again, until somebody at the gate changes its own file.
    gate.send("\"board\"", "\"no-board\"", &["--prove-within", "3600"]);
    gate.keeps(|kept| kept["trial"]["begun"] == true);
    let own = gate.place.folder().join("gate.toml");
    change(&own, "refusal_shown_ms = 2000", "refusal_shown_ms = 2700");
    gate.supervisor.kill("-TERM");
    let kept = gate.ends("set-aside");
    assert_eq!(
        (&kept["in_force"], &kept["live"]),
        (&"own".into(), &Value::Null)
    );
    gate.server_hears("set aside");
}

#[test]
fn a_server_sends_only_what_is_a_configuration_of_that_gate() {
    let place = Place::new();
    let _server = place.serve();
    done(place.enroll(&place.invite()));
    let send = |from: &str, to: &str| {
        let file = place.dir.path().join("new.toml");
        fs::copy(&place.gate_toml, &file).unwrap();
        change(&file, from, to);
        let mut send = program("fareserver");
        send.args(["gate", "config", "PGY-01"]).arg(&file);
        send.args(["--reason", "test", "--database"]);
        send.arg(place.server_toml().with_file_name("fares.sqlite3"));
        refused(send)
    };
    let said = send("gate = \"PGY-01\"", "gate = \"PGY-02\"");
    assert!(
        said.contains("is the configuration of gate PGY-02"),
        "{said}"
    );
    let said = send("station = \"PGY\"", "station = \"GCH\"");
    assert!(said.contains("stands at PGY, line 1"), "{said}");
    let said = send("gate = \"PGY-01\"", "gate = PGY-01");
    assert!(
        said.contains("new.toml: line ") && said.contains(", column "),
        "{said}"
    );
}
