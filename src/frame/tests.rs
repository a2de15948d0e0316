//! Tests of frames, rates and the choice of source.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use proptest::prelude::*;
use std::fs;

#[test]
fn a_frame_holds_one_byte_for_each_pixel_and_has_a_possible_size() {
    let at = UnixMs(0);
    for (width, height, len, wrong) in [
        (1, 1, 1, ""),
        (FRAME_SIDE_PX_MAX, 1, FRAME_SIDE_PX_MAX as usize, ""),
        (0, 1, 0, "a frame of 0×1 px; each side must be 1 to 8192"),
        (
            1,
            8193,
            8193,
            "a frame of 1×8193 px; each side must be 1 to 8192",
        ),
        (
            u32::MAX,
            u32::MAX,
            1,
            "a frame of 4294967295×4294967295 px; each side must be 1 to 8192",
        ),
        (2, 3, 5, "5 bytes of luma for a frame of 2×3 px, expected 6"),
        (2, 3, 7, "7 bytes of luma for a frame of 2×3 px, expected 6"),
    ] {
        match Frame::new(width, height, vec![0; len], at) {
            Ok(frame) => assert_eq!((frame.luma().len(), wrong), (len, "")),
            Err(error) => assert_eq!(error.to_string(), wrong),
        }
    }
}

#[test]
fn frame_rates_are_read_and_bounded() {
    for text in ["30", "29.97", "0.01", "1000"] {
        assert_eq!(text.parse::<FrameRate>().unwrap().to_string(), text);
    }
    for text in ["0", "-1", "1001", "NaN", "inf", "fast", ""] {
        let error = text.parse::<FrameRate>().unwrap_err().to_string();
        assert!(
            error.contains("is no frame rate; give frames per second"),
            "{text}: {error}"
        );
    }
}

#[test]
fn frame_times_follow_the_rate_without_drift() {
    let ntsc = FrameRate::new(30_000.0 / 1001.0).unwrap();
    assert_eq!(
        FrameRate::default().time_of(UnixMs(1_000), 1),
        UnixMs(1_033)
    );
    assert_eq!(
        FrameRate::default().time_of(UnixMs(1_000), 30),
        UnixMs(2_000)
    );
    assert_eq!(ntsc.time_of(UnixMs(0), 30_000), UnixMs(1_001_000));
    assert_eq!(ntsc.time_of(UnixMs(i64::MAX), 9), UnixMs(i64::MAX));
}

#[test]
fn the_path_decides_the_kind_of_source() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    fs::write(path("a.Y4M"), b"YUV4MPEG2 W1 H1 Cmono\nFRAME\nx").unwrap();
    fs::write(path("notes.txt"), "text").unwrap();
    fs::create_dir(path("frames")).unwrap();
    image::GrayImage::new(1, 1)
        .save(path("frames/1.png"))
        .unwrap();
    let describe = |name: &str| match open_recording(&path(name), Timing::default()) {
        Ok(source) => source.describe(),
        Err(error) => error.to_string(),
    };
    assert!(
        describe("a.Y4M").starts_with("Y4M stream"),
        "{}",
        describe("a.Y4M")
    );
    assert!(
        describe("frames").starts_with("folder"),
        "{}",
        describe("frames")
    );
    assert!(describe("notes.txt").contains("does not end in .y4m; give a folder of PNG"));
    assert!(
        describe("gone").starts_with("cannot open"),
        "{}",
        describe("gone")
    );
}

#[test]
fn a_live_source_stamps_frames_when_they_arrive() {
    let dir = tempfile::tempdir().unwrap();
    image::GrayImage::new(1, 1)
        .save(dir.path().join("1.png"))
        .unwrap();
    let y4m = dir.path().join("a.y4m");
    fs::write(&y4m, b"YUV4MPEG2 W1 H1 Cmono\nFRAME\nx").unwrap();
    let before = clock::now();
    for path in [dir.path(), &y4m] {
        let mut source = open_live(path, FrameRate::default()).unwrap();
        let Some(SourceItem::Frame { frame, .. }) = source.next_frame().unwrap() else {
            panic!("no frame from {}", source.describe());
        };
        assert!(frame.captured_at() >= before);
    }
}

proptest! {
    #[test]
    fn sizes_and_buffers_never_disagree(width: u32, height: u32, len in 0_usize..64) {
        if let Ok(frame) = Frame::new(width % 9, height % 9, vec![0; len], UnixMs(0)) {
            prop_assert_eq!(frame.luma().len() as u32, frame.width() * frame.height());
        }
    }
}
