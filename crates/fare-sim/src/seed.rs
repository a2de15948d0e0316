//! Repeatable randomness: every picture, key and rider of a run follows from one number.

/// SplitMix64, after Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators"
/// (OOPSLA 2014), with the constants of Vigna's public-domain `splitmix64.c`. Not for real keys.
#[derive(Clone, Debug)]
pub struct Seed(u64);

impl Seed {
    /// The stream that belongs to `number`.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// A stream of its own for the `index`-th thing called `label`, unmoved by other draws.
    pub fn fork(&self, label: &str, index: u64) -> Self {
        // FNV-1a keeps streams of different labels apart.
        let start = self.0 ^ 0xcbf2_9ce4_8422_2325;
        let mixed = label
            .bytes()
            .chain(index.to_le_bytes())
            .fold(start, |hash, b| {
                (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
            });
        Self(Self(mixed).next_u64())
    }

    /// The next 64 bits.
    pub const fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A whole number below `end`; 0 when `end` is 0.
    pub const fn below(&mut self, end: u64) -> u64 {
        // The bias of a plain remainder is below 2^-40 for every `end` used here.
        match end {
            0 => 0,
            end => self.next_u64() % end,
        }
    }

    /// A number in 0..1.
    pub fn unit(&mut self) -> f32 {
        (self.next_u64() >> 40) as f32 / (1_u32 << 24) as f32
    }

    /// A number in `low..high`.
    pub fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// A number in `-limit..limit`.
    pub fn either_way(&mut self, limit: f32) -> f32 {
        self.between(-limit, limit)
    }

    /// True once in `1 / chance` draws.
    pub fn happens(&mut self, chance: f32) -> bool {
        self.unit() < chance
    }

    /// A normally distributed number, mean 0 and deviation 1 (sum of twelve uniform ones).
    pub fn gauss(&mut self) -> f32 {
        (0..12).map(|_| self.unit()).sum::<f32>() - 6.0
    }

    /// `N` bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.next_u64().to_le_bytes()[0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_reference_program() {
        // First outputs of splitmix64.c for state 1234567.
        let mut seed = Seed::new(1_234_567);
        let got: Vec<u64> = (0..3).map(|_| seed.next_u64()).collect();
        assert_eq!(
            got,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423
            ]
        );
    }

    #[test]
    fn forks_do_not_depend_on_earlier_draws_of_others_and_differ() {
        let seed = Seed::new(1);
        let first = |label, index| seed.fork(label, index).next_u64();
        assert_eq!(first("rider", 1), first("rider", 1));
        assert_ne!(first("rider", 1), first("rider", 2));
        assert_ne!(first("rider", 1), first("shot", 1));
    }

    #[test]
    fn numbers_stay_in_their_range_and_spread() {
        let mut seed = Seed::new(7);
        let drawn: Vec<f32> = (0..10_000).map(|_| seed.between(2.0, 4.0)).collect();
        assert!(drawn.iter().all(|x| (2.0..4.0).contains(x)));
        let mean = drawn.iter().sum::<f32>() / 10_000.0;
        assert!((mean - 3.0).abs() < 0.02, "{mean}");
        let mean = (0..10_000).map(|_| seed.gauss()).sum::<f32>() / 10_000.0;
        assert!(mean.abs() < 0.05, "{mean}");
        assert_eq!(seed.below(0), 0);
        assert!((0..100).all(|_| seed.below(3) < 3));
    }
}
