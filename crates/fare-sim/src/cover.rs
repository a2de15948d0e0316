//! What lies over a part of a code: a finger, or the cracks of a broken screen.

use crate::codewords::Blocks;
use crate::screen::Code;
use crate::seed::Seed;
use crate::sheet::OUTSIDE;
use image::GrayImage;

/// Side of a finder pattern with its separator, in modules.
const FINDER_MODULES: f32 = 8.0;
/// Modules of a ride code, in which fingers are measured.
const RIDE_CODE_MODULES: f32 = 57.0;
/// Places tried for a cover before the best so far is taken.
const TRIES: u32 = 24;
/// Damage from which a code cannot be read by whatever luck.
const RUINED: f32 = 1.5;

/// Strokes over a screen. Finder patterns always stay visible.
#[derive(Clone, Debug, PartialEq)]
pub struct Cover {
    kind: CoverKind,
    strokes: Vec<Stroke>,
    /// Grey level as the screen sends them; a finger only reflects.
    level: u8,
    /// Half of the code's side in modules.
    half: f32,
}

/// What a cover is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CoverKind {
    /// A finger that holds the phone.
    Finger,
    /// Cracks in the glass.
    Cracks,
}

/// All points nearer than `half_width` to the line from `from` to `to`, in modules from the middle
/// of the code.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Stroke {
    from: (f32, f32),
    to: (f32, f32),
    half_width: f32,
}

impl Cover {
    /// A finger or cracks over some of `code`, as much as leaves a reader who sees everything else:
    /// no block of codewords loses more than `most` (0 to 1) of what its error correction takes.
    pub fn readable(kind: CoverKind, code: &Code, most: f32, seed: &mut Seed) -> Self {
        let blocks = Blocks::of(code);
        let cover = Self::none(kind, code, seed);
        match kind {
            CoverKind::Finger => cover.with_finger(seed, |cover| {
                let damage = blocks.damage(|x, y| cover.near_module(x, y, 0.4));
                (damage <= most).then_some(damage)
            }),
            CoverKind::Cracks => cover.with_crack(seed, |cover| {
                blocks.damage(|x, y| cover.near_module(x, y, 0.2)) <= most
            }),
        }
    }

    /// A finger or cracks over so much of `code` that no error correction helps, whether what is
    /// covered reads as dark or as light.
    pub fn ruinous(kind: CoverKind, code: &Code, seed: &mut Seed) -> Self {
        let blocks = Blocks::of(code);
        let cover = Self::none(kind, code, seed);
        let damage = |cover: &Self| {
            let read_as = |dark: bool| {
                blocks.damage(|x, y| {
                    code.grid.is_dark(x, y) != dark && cover.near_module(x, y, -0.05)
                })
            };
            read_as(true).min(read_as(false))
        };
        match kind {
            // As soon as it is too much the finger stops.
            CoverKind::Finger => {
                let mut enough = false;
                cover.with_finger(seed, |cover| {
                    let damage = (!enough).then(|| damage(cover));
                    enough = damage.is_some_and(|damage| damage > RUINED);
                    damage
                })
            }
            CoverKind::Cracks => cover.shattered(seed, |cover| damage(cover) > RUINED),
        }
    }

    /// What it is.
    pub const fn kind(&self) -> CoverKind {
        self.kind
    }

    fn none(kind: CoverKind, code: &Code, seed: &mut Seed) -> Self {
        let level = match kind {
            CoverKind::Finger => 50 + seed.below(90) as u8,
            // Broken edges shine or are dark, as the light falls.
            CoverKind::Cracks if seed.happens(0.5) => 150 + seed.below(70) as u8,
            CoverKind::Cracks => 8 + seed.below(30) as u8,
        };
        Self {
            kind,
            strokes: Vec::new(),
            level,
            half: code.size() as f32 / 2.0,
        }
    }

    /// Pushes a finger in over an edge for as long as `allowed` says how much it covers; of several
    /// places the one where it covers most.
    fn with_finger(
        mut self,
        seed: &mut Seed,
        mut allowed: impl FnMut(&Self) -> Option<f32>,
    ) -> Self {
        let scale = self.half * 2.0 / RIDE_CODE_MODULES;
        let mut best = (0.0, Vec::new());
        for _ in 0..TRIES {
            let half_width = scale * seed.between(6.0, 10.0);
            let side = seed.below(4) as f32 * std::f32::consts::FRAC_PI_2;
            let along = seed.either_way(self.half);
            let lean = side + seed.either_way(0.5);
            let (sin, cos) = side.sin_cos();
            let turned = |x: f32, y: f32| (x * cos - y * sin, x * sin + y * cos);
            let edge = turned(self.half + half_width, along);
            let mut depth = 0.0;
            while depth < self.half * 2.0 {
                let to = (edge.0 - depth * lean.cos(), edge.1 - depth * lean.sin());
                let root = self.half * 3.0;
                let from = (to.0 + root * lean.cos(), to.1 + root * lean.sin());
                self.strokes = vec![Stroke {
                    from,
                    to,
                    half_width,
                }];
                if self.strokes[0].nears_finder(self.half) {
                    break;
                }
                let Some(damage) = allowed(&self) else {
                    break;
                };
                if damage > best.0 {
                    best = (damage, self.strokes.clone());
                }
                depth += 0.5;
            }
        }
        self.strokes = best.1;
        self
    }

    /// A crack that runs on from an edge for as long as `allowed` holds.
    fn with_crack(mut self, seed: &mut Seed, allowed: impl Fn(&Self) -> bool) -> Self {
        let half_width = seed.between(0.08, 0.22);
        for _ in 0..TRIES {
            let around = seed.between(0.0, std::f32::consts::TAU);
            let mut at = (
                self.half * 1.2 * around.cos(),
                self.half * 1.2 * around.sin(),
            );
            let mut heading = around + std::f32::consts::PI + seed.either_way(0.6);
            for _ in 0..16 {
                let length = seed.between(2.0, 7.0);
                heading += seed.either_way(0.5);
                let to = (at.0 + length * heading.cos(), at.1 + length * heading.sin());
                self.strokes.push(Stroke {
                    from: at,
                    to,
                    half_width,
                });
                if !allowed(&self) {
                    self.strokes.pop();
                    return self;
                }
                at = to;
            }
        }
        self
    }

    /// Cracks in all directions from where the screen was hit, more of them until `enough` holds.
    fn shattered(mut self, seed: &mut Seed, enough: impl Fn(&Self) -> bool) -> Self {
        let hit = (
            seed.either_way(self.half * 0.5),
            seed.either_way(self.half * 0.5),
        );
        let half_width = seed.between(0.4, 0.7);
        let around =
            |angle: f32, radius: f32| (hit.0 + radius * angle.cos(), hit.1 + radius * angle.sin());
        while !enough(&self) && self.strokes.len() < 500 {
            let mut angle = seed.between(0.0, std::f32::consts::TAU);
            let mut at = hit;
            for step in 1..8_u8 {
                angle += seed.either_way(0.12);
                let radius = self.half * 0.3 * f32::from(step);
                let to = around(angle, radius);
                self.strokes.push(Stroke {
                    from: at,
                    to,
                    half_width: half_width / f32::from(step).sqrt() + 0.25,
                });
                at = to;
            }
            let radius = self.half * seed.between(0.1, 0.9);
            self.strokes.push(Stroke {
                from: around(angle, radius),
                to: around(angle + seed.between(0.3, 0.8), radius),
                half_width,
            });
        }
        self
    }

    /// Whether the middle of the module in this column and row is covered, or nearer than `reach`
    /// to what is.
    fn near_module(&self, x: u32, y: u32, reach: f32) -> bool {
        let at = (x as f32 + 0.5 - self.half, y as f32 + 0.5 - self.half);
        let near = |stroke: &Stroke| stroke.distance(at) < stroke.half_width + reach;
        !self.on_finder(at) && self.strokes.iter().any(near)
    }

    fn on_finder(&self, (x, y): (f32, f32)) -> bool {
        let far = self.half - FINDER_MODULES;
        let corner = x.abs() > far && y.abs() > far;
        let outside = x.abs() > self.half + 1.0 || y.abs() > self.half + 1.0;
        corner && !outside && !(x > 0.0 && y > 0.0)
    }

    /// Draws it onto a phone of `px` pixels a module with the middle of the code at `origin`.
    pub(crate) fn draw(&self, picture: &mut GrayImage, px: f32, origin: (f32, f32)) {
        let (width, height) = picture.dimensions();
        for stroke in &self.strokes {
            let ends = [stroke.from, stroke.to];
            let span = |pick: fn((f32, f32)) -> f32, origin: f32, end: u32| {
                let reach = stroke.half_width + 1.0;
                let low = ends.map(pick).into_iter().fold(f32::MAX, f32::min) - reach;
                let high = ends.map(pick).into_iter().fold(f32::MIN, f32::max) + reach;
                let pixel = |at: f32| ((at * px + origin).max(0.0) as u32).min(end);
                pixel(low)..pixel(high)
            };
            for y in span(|end| end.1, origin.1, height) {
                for x in span(|end| end.0, origin.0, width) {
                    let at = (
                        (x as f32 + 0.5 - origin.0) / px,
                        (y as f32 + 0.5 - origin.1) / px,
                    );
                    let pixel = picture.get_pixel_mut(x, y);
                    let glass = pixel.0[0] != OUTSIDE || self.kind == CoverKind::Finger;
                    if glass && !self.on_finder(at) && stroke.reaches(at, px) {
                        let seen = self.seen_at(stroke, at, px, f32::from(pixel.0[0]));
                        pixel.0[0] = seen.max(1.0) as u8;
                    }
                }
            }
        }
    }

    /// The level at `at` where `under` was; edges are smooth, and fingers round.
    fn seen_at(&self, stroke: &Stroke, at: (f32, f32), px: f32, under: f32) -> f32 {
        let distance = stroke.distance(at);
        let share = ((stroke.half_width - distance) * px + 0.5).clamp(0.0, 1.0);
        let level = match self.kind {
            CoverKind::Finger => {
                let out = (distance / stroke.half_width).powi(4).min(1.0);
                f32::from(self.level) * (1.0 - 0.6 * out)
            }
            CoverKind::Cracks => f32::from(self.level),
        };
        under + (level - under) * share
    }
}

impl Stroke {
    /// Whether it is seen at all in a pixel at `at`.
    fn reaches(&self, at: (f32, f32), px: f32) -> bool {
        (self.half_width - self.distance(at)) * px > -0.5
    }

    fn distance(&self, (x, y): (f32, f32)) -> f32 {
        let (dx, dy) = (self.to.0 - self.from.0, self.to.1 - self.from.1);
        let (px, py) = (x - self.from.0, y - self.from.1);
        let length = dx * dx + dy * dy;
        let along = if length > 0.0 {
            ((px * dx + py * dy) / length).clamp(0.0, 1.0)
        } else {
            0.0
        };
        (px - along * dx).hypot(py - along * dy)
    }

    /// Whether it comes near one of the three finder patterns of a code of this half side.
    fn nears_finder(&self, half: f32) -> bool {
        let middle = half - FINDER_MODULES / 2.0;
        let reach = self.half_width + FINDER_MODULES * 0.75;
        [(-middle, -middle), (middle, -middle), (-middle, middle)]
            .into_iter()
            .any(|finder| self.distance(finder) < reach)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::screen::Packing;

    fn code() -> Code {
        Code::new(&[b'A'; 366], Packing::Alphanumeric).unwrap()
    }

    #[test]
    fn what_may_be_covered_is_covered_and_no_more() {
        let code = code();
        let blocks = Blocks::of(&code);
        for kind in [CoverKind::Finger, CoverKind::Cracks] {
            for number in 0..20 {
                let cover = Cover::readable(kind, &code, 0.6, &mut Seed::new(number));
                let damage = blocks.damage(|x, y| cover.near_module(x, y, 0.1));
                assert!(damage > 0.0 && damage <= 0.6, "{kind:?} {number}: {damage}");
            }
        }
    }

    #[test]
    fn a_ruined_code_is_beyond_correction_and_shows_its_finders() {
        let code = code();
        let blocks = Blocks::of(&code);
        for kind in [CoverKind::Finger, CoverKind::Cracks] {
            for number in 0..20 {
                let cover = Cover::ruinous(kind, &code, &mut Seed::new(number));
                let damage = blocks.damage(|x, y| cover.near_module(x, y, 0.0));
                assert!(damage > RUINED, "{kind:?} {number}: {damage}");
                assert!(
                    (0..8).all(|i| !cover.near_module(i, i, 0.0)),
                    "{kind:?} {number}"
                );
            }
        }
    }
}
