//! Tests of looking at pictures: between pixels, at edges, beyond them, and at half the size.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use proptest::prelude::*;

#[test]
fn between_pixels_lies_what_is_between_their_levels() {
    let picture = Picture::new(2, 2, &[0, 100, 50, 150]);
    for (x, y, level) in [
        (0.5, 0.5, 0.0),
        (1.5, 0.5, 100.0),
        (1.0, 0.5, 50.0),
        (1.0, 1.0, 75.0),
        (0.5, 1.25, 37.5),
        (-9.0, -9.0, 0.0),
        (9.0, 9.0, 150.0),
    ] {
        let got = picture.level(Point::new(x, y));
        assert!((got - level).abs() < 1e-4, "{x} {y}: {got}");
    }
    assert_eq!(picture.nearest(Point::new(1.2, 0.9)), 100);
    assert_eq!(picture.nearest(Point::new(-1.0, 7.0)), 50);
}

#[test]
fn half_a_picture_is_the_mean_of_each_four_pixels() {
    let (mut half, mut sums) = (vec![9; 40], vec![]);
    let pixels = [0, 4, 9, 8, 4, 9, 255, 255, 1, 255, 255, 1, 7, 7, 7];
    let size = halve(Picture::new(5, 3, &pixels), &mut half, &mut sums);
    // A last odd row and column are left out.
    assert_eq!((size, half), ((2, 1), vec![67, 68]));
}

proptest! {
    #[test]
    fn no_place_is_out_of_bounds(
        (width, height) in (1_usize..9, 1_usize..9),
        (x, y) in (any::<f32>(), any::<f32>())
    ) {
        let pixels = vec![77; width * height];
        let picture = Picture::new(width, height, &pixels);
        let at = Point::new(x, y);
        prop_assert_eq!(picture.nearest(at), 77);
        let level = picture.level(at);
        prop_assert!(level.is_nan() == (x.is_nan() || y.is_nan()) && (level.is_nan() || level == 77.0));
        prop_assert!(!picture.holds(at) || (x >= 0.0 && y < height as f32));
    }

    #[test]
    fn halves_of_any_size_hold_all_pixels(width in 1_usize..40, height in 1_usize..40, level: u8) {
        let pixels = vec![level; width * height];
        let (mut half, mut sums) = (vec![], vec![]);
        let size = halve(Picture::new(width, height, &pixels), &mut half, &mut sums);
        prop_assert_eq!(size, (width / 2, height / 2));
        prop_assert_eq!(half.len(), size.0 * size.1);
        prop_assert!(half.iter().all(|&half| half == level));
    }
}
