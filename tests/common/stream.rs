//! Plays rendered presentations to the gate's decoder, frame by frame as a camera would.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use fare_protocol::UnixMs;
use fare_sim::seed::Seed;
use fare_sim::sets::{Presentation, Sight, Stage, frame_time};
use fare_sim::shot::{Difficulty, FrameSize};
use faregate::decode::Decoder;
use faregate::frame::Frame;
use image::GrayImage;
use std::time::Duration;

/// When the first presentation begins.
pub const START: UnixMs = UnixMs(1_780_000_000_000);

/// What one presentation showed.
pub struct Lag {
    /// Frames from the first that could be read to the first that was; `None` if none was.
    pub frames: Option<u32>,
    /// Longest look at one frame.
    pub slowest: Duration,
}

/// A gate's camera of this size.
pub fn stage(seed: u64, size: FrameSize) -> Stage {
    Stage::new(&Seed::new(seed), START, size)
}

/// Presentation `number` to a decoder that has watched the empty gate before.
///
/// A frame counts as readable if it says so itself, whole, still and sharp, or if the decoder reads it
/// as a picture of its own, whichever comes first.
pub fn present(stage: &Stage, difficulty: Difficulty, number: u64) -> Lag {
    let presentation = stage.presentation(difficulty, number, START).unwrap();
    let mut watching = Decoder::new();
    for moment in stage.idle(0, number).take(20) {
        assert!(watching.watch(&frame(moment, 0)).codes().is_empty());
    }
    lag(&presentation, &mut watching)
}

fn lag(presentation: &Presentation, watching: &mut Decoder) -> Lag {
    let mut still = Decoder::new();
    let (mut readable, mut slowest) = (None, Duration::ZERO);
    for (number, moment) in (0..).zip(presentation.moments()) {
        let frame = frame(moment.frame, number);
        let watched = watching.watch(&frame);
        slowest = slowest.max(watched.elapsed);
        if readable.is_none() {
            let read = still.decode(&frame);
            let is_readable = moment.sight == Sight::Readable || !read.codes().is_empty();
            readable = is_readable.then_some(number);
        }
        if let Some(code) = watched.codes().first() {
            assert_eq!(code.text().as_deref(), Some(presentation.text()));
            let first = readable.unwrap_or(number);
            return Lag {
                frames: Some(number - first),
                slowest,
            };
        }
    }
    Lag {
        frames: None,
        slowest,
    }
}

/// A rendered picture as the frame of this number.
pub fn frame(picture: GrayImage, number: u32) -> Frame {
    let (width, height) = picture.dimensions();
    Frame::new(width, height, picture.into_raw(), frame_time(START, number)).unwrap()
}
