//! Frames that no camera should send and a decoder must survive, of any size.

use crate::seed::Seed;
use image::{GrayImage, Luma};

/// A kind of hostile frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hostile {
    /// All white.
    White,
    /// All black.
    Black,
    /// Every pixel at random.
    Noise,
    /// Every pixel black or white at random.
    BlackWhiteNoise,
    /// Squares of one, two, three ... pixels; the side follows from the seed.
    Checkerboard,
    /// Stripes as wide as a finder pattern's, 1:1:3:1:1, all over.
    Stripes,
    /// Nothing but finder patterns.
    Finders,
}

/// Modules of a finder pattern with its separator on two sides.
const FINDER_MODULES: u32 = 8;

impl Hostile {
    /// All kinds.
    pub const ALL: [Self; 7] = [
        Self::White,
        Self::Black,
        Self::Noise,
        Self::BlackWhiteNoise,
        Self::Checkerboard,
        Self::Stripes,
        Self::Finders,
    ];

    /// Such a frame of `width` × `height` pixels.
    pub fn frame(self, width: u32, height: u32, seed: &mut Seed) -> GrayImage {
        let px = 1 + seed.below(6) as u32;
        match self {
            Self::White => GrayImage::from_pixel(width, height, Luma([255])),
            Self::Black => GrayImage::new(width, height),
            Self::Noise => noise(width, height, seed, |byte| byte),
            Self::BlackWhiteNoise => {
                noise(width, height, seed, |byte| if byte < 128 { 0 } else { 255 })
            }
            Self::Checkerboard => drawn(width, height, |x, y| {
                (x / px).is_multiple_of(2) == (y / px).is_multiple_of(2)
            }),
            Self::Stripes => drawn(width, height, |x, _| {
                is_dark_across(x / px % FINDER_MODULES)
            }),
            Self::Finders => drawn(width, height, |x, y| {
                let (x, y) = (x / px % FINDER_MODULES, y / px % FINDER_MODULES);
                let ring = x.abs_diff(3).max(y.abs_diff(3));
                x < 7 && y < 7 && ring != 2
            }),
        }
    }
}

fn drawn(width: u32, height: u32, dark: impl Fn(u32, u32) -> bool) -> GrayImage {
    GrayImage::from_fn(width, height, |x, y| {
        Luma([if dark(x, y) { 0 } else { 255 }])
    })
}

/// The line through the middle of a finder pattern.
const fn is_dark_across(module: u32) -> bool {
    matches!(module, 0 | 2..=4 | 6)
}

fn noise(width: u32, height: u32, seed: &mut Seed, level: impl Fn(u8) -> u8) -> GrayImage {
    let mut frame = GrayImage::new(width, height);
    for eight in frame.chunks_mut(8) {
        let random = seed.next_u64().to_le_bytes();
        for (pixel, byte) in eight.iter_mut().zip(random) {
            *pixel = level(byte);
        }
    }
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_every_size() {
        for kind in Hostile::ALL {
            for (width, height) in [(1, 1), (1, 500), (7, 3), (640, 480)] {
                let frame = kind.frame(width, height, &mut Seed::new(1));
                assert_eq!(frame.dimensions(), (width, height), "{kind:?}");
            }
        }
    }

    #[test]
    fn kinds_look_as_they_are_called() {
        let share = |kind: Hostile, level: u8| {
            let frame = kind.frame(320, 240, &mut Seed::new(2));
            let count = frame.iter().filter(|&&pixel| pixel == level).count();
            count as f32 / frame.len() as f32
        };
        assert!((share(Hostile::White, 255) - 1.0).abs() < 1e-6);
        assert!((share(Hostile::Black, 0) - 1.0).abs() < 1e-6);
        assert!(share(Hostile::Noise, 0) < 0.01);
        for kind in [Hostile::BlackWhiteNoise, Hostile::Checkerboard] {
            assert!((share(kind, 0) - 0.5).abs() < 0.02, "{kind:?}");
        }
        // 5 of 8 modules across; 33 of 64 over the whole.
        assert!((share(Hostile::Stripes, 0) - 0.625).abs() < 0.02);
        assert!((share(Hostile::Finders, 0) - 33.0 / 64.0).abs() < 0.02);
    }
}
