//! A server as an operator sets it up, and a gate that enrols with it, in folders of their own.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use super::{Process, change, program};
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// A server in a folder of its own, and a gate's configuration as its engineer wrote it.
pub struct Place {
    pub dir: TempDir,
    pub gate_toml: PathBuf,
}

fn free_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

pub fn done(mut command: Command) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let said = String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap();
    assert!(status.success(), "{command:?}: {said}");
    said
}

pub fn refused(mut command: Command) -> String {
    let done = command.output().unwrap();
    assert!(!done.status.success(), "{command:?}: {done:?}");
    String::from_utf8(done.stderr).unwrap()
}

impl Place {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("gate-config");
        let mut setup = program("fareserver");
        setup.arg("setup").arg(dir.path().join("server"));
        setup.args(["--host", "localhost", "--host", "127.0.0.1"]);
        setup
            .arg("--tariff")
            .arg(examples.join("tariff-beijing.toml"));
        let stations = examples.join("stations-beijing-line1.toml");
        done({
            setup.arg("--stations").arg(stations);
            setup
        });
        let (gates, enrolment) = (free_port(), free_port());
        let server = dir.path().join("server/server.toml");
        for (from, to) in [
            ("0.0.0.0:8443", gates.to_string()),
            ("0.0.0.0:8444", enrolment.to_string()),
            ("localhost:8444", format!("localhost:{}", enrolment.port())),
            ("127.0.0.1:8080", "127.0.0.1:0".to_owned()),
            ("127.0.0.1:8082", "127.0.0.1:0".to_owned()),
            ("127.0.0.1:8090", "127.0.0.1:0".to_owned()),
        ] {
            change(&server, from, &to);
        }
        let gate_toml = dir.path().join("PGY-01.toml");
        fs::copy(examples.join("entry.toml"), &gate_toml).unwrap();
        for (from, to) in [
            (
                "https://settlement.example:8443",
                format!("https://{gates}"),
            ),
            ("source = \"camera\"", "source = \"y4m\"".to_owned()),
            ("device = 0", "path = \"camera\"".to_owned()),
            ("width = 1280\nheight = 720\nfps = 30\n", String::new()),
            ("/var/lib/faregate/gate.journal", "gate.journal".to_owned()),
            ("/dev/ttyUSB0", "board".to_owned()),
        ] {
            change(&gate_toml, from, &to);
        }
        Self { dir, gate_toml }
    }

    pub fn server_toml(&self) -> PathBuf {
        self.dir.path().join("server/server.toml")
    }

    pub fn serve(&self) -> Process {
        let mut server = program("fareserver");
        server.args(["run", "--config"]).arg(self.server_toml());
        let server = Process::start(server);
        server.wait_for("listening");
        server
    }

    /// The ticket's text.
    pub fn invite(&self) -> String {
        let mut invite = program("fareserver");
        invite
            .args(["gate", "invite", "--config"])
            .arg(self.server_toml());
        invite.arg(&self.gate_toml);
        let said = done(invite);
        let ticket = said.lines().find(|line| line.contains("FGE1:"));
        ticket.unwrap().trim().to_owned()
    }

    pub fn folder(&self) -> PathBuf {
        self.dir.path().join("gate")
    }

    pub fn enroll(&self, ticket: &str) -> Command {
        let mut enroll = program("faregate");
        enroll.args(["enroll", "--ticket", ticket, "--folder"]);
        enroll.arg(self.folder());
        enroll
    }
}
