//! Every seed of the fuzz targets through the functions that are fuzzed; `make fuzz` goes on from there.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[allow(unreachable_pub)]
#[path = "../fuzz/src/lib.rs"]
mod targets;

use std::fs;
use std::path::Path;

/// Runs a target on each of its seeds; how many there were.
fn run(target: &str, run: fn(&[u8])) -> usize {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/seeds")
        .join(target);
    let mut count = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        run(&fs::read(entry.unwrap().path()).unwrap());
        count += 1;
    }
    count
}

#[test]
fn frames_of_the_seeds_are_survived() {
    assert!(run("decode_frame", targets::decode_frame) >= 9);
}

#[test]
fn contents_of_the_seeds_are_survived() {
    assert!(run("payload", targets::payload) >= 16);
}

#[test]
fn bytes_too_few_for_a_picture_are_passed_over() {
    for length in 0..8 {
        for first in [0, 1] {
            let mut bytes = vec![255; length];
            bytes.iter_mut().take(1).for_each(|byte| *byte = first);
            targets::decode_frame(&bytes);
            targets::payload(&bytes);
        }
    }
}
