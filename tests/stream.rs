//! The decoder as it watches a gate: codes are read as soon as they can be, and an empty hall is left
//! alone. `cargo run --release --example stream` prints the same over hundreds of presentations.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "common/stream.rs"]
mod stream;

use fare_sim::shot::{Difficulty, FrameSize};
use faregate::decode::{Decoder, NothingRead};

#[test]
fn a_code_is_read_within_a_frame_of_being_readable() {
    let stage = stream::stage(71, FrameSize::VGA);
    for number in 0..8 {
        let lag = stream::present(&stage, Difficulty::Easy, number);
        assert!(
            lag.frames.is_some_and(|frames| frames <= 1),
            "{number}: {:?}",
            lag.frames
        );
    }
}

#[test]
fn the_usual_rider_is_read_too() {
    let stage = stream::stage(72, FrameSize::VGA);
    for number in 0..8 {
        let lag = stream::present(&stage, Difficulty::Medium, number);
        assert!(
            lag.frames.is_some_and(|frames| frames <= 3),
            "{number}: {:?}",
            lag.frames
        );
    }
}

#[test]
fn a_code_that_was_there_from_the_first_frame_is_read_in_every_frame() {
    let stage = stream::stage(73, FrameSize::VGA);
    let sample = stage
        .gate_frame(
            Difficulty::Easy,
            3,
            fare_protocol::UnixMs(1_780_000_000_000),
        )
        .unwrap();
    let mut decoder = Decoder::new();
    for number in 0..40 {
        let decoded = decoder.watch(&stream::frame(sample.frame.clone(), number));
        assert_eq!(decoded.codes().len(), 1, "frame {number}");
    }
}

#[test]
fn an_empty_hall_is_nothing_however_its_lamps_flicker() {
    let stage = stream::stage(74, FrameSize::VGA);
    let mut decoder = Decoder::new();
    for (number, picture) in (0..).zip(stage.idle(2, 1).take(60)) {
        let decoded = decoder.watch(&stream::frame(picture, number));
        assert_eq!(decoded.read, Err(NothingRead::Nothing), "frame {number}");
    }
}
