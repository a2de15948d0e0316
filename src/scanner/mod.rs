//! QR scanners that read codes by themselves and hand over text: a second source of codes beside the
//! camera, or in its place.
//!
//! ```text
//! serial line ───────────────────────────────┐
//! keyboard ─▶ input events ─▶ typed text ────┴▶ lines: where a code begins and ends ─▶ the newest code
//! ```
//! A scanner says each code once, so the newest one waits for a lane that is busy with another rider,
//! for [`CODE_AGE_MAX`]. A scanner that is away is reported and tried again for ever; it never ends the
//! daemon.

mod events;
mod keyboard;
mod keys;
mod lines;
mod serial;

pub use events::{EVENT_BYTES, EventReader, InputEvent};
pub use keys::{CANCELLED, Typist};
pub(crate) use serial::builder as serial_builder;

pub use lines::{Dropped, End, Framed, Framer, LINE_BYTES_MAX, LineFormat};

use crate::clock::{self, Stopwatch};
use crate::config::{ScannerConfig, ScannerKind};
use fare_protocol::UnixMs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// How long a code waits for the lane: the rider behind shows it while the one before goes through.
pub const CODE_AGE_MAX: Duration = Duration::from_secs(3);

/// Before a scanner that failed is opened again.
const RETRY_WAIT: Duration = Duration::from_millis(500);

/// A code that a scanner read.
#[derive(Clone, Debug)]
pub struct ScannedCode {
    /// When its first byte came.
    pub at: UnixMs,
    /// How long its bytes took to come.
    pub took: Duration,
    /// What it says.
    pub bytes: Vec<u8>,
    came: Stopwatch,
}

impl ScannedCode {
    /// Whether the rider who showed it has given up by now.
    pub fn is_stale(&self) -> bool {
        self.came.elapsed() > CODE_AGE_MAX
    }
}

/// What a scanner did since the daemon's start.
#[derive(Debug, Default)]
pub struct Counts {
    open: AtomicBool,
    read: AtomicU64,
    dropped: AtomicU64,
}

impl Counts {
    /// Whether the device is open.
    pub fn is_open(&self) -> bool {
        self.open.load(Ordering::Relaxed)
    }

    /// Codes that it read.
    pub fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// Lines that were no code: too long, broken off, disturbed.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// Why a scanner is away.
#[derive(Debug, thiserror::Error)]
pub enum ScannerError {
    /// It cannot be opened.
    #[error(
        "cannot open the scanner {path}: {source}; check its cable, and `device` under [scanner]"
    )]
    Open {
        /// The device.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It went away.
    #[error("the scanner {path} went away: {source}; check its cable and power")]
    Lost {
        /// The device.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Tends the scanner until nobody takes its codes any more.
pub async fn tend(
    config: ScannerConfig,
    codes: watch::Sender<Option<ScannedCode>>,
    counts: Arc<Counts>,
) {
    let mut failing = false;
    loop {
        let end = tokio::select! {
            end = serve(&config, &codes, &counts, &mut failing) => end,
            () = codes.closed() => return,
        };
        counts.open.store(false, Ordering::Relaxed);
        if !std::mem::replace(&mut failing, true) {
            tracing::error!(err = %end, retry_ms = RETRY_WAIT.as_millis(), "no scanner");
        }
        sleep(RETRY_WAIT).await;
    }
}

/// Opens it and takes its codes until it fails; the answer says how.
async fn serve(
    config: &ScannerConfig,
    codes: &watch::Sender<Option<ScannedCode>>,
    counts: &Counts,
    failing: &mut bool,
) -> ScannerError {
    let opened = |source| ScannerError::Open {
        path: config.device.clone(),
        source,
    };
    let mut hear = |framed| match framed {
        Heard::Open => {
            counts.open.store(true, Ordering::Relaxed);
            *failing = false;
            tracing::info!(device = %config.device.display(), "the scanner is there");
        }
        Heard::Code(code) => {
            counts.read.fetch_add(1, Ordering::Relaxed);
            // Whoever tends it is told when nobody listens any more.
            codes.send_replace(Some(code));
        }
        Heard::Dropped(why) => {
            counts.dropped.fetch_add(1, Ordering::Relaxed);
            tracing::info!(why = %why, "a line of the scanner was dropped");
        }
    };
    let lost = |source| ScannerError::Lost {
        path: config.device.clone(),
        source,
    };
    match &config.kind {
        ScannerKind::Serial(line) => match serial::open(&config.device, line) {
            Ok(line) => lost(listen(line, config, &mut hear).await),
            Err(err) => opened(err),
        },
        ScannerKind::Keyboard { grab } => match keyboard::open(&config.device, *grab) {
            Ok((text, typing)) => {
                let end = listen(text, config, &mut hear).await;
                lost(typing.ended().await.unwrap_or(end))
            }
            Err(err) => opened(err),
        },
    }
}

/// The first code of the scanner that comes within `patience`: for the self-test.
///
/// # Errors
/// When it cannot be opened or goes away.
pub async fn first_code(
    config: &ScannerConfig,
    patience: Duration,
) -> Result<Option<ScannedCode>, ScannerError> {
    let (codes, mut read) = watch::channel(None);
    let counts = Counts::default();
    let mut failing = false;
    let found = timeout(patience, async {
        tokio::select! {
            end = serve(config, &codes, &counts, &mut failing) => Err(end),
            _ = read.changed() => Ok(read.borrow_and_update().clone()),
        }
    });
    found.await.unwrap_or(Ok(None))
}

/// What is heard of a scanner.
enum Heard {
    Open,
    Code(ScannedCode),
    Dropped(Dropped),
}

/// Puts bytes together into codes until there are no more bytes.
async fn listen(
    mut line: impl AsyncRead + Unpin,
    config: &ScannerConfig,
    hear: &mut impl FnMut(Heard),
) -> io::Error {
    hear(Heard::Open);
    let mut framer = Framer::new(config.format.clone());
    let mut chunk = [0; 512];
    let (mut at, mut since) = (clock::now(), Stopwatch::start());
    loop {
        let got = if framer.is_empty() {
            line.read(&mut chunk).await
        } else {
            match timeout(config.silence, line.read(&mut chunk)).await {
                Ok(got) => got,
                Err(_silent) => {
                    tell(framer.silence(), at, since, hear);
                    continue;
                }
            }
        };
        let bytes = match got {
            Ok(0) => return io::ErrorKind::UnexpectedEof.into(),
            Ok(count) => chunk.get(..count).unwrap_or_default(),
            Err(err) => return err,
        };
        for &byte in bytes {
            if framer.is_empty() {
                (at, since) = (clock::now(), Stopwatch::start());
            }
            tell(framer.push(byte), at, since, hear);
        }
    }
}

fn tell(framed: Option<Framed>, at: UnixMs, since: Stopwatch, hear: &mut impl FnMut(Heard)) {
    match framed {
        Some(Framed::Line(bytes)) => hear(Heard::Code(ScannedCode {
            at,
            took: since.elapsed(),
            bytes,
            came: Stopwatch::start(),
        })),
        Some(Framed::Dropped(why)) => hear(Heard::Dropped(why)),
        None => {}
    }
}

#[cfg(test)]
mod tests;
