//! Tests of decoding: codes of our own making, empty pictures, contained panics.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use fare_protocol::UnixMs;
use proptest::prelude::*;

fn frame(width: u32, height: u32, luma: Vec<u8>) -> Frame {
    Frame::new(width, height, luma, UnixMs(0)).unwrap()
}

/// Draws codes on white, each given as text, left edge, top edge and pixels per module.
fn drawn(width: u32, height: u32, codes: &[(&str, u32, u32, u32)]) -> Frame {
    let mut luma = vec![230; (width * height) as usize];
    for &(text, left, top, module_px) in codes {
        let code = fast_qr::QRBuilder::new(text).build().unwrap();
        let side_px = code.size as u32 * module_px;
        for (y, x) in (0..side_px).flat_map(|y| (0..side_px).map(move |x| (y, x))) {
            if code[(y / module_px) as usize][(x / module_px) as usize].value() {
                luma[((top + y) * width + left + x) as usize] = 20;
            }
        }
    }
    frame(width, height, luma)
}

#[test]
fn a_code_is_read_with_its_place_and_version() {
    let decoded = Decoder::new().decode(&drawn(320, 240, &[("FG1:HELLO", 60, 40, 5)]));
    let [code] = decoded.codes() else {
        panic!("{decoded:?}")
    };
    assert_eq!(
        (code.text().as_deref(), code.version),
        (Some("FG1:HELLO"), 1)
    );
    for ((x, y), (want_x, want_y)) in
        code.corners
            .into_iter()
            .zip([(60, 40), (165, 40), (165, 145), (60, 145)])
    {
        assert!(
            x.abs_diff(want_x) <= 8 && y.abs_diff(want_y) <= 8,
            "{:?}",
            code.corners
        );
    }
    assert!(code.area_px.abs_diff(105 * 105) < 2_000, "{}", code.area_px);
    assert!(decoded.elapsed > Duration::ZERO);
}

#[test]
fn of_several_codes_the_nearest_comes_first() {
    let codes = [
        ("small", 20, 20, 3),
        ("large", 220, 60, 8),
        ("middle", 20, 200, 5),
    ];
    let decoded = Decoder::new().decode(&drawn(480, 360, &codes));
    let texts: Vec<_> = decoded.codes().iter().filter_map(QrContent::text).collect();
    assert_eq!(texts, ["large", "middle", "small"]);
}

#[test]
fn an_empty_picture_has_no_finder_whatever_its_size() {
    let mut decoder = Decoder::new();
    for (width, height) in [(1, 1), (1, 9), (9, 1), (7, 7), (640, 480)] {
        for shade in [0, 128, 255] {
            let picture = frame(width, height, vec![shade; (width * height) as usize]);
            assert_eq!(decoder.decode(&picture).read, Err(NothingRead::Nothing));
        }
    }
    assert_eq!(decoder.panics(), 0);
}

#[test]
fn a_code_torn_apart_is_seen_and_not_read() {
    let whole = drawn(320, 240, &[("FG1:HELLO WORLD", 60, 40, 5)]);
    let mut luma = whole.into_luma();
    // The data part between the finder patterns turns black and white in stripes.
    for y in 80..145_usize {
        for x in 100..165 {
            luma[y * 320 + x] = if x / 5 % 2 == 0 { 20 } else { 230 };
        }
    }
    let decoded = Decoder::new().decode(&frame(320, 240, luma));
    let Err(nothing) = decoded.read else {
        panic!("{decoded:?}")
    };
    assert_eq!(nothing, NothingRead::Unread(Unread::Damaged));
}

#[test]
fn a_panic_is_contained_counted_and_the_next_frame_is_read() {
    let mut decoder = Decoder::new();
    for count in 1..=3 {
        let decoded = decoder.decode_with(|_| panic!("assertion failed: x <= i32::MAX as f64"));
        let Err(NothingRead::Panicked { what }) = decoded.read else {
            panic!("{:?}", decoded.read)
        };
        assert!(
            what.starts_with("assertion failed: x <= i32::MAX as f64 (tests.rs:"),
            "{what}"
        );
        assert_eq!(decoder.panics(), count);
        let next = decoder.decode(&drawn(160, 160, &[("next", 20, 20, 4)]));
        assert_eq!(next.codes()[0].text().as_deref(), Some("next"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_picture_gets_a_panic_out(
        width in 1_u32..80,
        noise in prop::collection::vec(prop::sample::select(vec![0_u8, 255]), 80..4_000)
    ) {
        let height = noise.len() as u32 / width;
        let luma = noise[..(width * height) as usize].to_vec();
        let decoded = Decoder::new().decode(&frame(width, height, luma));
        prop_assert!(decoded.codes().len() < 50);
    }
}
