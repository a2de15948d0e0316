//! Tests of sizes, alignment places and version information against the standard's tables.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;

/// ISO/IEC 18004, annex E, table E.1; versions 1 to 40.
const ALIGNMENT: [&[u8]; 40] = [
    &[],
    &[6, 18],
    &[6, 22],
    &[6, 26],
    &[6, 30],
    &[6, 34],
    &[6, 22, 38],
    &[6, 24, 42],
    &[6, 26, 46],
    &[6, 28, 50],
    &[6, 30, 54],
    &[6, 32, 58],
    &[6, 34, 62],
    &[6, 26, 46, 66],
    &[6, 26, 48, 70],
    &[6, 26, 50, 74],
    &[6, 30, 54, 78],
    &[6, 30, 56, 82],
    &[6, 30, 58, 86],
    &[6, 34, 62, 90],
    &[6, 28, 50, 72, 94],
    &[6, 26, 50, 74, 98],
    &[6, 30, 54, 78, 102],
    &[6, 28, 54, 80, 106],
    &[6, 32, 58, 84, 110],
    &[6, 30, 58, 86, 114],
    &[6, 34, 62, 90, 118],
    &[6, 26, 50, 74, 98, 122],
    &[6, 30, 54, 78, 102, 126],
    &[6, 26, 52, 78, 104, 130],
    &[6, 30, 56, 82, 108, 134],
    &[6, 34, 60, 86, 112, 138],
    &[6, 30, 58, 86, 114, 142],
    &[6, 34, 62, 90, 118, 146],
    &[6, 30, 54, 78, 102, 126, 150],
    &[6, 24, 50, 76, 102, 128, 154],
    &[6, 28, 54, 80, 106, 132, 158],
    &[6, 32, 58, 84, 110, 136, 162],
    &[6, 26, 54, 82, 110, 138, 166],
    &[6, 30, 58, 86, 114, 142, 170],
];

/// ISO/IEC 18004, annex D, table D.1; versions 7 to 40.
const INFORMATION: [u32; 34] = [
    0x07c94, 0x085bc, 0x09a99, 0x0a4d3, 0x0bbf6, 0x0c762, 0x0d847, 0x0e60d, 0x0f928, 0x10b78,
    0x1145d, 0x12a17, 0x13532, 0x149a6, 0x15683, 0x168c9, 0x177ec, 0x18ec4, 0x191e1, 0x1afab,
    0x1b08e, 0x1cc1a, 0x1d33f, 0x1ed75, 0x1f250, 0x209d5, 0x216f0, 0x228ba, 0x2379f, 0x24b0b,
    0x2542e, 0x26a64, 0x27541, 0x28c69,
];

fn version(number: usize) -> Version {
    Version::new(number as i32).unwrap()
}

#[test]
fn there_are_forty_versions() {
    for number in [i32::MIN, -1, 0, 41, 297, i32::MAX] {
        assert_eq!(Version::new(number), None, "{number}");
    }
    assert_eq!((version(1).size(), version(40).size()), (21, 177));
}

#[test]
fn alignment_patterns_lie_where_the_standard_has_them() {
    for (number, places) in (1..).zip(ALIGNMENT) {
        assert_eq!(version(number).alignment().as_slice(), places, "{number}");
    }
}

#[test]
fn version_information_is_that_of_the_standard() {
    for (number, bits) in (7..).zip(INFORMATION) {
        assert_eq!(information(number), bits, "{number}");
    }
}

#[test]
fn three_wrong_bits_of_version_information_do_not_matter() {
    let few: Vec<u32> = (0..1 << 18)
        .filter(|bits: &u32| bits.count_ones() <= 3)
        .collect();
    for (number, bits) in (7..).zip(INFORMATION) {
        for wrong in &few {
            let want = (wrong.count_ones(), version(number));
            assert_eq!(
                Version::nearest(bits ^ wrong),
                want,
                "{number} {wrong:018b}"
            );
        }
    }
}

#[test]
fn the_version_follows_from_the_distance_of_the_finder_patterns() {
    for number in 1..=40 {
        let arm = version(number).size() as f32 - 2.0 * FINDER_MIDDLE;
        for off in [-1.9, 0.0, 1.9] {
            assert_eq!(Version::of_arm(arm + off), number as i32, "{off}");
        }
    }
}
