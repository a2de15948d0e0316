//! Tests of a whole replay without a lane: a folder played, compared and counted.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::clock::Stopwatch;
use crate::decode::Decoder;
use crate::frame::{FrameSource, SourceError, SourceItem, Timing, open_recording};
use crate::replay::summary::Summary;
use image::{GrayImage, Luma};
use std::fs;
use std::path::Path;

fn save_code(path: &Path, content: &str) {
    let code = fast_qr::QRBuilder::new(content).build().unwrap();
    let side = (code.size as u32 + 8) * 4;
    let module = |at: u32| {
        (at / 4)
            .checked_sub(4)
            .map(|at| at as usize)
            .filter(|&at| at < code.size)
    };
    GrayImage::from_fn(side, side, |x, y| match (module(x), module(y)) {
        (Some(x), Some(y)) if code[y][x].value() => Luma([0]),
        _ => Luma([255]),
    })
    .save(path)
    .unwrap();
}

/// Decodes every frame of a source without a lane.
fn decode_only(
    source: &mut dyn FrameSource,
    decoder: &mut Decoder,
    mut collector: Collector,
) -> Result<ReplayOutcome, SourceError> {
    let watch = Stopwatch::start();
    while let Some(item) = source.next_frame()? {
        match item {
            SourceItem::Frame { name, frame } => {
                let decoded = decoder.decode(&frame);
                collector.frame(&name, &frame, decoded, None);
                source.reuse(frame.into_luma());
            }
            SourceItem::Skipped { name, why } => {
                collector.skipped(&name, why);
            }
        }
    }
    Ok(collector.finish(watch.elapsed()))
}

#[test]
fn a_folder_is_played_compared_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    save_code(&path("1-right.png"), "one");
    save_code(&path("2-wrong.png"), "two");
    save_code(&path("3-unlisted.png"), "three");
    GrayImage::new(64, 48).save(path("4-black.png")).unwrap();
    fs::write(path("5-cut.png"), b"\x89PNG\r\n\x1a\n").unwrap();
    fs::write(path("6-cut.png"), b"").unwrap();
    let manifest = "file,expected,kind\n\
                    1-right.png,\"[\"\"one\"\"]\",qr\n2-wrong.png,\"[\"\"zwei\"\"]\",qr\n\
                    4-black.png,[],neg\n5-cut.png,[],qr\n7-gone.png,[],qr\n";
    fs::write(path("manifest.csv"), manifest).unwrap();

    let manifest = Manifest::read(&path("manifest.csv")).unwrap();
    let mut source = open_recording(dir.path(), Timing::default()).unwrap();
    let collector = Collector::new("folder", Some(manifest));
    let outcome = decode_only(source.as_mut(), &mut Decoder::new(), collector).unwrap();

    let summary = Summary::of(&outcome);
    assert_eq!(
        (summary.frames, summary.skipped, summary.decoded),
        (4, 2, 3)
    );
    let differences: Vec<_> = outcome
        .differences()
        .into_iter()
        .map(|d| format!("{}: {}", d.name, d.what))
        .collect();
    assert_eq!(differences.len(), 3, "{differences:?}");
    assert_eq!(differences[0], "2-wrong.png: expected zwei, read two");
    assert!(differences[1].starts_with("5-cut.png: skipped: it is not a readable"));
    assert!(differences[2].starts_with("7-gone.png: the manifest names it"));
    assert_eq!(
        outcome.comparison.as_ref().unwrap().unlisted,
        ["3-unlisted.png"]
    );
    let pictured = outcome
        .frames
        .iter()
        .filter(|frame| frame.thumbnail.is_some());
    assert_eq!(
        pictured
            .map(|frame| frame.name.as_str())
            .collect::<Vec<_>>(),
        ["2-wrong.png"]
    );
}

#[test]
fn only_the_first_failures_keep_a_thumbnail() {
    let mut collector = Collector::new("many", None);
    let frame = Frame::new(2, 2, vec![0; 4], fare_protocol::UnixMs(0)).unwrap();
    let nothing = crate::decode::NothingRead::Panicked {
        what: "x".to_owned(),
    };
    for number in 0..=THUMBNAILS_MAX as u64 {
        let decoded = Decoded {
            read: Err(nothing.clone()),
            elapsed: Duration::ZERO,
        };
        collector.frame(&FrameName::Number(number), &frame, decoded, None);
    }
    let outcome = collector.finish(Duration::ZERO);
    let kept = outcome
        .frames
        .iter()
        .filter(|frame| frame.thumbnail.is_some())
        .count();
    assert_eq!(
        (outcome.frames.len(), kept),
        (THUMBNAILS_MAX + 1, THUMBNAILS_MAX)
    );
    assert_eq!(outcome.frames.last().unwrap().name, "frame-000200");
}
