//! Frames made to cost a decoder as much as can be: many codes, codes that cannot be read, finder
//! patterns that belong to nothing. Beside [`Hostile`](super::Hostile), whose frames hold no code.

use crate::screen::{Code, Packing};
use crate::seed::Seed;
use image::{GrayImage, Luma};

/// A kind of frame that is much work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Burden {
    /// As many small codes as fit.
    Codes,
    /// Codes of about version 2 whose data are torn: all patterns are there, nothing can be read.
    TornSmall,
    /// The same with version 7, the first that says its version.
    TornMiddle,
    /// The same with version 25.
    TornLarge,
    /// The same with version 40.
    TornLargest,
    /// Finder patterns of one size at random places.
    Scattered,
    /// Finder patterns of all sizes at random places.
    Sizes,
    /// One finder pattern as large as the frame.
    Giant,
    /// In the middle of a finder pattern another one, and in that one another.
    Nested,
    /// Squares around squares, alternately dark and light.
    Rings,
    /// Stripes of 1:1:3:1:1 across and down, laid over one another.
    Plaid,
    /// Stripes of 1:1:3:1:1 across that end a few modules down, again and again.
    Weave,
    /// Torn codes, finder patterns and noise in patches.
    Patchwork,
}

impl Burden {
    /// All kinds.
    pub const ALL: [Self; 13] = [
        Self::Codes,
        Self::TornSmall,
        Self::TornMiddle,
        Self::TornLarge,
        Self::TornLargest,
        Self::Scattered,
        Self::Sizes,
        Self::Giant,
        Self::Nested,
        Self::Rings,
        Self::Plaid,
        Self::Weave,
        Self::Patchwork,
    ];

    /// Such a frame of `width` × `height` pixels.
    pub fn frame(self, width: u32, height: u32, seed: &mut Seed) -> GrayImage {
        let mut frame = GrayImage::from_pixel(width, height, Luma([WHITE]));
        match self {
            Self::Codes => codes(&mut frame, 6, 0.0, seed),
            Self::TornSmall => codes(&mut frame, 30, 0.5, seed),
            Self::TornMiddle => codes(&mut frame, 150, 0.5, seed),
            Self::TornLarge => codes(&mut frame, 1_270, 0.5, seed),
            Self::TornLargest => codes(&mut frame, 2_950, 0.5, seed),
            Self::Scattered => scattered(&mut frame, 3..4, 4_000, seed),
            Self::Sizes => scattered(&mut frame, 1..30, 1_000, seed),
            Self::Giant => giant(&mut frame),
            Self::Nested => nested(&mut frame),
            Self::Rings => rings(&mut frame, 2 + seed.below(9) as u32),
            Self::Plaid => plaid(&mut frame, 1 + seed.below(9) as u32, is_dark_across),
            Self::Weave => plaid(&mut frame, 1 + seed.below(30) as u32, is_dark_half),
            Self::Patchwork => {
                codes(&mut frame, 30, 0.5, seed);
                scattered(&mut frame, 2..6, 200, seed);
                noise_in_patches(&mut frame, seed);
            }
        }
        frame
    }
}

const WHITE: u8 = 240;
const BLACK: u8 = 16;

/// Dark and light of a finder pattern `way` modules from its middle, along the farther axis.
const fn is_dark_ring(way: i64) -> bool {
    matches!(way, 0 | 1 | 3)
}

/// Fills the frame with codes of `bytes` bytes, of whose data modules this share is turned at random.
fn codes(frame: &mut GrayImage, bytes: usize, torn: f32, seed: &mut Seed) {
    let px = 2 + seed.below(2) as u32;
    let mut at = (4 * px, 4 * px);
    loop {
        let text: Vec<u8> = (0..bytes).map(|_| 32 + seed.below(90) as u8).collect();
        let Ok(code) = Code::new(&text, Packing::Byte) else {
            return;
        };
        let step = (code.size() + 4) * px;
        if at.0 + step > frame.width() {
            at = (4 * px, at.1 + step);
        }
        if at.0 + step > frame.width() || at.1 + step > frame.height() {
            return;
        }
        for (y, x) in (0..code.size()).flat_map(|y| (0..code.size()).map(move |x| (y, x))) {
            let is_data = code.data[(y * code.size() + x) as usize];
            let dark = code.grid.is_dark(x, y) ^ (is_data && torn > 0.0 && seed.happens(torn));
            fill(frame, at.0 + x * px, at.1 + y * px, px, dark);
        }
        at.0 += step;
    }
}

/// One square of `px` pixels, as far as it lies in the frame.
fn fill(frame: &mut GrayImage, left: u32, top: u32, px: u32, dark: bool) {
    let level = Luma([if dark { BLACK } else { WHITE }]);
    for y in top..(top + px).min(frame.height()) {
        for x in left..(left + px).min(frame.width()) {
            frame.put_pixel(x, y, level);
        }
    }
}

fn scattered(frame: &mut GrayImage, px: std::ops::Range<u32>, count: u32, seed: &mut Seed) {
    for _ in 0..count {
        let px = px.start + seed.below(u64::from(px.end - px.start)) as u32;
        let (left, top) = (
            seed.below(u64::from(frame.width())) as u32,
            seed.below(u64::from(frame.height())) as u32,
        );
        for (y, x) in (0..9_u32).flat_map(|y| (0..9_u32).map(move |x| (y, x))) {
            let way = i64::from(x.abs_diff(4).max(y.abs_diff(4)));
            fill(frame, left + x * px, top + y * px, px, is_dark_ring(way));
        }
    }
}

/// Draws what `dark` says of each place, by how far it lies from the middle.
fn around_middle(frame: &mut GrayImage, dark: impl Fn(i64) -> bool) {
    let (middle_x, middle_y) = (i64::from(frame.width() / 2), i64::from(frame.height() / 2));
    for (x, y, pixel) in frame.enumerate_pixels_mut() {
        let way = (i64::from(x) - middle_x)
            .abs()
            .max((i64::from(y) - middle_y).abs());
        *pixel = Luma([if dark(way) { BLACK } else { WHITE }]);
    }
}

fn giant(frame: &mut GrayImage) {
    let px = i64::from(frame.width().min(frame.height()) / 9).max(1);
    around_middle(frame, |way| is_dark_ring((way + px / 2) / px));
}

fn nested(frame: &mut GrayImage) {
    let outer = f64::from(frame.width().min(frame.height())) / 8.0;
    around_middle(frame, |way| {
        let (mut px, mut inside) = (outer, true);
        while px > 0.5 {
            let modules = way as f64 / px;
            if modules > 1.5 {
                return (modules > 2.5 && modules <= 3.5) == inside;
            }
            // The core becomes the ground of a smaller pattern with dark and light exchanged.
            (px, inside) = (px * 1.5 / 4.5, !inside);
        }
        inside
    });
}

fn rings(frame: &mut GrayImage, px: u32) {
    around_middle(frame, |way| way / i64::from(px) % 2 == 0);
}

/// The line through the middle of a finder pattern.
const fn is_dark_across(module: u32) -> bool {
    matches!(module % 8, 0 | 2..=4 | 6)
}

/// Five modules dark, five light.
const fn is_dark_half(module: u32) -> bool {
    module % 10 < 5
}

fn plaid(frame: &mut GrayImage, px: u32, down: fn(u32) -> bool) {
    for (x, y, pixel) in frame.enumerate_pixels_mut() {
        *pixel = Luma([if is_dark_across(x / px) && down(y / px) {
            BLACK
        } else {
            WHITE
        }]);
    }
}

/// Every other square of 160 pixels becomes noise.
fn noise_in_patches(frame: &mut GrayImage, seed: &mut Seed) {
    for (x, y, pixel) in frame.enumerate_pixels_mut() {
        if (x / 160 + y / 160) % 2 == 0 {
            *pixel = Luma([seed.below(256) as u8]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_every_size() {
        for kind in Burden::ALL {
            for (width, height) in [(1, 1), (1, 500), (7, 3), (640, 480)] {
                let frame = kind.frame(width, height, &mut Seed::new(1));
                assert_eq!(frame.dimensions(), (width, height), "{kind:?}");
            }
        }
    }

    #[test]
    fn every_kind_has_dark_and_light() {
        for kind in Burden::ALL {
            let frame = kind.frame(640, 480, &mut Seed::new(2));
            let dark = frame.iter().filter(|&&level| level < 100).count();
            let share = dark as f32 / frame.len() as f32;
            assert!((0.02..0.9).contains(&share), "{kind:?}: {share}");
        }
    }
}
