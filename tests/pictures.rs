//! The decoder on real pictures: what it reads of them may not fall, and `faregate bench decode` counts
//! it. `tests/pictures/README.md` says where they are from and how to raise the floor.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use fare_protocol::UnixMs;
use faregate::bench::decode::{self, Outcome};
use faregate::frame::picture;
use faregate::replay::Manifest;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// `floor.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Floor {
    read_min: usize,
    wrong_text_max: usize,
}

/// How many pictures there are, were read, and were read wrong.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    pictures: usize,
    read: usize,
    wrong: usize,
}

impl Counts {
    fn add(&mut self, outcome: Outcome) {
        self.pictures += 1;
        self.read += usize::from(outcome == Outcome::Read);
        self.wrong += usize::from(outcome == Outcome::Wrong);
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pictures")
}

/// Shows every picture to the gate's decoder once.
fn count_by_set() -> BTreeMap<String, Counts> {
    let manifest = Manifest::read(&folder().join("manifest.csv")).unwrap();
    let mut decoder = decode::ours();
    let mut sets: BTreeMap<String, Counts> = BTreeMap::new();
    for entry in manifest.entries() {
        let frame = picture::read(&folder().join(&entry.file), UnixMs(0))
            .unwrap_or_else(|why| panic!("manifest.csv:{}: {}: {why}", entry.line, entry.file));
        let codes = decoder.read(&frame);
        let outcome = Outcome::of(Some(&codes), &entry.expectation.reading);
        sets.entry(entry.set.clone()).or_default().add(outcome);
    }
    sets
}

#[test]
fn no_fewer_pictures_are_read_than_before() {
    let floor: Floor =
        toml::from_str(&fs::read_to_string(folder().join("floor.toml")).unwrap()).unwrap();
    let mut all = Counts::default();
    let mut report = String::new();
    for (set, counts) in count_by_set() {
        let Counts {
            pictures,
            read,
            wrong,
        } = counts;
        writeln!(
            report,
            "{set:<24} {read:>3} of {pictures:>3} read, {wrong} wrong"
        )
        .unwrap();
        all.pictures += pictures;
        all.read += read;
        all.wrong += wrong;
    }
    writeln!(report, "{all:?}; {floor:?}").unwrap();
    println!("{report}");
    assert!(all.pictures >= 300, "pictures are missing\n{report}");
    assert!(all.read >= floor.read_min, "fewer are read\n{report}");
    assert!(
        all.wrong <= floor.wrong_text_max,
        "more are read wrong\n{report}"
    );
}

/// `faregate bench decode` over the five pictures of the replay test.
fn bench_decode(flag: Option<&str>) -> Output {
    Command::new(env!("CARGO_BIN_EXE_faregate"))
        .args(["bench", "decode"])
        .args(flag)
        .arg(folder().join("replay/manifest.csv"))
        .output()
        .unwrap()
}

#[test]
fn bench_decode_counts_what_is_read() {
    let plain = bench_decode(None);
    assert_eq!(plain.status.code(), Some(0), "{plain:?}");
    let tables = String::from_utf8(plain.stdout).unwrap();
    assert!(tables.starts_with("5 pictures."), "{tables}");
    let ours = tables.lines().find(|line| line.starts_with("faregate "));
    let ours: Vec<_> = ours.unwrap().split_whitespace().collect();
    assert_eq!(ours[..4], ["faregate", "3", "0", "0"], "{tables}");

    let json = bench_decode(Some("--json"));
    let figures: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(figures["decoders"], serde_json::json!(["faregate"]));
    assert_eq!(figures["with_code"]["tallies"][0]["read"], 3, "{figures}");
    assert_eq!(figures["without_code"]["pictures"], 2, "{figures}");
    assert!(figures["noise"]["tallies"][0]["cpu_ms"]["p50"].as_f64() > Some(0.0));
    let first = &figures["pictures"][0];
    assert_eq!(first["file"], "code128.png");
    assert_eq!(first["looks"][0]["outcome"], "nothing");
}

#[cfg(not(feature = "peers"))]
#[test]
fn a_build_without_peers_says_how_to_get_them() {
    let refused = bench_decode(Some("--peers"));
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    let why = String::from_utf8(refused.stderr).unwrap();
    assert!(why.contains("make bench-decode MANIFEST="), "{why}");
}
