//! Tests of the projective map: exact where it can be, none where points do not determine one.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use proptest::prelude::*;

/// A point, its image, its weight.
type Pair = (Point, Point, f32);

const SQUARE: [Point; 5] = [
    Point::new(0.0, 0.0),
    Point::new(21.0, 0.0),
    Point::new(21.0, 21.0),
    Point::new(0.0, 21.0),
    Point::new(10.5, 10.5),
];

fn fit(pairs: &[Pair]) -> Option<Homography> {
    Homography::fit(pairs.iter().copied())
}

#[test]
fn points_that_do_not_determine_a_map_give_none() {
    let same: Vec<Pair> = SQUARE.map(|p| (Point::new(1.0, 1.0), p, 1.0)).to_vec();
    let line: Vec<Pair> = SQUARE.map(|p| (Point::new(p.x, p.x), p, 1.0)).to_vec();
    let weightless: Vec<Pair> = SQUARE.map(|p| (p, p, 0.0)).to_vec();
    let not_numbers: Vec<Pair> = SQUARE.map(|p| (p, p * f32::NAN, 1.0)).to_vec();
    let endless: Vec<Pair> = SQUARE.map(|p| (p, p * f32::INFINITY, 1.0)).to_vec();
    let few: Vec<Pair> = SQUARE[..3].iter().map(|&p| (p, p, 1.0)).collect();
    for pairs in [vec![], same, line, weightless, not_numbers, endless, few] {
        assert_eq!(fit(&pairs), None, "{pairs:?}");
    }
}

proptest! {
    #[test]
    fn a_projection_is_found_from_five_points(
        (a, b, d, e) in (2.0_f32..9.0, -1.0_f32..1.0, -1.0_f32..1.0, 2.0_f32..9.0),
        (c, f) in (0.0_f32..4_000.0, 0.0_f32..4_000.0),
        (g, h) in (-0.01_f32..0.01, -0.01_f32..0.01)
    ) {
        let map = Homography([a, b, c, d, e, f, g, h]);
        let pairs = SQUARE.map(|p| (p, map.map(p), 1.0));
        let found = fit(&pairs).unwrap();
        for place in [Point::new(3.5, 3.5), Point::new(17.5, 3.5), Point::new(14.0, 19.0)] {
            let off = (found.map(place) - map.map(place)).length();
            prop_assert!(off < 0.05, "{off} px at {place:?}");
        }
    }

    #[test]
    fn whatever_the_points_there_is_no_panic(numbers in prop::collection::vec(any::<f32>(), 0..60)) {
        let pairs: Vec<Pair> = numbers
            .chunks_exact(5)
            .map(|n| (Point::new(n[0], n[1]), Point::new(n[2], n[3]), n[4]))
            .collect();
        if let Some(map) = fit(&pairs) {
            map.map(Point::new(1.0, 1.0));
        }
    }
}
