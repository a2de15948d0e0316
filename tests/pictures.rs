//! The decoder on real pictures: what it reads of them may not fall. `tests/pictures/README.md` says
//! where they are from and how to raise the floor.
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
