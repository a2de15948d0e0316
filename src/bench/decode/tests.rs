//! Tests of the figures, with decoders whose answers are known.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use image::{GrayImage, Luma};
use std::path::Path;

/// Three grey pictures told apart by their luma, and a manifest of them.
fn pictures(folder: &Path, manifest: &str) -> PathBuf {
    for luma in [10, 20, 30] {
        GrayImage::from_pixel(8, 8, Luma([luma]))
            .save(folder.join(format!("{luma}.png")))
            .unwrap();
    }
    let path = folder.join("manifest.csv");
    std::fs::write(&path, manifest).unwrap();
    path
}

/// A decoder that reads `text` in pictures of this luma, and nothing elsewhere.
fn reads(name: &'static str, luma: u8, text: &'static str) -> Contender {
    Contender::new(name, move |frame| {
        let seen = frame.luma()[0] == luma;
        seen.then(|| text.as_bytes().to_vec()).into_iter().collect()
    })
}

const MANIFEST: &str = "file,set,kind,expected\n\
                        10.png,a,qr,\"[\"\"x\"\",\"\"one\"\"]\"\n\
                        20.png,b,qr,[]\n\
                        30.png,a,neg-scene,[]\n";

fn figures(contenders: &mut [Contender]) -> DecodeFigures {
    let folder = tempfile::tempdir().unwrap();
    let manifest = pictures(folder.path(), MANIFEST);
    let mut seen = Vec::new();
    let figures = decode(&[manifest], contenders, &mut |done, of| {
        seen.push((done, of));
    })
    .unwrap();
    let total = 3 + noise::FRAMES;
    let every: Vec<_> = (1..=total).map(|done| (done, total)).collect();
    assert_eq!(seen, every);
    figures
}

fn outcomes(row: &PictureRow) -> Vec<Outcome> {
    row.looks.iter().map(|look| look.outcome).collect()
}

#[test]
fn each_picture_is_judged_by_what_the_manifest_expects() {
    use Outcome::{Nothing, Panicked, Read, Wrong};
    let figures = figures(&mut [
        reads("ours", 10, "one"),
        reads("other", 10, "two"),
        reads("any", 20, "whatever"),
        reads("ghost", 30, "one"),
        Contender::new("fragile", |frame| {
            assert!(frame.luma()[0] != 20, "too much for me");
            Vec::new()
        }),
    ]);
    let rows: Vec<_> = figures.pictures.iter().map(outcomes).collect();
    assert_eq!(
        rows,
        [
            [Read, Wrong, Nothing, Nothing, Nothing],
            [Nothing, Nothing, Read, Nothing, Panicked],
            [Nothing, Nothing, Nothing, Wrong, Nothing],
        ]
    );
    let with_code = figures.with_code.unwrap();
    assert_eq!(
        (with_code.pictures, with_code.read_by_any_peer),
        (2, Some(1))
    );
    let best = with_code.best_peer.unwrap();
    assert_eq!((best.decoder, best.read), ("any", 1));
    let fragile = &with_code.tallies[4];
    assert_eq!((fragile.read, fragile.panicked), (0, 1));
    let without_code = figures.without_code.unwrap();
    assert_eq!(
        (without_code.pictures, without_code.tallies[3].wrong),
        (1, 1)
    );
    let sets: Vec<_> = figures
        .sets
        .iter()
        .map(|set| (&*set.name, set.pictures))
        .collect();
    assert_eq!(sets, [("a", 2), ("b", 1)]);
    assert_eq!(figures.noise.unwrap().pictures, noise::FRAMES);
}

#[test]
fn the_first_look_counts_and_the_others_are_timed() {
    let mut looks = 0;
    let once = Contender::new("once", move |_| {
        looks += 1;
        let first = (looks - 1) % (1 + TIMED_LOOKS) == 0;
        first.then(|| b"one".to_vec()).into_iter().collect()
    });
    let figures = figures(&mut [once]);
    assert_eq!(outcomes(&figures.pictures[0]), [Outcome::Read]);
    assert_eq!(outcomes(&figures.pictures[2]), [Outcome::Wrong]);
}

#[test]
fn medians_and_ratios_are_of_the_times_given() {
    let looks = |times_ms: [f64; 2]| {
        let look = |(decoder, cpu_ms)| Look {
            decoder,
            outcome: Outcome::Nothing,
            cpu_ms,
        };
        ["ours", "peer"]
            .into_iter()
            .zip(times_ms)
            .map(look)
            .collect()
    };
    let row = |has_code, times_ms| PictureRow {
        file: String::new(),
        set: "a".to_owned(),
        has_code,
        looks: looks(times_ms),
    };
    let rows = vec![
        row(true, [1.0, 2.0]),
        row(true, [9.0, 6.0]),
        row(true, [2.0, 4.0]),
        row(false, [3.0, 1.0]),
    ];
    let figures = DecodeFigures::of(vec!["ours", "peer"], rows, &[looks([5.0, 2.0])]);
    let with_code = figures.with_code.unwrap();
    let ours = with_code.tallies[0].cpu_ms;
    assert_eq!((ours.p50, ours.p95), (2.0, 9.0));
    assert_eq!(
        figures.ratios,
        [Ratio {
            peer: "peer",
            median: Some(0.5),
            p95: Some(1.5),
            empty_median: Some(3.0),
            noise_median: Some(2.5),
        }]
    );
}

#[test]
fn without_peers_there_is_nobody_to_compare_with() {
    let figures = figures(&mut [reads("ours", 10, "one")]);
    let with_code = figures.with_code.unwrap();
    assert_eq!(
        (with_code.best_peer, with_code.read_by_any_peer),
        (None, None)
    );
    assert_eq!(figures.ratios, []);
    assert_eq!(with_code.tallies[0].read, 1);
}

#[test]
fn a_manifest_that_cannot_be_measured_is_refused_with_its_line() {
    for (manifest, why) in [
        (
            "file,expected\n10.png,[]\ngone.png,[]\n",
            ":3: gone.png: cannot read it: No such file",
        ),
        (
            "file,expected\n10.png,[]\nmanifest.csv,[]\n",
            ":3: manifest.csv: it is not a readable",
        ),
        (
            "file,verdict\n10.png,admit\n",
            ":2: 10.png: nothing says what is in it",
        ),
        (
            "file,expected\n",
            ": no picture is listed below the first line",
        ),
        ("file,expected\n10.png\n", ":2: 1 fields, expected 2"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = pictures(folder.path(), manifest);
        let error = decode(&[path], &mut [], &mut |_, _| {})
            .unwrap_err()
            .to_string();
        assert!(error.contains(&format!("manifest.csv{why}")), "{error}");
    }
}
