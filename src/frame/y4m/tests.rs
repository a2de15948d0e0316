//! Tests of the Y4M reader: layouts, times, hostile headers, cut streams.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use proptest::prelude::*;

fn recorded() -> Times {
    Times::Recorded(Timing {
        start: UnixMs(1_000),
        rate: FrameRate::new(10.0).unwrap(),
    })
}

fn stream(bytes: &[u8]) -> Result<Y4m<&[u8]>, String> {
    Y4m::new(bytes, "cam.y4m", recorded()).map_err(|error| error.to_string())
}

/// Each item as one line of text, up to the end or the error.
fn play<R: Read + Send>(mut stream: Y4m<R>) -> Vec<String> {
    let mut seen = Vec::new();
    loop {
        seen.push(match stream.next_frame() {
            Ok(Some(SourceItem::Frame { name, frame })) => {
                let luma = String::from_utf8_lossy(frame.luma());
                format!(
                    "{name} @{} {}×{} {luma}",
                    frame.captured_at(),
                    frame.width(),
                    frame.height()
                )
            }
            Ok(Some(SourceItem::Skipped { name, why })) => format!("{name} skipped: {why}"),
            Ok(None) => return seen,
            Err(error) => error.to_string(),
        });
    }
}

#[test]
fn every_chroma_layout_is_passed_over() {
    for (chroma, len) in [
        ("Cmono", 0),
        ("", 4),
        ("C420", 4),
        ("C420jpeg", 4),
        ("C420mpeg2", 4),
        ("C420paldv", 4),
        ("C411", 2),
        ("C422", 4),
        ("C444", 6),
        ("C444alpha", 9),
    ] {
        let mut bytes = format!("YUV4MPEG2 W3 H1 {chroma}\n").into_bytes();
        for _ in 0..2 {
            bytes.extend_from_slice(b"FRAME\nabc");
            bytes.extend(std::iter::repeat_n(b'-', len));
        }
        let want = ["frame-000000 @1000 3×1 abc", "frame-000001 @1100 3×1 abc"];
        assert_eq!(play(stream(&bytes).unwrap()), want, "{chroma}");
    }
}

#[test]
fn the_streams_own_rate_goes_before_and_unknown_parameters_are_passed_over() {
    let bytes = b"YUV4MPEG2 W1 H1 F25:1 Ip A1:1 Cmono XCOLORRANGE=FULL\nFRAME Ixyz\na\x46RAME\nb";
    let want = ["frame-000000 @1000 1×1 a", "frame-000001 @1040 1×1 b"];
    assert_eq!(play(stream(bytes).unwrap()), want);
    let bytes = b"YUV4MPEG2 W1 H1 F0:0 Cmono\nFRAME\na\x46RAME\nb";
    assert_eq!(play(stream(bytes).unwrap())[1], "frame-000001 @1100 1×1 b");
}

#[test]
fn a_live_stream_is_stamped_by_the_clock() {
    let times = Times::Arrival(|| UnixMs(42));
    let bytes = b"YUV4MPEG2 W1 H1 F25:1 Cmono\nFRAME\na\x46RAME\nb";
    let seen = play(Y4m::new(&bytes[..], "-", times).unwrap());
    assert_eq!(seen, ["frame-000000 @42 1×1 a", "frame-000001 @42 1×1 b"]);
}

#[test]
fn a_hostile_header_is_refused_with_the_wrong_part_named() {
    let long = format!("YUV4MPEG2 W1 H1 X{}\n", "x".repeat(HEADER_BYTES_MAX));
    for (header, why) in [
        ("", "it is empty"),
        ("YUV4MPEG2 W640 H480", "it ends inside a header line"),
        (&long, "a header line of more than 512 bytes"),
        ("RIFF\n", "expected YUV4MPEG2 first, got \"RIFF\""),
        ("\n", "expected YUV4MPEG2 first, got \"\""),
        ("YUV4MPEG2\n", "the width parameter W is missing"),
        ("YUV4MPEG2 W640\n", "the height parameter H is missing"),
        ("YUV4MPEG2 W-1 H480\n", "W-1 is no number of pixels"),
        ("YUV4MPEG2 W H480\n", "W is no number of pixels"),
        (
            "YUV4MPEG2 W0 H480\n",
            "a frame of 0×480 px; each side must be 1 to 8192",
        ),
        (
            "YUV4MPEG2 W4294967295 H4294967295\n",
            "a frame of 4294967295×4294967295 px; each side",
        ),
        (
            "YUV4MPEG2 W99999999999 H1\n",
            "W99999999999 is no number of pixels",
        ),
        (
            "YUV4MPEG2 W1 H1 F30\n",
            "F30 is no frame rate, expected one such as F30:1",
        ),
        ("YUV4MPEG2 W1 H1 F30:0\n", "F30:0 is no frame rate"),
        (
            "YUV4MPEG2 W1 H1 C420p10\n",
            "C420p10 is not read; expected 8-bit Cmono, C420",
        ),
        ("YUV4MPEG2 W1 H1 Cmono é\u{0}\n", ""),
    ] {
        let got = stream(header.as_bytes()).err().unwrap_or_default();
        assert!(
            got.contains(why) && (why.is_empty() == got.is_empty()),
            "{header:?}: {got}"
        );
        assert!(
            got.is_empty() || got.starts_with("cam.y4m is not a Y4M stream"),
            "{got}"
        );
    }
}

#[test]
fn a_stream_that_breaks_off_skips_the_cut_frame_and_ends() {
    let whole = b"YUV4MPEG2 W2 H2 C420\nFRAME\nabcdUVFRAME\nefghUV";
    let first = "frame-000000 @1000 2×2 abcd".to_owned();
    let cut_text =
        "frame-000001 skipped: the stream breaks off inside the frame; the stream ends here";
    let boundary = whole.len() - 12;
    for end in boundary..whole.len() {
        let seen = play(stream(&whole[..end]).unwrap());
        let want = if end == boundary {
            vec![first.clone()]
        } else {
            vec![first.clone(), cut_text.to_owned()]
        };
        assert_eq!(seen, want, "cut at {end}");
    }
}

#[test]
fn a_stream_out_of_step_is_named_and_ends() {
    let bytes = b"YUV4MPEG2 W1 H1 Cmono\nFRAMED\nabc";
    let want = "frame-000000 skipped: expected a line FRAME, got \"FRAMED\"; the stream ends here";
    assert_eq!(play(stream(bytes).unwrap()), [want]);
    let mut bytes = b"YUV4MPEG2 W1 H1 Cmono\n".to_vec();
    bytes.resize(2_000, b'x');
    let want = "frame-000000 skipped: a frame line of more than 512 bytes; the stream ends here";
    assert_eq!(play(stream(&bytes).unwrap()), [want]);
}

#[test]
fn a_reader_that_fails_is_an_error_once_and_then_the_end() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("unplugged"))
        }
    }
    let reader = (&b"YUV4MPEG2 W1 H1 Cmono\nFRAME\na"[..]).chain(Failing);
    let seen = play(Y4m::new(reader, "/dev/cam", recorded()).unwrap());
    assert_eq!(
        seen,
        [
            "frame-000000 @1000 1×1 a",
            "cannot read /dev/cam: unplugged"
        ]
    );
}

#[test]
fn a_file_knows_how_many_frames_it_has_and_a_cut_one_counts() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.y4m");
    for (frames, total) in [(&b""[..], 0), (b"FRAME\nab", 1), (b"FRAME\nabFRAME\na", 2)] {
        let bytes = [b"YUV4MPEG2 W2 H1 Cmono\n", frames].concat();
        std::fs::write(&path, bytes).unwrap();
        let stream = open(&path, recorded()).unwrap();
        assert_eq!(stream.total(), Some(total));
        assert_eq!(play(stream).len() as u64, total);
    }
    assert_eq!(stream(b"YUV4MPEG2 W2 H1 Cmono\n").unwrap().total(), None);
}

#[test]
fn a_returned_buffer_is_filled_again_whatever_its_size() {
    let mut stream = stream(b"YUV4MPEG2 W2 H1 Cmono\nFRAME\nabFRAME\ncd").unwrap();
    for (buffer, luma) in [(vec![9; 700], b"ab"), (vec![], b"cd")] {
        stream.reuse(buffer);
        let item = stream.next_frame().unwrap();
        let Some(SourceItem::Frame { frame, .. }) = item else {
            panic!("{item:?}")
        };
        assert_eq!(frame.luma(), luma);
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic_or_go_on_forever(
        header in "(YUV4MPEG2)?( [WHFCIAX][0-9:a-z-]{0,6}){0,5}\n?",
        rest in prop::collection::vec(any::<u8>(), 0..200)
    ) {
        let bytes = [header.as_bytes(), &rest].concat();
        if let Ok(stream) = stream(&bytes) {
            prop_assert!(play(stream).len() <= bytes.len());
        }
    }

    #[test]
    fn whole_frames_come_back_as_they_were(
        (width, height) in (1_usize..9, 1_usize..9),
        frames in prop::collection::vec(any::<u8>(), 0..5)
    ) {
        let mut bytes = format!("YUV4MPEG2 W{width} H{height} Cmono\n").into_bytes();
        for shade in &frames {
            bytes.extend_from_slice(b"FRAME\n");
            bytes.extend(std::iter::repeat_n(*shade, width * height));
        }
        let mut stream = stream(&bytes).unwrap();
        for shade in frames {
            let Some(SourceItem::Frame { frame, .. }) = stream.next_frame().unwrap() else {
                return Err(TestCaseError::fail("a frame is lost"));
            };
            prop_assert!(frame.luma().iter().all(|&luma| luma == shade));
        }
        prop_assert!(stream.next_frame().unwrap().is_none());
    }
}
