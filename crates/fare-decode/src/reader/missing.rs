//! The third finder pattern where two were seen: glare, dirt or a tear often takes one.

use super::finder::Finder;
use super::geometry::Point;
use super::picture::{Fixed, Picture};

/// Patterns between which a third is looked for.
const SEEN_MAX: usize = 6;

/// Places looked at in one picture.
const PLACES_MAX: usize = 12;

/// How much of the pattern's contrast must be left.
const SCORE_MIN: f32 = 0.3;

/// Looks where a third pattern of any two would be, and adds what looks like the rest of one.
pub(super) fn complete(picture: Picture<'_>, finders: &mut Vec<Finder>) {
    finders.sort_unstable_by(|a, b| a.error.total_cmp(&b.error));
    let seen = finders.len().min(SEEN_MAX);
    let mut looked = 0;
    for first in 0..seen {
        for second in 0..seen {
            let (a, b) = (finders[first], finders[second]);
            let size = a.module() / b.module();
            if first == second || a.inverted != b.inverted || !(0.6..1.7).contains(&size) {
                continue;
            }
            for place in places(&a, &b).into_iter().flatten() {
                let known = |f: &Finder| (f.middle - place).length() < 4.0 * f.module();
                if looked < PLACES_MAX && picture.holds(place) && !finders.iter().any(known) {
                    looked += 1;
                    finders.extend(near(picture, &a, &b, place));
                }
            }
        }
    }
}

/// Where the third may be, seen from the first: beside it, if both are on one side of the code, or
/// in the corner between them.
fn places(from: &Finder, to: &Finder) -> [Option<Point>; 2] {
    let (u, v) = from.modules_to(to.middle);
    let (long, short) = (u.abs().max(v.abs()), u.abs().min(v.abs()));
    if !(12.0..190.0).contains(&long) {
        return [None; 2];
    }
    let (along_u, along_v) = (from.middle + from.u * u, from.middle + from.v * v);
    if short < 0.3 * long {
        let beside = if u.abs() > v.abs() { from.v } else { from.u };
        return [long, -long].map(|way| Some(from.middle + beside * way));
    }
    if short > 0.7 * long {
        return [Some(along_u), Some(along_v)];
    }
    [None; 2]
}

/// The pattern nearest to a place, if enough of it is left.
fn near(picture: Picture<'_>, a: &Finder, b: &Finder, place: Point) -> Option<Finder> {
    let arm = (a.middle - b.middle).length() / a.module();
    let steps = (2.0 * (1.0 + arm / 14.0)).min(7.0) as i32;
    let mut best = (f32::MIN, place);
    for dy in -steps..=steps {
        for dx in -steps..=steps {
            let at = place + a.u * (dx as f32 * 0.5) + a.v * (dy as f32 * 0.5);
            if picture.holds(at) {
                let score = score(picture, a, at);
                if score > best.0 {
                    best = (score, at);
                }
            }
        }
    }
    (best.0 > SCORE_MIN).then_some(Finder {
        middle: best.1,
        error: 0.35,
        ..*a
    })
}

/// How much lighter the light ring is than the dark parts, in shares of the contrast of `like`.
fn score(picture: Picture<'_>, like: &Finder, middle: Point) -> f32 {
    let (mut light, mut dark) = (0, 0);
    let (mut lowest, mut highest) = (u8::MAX, 0);
    let (right, down) = (Fixed::of(like.u), Fixed::of(like.v));
    let mut first = Fixed::of(middle - (like.u + like.v) * 3.0);
    for row in -3i32..=3 {
        let mut at = first;
        for column in -3i32..=3 {
            let level = picture.nearest_to(at);
            lowest = lowest.min(level);
            highest = highest.max(level);
            if row.abs().max(column.abs()) == 2 {
                light += i32::from(level);
            } else {
                dark += i32::from(level);
            }
            at = at.plus(right);
        }
        first = first.plus(down);
    }
    let (light, dark) = (light as f32, dark as f32);
    let (lowest, highest) = (f32::from(lowest), f32::from(highest));
    let step = (light / 16.0 - dark / 33.0) / (highest - lowest).max(16.0);
    if like.inverted { -step } else { step }
}
