//! The real daemon as systemd would start it: readiness, the watchdog's food, credentials.
#![allow(clippy::unwrap_used)]

mod common;

use common::lane::{OPTICS, riders};
use common::{PATIENCE, Process, Site, change, program, until};
use fare_sim::board::{Board, Habits};
use fare_sim::city::GateFiles;
use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long the service manager of these tests waits for a sign of life.
const WATCHDOG_USEC: &str = "800000";

/// Longer than that: who is not fed so long would be killed.
const SILENCE: Duration = Duration::from_millis(1_000);

/// The service manager's end of `$NOTIFY_SOCKET`, and the daemon behind it.
struct Service {
    socket: UnixDatagram,
    daemon: Process,
}

impl Service {
    fn start(site: &Site, files: &GateFiles) -> Self {
        let path = site.path("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        let mut command = program("faregate");
        command.args(["run", "--log-json", "--config"]);
        command.arg(&files.config).env("NOTIFY_SOCKET", &path);
        command.env("WATCHDOG_USEC", WATCHDOG_USEC);
        let daemon = Process::start(command);
        Self { socket, daemon }
    }

    /// What comes next, unless nothing does.
    fn hears(&self, within: Duration) -> Option<String> {
        self.socket.set_read_timeout(Some(within)).unwrap();
        let mut message = [0; 512];
        let length = self.socket.recv(&mut message).ok()?;
        Some(String::from_utf8(message[..length].to_vec()).unwrap())
    }

    fn hears_of(&self, wanted: &str) {
        let heard = until(|| self.hears(PATIENCE).filter(|heard| heard.contains(wanted)));
        assert!(heard.is_some(), "no {wanted}: {:#?}", self.daemon.log());
    }

    fn is_fed(&self, times: usize) {
        (0..times).for_each(|_| self.hears_of("WATCHDOG=1\n"));
    }

    /// The manager would lose patience.
    fn starves(&self) {
        let silent = until(|| self.hears(SILENCE).is_none().then_some(()));
        assert!(silent.is_some(), "it is fed on and on");
    }
}

/// A camera on a named pipe that shows an empty hall until it hangs.
struct Camera {
    hangs: Arc<AtomicBool>,
    gone: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Camera {
    fn plug_in(files: &GateFiles) -> Self {
        let (hangs, gone) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicBool::new(false)),
        );
        let (stop, leave) = (Arc::clone(&hangs), Arc::clone(&gone));
        let pipe = files.camera.clone();
        let thread = std::thread::spawn(move || {
            let mut pipe = File::options().write(true).open(pipe).unwrap();
            pipe.write_all(b"YUV4MPEG2 W64 H48 F20:1 Cmono\n").unwrap();
            while !leave.load(Ordering::Relaxed) {
                if !stop.load(Ordering::Relaxed) {
                    pipe.write_all(b"FRAME\n").unwrap();
                    pipe.write_all(&[128; 64 * 48]).unwrap();
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        Self {
            hangs,
            gone,
            thread: Some(thread),
        }
    }

    /// No frame any more, but the device is there.
    fn hang(&self) {
        self.hangs.store(true, Ordering::Relaxed);
    }

    fn unplug(mut self) {
        self.gone.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

#[test]
fn the_watchdog_is_fed_by_frames_and_not_by_the_clock() {
    let site = Site::new(31);
    let files = site.entry(None);
    let made = Command::new("mkfifo").arg(&files.camera).status().unwrap();
    assert!(made.success());
    let mut service = Service::start(&site, &files);
    service.hears_of("READY=1\n");
    // Nobody has plugged a camera in: that is no reason to start a gate anew.
    service.is_fed(3);
    let camera = Camera::plug_in(&files);
    service.hears_of("STATUS=at work, frames are coming");
    service.is_fed(3);
    camera.hang();
    service.starves();
    service.daemon.wait_for("\"stall\":\"Frames\"");
    camera.unplug();
    service.hears_of("STATUS=at work, no frames");
    service.is_fed(3);
    let again = Camera::plug_in(&files);
    service.hears_of("STATUS=at work, frames are coming");
    service.is_fed(3);
    let (status, _) = service.daemon.terminate();
    assert!(status.success(), "{status}: {:#?}", service.daemon.log());
    service.hears_of("STOPPING=1\n");
    // Its pipe is broken by now, which ends its thread.
    drop(again);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_hangs_starves_the_watchdog() {
    let site = Site::new(32);
    let files = site.entry(None);
    let _board = Board::spawn(&files.board, Habits::default()).unwrap();
    let (mut crowd, watched) = riders(&site, &files, OPTICS);
    let service = Service::start(&site, &files);
    service.hears_of("READY=1\n");
    watched.await;
    service.is_fed(3);
    // Whoever holds the file locked makes the journal's thread wait, as a card that does not answer.
    let other = rusqlite::Connection::open(&files.journal).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    crowd.show(files.gate, 1).unwrap();
    service.starves();
    service.daemon.wait_for("\"stall\":\"Journal\"");
    other.execute_batch("ROLLBACK").unwrap();
    service.is_fed(3);
}

#[test]
fn the_gates_key_may_be_a_credential() {
    let site = Site::new(33);
    let files = site.entry(None);
    let text = fs::read_to_string(&files.config).unwrap();
    let line = text
        .lines()
        .find(|line| line.starts_with("signing_key"))
        .unwrap();
    let key = line.split('"').nth(1).unwrap();
    let folder = site.path("credentials");
    fs::create_dir(&folder).unwrap();
    let credential = folder.join("gate.key");
    fs::copy(files.config.parent().unwrap().join(key), &credential).unwrap();
    // As systemd shows a file with an access list.
    fs::set_permissions(&credential, Permissions::from_mode(0o440)).unwrap();
    change(&files.config, line, "signing_key = \"credential:gate.key\"");

    let check = |folder: Option<&std::path::Path>| {
        let mut check = program("faregate");
        check.args(["config", "check"]).arg(&files.config);
        check.env_remove("CREDENTIALS_DIRECTORY");
        check.envs(folder.map(|folder| ("CREDENTIALS_DIRECTORY", folder)));
        let done = check.output().unwrap();
        (done.status.code(), String::from_utf8(done.stdout).unwrap())
    };
    let (status, said) = check(Some(&folder));
    assert_eq!(status, Some(0), "{said}");
    let (status, said) = check(None);
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("$CREDENTIALS_DIRECTORY is not set"), "{said}");
}
