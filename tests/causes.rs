//! Why nothing is read, told on rendered frames whose cause is known.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use fare_protocol::UnixMs;
use fare_sim::seed::Seed;
use fare_sim::sets::{Cause, Stage};
use fare_sim::shot::FrameSize;
use faregate::decode::Decoder;
use faregate::frame::Frame;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Not among those that the limits were chosen on.
const SEED: u64 = 907;

/// Of each cause in each size; every kind of symbol and of empty scene comes up.
const FRAMES: u64 = 8;

const START: UnixMs = UnixMs(1_780_000_000_000);

/// How often each answer was given.
type Answers = BTreeMap<&'static str, u32>;

/// Answers to the frames of a cause that are not read.
fn answers(cause: Cause) -> Answers {
    let mut decoder = Decoder::new();
    let mut answers = Answers::new();
    for size in [FrameSize::VGA, FrameSize::HD] {
        let stage = Stage::new(&Seed::new(SEED), START, size);
        for number in 0..FRAMES {
            let sample = stage.cause_frame(cause, number, START).unwrap();
            let luma = sample.frame.into_raw();
            let frame = Frame::new(size.width, size.height, luma, START).unwrap();
            if let Err(why) = decoder.decode(&frame).read {
                *answers.entry(why.code()).or_default() += 1;
            }
        }
    }
    answers
}

#[test]
fn the_cause_is_told() {
    let all: Vec<(Cause, Answers)> = std::thread::scope(|scope| {
        let threads = Cause::ALL.map(|cause| (cause, scope.spawn(move || answers(cause))));
        threads
            .into_iter()
            .map(|(cause, thread)| (cause, thread.join().unwrap()))
            .collect()
    });
    let (mut table, mut total, mut right) = (String::new(), 0, 0);
    for (cause, answers) in &all {
        writeln!(table, "{:9} {answers:?}", cause.code()).unwrap();
        total += answers.values().sum::<u32>();
        right += answers.get(cause.code()).unwrap_or(&0);
    }
    println!("{table}{right} of {total} right");
    for (cause, answers) in &all {
        let unread: u32 = answers.values().sum();
        assert!(unread >= 5, "{} is read: {table}", cause.code());
        let right = answers.get(cause.code()).unwrap_or(&0);
        assert!(right * 10 >= unread * 8, "{}: {table}", cause.code());
    }
    assert!(right * 10 >= total * 9, "{table}");
}
