//! Tests of codewords: codes of every version and level, by another's hand, whole, in a mirror, and
//! damaged up to the limit and beyond.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::super::payload;
use super::*;
use fast_qr::{ECL, Mask, Mode, QRBuilder};
use proptest::prelude::*;

const LEVELS: [(Level, ECL); 4] = [
    (Level::L, ECL::L),
    (Level::M, ECL::M),
    (Level::Q, ECL::Q),
    (Level::H, ECL::H),
];

macro_rules! versions {
    ($($name:ident),*) => { [$(fast_qr::Version::$name),*] };
}

const VERSIONS: [fast_qr::Version; 40] = versions!(
    V01, V02, V03, V04, V05, V06, V07, V08, V09, V10, V11, V12, V13, V14, V15, V16, V17, V18, V19,
    V20, V21, V22, V23, V24, V25, V26, V27, V28, V29, V30, V31, V32, V33, V34, V35, V36, V37, V38,
    V39, V40
);

const MASKS: [Mask; 8] = [
    Mask::Checkerboard,
    Mask::HorizontalLines,
    Mask::VerticalLines,
    Mask::DiagonalLines,
    Mask::LargeCheckerboard,
    Mask::Fields,
    Mask::Diamonds,
    Mask::Meadow,
];

/// A code by another's hand.
#[derive(Clone, Debug)]
struct Drawn {
    version: Version,
    level: Level,
    text: Vec<u8>,
    /// Row by row, as an ideal camera sees them.
    levels: Vec<f32>,
}

impl Drawn {
    /// Of one version and level, as full as it can be.
    fn full(number: u8, level: usize, mask: Option<Mask>) -> Self {
        let (level, ecl) = LEVELS[level];
        let version = Version::new(i32::from(number)).unwrap();
        let room = data_len(version, level) - if number < 10 { 2 } else { 3 };
        let text: Vec<u8> = (0..room).map(|at| (at * 7 + 13 * at / 5) as u8).collect();
        let mut builder = QRBuilder::new(text.clone());
        builder.mode(Mode::Byte).ecl(ecl);
        builder.version(VERSIONS[usize::from(number) - 1]);
        if let Some(mask) = mask {
            builder.mask(mask);
        }
        let code = builder.build().unwrap();
        assert_eq!(code.size, version.size());
        let modules = code.data.iter().take(code.size * code.size);
        let levels = modules.map(|module| if module.value() { 0.0 } else { 255.0 });
        Self {
            version,
            level,
            text,
            levels: levels.collect(),
        }
    }

    fn all() -> impl Iterator<Item = Self> {
        (1..=40).flat_map(|number| (0..4).map(move |level| Self::full(number, level, None)))
    }

    fn modules(&self) -> Modules {
        let mut modules = Modules::default();
        modules.judge(self.version, &self.levels, 5, 0.25);
        modules
    }

    /// As in a mirror.
    fn mirrored(&self) -> Self {
        let n = self.version.size();
        let at = |place: usize| self.levels[place % n * n + place / n];
        Self {
            levels: (0..n * n).map(at).collect(),
            ..self.clone()
        }
    }

    fn format(&self) -> Format {
        Format::of(&self.modules(), self.version)[0].unwrap()
    }

    /// Its codewords as they stand in the modules.
    fn collected(&self) -> Symbol {
        let mut symbol = Symbol::default();
        symbol.collect(&self.modules(), self.version, self.format());
        symbol
    }

    fn check(&self) -> usize {
        check_len(self.version, self.level)
    }

    fn text_of(&self, symbol: &mut Symbol) -> Option<Vec<u8>> {
        symbol.mend(self.version, self.level, Doubt::LeastSure)?;
        Some(payload::read(&symbol.data, self.version).ok()?.bytes)
    }
}

fn check_len(version: Version, level: Level) -> usize {
    usize::from(CHECK_BYTES[level.row()][usize::from(version.number()) - 1])
}

fn block_count(version: Version, level: Level) -> usize {
    usize::from(BLOCKS[level.row()][usize::from(version.number()) - 1])
}

/// All codewords of a version: its modules less those of patterns, format and version, by the
/// standard's table 1.
fn total_len(version: Version) -> usize {
    let n = version.size();
    let places = version.alignment().as_slice().len();
    let (patterns, on_timing) = match places {
        0 => (0, 0),
        count => (count * count - 3, 2 * (count - 2)),
    };
    let information = if version.number() < 7 { 31 } else { 31 + 36 };
    let function = 3 * 64 + 25 * patterns + 2 * (n - 16) - 5 * on_timing;
    (n * n - function - information) / 8
}

fn data_len(version: Version, level: Level) -> usize {
    total_len(version) - check_len(version, level) * block_count(version, level)
}

/// What modules say, as an attempt reads them.
fn read(drawn: &Drawn) -> Option<Vec<u8>> {
    let (modules, mut symbol) = (drawn.modules(), Symbol::default());
    let mut formats = Format::of(&modules, drawn.version).into_iter().flatten();
    formats.find_map(|format| {
        let data = symbol.read(&modules, drawn.version, format, Doubt::LeastSure)?;
        Some(payload::read(data, drawn.version).ok()?.bytes)
    })
}

/// Places among the raw codewords that belong to each block.
fn places(symbol: &Symbol, drawn: &Drawn) -> Vec<Vec<usize>> {
    let (check, blocks) = (drawn.check(), block_count(drawn.version, drawn.level));
    let mut symbol = symbol.clone();
    symbol.sure = (0..symbol.raw.len()).map(|at| at as f32).collect();
    let total = symbol.raw.len();
    let (short, long_from) = (total / blocks, blocks - total % blocks);
    let of_block = |block: usize| {
        let length = short + usize::from(block >= long_from);
        symbol.gather(block, blocks, short, length, check, long_from);
        symbol.block_sure.iter().map(|&at| at as usize).collect()
    };
    (0..blocks).map(of_block).collect()
}

/// Numbers without a pattern, from a seed.
struct Draws(u64);

impl Draws {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) as usize % limit
    }

    /// Turns `count` codewords of each block into others, whose bits seem as sure as `sure` says.
    fn damage(&mut self, symbol: &mut Symbol, drawn: &Drawn, count: usize, sure: Option<f32>) {
        for mut places in places(symbol, drawn) {
            for _ in 0..count.min(places.len()) {
                let place = places.swap_remove(self.below(places.len()));
                symbol.raw[place] ^= 1 + self.below(255) as u8;
                symbol.sure[place] = sure.unwrap_or(symbol.sure[place]);
            }
        }
    }
}

#[test]
fn totals_are_those_of_the_standard() {
    for (number, total) in [
        (1, 26),
        (2, 44),
        (6, 172),
        (7, 196),
        (14, 581),
        (32, 2_465),
        (33, 2_611),
        (40, 3_706),
    ] {
        assert_eq!(total_len(Version::new(number).unwrap()), total, "{number}");
    }
    let data = |number, level| data_len(Version::new(number).unwrap(), level);
    assert_eq!(
        [1, 5, 21, 40].map(|v| data(v, Level::L)),
        [19, 108, 932, 2_956]
    );
    assert_eq!(
        [1, 5, 21, 40].map(|v| data(v, Level::M)),
        [16, 86, 714, 2_334]
    );
    assert_eq!(
        [1, 5, 21, 40].map(|v| data(v, Level::Q)),
        [13, 62, 512, 1_666]
    );
    assert_eq!(
        [1, 5, 21, 40].map(|v| data(v, Level::H)),
        [9, 46, 406, 1_276]
    );
}

#[test]
fn every_version_and_level_is_read_also_in_a_mirror() {
    for drawn in Drawn::all() {
        let what = (drawn.version.number(), drawn.level);
        assert_eq!(
            drawn.collected().raw.len(),
            total_len(drawn.version),
            "{what:?}"
        );
        assert_eq!(drawn.format().level, drawn.level, "{what:?}");
        assert_eq!(read(&drawn).as_ref(), Some(&drawn.text), "{what:?}");
        let mirrored = drawn.mirrored();
        assert_eq!(
            read(&mirrored).as_ref(),
            Some(&drawn.text),
            "{what:?} mirrored"
        );
    }
}

#[test]
fn every_mask_is_taken_off() {
    for (number, mask) in MASKS.into_iter().enumerate() {
        for version in [1, 6, 7] {
            let drawn = Drawn::full(version, 1, Some(mask));
            let format = drawn.format();
            let got = (usize::from(format.mask), format.mirrored, format.distance);
            assert_eq!(got, (number, false, 0));
            assert_eq!(read(&drawn), Some(drawn.text.clone()), "mask {number}");
        }
    }
}

#[test]
fn in_every_version_and_level_what_the_standard_promises_is_mended() {
    let mut draws = Draws(1);
    for drawn in Drawn::all() {
        let what = (drawn.version.number(), drawn.level);
        let limit = (drawn.check() - drawn.level.spare(drawn.version)) / 2;
        let mut symbol = drawn.collected();
        draws.damage(&mut symbol, &drawn, limit, None);
        let text = drawn.text_of(&mut symbol);
        assert_eq!(text.as_ref(), Some(&drawn.text), "{what:?}: {limit} errors");
    }
}

#[test]
fn unsure_codewords_cost_half_as_much() {
    let mut draws = Draws(2);
    for drawn in Drawn::all().filter(|drawn| drawn.check() >= 8 + SPARE_WITH_ERASURES) {
        let what = (drawn.version.number(), drawn.level);
        let limit = drawn.check() - SPARE_WITH_ERASURES;
        let mut symbol = drawn.collected();
        draws.damage(&mut symbol, &drawn, limit, Some(0.0));
        let text = drawn.text_of(&mut symbol);
        assert_eq!(
            text.as_ref(),
            Some(&drawn.text),
            "{what:?}: {limit} erasures"
        );
    }
}

#[test]
fn beyond_the_limit_a_text_is_right_or_there_is_none() {
    let mut draws = Draws(3);
    let (mut none, mut right) = (0, 0);
    let small =
        (1..=12).flat_map(|number| (0..4).map(move |level| Drawn::full(number, level, None)));
    for drawn in small {
        let limit = (drawn.check() - drawn.level.spare(drawn.version)) / 2;
        for beyond in (1..=40).map(|round| 1 + round % 8) {
            for sure in [None, Some(0.0)] {
                let mut symbol = drawn.collected();
                draws.damage(&mut symbol, &drawn, limit + beyond, sure);
                match drawn.text_of(&mut symbol) {
                    None => none += 1,
                    Some(text) => {
                        assert_eq!(text, drawn.text);
                        right += 1;
                    }
                }
            }
        }
    }
    assert_eq!(none + right, 12 * 4 * 40 * 2);
    // Without a mark nothing beyond the limit can be mended; with one, some can.
    assert!(none > 2_000 && right > 100, "{none} none, {right} right");
}

#[test]
fn noise_is_no_text() {
    let mut draws = Draws(4);
    let mut symbol = Symbol::default();
    let mut passed = 0;
    for round in 0..20_000 {
        let version = Version::new(1 + round % 4).unwrap();
        let (level, _) = LEVELS[round as usize / 4 % 4];
        symbol.raw = (0..total_len(version))
            .map(|_| draws.below(256) as u8)
            .collect();
        symbol.sure = symbol.raw.iter().map(|_| draws.below(100) as f32).collect();
        passed += usize::from(symbol.mend(version, level, Doubt::LeastSure).is_some());
    }
    assert_eq!(passed, 0, "of 20000 blocks of noise");
}

/// Every way to turn at most three of `width` bits.
fn few_wrong(width: u32) -> Vec<u32> {
    let all = 0_u32..1 << width;
    all.filter(|bits| bits.count_ones() <= 3).collect()
}

#[test]
fn format_bits_are_those_of_the_standard() {
    // Annex C, table C.1: data 0, 1, 2, 16, 31.
    let known = [
        (0, 0x5412),
        (1, 0x5125),
        (2, 0x5e7c),
        (16, 0x1689),
        (31, 0x2bed),
    ];
    for (data, bits) in known {
        assert_eq!(format_bits(data), bits, "{data}");
    }
}

#[test]
fn three_wrong_bits_of_a_format_do_not_matter() {
    let few = few_wrong(15);
    for (data, &wrong) in (0..32).flat_map(|data| few.iter().map(move |wrong| (data, wrong))) {
        let format = Format::nearest(format_bits(data) ^ wrong, false).unwrap();
        let level = [Level::M, Level::L, Level::H, Level::Q][data as usize / 8];
        let got = (format.level, u32::from(format.mask), format.distance);
        assert_eq!(got, (level, data % 8, wrong.count_ones()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn damage_of_any_kind_gives_no_wrong_text(
        (number, level) in (1_u8..=15, 0_usize..4),
        share in 0.0_f32..1.0,
        marked: bool,
        seed: u64
    ) {
        let drawn = Drawn::full(number, level, None);
        let mut symbol = drawn.collected();
        let mut draws = Draws(seed);
        let count = (share * drawn.check() as f32 * 1.5) as usize;
        draws.damage(&mut symbol, &drawn, count, marked.then_some(1.0));
        if let Some(text) = drawn.text_of(&mut symbol) {
            prop_assert_eq!(text, drawn.text);
        }
    }

    #[test]
    fn both_copies_of_a_format_may_have_three_wrong_bits(
        (number, level, mask) in (1_u8..=40, 0_usize..4, 0_usize..8),
        turned in prop::collection::vec(0_usize..15, 0..=3)
    ) {
        let mut drawn = Drawn::full(number, level, Some(MASKS[mask]));
        let n = drawn.version.size();
        let beside = [0, 1, 2, 3, 4, 5, 7, 8];
        for &bit in &turned {
            let first = if bit < 8 { 8 * n + beside[bit] } else { beside[14 - bit] * n + 8 };
            let second = if bit < 7 { (n - 1 - bit) * n + 8 } else { 8 * n + n - 15 + bit };
            for at in [first, second] {
                drawn.levels[at] = 255.0 - drawn.levels[at];
            }
        }
        let right = Format { level: drawn.level, mask: mask as u8, mirrored: false, distance: 0 };
        let found = Format::of(&drawn.modules(), drawn.version).into_iter().flatten();
        let mut as_right = found.map(|format| Format { distance: 0, ..format });
        prop_assert!(as_right.any(|format| format == right));
    }

    #[test]
    fn modules_of_any_kind_are_read_without_a_panic(number in 1_i32..=40, seed: u64) {
        let version = Version::new(number).unwrap();
        let mut draws = Draws(seed);
        let levels = (0..version.size().pow(2)).map(|_| draws.below(256) as f32).collect();
        let noise = Drawn { version, level: Level::L, text: vec![], levels };
        prop_assert_eq!(read(&noise), None);
    }
}
