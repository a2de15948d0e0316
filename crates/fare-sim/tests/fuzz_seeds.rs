//! Every seed of the fuzz targets through the functions that are fuzzed, and changed copies of each, made
//! from one number; `FUZZ_COPIES=100000` makes so many of each target. `make fuzz` goes on from there. Here
//! and not in the gate's tests, because the targets are of both programs.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[allow(unreachable_pub, dead_code)]
#[path = "../../../fuzz/src/lib.rs"]
mod targets;

use fare_sim::seed::Seed;
use std::fs;
use std::panic::catch_unwind;
use std::path::Path;
use targets::{TARGETS, Target};

/// Changed copies in all of one target's seeds; pictures take longer each.
const COPIES: usize = 3_000;
const COPIES_OF_PICTURES: usize = 60;

/// Longest copy, in bytes.
const LEN_MAX: usize = 8_192;

/// Bytes and words that decoders stumble over.
const WORDS: [&[u8]; 18] = [
    b"\x00",
    b"\xff",
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\x1b\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\x3b\x7f\xff\xff\xff\xff\xff\xff\xff",
    b"\x9f",
    b"\xbf",
    b"\x5f",
    b"\xf6",
    b"-1",
    b"9223372036854775807",
    b"18446744073709551616",
    b"1e999",
    b"nan",
    b"\"\\u0000\"",
    b"\n",
    b"\xc3",
];

/// The seeds of a target, in the order of their names.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds");
    let files = fs::read_dir(folder.join(target)).unwrap();
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// One to four changes to a copy of one of the seeds.
fn changed(seeds: &[Vec<u8>], chance: &mut Seed) -> Vec<u8> {
    let mut pick = |end: usize| usize::try_from(chance.below(end as u64)).unwrap();
    let mut copy = seeds[pick(seeds.len())].clone();
    for _ in 0..=pick(4) {
        let at = pick(copy.len() + 1);
        let until = (at + 1 + pick(16)).min(copy.len());
        match pick(6) {
            0 if at < copy.len() => copy[at] ^= 1 << pick(8),
            1 if at < copy.len() => copy[at] = u8::try_from(pick(256)).unwrap(),
            2 => drop(copy.splice(at..at, WORDS[pick(WORDS.len())].iter().copied())),
            3 => drop(copy.drain(at..until.max(at))),
            4 => copy.truncate(at),
            _ => {
                let other = &seeds[pick(seeds.len())];
                let from = pick(other.len() + 1);
                let to = (from + pick(64)).min(other.len());
                drop(copy.splice(at..at, other[from..to].iter().copied()));
            }
        }
    }
    copy.truncate(LEN_MAX);
    copy
}

fn survives(name: &str, target: Target, bytes: &[u8]) {
    if catch_unwind(|| target(bytes)).is_err() {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        panic!("the target {name} does not survive {hex}");
    }
}

fn run(name: &str, copies: usize) {
    let (_, target) = TARGETS
        .into_iter()
        .find(|(known, _)| *known == name)
        .unwrap();
    let seeds = seeds(name);
    assert!(seeds.len() >= 2, "{name} has no seeds");
    for seed in &seeds {
        survives(name, target, seed);
    }
    let asked = std::env::var("FUZZ_COPIES").ok();
    let copies = asked.map_or(copies, |asked| {
        asked.parse().expect("FUZZ_COPIES is a number")
    });
    let mut chance = Seed::new(1).fork(name, 0);
    for _ in 0..copies {
        survives(name, target, &changed(&seeds, &mut chance));
    }
}

#[test]
fn pictures_are_survived() {
    run("decode_frame", COPIES_OF_PICTURES);
    run("payload", COPIES_OF_PICTURES);
}

#[test]
fn signed_things_are_survived() {
    for name in [
        "bundle",
        "paper_code",
        "picture",
        "record",
        "ride_code",
        "voucher",
    ] {
        run(name, COPIES);
    }
}

#[test]
fn messages_are_survived() {
    for name in ["feed", "modbus", "scanner", "turnstile", "upload"] {
        run(name, COPIES);
    }
}

#[test]
fn files_are_survived() {
    for name in ["config", "tariff", "y4m"] {
        run(name, COPIES);
    }
}

#[test]
fn every_target_is_run_here_and_by_make() {
    let makefile = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Makefile");
    let makefile = fs::read_to_string(makefile).unwrap();
    let listed = makefile
        .lines()
        .find_map(|line| line.strip_prefix("FUZZ_TARGETS ?= "));
    let names = TARGETS.map(|(name, _)| name);
    assert_eq!(listed, Some(names.join(" ").as_str()));
    assert!(names.is_sorted());
    let here = include_str!("fuzz_seeds.rs");
    assert!(
        names
            .iter()
            .all(|name| here.contains(&format!("\"{name}\"")))
    );
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
