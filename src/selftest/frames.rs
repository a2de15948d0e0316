//! A code before the camera, through the gate's own source and decoder.

use super::Check;
use crate::clock::Stopwatch;
use crate::config::FramesConfig;
use crate::daemon::open_source;
use crate::decode::{Decoder, NothingRead, Unread};
use crate::frame::{FrameRate, FrameSource, SourceError, SourceItem, open_live};
use fare_protocol::RideCode;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

/// What was seen until a code was read, or patience ended.
#[derive(Debug, Default)]
struct Seen {
    frames: u32,
    first: Option<Duration>,
    read: Option<Read>,
    unread: Option<Unread>,
    ended: bool,
}

#[derive(Debug)]
struct Read {
    decode: Duration,
    is_ride_code: bool,
}

/// What the thread with the source says.
enum Word {
    Seen(Seen),
    Broken(SourceError),
}

/// Looks for a code in the recording, or else in the source, of which one is given. A source that hangs
/// is left to its thread.
pub(super) async fn check(
    source: Option<FramesConfig>,
    recording: Option<PathBuf>,
    patience: Duration,
) -> Check {
    let todo = source.as_ref().map_or(CHECK_PATH, advice);
    let stop = Arc::new(AtomicBool::new(false));
    let (sender, words) = mpsc::sync_channel(1);
    let stopped = Arc::clone(&stop);
    let thread = thread::Builder::new()
        .name("frames".to_owned())
        .spawn(move || {
            let opened = match (&recording, &source) {
                (Some(path), _) => open_live(path, FrameRate::default()),
                (None, Some(source)) => open_source(source),
                (None, None) => return,
            };
            let word = match opened.and_then(|source| look(source, patience, &stopped)) {
                Ok(seen) => Word::Seen(seen),
                Err(err) => Word::Broken(err),
            };
            // Nobody listens once patience has ended.
            let _late = sender.send(word);
        });
    if let Err(err) = thread {
        return Check::failed("frames", err.to_string(), "start the computer anew");
    }
    let waited =
        tokio::task::spawn_blocking(move || words.recv_timeout(patience + Duration::from_secs(1)));
    let word = waited.await;
    stop.store(true, Ordering::Relaxed);
    match word {
        Ok(Ok(Word::Seen(seen))) => judged(&seen, patience),
        Ok(Ok(Word::Broken(err))) => Check::failed("frames", err.to_string(), todo),
        Ok(Err(_)) | Err(_) => Check::failed(
            "frames",
            format!("not one frame came in {} s", patience.as_secs()),
            todo,
        ),
    }
}

const CHECK_PATH: &str = "check `path` under [frames]";

fn advice(frames: &FramesConfig) -> &'static str {
    match frames {
        FramesConfig::Camera { .. } => "check the camera's cable, and `device` under [frames]",
        FramesConfig::Y4m { .. } | FramesConfig::Folder { .. } => CHECK_PATH,
    }
}

fn look(
    mut source: Box<dyn FrameSource>,
    patience: Duration,
    stop: &AtomicBool,
) -> Result<Seen, SourceError> {
    let (watch, mut decoder, mut seen) = (Stopwatch::start(), Decoder::new(), Seen::default());
    while watch.elapsed() < patience && !stop.load(Ordering::Relaxed) {
        let Some(item) = source.next_frame()? else {
            seen.ended = true;
            break;
        };
        let SourceItem::Frame { frame, .. } = item else {
            continue;
        };
        seen.frames += 1;
        seen.first.get_or_insert_with(|| watch.elapsed());
        let decoded = decoder.watch(&frame);
        match &decoded.read {
            Ok(codes) => {
                seen.read = Some(Read {
                    decode: decoded.elapsed,
                    is_ride_code: codes
                        .iter()
                        .any(|code| RideCode::is_claimed_by(&code.bytes)),
                });
                break;
            }
            Err(NothingRead::Unread(why)) => seen.unread = Some(*why),
            Err(NothingRead::Nothing | NothingRead::Panicked { .. }) => {}
        }
        source.reuse(frame.into_luma());
    }
    Ok(seen)
}

fn judged(seen: &Seen, patience: Duration) -> Check {
    let frames = seen.frames;
    if let Some(read) = &seen.read {
        let kind = if read.is_ride_code {
            "a ride code"
        } else {
            "a code"
        };
        let ms = read.decode.as_secs_f64() * 1_000.0;
        return Check::passed(
            "frames",
            format!("{kind} was read in frame {frames}, decoded in {ms:.1} ms"),
        );
    }
    let within = if seen.ended {
        "until the end of the recording".to_owned()
    } else {
        format!("in {} s", patience.as_secs())
    };
    let saw = format!("{frames} frames came and no code was read {within}");
    match seen.unread {
        Some(why) => Check::failed("frames", saw, format!("something was seen: {why}")),
        None => Check::failed(
            "frames",
            saw,
            "hold any QR code before the camera, a hand's breadth away; clean the glass",
        ),
    }
}
