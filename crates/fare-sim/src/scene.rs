//! What a gate's camera sees when nobody is there: the hall above its glass.

use crate::blur::{Area, defocus};
use crate::seed::Seed;
use crate::shot::FrameSize;
use image::{GrayImage, Luma};

/// A hall: a ceiling with lamps in rows, beams between them, and people far off.
pub(crate) fn hall(size: FrameSize, seed: &mut Seed) -> GrayImage {
    let mut picture = ceiling(size, seed);
    let unit = size.height as f32 / 100.0;
    for _ in 0..3 + seed.below(4) {
        beam(&mut picture, unit, seed);
    }
    for _ in 0..2 + seed.below(4) {
        person(&mut picture, unit, seed);
    }
    for _ in 0..3 + seed.below(3) {
        lamp(&mut picture, unit, seed);
    }
    // The camera is focused on the glass, so that the hall is soft.
    let whole = Area::whole(&picture);
    defocus(&mut picture, whole, unit * 0.9);
    picture
}

fn ceiling(size: FrameSize, seed: &mut Seed) -> GrayImage {
    let base = seed.between(55.0, 95.0);
    let (left, up) = (seed.either_way(30.0), seed.either_way(30.0));
    GrayImage::from_fn(size.width, size.height, |x, y| {
        let (x, y) = (
            x as f32 / size.width as f32 - 0.5,
            y as f32 / size.height as f32 - 0.5,
        );
        Luma([(base + left * x + up * y - 40.0 * (x * x + y * y)) as u8])
    })
}

/// Paints `level` wherever `inside` holds, given offsets from `(x, y)`, within `reach` of it.
fn paint(
    picture: &mut GrayImage,
    (x, y): (f32, f32),
    reach: f32,
    level: u8,
    inside: impl Fn(f32, f32) -> bool,
) {
    let (width, height) = picture.dimensions();
    let rows = (y - reach).max(0.0) as u32..((y + reach).max(0.0) as u32).min(height);
    for row in rows {
        for column in (x - reach).max(0.0) as u32..((x + reach).max(0.0) as u32).min(width) {
            if inside(column as f32 - x, row as f32 - y) {
                picture.put_pixel(column, row, Luma([level]));
            }
        }
    }
}

fn somewhere(picture: &GrayImage, seed: &mut Seed) -> (f32, f32) {
    (
        seed.unit() * picture.width() as f32,
        seed.unit() * picture.height() as f32,
    )
}

/// A bar of some direction: how far a point lies along it and across it.
fn bar(half_length: f32, half_width: f32, angle: f32) -> impl Fn(f32, f32) -> bool {
    let (sin, cos) = angle.sin_cos();
    move |x, y| (x * cos + y * sin).abs() < half_length && (y * cos - x * sin).abs() < half_width
}

fn beam(picture: &mut GrayImage, unit: f32, seed: &mut Seed) {
    let at = somewhere(picture, seed);
    let level = 25 + seed.below(70) as u8;
    let shape = bar(
        unit * 200.0,
        unit * seed.between(0.8, 3.0),
        seed.either_way(1.6),
    );
    paint(picture, at, unit * 200.0, level, shape);
}

fn lamp(picture: &mut GrayImage, unit: f32, seed: &mut Seed) {
    let at = somewhere(picture, seed);
    let length = unit * seed.between(6.0, 22.0);
    let shape = bar(length, unit * seed.between(1.5, 4.0), seed.either_way(0.6));
    paint(picture, at, length * 1.5, 215 + seed.below(40) as u8, shape);
}

/// Somebody who stands over the glass, large and soft.
pub(crate) fn passenger(picture: &mut GrayImage, seed: &mut Seed) {
    let unit = picture.height() as f32 / 100.0;
    let (x, _) = somewhere(picture, seed);
    let y = unit * seed.between(20.0, 60.0);
    figure(picture, (x, y), unit * seed.between(14.0, 26.0), seed);
    let whole = Area::whole(picture);
    defocus(picture, whole, unit * 0.6);
}

fn person(picture: &mut GrayImage, unit: f32, seed: &mut Seed) {
    let (x, _) = somewhere(picture, seed);
    let y = unit * seed.between(60.0, 95.0);
    figure(picture, (x, y), unit * seed.between(5.0, 11.0), seed);
}

/// Head and shoulders; the head's middle is at `(x, y)` and `r` its half height.
pub(crate) fn figure(picture: &mut GrayImage, (x, y): (f32, f32), r: f32, seed: &mut Seed) {
    let coat = 20 + seed.below(60) as u8;
    let skin = 90 + seed.below(60) as u8;
    paint(picture, (x, y + 3.4 * r), 4.0 * r, coat, |dx, dy| {
        let (dx, dy) = (dx / (1.9 * r), dy / (2.6 * r));
        dx * dx + dy * dy < 1.0
    });
    paint(picture, (x, y), 1.3 * r, skin, |dx, dy| {
        let (dx, dy) = (dx / (0.8 * r), dy / r);
        dx * dx + dy * dy < 1.0
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halls_differ_by_seed_and_only_by_it() {
        let hall = |number| hall(FrameSize::VGA, &mut Seed::new(number));
        assert_eq!(hall(1), hall(1));
        assert_ne!(hall(1), hall(2));
    }
}
