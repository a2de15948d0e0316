//! Pictures, and what is written in codes.

use fare_protocol::UnixMs;
use fare_sim::symbol::Symbol;
use faregate::decode::Decoder;
use faregate::frame::Frame;
use image::{GrayImage, Luma};

/// Widest picture made of a few bytes, in pixels.
const SIDE_MAX: u32 = 400;

/// Decodes a picture that the bytes describe: pixels as they are, or a code with pixels turned.
pub fn decode_frame(bytes: &[u8]) {
    let Some((&kind, rest)) = bytes.split_first() else {
        return;
    };
    let picture = if kind.is_multiple_of(2) {
        pixels(rest)
    } else {
        turned_code(rest)
    };
    if let Some(picture) = picture {
        decode(picture);
    }
}

/// Decodes a whole code with these codewords: the first byte is its version, the second its mask.
pub fn payload(bytes: &[u8]) {
    if let [version, mask, data @ ..] = bytes {
        decode(Symbol::new(1 + version % 40, *mask, data).picture(3));
    }
}

/// Columns, pixels a byte, then the bytes of each row.
fn pixels(bytes: &[u8]) -> Option<GrayImage> {
    let [columns, px, levels @ ..] = bytes else {
        return None;
    };
    let (columns, px) = (1 + u32::from(*columns), 1 + u32::from(*px) % 6);
    let rows = (levels.len() as u32).div_ceil(columns);
    let (width, height) = (columns * px, rows * px);
    if !(1..=SIDE_MAX).contains(&width) || !(1..=SIDE_MAX).contains(&height) {
        return None;
    }
    let level = |x: u32, y: u32| levels.get((y / px * columns + x / px) as usize);
    Some(GrayImage::from_fn(width, height, |x, y| {
        Luma([level(x, y).copied().unwrap_or(255)])
    }))
}

/// Version, mask, pixels a module, how many codewords, these, then changes: where, of how many
/// pixels, and to which level.
fn turned_code(bytes: &[u8]) -> Option<GrayImage> {
    let [version, mask, px, count, rest @ ..] = bytes else {
        return None;
    };
    let (data, changes) = rest.split_at_checked(usize::from(*count))?;
    let mut picture = Symbol::new(1 + version % 10, *mask, data).picture(2 + u32::from(*px) % 3);
    let (width, height) = picture.dimensions();
    for change in changes.as_chunks::<5>().0 {
        let &[x, y, right, down, level] = change;
        let (x, y) = (u32::from(x) * width / 256, u32::from(y) * height / 256);
        for row in y..(y + u32::from(down) % 64).min(height) {
            for column in x..(x + u32::from(right) % 64).min(width) {
                picture.put_pixel(column, row, Luma([level]));
            }
        }
    }
    Some(picture)
}

/// What must hold of any picture.
fn decode(picture: GrayImage) {
    let (width, height) = picture.dimensions();
    let frame = Frame::new(width, height, picture.into_raw(), UnixMs(0));
    let frame = frame.unwrap_or_else(|why| panic!("{why}"));
    let mut decoder = Decoder::new();
    let decoded = decoder.decode(&frame);
    assert_eq!(decoder.panics(), 0, "{decoded:?}");
    for code in decoded.codes() {
        assert!((1..=40).contains(&code.version), "{code:?}");
        assert!(code.bytes.len() <= 7_089, "{code:?}");
        // There is a text or none.
        let _ = code.text();
    }
    let again = decoder.decode(&frame);
    assert_eq!(
        again.read, decoded.read,
        "a second look says something else"
    );
}
