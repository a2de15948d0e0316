//! Points, directions and the projective map from modules to pixels.

use std::ops::{Add, Mul, Neg, Sub};

/// A place or a direction: x to the right, y down.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Point {
    pub x: f32,
    pub y: f32,
}

impl Point {
    pub(crate) const fn new(x: f32, y: f32) -> Self {
        Self { x, y }
    }

    pub(crate) fn length(self) -> f32 {
        self.x.hypot(self.y)
    }

    pub(crate) fn dot(self, other: Self) -> f32 {
        self.x * other.x + self.y * other.y
    }

    /// Twice the area between two directions, positive when `other` is clockwise of `self` as seen.
    pub(crate) fn cross(self, other: Self) -> f32 {
        self.x * other.y - self.y * other.x
    }
}

impl Add for Point {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self::new(self.x + other.x, self.y + other.y)
    }
}

impl Sub for Point {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self::new(self.x - other.x, self.y - other.y)
    }
}

impl Neg for Point {
    type Output = Self;
    fn neg(self) -> Self {
        Self::new(-self.x, -self.y)
    }
}

impl Mul<f32> for Point {
    type Output = Self;
    fn mul(self, by: f32) -> Self {
        Self::new(self.x * by, self.y * by)
    }
}

/// A projective map: `((a x + b y + c) / w, (d x + e y + f) / w)` with `w = g x + h y + 1`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Homography(pub [f32; 8]);

impl Homography {
    #[inline]
    pub(crate) fn map(&self, at: Point) -> Point {
        let [a, b, c, d, e, f, g, h] = self.0;
        let w = 1.0 / (g * at.x + h * at.y + 1.0);
        Point::new((a * at.x + b * at.y + c) * w, (d * at.x + e * at.y + f) * w)
    }

    /// The map that carries each first point nearest to its second, by weighted least squares.
    /// `None` where the points do not determine one.
    pub(crate) fn fit(pairs: impl Iterator<Item = (Point, Point, f32)> + Clone) -> Option<Self> {
        // Both sides are moved and scaled to about -1..1, or the equations are badly conditioned.
        let from = Frame::around(pairs.clone().map(|pair| pair.0))?;
        let to = Frame::around(pairs.clone().map(|pair| pair.1))?;
        let mut normal = [[0.0f64; 9]; 8];
        for (source, target, weight) in pairs {
            let (s, t) = (from.inside(source), to.inside(target));
            let (x, y) = (f64::from(s.x), f64::from(s.y));
            for (row, want) in [
                ([x, y, 1.0, 0.0, 0.0, 0.0], f64::from(t.x)),
                ([0.0, 0.0, 0.0, x, y, 1.0], f64::from(t.y)),
            ] {
                let mut equation = [0.0; 9];
                equation[..6].copy_from_slice(&row);
                equation[6] = -x * want;
                equation[7] = -y * want;
                equation[8] = want;
                accumulate(&mut normal, &equation, f64::from(weight));
            }
        }
        let solution = solve(&mut normal)?;
        Some(from.join(solution, to))
    }
}

fn accumulate(normal: &mut [[f64; 9]; 8], equation: &[f64; 9], weight: f64) {
    for (row, &left) in normal.iter_mut().zip(equation) {
        let left = left * weight;
        for (cell, &right) in row.iter_mut().zip(equation) {
            *cell += left * right;
        }
    }
}

/// Gaussian elimination with row pivots.
fn solve(m: &mut [[f64; 9]; 8]) -> Option<[f64; 8]> {
    for column in 0..8 {
        let pivot =
            (column..8).max_by(|&a, &b| m[a][column].abs().total_cmp(&m[b][column].abs()))?;
        if m[pivot][column].abs() < 1e-9 {
            return None;
        }
        m.swap(column, pivot);
        let lead = m[column];
        for row in m.iter_mut().skip(column + 1) {
            let factor = row[column] / lead[column];
            for (cell, &above) in row.iter_mut().zip(&lead).skip(column) {
                *cell -= factor * above;
            }
        }
    }
    let mut solution = [0.0; 8];
    for row in (0..8).rev() {
        let known: f64 = (row + 1..8).map(|k| m[row][k] * solution[k]).sum();
        solution[row] = (m[row][8] - known) / m[row][row];
    }
    Some(solution)
}

/// Moves and scales points so that they lie around 0.
struct Frame {
    middle: Point,
    scale: f32,
}

impl Frame {
    fn around(points: impl Iterator<Item = Point> + Clone) -> Option<Self> {
        let count = points.clone().count() as f32;
        let sum = points.clone().fold(Point::default(), Add::add);
        let middle = sum * (1.0 / count);
        let reach = points.map(|p| (p - middle).length()).fold(0.0, f32::max);
        (reach > 0.0 && reach.is_finite()).then(|| Self {
            middle,
            scale: 1.0 / reach,
        })
    }

    fn inside(&self, at: Point) -> Point {
        (at - self.middle) * self.scale
    }

    /// `to⁻¹ ∘ m ∘ self` as one map.
    fn join(&self, m: [f64; 8], to: Self) -> Homography {
        let (s, mx, my) = (
            f64::from(self.scale),
            f64::from(self.middle.x),
            f64::from(self.middle.y),
        );
        // m ∘ self: columns scaled, third column shifted.
        let row = |a: f64, b: f64, c: f64| [a * s, b * s, c - s * (a * mx + b * my)];
        let (top, side, low) = (
            row(m[0], m[1], m[2]),
            row(m[3], m[4], m[5]),
            row(m[6], m[7], 1.0),
        );
        let (k, tx, ty) = (
            1.0 / f64::from(to.scale),
            f64::from(to.middle.x),
            f64::from(to.middle.y),
        );
        let scale = 1.0 / low[2];
        let cell = |v: f64, l: f64, t: f64| ((v * k + l * t) * scale) as f32;
        Homography([
            cell(top[0], low[0], tx),
            cell(top[1], low[1], tx),
            cell(top[2], low[2], tx),
            cell(side[0], low[0], ty),
            cell(side[1], low[1], ty),
            cell(side[2], low[2], ty),
            (low[0] * scale) as f32,
            (low[1] * scale) as f32,
        ])
    }
}

/// Whether a place lies within four corners, which go around one way or the other.
pub(super) fn holds(corners: &[Point; 4], at: Point) -> bool {
    let side = |from: usize| {
        let to = corners[(from + 1) % 4];
        (to - corners[from]).cross(at - corners[from])
    };
    (0..4).all(|from| side(from) >= 0.0) || (0..4).all(|from| side(from) <= 0.0)
}

#[cfg(test)]
mod tests;
