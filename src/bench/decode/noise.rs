//! Frames of nothing: a grey wall as a camera sees it, the same ones in every run.

use crate::frame::Frame;
use fare_protocol::UnixMs;

/// How many there are; their middle time stands for an empty frame.
pub(super) const FRAMES: usize = 9;
/// The size of a gate camera's frames.
const SIZE_PX: (u32, u32) = (1280, 720);
/// Where the noise begins.
const SEED: u64 = 3;
/// The wall's luma.
const GREY: f64 = 110.0;
/// Standard deviation of a pixel's luma; a small sensor indoors has about this much.
const SIGMA: f64 = 4.0;

/// Makes the frames, one by one.
pub(super) fn frames() -> impl Iterator<Item = Frame> {
    let mut random = SplitMix(SEED);
    (0..FRAMES).filter_map(move |_| {
        let luma = luma(&mut random);
        Frame::new(SIZE_PX.0, SIZE_PX.1, luma, UnixMs::default()).ok()
    })
}

/// Each pixel shares half of its noise with the one before it, as a colour sensor's do.
fn luma(random: &mut SplitMix) -> Vec<u8> {
    let mut before = random.normal();
    let mut pixel = || {
        let noise = random.normal();
        let shared = (before + noise) / std::f64::consts::SQRT_2;
        before = noise;
        (GREY + SIGMA * shared).round().clamp(0.0, 255.0) as u8
    };
    (0..SIZE_PX.0 * SIZE_PX.1).map(|_| pixel()).collect()
}

/// Vigna's SplitMix64: enough for noise, and the same everywhere.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Mean 0, standard deviation 1, near enough to normal: the sum of four 16-bit parts.
    fn normal(&mut self) -> f64 {
        let bits = self.next();
        let sum: u64 = (0..4).map(|part| (bits >> (16 * part)) & 0xffff).sum();
        (sum as f64 / 65_536.0 - 2.0) * 3_f64.sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_grey_with_the_spread_it_claims_and_the_same_each_time() {
        let all: Vec<Frame> = frames().collect();
        assert_eq!(all.len(), FRAMES);
        assert_eq!(frames().next().as_ref(), all.first());
        assert_ne!(all.first(), all.last());
        let luma = all[0].luma();
        let count = luma.len() as f64;
        let mean = luma.iter().map(|&l| f64::from(l)).sum::<f64>() / count;
        let squares: f64 = luma.iter().map(|&l| (f64::from(l) - mean).powi(2)).sum();
        assert!((mean - GREY).abs() < 0.1, "{mean}");
        assert!(((squares / count).sqrt() - SIGMA).abs() < 0.1);
    }
}
