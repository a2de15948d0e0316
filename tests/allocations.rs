//! How often the decoder asks for memory once its buffers have grown: never for frames without a code
//! that it can read, and only for what it hands out for the others.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "common/stream.rs"]
mod stream;

use allocation_counter::measure;
use fare_protocol::UnixMs;
use fare_sim::seed::Seed;
use fare_sim::sets::{Burden, Hostile};
use fare_sim::shot::{Difficulty, FrameSize};
use fare_sim::symbol::Symbol;
use faregate::decode::Decoder;
use faregate::frame::Frame;
use image::{GrayImage, Luma};

const SIZE: (u32, u32) = (640, 480);

fn frame(picture: GrayImage) -> Frame {
    let (width, height) = picture.dimensions();
    Frame::new(width, height, picture.into_raw(), UnixMs(0)).unwrap()
}

fn shown(make: impl Fn(u32, u32, &mut Seed) -> GrayImage, seed: u64) -> Frame {
    frame(make(SIZE.0, SIZE.1, &mut Seed::new(seed)))
}

/// Empty, noisy, and with codes that cannot be read.
fn unread(seed: u64) -> Vec<(String, Frame)> {
    let hostile = Hostile::ALL.into_iter().map(|kind| {
        let picture = shown(|w, h, seed| kind.frame(w, h, seed), seed);
        (format!("{kind:?}"), picture)
    });
    let burdens = Burden::ALL
        .into_iter()
        .filter(|kind| *kind != Burden::Codes);
    let burdens = burdens.map(|kind| {
        let picture = shown(|w, h, seed| kind.frame(w, h, seed), seed);
        (format!("{kind:?}"), picture)
    });
    hostile.chain(burdens).collect()
}

/// A symbol whose check holds and whose text is longer than its data: found, mended, refused.
fn malformed() -> Frame {
    on_white(&Symbol::new(3, 2, &[0x4f, 0xff, 0x12, 0x34]))
}

fn on_white(symbol: &Symbol) -> Frame {
    let mut picture = GrayImage::from_pixel(SIZE.0, SIZE.1, Luma([235]));
    image::imageops::replace(&mut picture, &symbol.picture(3), 100, 100);
    frame(picture)
}

#[test]
fn frames_without_a_code_take_no_memory() {
    let mut decoder = Decoder::new();
    let frames = unread(1);
    let frames: Vec<_> = frames
        .into_iter()
        .chain([("malformed".to_owned(), malformed())])
        .collect();
    for (_, frame) in &frames {
        decoder.decode(frame);
    }
    for (name, frame) in &frames {
        let memory = measure(|| {
            let decoded = decoder.decode(frame);
            assert!(decoded.codes().is_empty());
        });
        assert_eq!(memory.count_total, 0, "{name}: {memory:?}");
    }
    assert_eq!(decoder.panics(), 0);
}

#[test]
fn other_noise_of_the_same_size_takes_no_memory_either() {
    let mut decoder = Decoder::new();
    for seed in 0..20 {
        decoder.decode(&shown(|w, h, seed| Hostile::Noise.frame(w, h, seed), seed));
    }
    for seed in 20..40 {
        let noise = shown(|w, h, seed| Hostile::Noise.frame(w, h, seed), seed);
        let memory = measure(|| drop(decoder.decode(&noise)));
        assert_eq!(memory.count_total, 0, "seed {seed}: {memory:?}");
    }
}

/// A code on white.
fn drawn(text: &str) -> Frame {
    let code = fast_qr::QRBuilder::new(text).build().unwrap();
    let picture = GrayImage::from_fn(SIZE.0, SIZE.1, |x, y| {
        let module = |at: u32| at.checked_sub(100).map(|at| at as usize / 3);
        match (module(x), module(y)) {
            (Some(x), Some(y)) if x < code.size && y < code.size && code[y][x].value() => {
                Luma([20])
            }
            _ => Luma([235]),
        }
    });
    frame(picture)
}

#[test]
fn a_code_takes_memory_for_what_is_handed_out() {
    let mut decoder = Decoder::new();
    for length in [5, 90, 400] {
        let symbol = drawn(&"FAREGATE".repeat(length / 8 + 1)[..length]);
        decoder.decode(&symbol);
        let mut length = 0;
        let memory = measure(|| {
            let decoded = decoder.decode(&symbol);
            length = decoded.codes()[0].bytes.len();
        });
        // The text, the list of codes as they are found and as they are handed out.
        assert!(memory.count_total <= 3, "{length} bytes: {memory:?}");
        let most = 2_048 + length as u64;
        assert!(memory.bytes_total <= most, "{length} bytes: {memory:?}");
        assert_eq!(memory.bytes_current, 0, "{length} bytes: {memory:?}");
    }
}

/// The pictures of an empty gate and of somebody who brings a code to the glass.
fn watched(number: u64) -> Vec<Frame> {
    let stage = stream::stage(5, FrameSize::VGA);
    let presentation = stage
        .presentation(Difficulty::Medium, number, stream::START)
        .unwrap();
    let moments = presentation.moments().map(|moment| moment.frame);
    let idle = stage.idle(1, number).take(20);
    (0..)
        .zip(idle.chain(moments))
        .map(|(number, picture)| stream::frame(picture, number))
        .collect()
}

#[test]
fn a_watched_stream_takes_memory_for_what_is_handed_out_alone() {
    let mut decoder = Decoder::new();
    for frame in [1, 2, 3].into_iter().flat_map(watched) {
        decoder.watch(&frame);
    }
    let (mut read, mut unread) = (0, 0);
    for (number, frame) in [1, 2, 3].into_iter().flat_map(watched).enumerate() {
        let mut codes = 0;
        let memory = measure(|| codes = decoder.watch(&frame).codes().len());
        let most = if codes == 0 { 0 } else { 3 };
        assert!(memory.count_total <= most, "frame {number}: {memory:?}");
        *(if codes == 0 { &mut unread } else { &mut read }) += 1;
    }
    assert!(read > 20 && unread > 60, "{read} read, {unread} not");
}
