//! How soon a code is read that a hand brings to the glass, and what an idle gate costs. Prints a table;
//! `cargo run --release --example stream -- 300` for so many presentations of each kind.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measuring tool")]

#[path = "../tests/common/stream.rs"]
mod stream;

use fare_sim::shot::{Difficulty, FrameSize};
use faregate::decode::Decoder;
use std::time::Duration;

fn main() {
    let count: u64 = std::env::args()
        .nth(1)
        .map_or(100, |count| count.parse().unwrap());
    println!(
        "{count} presentations of each kind at 30 frames a second; frames from the first readable to the first read"
    );
    println!("kind                 read     0     1   2-3    4+   slowest look");
    for size in [FrameSize::VGA, FrameSize::HD] {
        let stage = stream::stage(81, size);
        for difficulty in [Difficulty::Easy, Difficulty::Medium, Difficulty::Hard] {
            let lags: Vec<_> = (0..count)
                .map(|number| stream::present(&stage, difficulty, number))
                .collect();
            let within = |from: u32, to: u32| {
                let fits = |lag: &&stream::Lag| {
                    lag.frames
                        .is_some_and(|frames| (from..=to).contains(&frames))
                };
                lags.iter().filter(fits).count()
            };
            let slowest = lags.iter().map(|lag| lag.slowest).max().unwrap_or_default();
            println!(
                "{:<20} {:>4} {:>5} {:>5} {:>5} {:>5}   {:.1} ms",
                format!("{difficulty} {size}"),
                within(0, u32::MAX),
                within(0, 0),
                within(1, 1),
                within(2, 3),
                within(4, u32::MAX),
                slowest.as_secs_f64() * 1e3
            );
        }
        for walkers in [0, 3] {
            let mut decoder = Decoder::new();
            let looks: Vec<Duration> = (0..)
                .zip(stage.idle(walkers, 5).take(600))
                .map(|(number, picture)| decoder.watch(&stream::frame(picture, number)).elapsed)
                .skip(15)
                .collect();
            let mean = looks.iter().sum::<Duration>().as_secs_f64() * 1e3 / looks.len() as f64;
            println!(
                "idle {size}, {walkers} walkers: {mean:.3} ms a frame, {:.2} % of a core at 30 a second",
                mean * 3.0
            );
        }
    }
}
