//! Tests of judging modules: as they are, whatever the light.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use proptest::prelude::*;

/// Reach and sharpening as attempts use them.
const JUDGEMENTS: [(usize, f32); 4] = [(5, 0.25), (5, 0.8), (3, 0.4), (9, 0.1)];

fn version(number: i32) -> Version {
    Version::new(number).unwrap()
}

#[test]
fn light_that_falls_off_across_the_code_does_not_matter() {
    let version = version(10);
    let n = version.size();
    let dark = |at: usize| (at * at / 7 + at / 3) % 5 < 2;
    // From 200 down to 60 of white, and of black a fifth.
    let light = |at: usize| 200.0 - 140.0 * (at % n) as f32 / n as f32;
    let level = |at: usize| light(at) * if dark(at) { 0.2 } else { 1.0 };
    let levels: Vec<f32> = (0..n * n).map(level).collect();
    let mut modules = Modules::default();
    for (reach, sharpen) in JUDGEMENTS {
        modules.judge(version, &levels, reach, sharpen);
        let wrong = (0..n * n)
            .filter(|&at| modules.dark_at(at) != dark(at))
            .count();
        assert_eq!(wrong, 0, "reach {reach}, sharpening {sharpen}");
    }
}

#[test]
fn the_margin_is_the_distance_from_the_mean_around() {
    let version = version(1);
    let mut levels = vec![100.0; 21 * 21];
    levels[10 * 21 + 10] = 40.0;
    let mut modules = Modules::default();
    modules.judge(version, &levels, 1, 0.0);
    assert!(modules.is_dark(10, 10) && !modules.is_dark(10, 9) && !modules.is_dark(0, 0));
    let off = (modules.margin[10 * 21 + 10] - 60.0 * 8.0 / 9.0).abs();
    assert!(off < 0.01, "{off}");
    assert!(modules.margin[0] < 0.01);
}

proptest! {
    #[test]
    fn levels_of_any_kind_are_judged(
        number in 1..=40,
        level in any::<f32>(),
        reach in 0_usize..200,
        sharpen in 0.0_f32..1.0
    ) {
        let version = version(number);
        let levels = vec![level; version.size().pow(2)];
        let mut modules = Modules::default();
        modules.judge(version, &levels, reach, sharpen);
        prop_assert_eq!(modules.margin.len(), levels.len());
    }
}
