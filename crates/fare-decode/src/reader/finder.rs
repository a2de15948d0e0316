//! From a candidate to a finder pattern: rays from its middle meet the edges of three nested
//! squares, 3, 5 and 7 modules wide, and from where they meet them follow its middle, its size and
//! which way it is turned, all between pixels.

use super::geometry::Point;
use super::picture::Picture;
use super::scan::{Candidate, Effort, Ray, crossings};

const RAYS: usize = 24;
/// Evenly around, from a quarter of these and its three turns.
const DIRECTIONS: [Point; RAYS] = {
    const QUARTER: [(f32, f32); 6] = [
        (1.0, 0.0),
        (0.965_925_8, 0.258_819_05),
        (0.866_025_4, 0.5),
        (0.707_106_77, 0.707_106_77),
        (0.5, 0.866_025_4),
        (0.258_819_05, 0.965_925_8),
    ];
    let mut directions = [Point::new(0.0, 0.0); RAYS];
    let mut ray = 0;
    while ray < 6 {
        let (x, y) = QUARTER[ray];
        directions[ray] = Point::new(x, y);
        directions[ray + 6] = Point::new(-y, x);
        directions[ray + 12] = Point::new(-x, -y);
        directions[ray + 18] = Point::new(y, -x);
        ray += 1;
    }
    directions
};
/// So near to the middle, in modules, rays are as good as from it.
const NEAR: f32 = 0.1;

/// Half widths of the squares, in modules.
const HALVES: [f32; 3] = [1.5, 2.5, 3.5];

/// A finder pattern in the full picture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Finder {
    pub middle: Point,
    /// One module along the code's rows or columns; which of them, and which way, is not known.
    pub u: Point,
    /// One module along the other; a quarter turn clockwise of `u`.
    pub v: Point,
    pub inverted: bool,
    /// Level between dark and light.
    pub threshold: f32,
    /// Mean distance of the edges from where they should be, in modules.
    pub error: f32,
}

impl Finder {
    /// Pixels a module.
    pub(super) fn module(&self) -> f32 {
        self.u.cross(self.v).abs().sqrt()
    }

    /// A finder pattern around `candidate`, with places in `picture`.
    pub(super) fn fit(picture: Picture<'_>, candidate: &Candidate, effort: Effort) -> Option<Self> {
        let mut at = candidate.at;
        let mut fitted = None;
        // A second round from the better middle, or rays to far corners leave on the wrong side.
        for _ in 0..2 {
            let edges = Edges::around(picture, candidate, at, effort);
            if edges.count < effort.rays() || edges.whole < effort.whole_rays() {
                return None;
            }
            let (square, error) = edges.square()?;
            let offset = square.offset();
            at = at + offset;
            fitted = Some((square, error));
            if offset.length() < NEAR * candidate.module.x.min(candidate.module.y) {
                break;
            }
        }
        let (square, error) = fitted?;
        let (u, v) = square.modules()?;
        if error > effort.error() || u.length() > 4.0 * v.length() || v.length() > 4.0 * u.length()
        {
            return None;
        }
        Some(Self {
            middle: at,
            u,
            v,
            inverted: candidate.inverted,
            threshold: candidate.threshold,
            error,
        })
    }

    /// Whether a pattern with this middle and module would be this one.
    pub(super) fn is_at(&self, middle: Point, module: f32) -> bool {
        let (way, size) = (self.middle - middle, self.module());
        way.dot(way) < size * size && (0.7..1.4).contains(&(module / size))
    }

    /// The same pattern in a picture `scale` times as large.
    pub(super) fn scaled(self, scale: f32) -> Self {
        Self {
            middle: self.middle * scale,
            u: self.u * scale,
            v: self.v * scale,
            ..self
        }
    }

    /// Where a place is, in modules along `u` and `v` from the middle.
    pub(super) fn modules_to(&self, at: Point) -> (f32, f32) {
        let way = at - self.middle;
        let area = self.u.cross(self.v);
        (way.cross(self.v) / area, self.u.cross(way) / area)
    }
}

/// Where rays met the three edges, as offsets from where they started.
struct Edges {
    points: [[Point; 3]; RAYS],
    /// How many edges each ray met.
    known: [usize; RAYS],
    count: usize,
    /// Rays that met all three.
    whole: usize,
    /// How far light bleeds into dark, in modules: a sum over all rays.
    bleed: f32,
}

impl Edges {
    /// Gives up once too many rays have met nothing.
    fn around(picture: Picture<'_>, candidate: &Candidate, at: Point, effort: Effort) -> Self {
        let module = candidate.module;
        let reach = 6.5 * module.x.max(module.y) + 3.0;
        let stride = (0.4 * module.x.min(module.y)).min(1.0);
        let mut edges = Self {
            points: [[Point::default(); 3]; RAYS],
            known: [0; RAYS],
            count: 0,
            whole: 0,
            bleed: 0.0,
        };
        for (looked, step) in DIRECTIONS.into_iter().enumerate() {
            if looked - edges.count > RAYS - effort.rays() {
                break;
            }
            let ray = Ray {
                from: at,
                step,
                stride,
                reach,
            };
            let Some(met) = crossings(picture, ray, candidate.threshold, candidate.inverted) else {
                continue;
            };
            // Light that bleeds into dark moves like edges alike: their sums stay 4 and 6 modules.
            let (inner, outer) = (met[0] + met[1], met[1] + met[2]);
            if met[0] < 0.12 * inner || met[0] > 0.47 * inner {
                continue;
            }
            let whole = (1.2 * inner..1.85 * inner).contains(&outer);
            edges.bleed += 1.5 - 4.0 * met[0] / inner;
            let known = if whole { 3 } else { 2 };
            edges.points[edges.count] = met.map(|distance| step * distance);
            edges.known[edges.count] = known;
            edges.count += 1;
            edges.whole += usize::from(whole);
        }
        edges
    }

    fn rays(&self) -> impl Iterator<Item = &[Point]> {
        self.points
            .iter()
            .zip(self.known)
            .take(self.count)
            .map(|(points, known)| &points[..known])
    }

    /// Every place where an edge was met, with the half width of its square.
    fn met(&self) -> Met {
        let bleed = self.bleed / self.count as f32;
        let halves = [HALVES[0] - bleed, HALVES[1] + bleed, HALVES[2] - bleed];
        let mut met = Met {
            at: [(Point::default(), 0.0); 3 * RAYS],
            count: 0,
        };
        for ray in self.rays() {
            for (&point, half) in ray.iter().zip(halves) {
                met.at[met.count] = (point, half);
                met.count += 1;
            }
        }
        met
    }

    /// The squares that fit the edges, and how well.
    fn square(&self) -> Option<(Square, f32)> {
        // A square reaches farthest in four directions, a quarter turn apart: their common angle.
        let (mut reach, mut cos4, mut sin4) = (0.0, 0.0, 0.0);
        for ray in self.rays() {
            let (x, y, r) = (ray[1].x, ray[1].y, ray[1].length());
            let (cos, sin) = (x / r, y / r);
            let (cos2, sin2) = (cos * cos - sin * sin, 2.0 * cos * sin);
            reach += r;
            cos4 += r * (cos2 * cos2 - sin2 * sin2);
            sin4 += r * 2.0 * cos2 * sin2;
        }
        // Halfway between the middle square's half width and half diagonal.
        let met = self.met();
        let scale = 2.95 * self.count as f32 / reach;
        let corner = f32::atan2(sin4, cos4) / 4.0;
        let start = |angle: f32| {
            let (sin, cos) = angle.sin_cos();
            let start = Square {
                across: [cos * scale, sin * scale, 0.0],
                down: [-sin * scale, cos * scale, 0.0],
            };
            start.settle(met.all())
        };
        let side = corner + std::f32::consts::FRAC_PI_4;
        match start(side) {
            Some(square) if square.1 < 0.15 => Some(square),
            // Slanted squares can mislead the angle.
            first => first
                .into_iter()
                .chain(start(corner))
                .min_by(|a, b| a.1.total_cmp(&b.1)),
        }
    }
}

/// Places where edges were met, each with the half width of its square.
struct Met {
    at: [(Point, f32); 3 * RAYS],
    count: usize,
}

impl Met {
    fn all(&self) -> &[(Point, f32)] {
        &self.at[..self.count]
    }
}

/// `n·p + o` for both pairs of sides: a point lies on the square of half width `h` where the larger
/// of their amounts is `h`.
#[derive(Clone, Copy, Debug)]
struct Square {
    across: [f32; 3],
    down: [f32; 3],
}

impl Square {
    fn heights(&self, at: Point) -> (f32, f32) {
        let height = |n: &[f32; 3]| n[0] * at.x + n[1] * at.y + n[2];
        (height(&self.across), height(&self.down))
    }

    /// Fits each pair of sides to the points nearest to it, a few times over.
    fn settle(mut self, met: &[(Point, f32)]) -> Option<(Self, f32)> {
        let mut before = None;
        for _ in 0..4 {
            let (mut across, mut down) = (Line::default(), Line::default());
            // Which points went to which side: the same once more would fit the same lines.
            let (mut to_across, mut beyond) = (0u128, 0u128);
            for &(at, half) in met {
                let (a, d) = self.heights(at);
                let (is_across, height) = if a.abs() > d.abs() { (1, a) } else { (0, d) };
                let line = if is_across == 1 {
                    &mut across
                } else {
                    &mut down
                };
                line.add(at, half.copysign(height));
                to_across = to_across << 1 | is_across;
                beyond = beyond << 1 | u128::from(height > 0.0);
            }
            if before == Some((to_across, beyond)) {
                break;
            }
            before = Some((to_across, beyond));
            self = Self {
                across: across.solve()?,
                down: down.solve()?,
            };
        }
        let off = |&(at, half): &(Point, f32)| {
            let (a, d) = self.heights(at);
            (a.abs().max(d.abs()) - half).abs().min(1.0)
        };
        let error = met.iter().map(off).sum::<f32>() / met.len() as f32;
        Some((self, error))
    }

    /// Where the squares' middle lies.
    fn offset(&self) -> Point {
        let ([a, b, e], [c, d, f]) = (self.across, self.down);
        let area = a * d - b * c;
        Point::new((b * f - d * e) / area, (c * e - a * f) / area)
    }

    /// One module across and one down.
    fn modules(&self) -> Option<(Point, Point)> {
        let ([a, b, _], [c, d, _]) = (self.across, self.down);
        let area = a * d - b * c;
        let (u, v) = (
            Point::new(d / area, -c / area),
            Point::new(-b / area, a / area),
        );
        let turned = if area > 0.0 { v } else { -v };
        let angle = u.cross(turned) / (u.length() * turned.length());
        (angle > 0.35 && angle.is_finite()).then_some((u, turned))
    }
}

/// Least squares for `n·p + o = h`.
#[derive(Default)]
struct Line {
    xx: f32,
    xy: f32,
    yy: f32,
    x: f32,
    y: f32,
    xh: f32,
    yh: f32,
    h: f32,
    count: f32,
}

impl Line {
    fn add(&mut self, at: Point, h: f32) {
        self.xx += at.x * at.x;
        self.xy += at.x * at.y;
        self.yy += at.y * at.y;
        self.x += at.x;
        self.y += at.y;
        self.xh += at.x * h;
        self.yh += at.y * h;
        self.h += h;
        self.count += 1.0;
    }

    fn solve(&self) -> Option<[f32; 3]> {
        if self.count < 6.0 {
            return None;
        }
        let (mx, my, mh) = (
            self.x / self.count,
            self.y / self.count,
            self.h / self.count,
        );
        let (xx, xy) = (self.xx - self.x * mx, self.xy - self.x * my);
        let yy = self.yy - self.y * my;
        let (xh, yh) = (self.xh - self.x * mh, self.yh - self.y * mh);
        let area = xx * yy - xy * xy;
        if area.abs() < 1e-3 {
            return None;
        }
        let (a, b) = ((xh * yy - yh * xy) / area, (yh * xx - xh * xy) / area);
        Some([a, b, mh - a * mx - b * my])
    }
}

/// Adds a finder pattern unless another size of the picture has shown it before; the better one stays.
/// Whether anything has changed.
pub(super) fn add(finders: &mut Vec<Finder>, finder: Finder) -> bool {
    let module = finder.module();
    let same = |known: &&mut Finder| {
        known.inverted == finder.inverted
            && (known.middle - finder.middle).length() < 1.5 * module
            && (0.6..1.7).contains(&(known.module() / module))
    };
    match finders.iter_mut().find(same) {
        Some(known) if known.error > finder.error => *known = finder,
        Some(_) => return false,
        None => finders.push(finder),
    }
    true
}
