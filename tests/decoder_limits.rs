//! The decoder on frames that no camera should send: any size, any content, never a panic, and never
//! more memory than it may take. `examples/hostile-frames.rs` measures how long such frames take.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use allocation_counter::{AllocationInfo, measure};
use fare_protocol::UnixMs;
use fare_sim::seed::Seed;
use fare_sim::sets::{Burden, Hostile};
use fare_sim::symbol::Symbol;
use faregate::decode::{Decoded, Decoder, NothingRead};
use faregate::frame::{FRAME_SIDE_PX_MAX, Frame};
use image::{GrayImage, Luma};
use proptest::prelude::*;

/// The decoder's own memory, beside the frame.
const BYTES_MAX: u64 = 64 << 20;

const LARGEST: (u32, u32) = (7680, 4320);

fn frame(picture: GrayImage) -> Frame {
    let (width, height) = picture.dimensions();
    Frame::new(width, height, picture.into_raw(), UnixMs(0)).unwrap()
}

/// Shows a frame to the decoder: what it read, and the memory that took.
fn watched(decoder: &mut Decoder, frame: &Frame) -> (Decoded, AllocationInfo) {
    let mut decoded = None;
    let memory = measure(|| decoded = Some(decoder.decode(frame)));
    (decoded.unwrap(), memory)
}

/// Data codewords of a short text in byte mode, for versions 1 to 9.
fn said(text: &[u8]) -> Vec<u8> {
    let after_mode = [&[text.len() as u8][..], text, &[0]].concat();
    let before = std::iter::once(&4).chain(&after_mode);
    let pairs = before.zip(&after_mode);
    pairs
        .map(|(before, byte)| before << 4 | byte >> 4)
        .collect()
}

/// Sizes at which something in the decoder begins or ends: blocks, halves, words of eight.
fn sides() -> impl Iterator<Item = (u32, u32)> {
    const SIDES: [u32; 13] = [1, 2, 3, 5, 7, 8, 9, 17, 47, 48, 49, 96, 200];
    SIDES
        .into_iter()
        .flat_map(|w| SIDES.into_iter().map(move |h| (w, h)))
}

#[test]
fn hostile_frames_of_every_small_size_are_survived() {
    let mut decoder = Decoder::new();
    for (width, height) in sides() {
        let mut seed = Seed::new(u64::from(width * 1_000 + height));
        for kind in Hostile::ALL {
            decoder.decode(&frame(kind.frame(width, height, &mut seed)));
        }
        for kind in Burden::ALL {
            decoder.decode(&frame(kind.frame(width, height, &mut seed)));
        }
        assert_eq!(decoder.panics(), 0, "{width}x{height}");
    }
}

#[test]
fn hostile_frames_of_a_camera_are_survived() {
    let mut decoder = Decoder::new();
    for seed in 0..4 {
        for kind in Hostile::ALL {
            let hostile = frame(kind.frame(640, 480, &mut Seed::new(seed)));
            assert_eq!(decoder.decode(&hostile).codes(), [], "{kind:?} {seed}");
        }
        for kind in Burden::ALL {
            let burden = frame(kind.frame(640, 480, &mut Seed::new(seed)));
            let decoded = decoder.decode(&burden);
            assert_eq!(decoder.panics(), 0, "{kind:?} {seed}");
            let may_read = kind == Burden::Codes;
            assert!(may_read || decoded.codes().is_empty(), "{kind:?} {seed}");
        }
    }
}

#[test]
fn checkerboards_and_stripes_of_every_width_are_survived() {
    let mut decoder = Decoder::new();
    for px in 1..=9 {
        let board = |x: u32, y: u32| (x / px + y / px).is_multiple_of(2);
        let across = |x: u32, _: u32| (x / px).is_multiple_of(2);
        let down = |_: u32, y: u32| (y / px).is_multiple_of(2);
        let patterns: [&dyn Fn(u32, u32) -> bool; 3] = [&board, &across, &down];
        for (number, dark) in patterns.into_iter().enumerate() {
            let level = |x, y| Luma([if dark(x, y) { 0 } else { 255 }]);
            let picture = frame(GrayImage::from_fn(333, 251, level));
            let decoded = decoder.decode(&picture);
            assert_eq!(decoded.codes(), [], "pattern {number} of {px} px");
        }
    }
    assert_eq!(decoder.panics(), 0);
}

#[test]
fn frames_of_one_level_hold_nothing_whatever_their_size() {
    let mut decoder = Decoder::new();
    let long = [
        (FRAME_SIDE_PX_MAX, 1),
        (1, FRAME_SIDE_PX_MAX),
        (FRAME_SIDE_PX_MAX, 50),
    ];
    for (width, height) in sides().chain(long) {
        for level in [0, 1, 127, 254, 255] {
            let flat = frame(GrayImage::from_pixel(width, height, Luma([level])));
            let read = decoder.decode(&flat).read;
            assert_eq!(
                read,
                Err(NothingRead::Nothing),
                "{width}x{height} of {level}"
            );
        }
    }
}

#[test]
fn of_hundreds_of_codes_each_is_read_at_most_once() {
    let mut decoder = Decoder::new();
    let many = frame(Burden::Codes.frame(1280, 720, &mut Seed::new(1)));
    let decoded = decoder.decode(&many);
    let mut corners: Vec<_> = decoded.codes().iter().map(|code| code.corners).collect();
    corners.sort_unstable();
    corners.dedup();
    assert_eq!(corners.len(), decoded.codes().len());
    assert!((1..400).contains(&corners.len()), "{}", corners.len());
}

#[test]
fn the_largest_frames_take_no_more_memory_than_they_may() {
    let (width, height) = LARGEST;
    let mut most = 0;
    let mut show = |name: String, picture: GrayImage| {
        let mut decoder = Decoder::new();
        let (_, memory) = watched(&mut decoder, &frame(picture));
        assert!(
            memory.bytes_max <= BYTES_MAX,
            "{name}: {} bytes",
            memory.bytes_max
        );
        assert_eq!(decoder.panics(), 0, "{name}");
        most = most.max(memory.bytes_max);
    };
    for kind in [Hostile::White, Hostile::BlackWhiteNoise, Hostile::Finders] {
        let picture = kind.frame(width, height, &mut Seed::new(1));
        show(format!("{kind:?}"), picture);
    }
    for kind in [Burden::Patchwork, Burden::Codes, Burden::TornLargest] {
        let picture = kind.frame(width, height, &mut Seed::new(1));
        show(format!("{kind:?}"), picture);
    }
    // The halves alone are a third of the pixels.
    assert!(
        most > u64::from(width * height / 4),
        "{most} bytes were counted"
    );
}

#[test]
fn the_largest_side_is_taken_in_both_directions() {
    let side = FRAME_SIDE_PX_MAX;
    let mut decoder = Decoder::new();
    let square = frame(GrayImage::from_pixel(side, side, Luma([200])));
    let (decoded, memory) = watched(&mut decoder, &square);
    assert_eq!(decoded.read, Err(NothingRead::Nothing));
    assert!(memory.bytes_max <= BYTES_MAX, "{} bytes", memory.bytes_max);
}

#[test]
fn a_code_that_fills_the_largest_frame_is_read() {
    let symbol = Symbol::new(1, 0, &said(b"LARGE"));
    let drawn = symbol.picture(LARGEST.1 / 29);
    let mut picture = GrayImage::from_pixel(LARGEST.0, LARGEST.1, Luma([235]));
    image::imageops::replace(&mut picture, &drawn, 1_000, 0);
    let decoded = Decoder::new().decode(&frame(picture));
    let texts: Vec<_> = decoded.codes().iter().map(|code| &code.bytes[..]).collect();
    assert_eq!(texts, [b"LARGE"], "{decoded:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Codewords whose check holds and whose contents are anything: lengths beyond the data, modes
    /// that do not exist, character sets without number.
    #[test]
    fn a_symbol_with_any_contents_is_read_or_not(
        version in 1_u8..=12,
        mask in 0_u8..8,
        data in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let mut decoder = Decoder::new();
        let symbol = frame(Symbol::new(version, mask, &data).picture(3));
        let (decoded, memory) = watched(&mut decoder, &symbol);
        prop_assert_eq!(decoder.panics(), 0);
        prop_assert!(memory.bytes_max < BYTES_MAX / 8);
        for code in decoded.codes() {
            prop_assert_eq!(code.version, version);
            // Whatever the bytes, there is a text or none.
            let _ = code.text();
        }
    }

    #[test]
    fn pixels_turned_in_a_symbol_make_no_other_text(
        turned in prop::collection::vec((0_usize..174 * 174, any::<u8>()), 0..3_000),
    ) {
        let text = b"A RIDE CODE";
        let picture = Symbol::new(3, 5, &said(text)).picture(4);
        let (width, height) = picture.dimensions();
        let mut luma = picture.into_raw();
        for (at, level) in turned {
            let at = at % luma.len();
            luma[at] = level;
        }
        let mut decoder = Decoder::new();
        for code in decoder.decode(&Frame::new(width, height, luma, UnixMs(0)).unwrap()).codes() {
            prop_assert_eq!(&code.bytes[..], text);
        }
    }
}
