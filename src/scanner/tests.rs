//! Scanners on real devices: a pty for a serial line, a named pipe for a keyboard.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::config::{Parity, SerialLine};
use std::fs::File;
use std::path::Path;
use tokio_serial::{SerialPort, SerialStream};

/// Only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(20);

fn serial(device: &str) -> ScannerConfig {
    ScannerConfig {
        device: device.into(),
        kind: ScannerKind::Serial(SerialLine {
            baud: 9_600,
            seven_bits: false,
            parity: Parity::None,
        }),
        format: LineFormat::default(),
        silence: Duration::from_millis(50),
    }
}

async fn say(scanner: &mut SerialStream, bytes: &[u8]) {
    tokio::io::AsyncWriteExt::write_all(scanner, bytes)
        .await
        .unwrap();
}

struct Watched {
    codes: watch::Receiver<Option<ScannedCode>>,
    counts: Arc<Counts>,
}

fn watched(config: ScannerConfig) -> Watched {
    let (sender, codes) = watch::channel(None);
    let counts = Arc::<Counts>::default();
    tokio::spawn(tend(config, sender, Arc::clone(&counts)));
    Watched { codes, counts }
}

impl Watched {
    async fn code(&mut self) -> String {
        timeout(PATIENCE, self.codes.changed())
            .await
            .unwrap()
            .unwrap();
        let code = self.codes.borrow_and_update().clone().unwrap();
        assert!(!code.is_stale());
        String::from_utf8(code.bytes).unwrap()
    }

    async fn comes(&self, what: impl Fn(&Counts) -> bool) {
        let come = async {
            while !what(&self.counts) {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, come).await.unwrap();
    }
}

#[tokio::test]
async fn codes_come_over_a_serial_line_and_broken_ones_are_counted() {
    let (mut scanner, theirs) = SerialStream::pair().unwrap();
    let path = theirs.name().unwrap();
    drop(theirs);
    let mut watched = watched(serial(&path));
    watched.comes(Counts::is_open).await;
    say(&mut scanner, b"FG1:FIRST\r\n").await;
    assert_eq!(watched.code().await, "FG1:FIRST");
    say(&mut scanner, b"FG1:BRO").await;
    watched.comes(|counts| counts.dropped() == 1).await;
    say(&mut scanner, b"FG1:SECOND\r").await;
    assert_eq!(watched.code().await, "FG1:SECOND");
    assert_eq!((watched.counts.read(), watched.counts.dropped()), (2, 1));
    drop(scanner);
    watched.comes(|counts| !counts.is_open()).await;
}

fn make_pipe(path: &Path) {
    let made = std::process::Command::new("mkfifo").arg(path).status();
    assert!(made.unwrap().success());
}

fn press(device: &mut File, code: u16) {
    use std::io::Write as _;
    for value in [1, 0] {
        for (kind, code, value) in [(1, code, value), (0, 0, 0)] {
            let event = InputEvent { kind, code, value };
            device.write_all(&event.to_bytes()).unwrap();
        }
    }
}

#[tokio::test]
async fn codes_are_typed_and_the_keyboard_may_be_unplugged() {
    let dir = tempfile::tempdir().unwrap();
    let device = dir.path().join("event7");
    make_pipe(&device);
    let mut watched = watched(ScannerConfig {
        kind: ScannerKind::Keyboard { grab: true },
        ..serial(device.to_str().unwrap())
    });
    for round in 1..=2 {
        let opened = device.clone();
        let open = tokio::task::spawn_blocking(|| File::create(opened).unwrap());
        let mut keyboard = timeout(PATIENCE, open).await.unwrap().unwrap();
        for key in [33, 34, 2, 28] {
            press(&mut keyboard, key);
        }
        assert_eq!(watched.code().await, "fg1");
        assert_eq!(watched.counts.read(), round);
        drop(keyboard);
        // Its end has been seen before the next one is plugged in.
        watched.comes(|counts| !counts.is_open()).await;
    }
}

#[tokio::test]
async fn a_selftest_gets_the_first_code_or_the_reason() {
    let (mut scanner, theirs) = SerialStream::pair().unwrap();
    let config = serial(&theirs.name().unwrap());
    drop(theirs);
    let found = tokio::spawn(async move { first_code(&config, PATIENCE).await });
    // What is written before anybody has opened the line waits there.
    say(&mut scanner, b"FG1:A\n").await;
    let code = found.await.unwrap().unwrap().unwrap();
    assert_eq!(code.bytes, b"FG1:A");
    let nowhere = serial("/nonexistent/ttyACM0");
    let err = first_code(&nowhere, PATIENCE).await.unwrap_err();
    assert!(err.to_string().contains("check its cable"), "{err}");
}
