//! The gate's eyes: one thread that takes frames, one that decodes the newest of them.
//!
//! Neither ever ends the daemon: a camera that is absent or unplugged is a fault, logged once and
//! tried again; a frame that cannot be decoded is counted by the decoder.

use super::watchdog::Frames;
use crate::config::FramesConfig;
use crate::decode::{Decoder, Hints, NothingRead, Unread};
use crate::frame::latest::{Latest, Put};
use crate::frame::{self, FrameRate, FrameSource, SourceError, SourceItem};
use crate::scanner::ScannedCode;
use crate::status::Eyes;
use fare_protocol::UnixMs;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;
use tokio::sync::mpsc;

/// Before a source that failed is opened again.
const RETRY_WAIT: Duration = Duration::from_secs(1);

/// Scans that may wait for the lane: the next frame brings the code again.
const SCANS_MAX: usize = 1;

/// Decoder panics after the first are logged once in so many.
const PANICS_PER_LOG: u64 = 100;

/// A frame in which something like a code was seen, or a scanner's code.
#[derive(Debug)]
pub(super) struct Scan {
    /// When the frame was taken, or the scanner's first byte came.
    pub captured_at: UnixMs,
    /// How long decoding took, or the other bytes.
    pub decode: Duration,
    /// What the codes say, nearest first and never empty, or why what was seen could not be read.
    pub read: Result<Vec<Vec<u8>>, Unread>,
    /// What the rider is to be told, once each time a code is held out.
    pub hint: Option<Unread>,
}

impl From<ScannedCode> for Scan {
    fn from(code: ScannedCode) -> Self {
        Self {
            captured_at: code.at,
            decode: code.took,
            read: Ok(vec![code.bytes]),
            hint: None,
        }
    }
}

/// What both threads tell of their progress.
#[derive(Debug, Default)]
pub(super) struct Sight {
    /// From the first frame of a source until it fails or ends.
    coming: AtomicBool,
    /// Frames that have been looked at, and those that could not be.
    looked_at: AtomicU64,
    /// Frames that the source brought.
    frames: AtomicU64,
    /// Frames in which a code was read.
    read: AtomicU64,
    /// Frames on which the decoder failed.
    panics: AtomicU64,
    /// Codes that were held out and not read, by the place of their cause.
    unread: [AtomicU64; Unread::ALL.len()],
}

impl Sight {
    /// What there is to see now.
    pub(super) fn frames(&self) -> Frames {
        if self.coming.load(Ordering::Relaxed) {
            Frames::Coming(self.looked_at.load(Ordering::Relaxed))
        } else {
            Frames::Absent
        }
    }

    /// The counts, for the status display; rates are for others to work out.
    pub(super) fn eyes(&self) -> Eyes {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let unread = Unread::ALL.iter().zip(&self.unread);
        Eyes {
            coming: self.coming.load(Ordering::Relaxed),
            frames: count(&self.frames),
            looked_at: count(&self.looked_at),
            read: count(&self.read),
            panics: count(&self.panics),
            unread: unread
                .map(|(why, counter)| (why.code().to_owned(), count(counter)))
                .collect(),
            ..Eyes::default()
        }
    }

    fn looked(&self) {
        self.looked_at.fetch_add(1, Ordering::Relaxed);
    }
}

/// Starts both threads.
pub(super) fn open(
    config: FramesConfig,
    sight: &Arc<Sight>,
) -> std::io::Result<mpsc::Receiver<Scan>> {
    let (sender, scans) = mpsc::channel(SCANS_MAX);
    let latest = Arc::new(Latest::new());
    let frames = Arc::clone(&latest);
    let (watched, looked) = (Arc::clone(sight), Arc::clone(sight));
    thread::Builder::new()
        .name("frames".into())
        .spawn(move || watch(&config, &frames, &watched))?;
    thread::Builder::new()
        .name("decode".into())
        .spawn(move || read(&latest, &sender, &looked))?;
    Ok(scans)
}

/// Why there are no more frames, when nothing failed.
enum End {
    /// The source has no more.
    Played,
    /// Nobody wants more.
    Stopped,
}

/// Takes frames for ever, or until a recording has been played.
fn watch(config: &FramesConfig, latest: &Latest, sight: &Sight) {
    let mut last_fault = None;
    loop {
        let end = take_frames(config, latest, sight, &mut last_fault);
        sight.coming.store(false, Ordering::Relaxed);
        match end {
            Ok(End::Stopped) => return,
            Ok(End::Played) if goes_on(config) => {}
            Ok(End::Played) => {
                tracing::info!("the recording has been played");
                return;
            }
            Err(err) => {
                let fault = err.to_string();
                if last_fault.as_ref() != Some(&fault) {
                    tracing::error!(%err, retry_ms = RETRY_WAIT.as_millis(), "no frames");
                    last_fault = Some(fault);
                }
                thread::sleep(RETRY_WAIT);
            }
        }
    }
}

fn take_frames(
    config: &FramesConfig,
    latest: &Latest,
    sight: &Sight,
    last_fault: &mut Option<String>,
) -> Result<End, SourceError> {
    let mut source = open_source(config)?;
    tracing::info!(source = source.describe(), "frames are coming");
    while let Some(item) = source.next_frame()? {
        *last_fault = None;
        sight.coming.store(true, Ordering::Relaxed);
        match item {
            SourceItem::Frame { frame, .. } => {
                sight.frames.fetch_add(1, Ordering::Relaxed);
                match latest.put(frame) {
                    Put::Kept(Some(spare)) => source.reuse(spare),
                    Put::Kept(None) => {}
                    Put::Closed => return Ok(End::Stopped),
                }
            }
            SourceItem::Skipped { name, why } => {
                sight.looked();
                tracing::warn!(%name, why, "frame skipped");
            }
        }
    }
    Ok(End::Played)
}

/// The source that a configuration names.
pub(crate) fn open_source(config: &FramesConfig) -> Result<Box<dyn FrameSource>, SourceError> {
    match config {
        FramesConfig::Camera {
            device,
            width,
            height,
            fps,
        } => open_camera(*device, *width, *height, *fps),
        FramesConfig::Y4m { path } => frame::open_live(path, FrameRate::default()),
        FramesConfig::Folder { path, rate } => frame::open_live(path, *rate),
    }
}

#[cfg(feature = "camera")]
fn open_camera(
    device: u32,
    width: u32,
    height: u32,
    fps: u32,
) -> Result<Box<dyn FrameSource>, SourceError> {
    Ok(Box::new(frame::camera::Camera::open(
        device, width, height, fps,
    )?))
}

#[cfg(not(feature = "camera"))]
fn open_camera(device: u32, _: u32, _: u32, _: u32) -> Result<Box<dyn FrameSource>, SourceError> {
    let why = "this program was built without the feature `camera`".to_owned();
    Err(SourceError::Camera {
        device: format!("/dev/video{device}"),
        why,
    })
}

/// Whether the end of the stream is only a pause: a camera comes back, a pipe gets a new writer.
fn goes_on(config: &FramesConfig) -> bool {
    let is_pipe = |path: &Path| path.metadata().is_ok_and(|meta| meta.file_type().is_fifo());
    match config {
        FramesConfig::Camera { .. } => true,
        FramesConfig::Y4m { path } => is_pipe(path),
        FramesConfig::Folder { .. } => false,
    }
}

/// Decodes the newest frame until the lane is gone.
fn read(latest: &Latest, scans: &mpsc::Sender<Scan>, sight: &Sight) {
    decode_all(latest, scans, sight);
    latest.close();
}

fn decode_all(latest: &Latest, scans: &mpsc::Sender<Scan>, sight: &Sight) {
    let (mut decoder, mut hints) = (Decoder::new(), Hints::default());
    // A hint waits until the lane takes a scan.
    let mut hint = None;
    while let Some(frame) = latest.take() {
        let decoded = decoder.watch(&frame);
        let (captured_at, decode) = (frame.captured_at(), decoded.elapsed);
        latest.give_back(frame);
        sight.looked();
        if let Some(new) = hints.see(&decoded.read) {
            sight.unread[new.why as usize].fetch_add(1, Ordering::Relaxed);
            if new.is_first {
                tracing::info!(cause = new.why.code(), "a code was held out and not read");
            }
            hint = Some(new.why);
        }
        let read = match decoded.read {
            Ok(codes) => {
                sight.read.fetch_add(1, Ordering::Relaxed);
                hint = None;
                Ok(codes.into_iter().map(|code| code.bytes).collect())
            }
            Err(NothingRead::Unread(why)) => Err(why),
            Err(NothingRead::Nothing) => continue,
            Err(NothingRead::Panicked { what }) => {
                sight.panics.fetch_add(1, Ordering::Relaxed);
                if decoder.panics() % PANICS_PER_LOG == 1 {
                    tracing::warn!(what, panics = decoder.panics(), "the decoder failed");
                }
                continue;
            }
        };
        match scans.try_send(Scan {
            captured_at,
            decode,
            read,
            hint,
        }) {
            Ok(()) => hint = None,
            Err(mpsc::error::TrySendError::Full(_)) => {}
            Err(mpsc::error::TrySendError::Closed(_)) => return,
        }
    }
}
