//! Where in the picture each module of a code lies: a projection through the finder patterns, made
//! exact with alignment patterns, and bent where paper or lens bends the code.

use super::finder::Finder;
use super::geometry::{Homography, Point};
use super::picture::{Fixed, Picture};
use super::version::{FINDER_MIDDLE, Version};

/// A code of known version laid over the picture.
#[derive(Clone, Debug)]
pub(super) struct Grid {
    pub version: Version,
    pub map: Homography,
    pub inverted: bool,
    bend: Bend,
}

/// How far alignment patterns lie from where the projection puts them, in pixels.
#[derive(Clone, Debug, Default)]
struct Bend {
    /// Middles of the patterns along a side, in modules; fewer than 2: nothing is bent.
    places: [f32; 7],
    count: usize,
    offsets: [[Point; 7]; 7],
}

/// Modules along a side of version 40.
const SIZE_MAX: usize = 177;

/// Alignment patterns looked for before a walk may give up.
const WALK_LOOKS: usize = 8;

/// The corners of a finder-patterned code: top left, top right, bottom left.
#[derive(Clone, Copy, Debug)]
pub(super) struct Corners {
    pub top_left: Finder,
    pub top_right: Finder,
    pub bottom_left: Finder,
}

/// A finder pattern's module along the code's rows and along its columns.
fn axes(finder: &Finder, right: Point, down: Point) -> (Point, Point) {
    let along = |way: Point| {
        let (u, v) = finder.modules_to(finder.middle + way);
        if u.abs() > v.abs() {
            finder.u * u.signum()
        } else {
            finder.v * v.signum()
        }
    };
    (along(right), along(down))
}

/// A place in modules, where it lies in the picture, and how much it counts.
type Pair = (Point, Point, f32);

impl Corners {
    pub(super) fn middles(&self) -> [Point; 3] {
        [
            self.top_left.middle,
            self.top_right.middle,
            self.bottom_left.middle,
        ]
    }

    /// Modules of the code paired with places in the picture.
    fn pairs(&self, size: usize) -> [Pair; 15] {
        let right = self.top_right.middle - self.top_left.middle;
        let down = self.bottom_left.middle - self.top_left.middle;
        let far = size as f32 - FINDER_MIDDLE;
        let mut pairs = [(Point::default(), Point::default(), 0.0); 15];
        let mut places = pairs.iter_mut();
        for (finder, x, y) in [
            (&self.top_left, FINDER_MIDDLE, FINDER_MIDDLE),
            (&self.top_right, far, FINDER_MIDDLE),
            (&self.bottom_left, FINDER_MIDDLE, far),
        ] {
            let (u, v) = axes(finder, right, down);
            let around = [
                (0.0, 0.0, 4.0),
                (3.0, 0.0, 1.0),
                (-3.0, 0.0, 1.0),
                (0.0, 3.0, 1.0),
                (0.0, -3.0, 1.0),
            ];
            for ((dx, dy, weight), pair) in around.into_iter().zip(&mut places) {
                *pair = (
                    Point::new(x + dx, y + dy),
                    finder.middle + u * dx + v * dy,
                    weight,
                );
            }
        }
        pairs
    }
}

impl Corners {
    /// The version that versions 7 and up say beside two of their finder patterns, where it can be
    /// read. What is so near to a pattern is not moved by whatever bends the code.
    pub(super) fn version(&self, picture: Picture<'_>) -> Option<Version> {
        let right = self.top_right.middle - self.top_left.middle;
        let down = self.bottom_left.middle - self.top_left.middle;
        let read = |finder: &Finder, turned: bool| {
            let (u, v) = axes(finder, right, down);
            let (u, v) = if turned { (v, u) } else { (u, v) };
            let bits = (0..18).fold(0, |bits, i| {
                let (across, along) = ((i % 3) as f32 - 7.0, (i / 3) as f32 - 3.0);
                let level = picture.level(finder.middle + u * across + v * along);
                let dark = (level < finder.threshold) != finder.inverted;
                bits | u32::from(dark) << i
            });
            Version::nearest(bits)
        };
        let best = [read(&self.top_right, false), read(&self.bottom_left, true)];
        best.into_iter()
            .min_by_key(|(distance, _)| *distance)
            .filter(|(d, _)| *d <= 3)
            .map(|(_, version)| version)
    }
}

impl Grid {
    /// Lays a code of this version through three finder patterns.
    pub(super) fn lay(corners: &Corners, version: Version) -> Option<Self> {
        let map = Homography::fit(corners.pairs(version.size()).into_iter())?;
        let grid = Self {
            version,
            map,
            inverted: corners.top_left.inverted,
            bend: Bend::default(),
        };
        grid.is_plausible().then_some(grid)
    }

    /// Whether all of the code is on one side of the horizon and not mirrored over itself.
    fn is_plausible(&self) -> bool {
        let n = self.version.size() as f32;
        let [.., g, h] = self.map.0;
        let depths = [1.0, g * n + 1.0, h * n + 1.0, (g + h) * n + 1.0];
        let (low, high) = depths.iter().fold((f32::MAX, f32::MIN), |(low, high), &d| {
            (low.min(d), high.max(d))
        });
        low > 0.0 && high < 6.0 * low && high.is_finite()
    }

    /// Where a place in modules lies in the picture.
    #[inline]
    pub(super) fn place(&self, at: Point) -> Point {
        let flat = self.map.map(at);
        if self.is_bent() {
            flat + self.bend.at(at)
        } else {
            flat
        }
    }

    fn is_bent(&self) -> bool {
        self.bend.count >= 2
    }

    /// The four corners, clockwise from the code's own top left.
    pub(super) fn corners(&self) -> [Point; 4] {
        let n = self.version.size() as f32;
        [(0.0, 0.0), (n, 0.0), (n, n), (0.0, n)].map(|(x, y)| self.place(Point::new(x, y)))
    }

    /// How well both timing patterns alternate: 1 all, 0 none.
    pub(super) fn timing(&self, picture: Picture<'_>) -> f32 {
        let n = self.version.size();
        let side = |vertical: bool| {
            let at = |i: usize| {
                let i = i as f32 + 0.5;
                let place = if vertical {
                    Point::new(6.5, i)
                } else {
                    Point::new(i, 6.5)
                };
                picture.level_near(Fixed::of(self.place(place)))
            };
            // Each module against its two neighbours: uneven light does not matter.
            let mut good = 0;
            let (mut before, mut this) = (at(7), at(8));
            for i in 8..n - 8 {
                let after = at(i + 1);
                let step = this - (before + after) / 2.0;
                let dark = (i % 2 == 0) != self.inverted;
                good += i32::from((step < -2.0) == dark && step.abs() > 2.0);
                (before, this) = (this, after);
            }
            good as f32 / (n - 16) as f32
        };
        (side(false) + side(true)) / 2.0
    }

    /// Makes the projection exact with the alignment patterns, and bends the grid through them.
    /// False where so few of many are to be seen that this is no code.
    pub(super) fn align(&mut self, picture: Picture<'_>, corners: &Corners) -> bool {
        let alignment = self.version.alignment();
        match alignment.as_slice() {
            [] => true,
            [_, last] => {
                self.align_last(picture, corners, *last);
                true
            }
            places => self.align_all(picture, corners, places),
        }
    }

    /// The one alignment pattern of versions 2 to 6.
    fn align_last(&mut self, picture: Picture<'_>, corners: &Corners, last: u8) {
        let far = Point::new(f32::from(last) + 0.5, f32::from(last) + 0.5);
        let reach = (1.5 + self.version.size() as f32 / 16.0).min(5.0);
        if let Some(found) = self.pattern_near(picture, far, Point::default(), reach, 0.45) {
            self.refit(corners, std::iter::once((far, found, 12.0)));
        }
    }

    /// Fits the projection once more, with places of alignment patterns.
    fn refit(&mut self, corners: &Corners, seen: impl Iterator<Item = Pair> + Clone) {
        let pairs = corners.pairs(self.version.size()).into_iter().chain(seen);
        let before = self.map;
        if let Some(map) = Homography::fit(pairs) {
            self.map = map;
            if !self.is_plausible() {
                self.map = before;
            }
        }
    }

    /// From pattern to pattern, each where its neighbours say it is; a second time from the better
    /// projection that the first time gives.
    fn align_all(&mut self, picture: Picture<'_>, corners: &Corners, places: &[u8]) -> bool {
        let count =
            |known: &[[bool; 7]; 7]| known.iter().flatten().filter(|seen| **seen).count() - 3;
        let all = places.len() * places.len() - 3;
        let (mut bend, mut known) = self.walk(picture, corners, places);
        if 4 * count(&known) < 3 * all {
            let last = places[places.len() - 1];
            let mut other = self.clone();
            other.align_last(picture, corners, last);
            let (far_bend, far_known) = other.walk(picture, corners, places);
            if count(&far_known) > count(&known) {
                (self.map, bend, known) = (other.map, far_bend, far_known);
            }
        }
        if 2 * count(&known) < all {
            return false;
        }
        let before = self.map;
        self.refit(
            corners,
            bend.seen(&known)
                .map(|(at, offset)| (at, before.map(at) + offset, 6.0)),
        );
        let (mut bend, known) = self.walk(picture, corners, places);
        bend.fill(&known);
        self.bend = bend;
        true
    }

    /// Looks for every alignment pattern near where its neighbours say it is.
    fn walk(
        &self,
        picture: Picture<'_>,
        corners: &Corners,
        places: &[u8],
    ) -> (Bend, [[bool; 7]; 7]) {
        let count = places.len();
        let mut bend = Bend {
            count,
            ..Bend::default()
        };
        let mut known = [[false; 7]; 7];
        for (at, &place) in bend.places.iter_mut().zip(places) {
            *at = f32::from(place) + 0.5;
        }
        let (last, far) = (count - 1, self.version.size() as f32 - FINDER_MIDDLE);
        for (row, column, finder, x, y) in [
            (0, 0, &corners.top_left, FINDER_MIDDLE, FINDER_MIDDLE),
            (0, last, &corners.top_right, far, FINDER_MIDDLE),
            (last, 0, &corners.bottom_left, FINDER_MIDDLE, far),
        ] {
            bend.offsets[row][column] = finder.middle - self.map.map(Point::new(x, y));
            known[row][column] = true;
        }
        let (mut looked, mut seen) = (0, 0);
        for row in 0..count {
            for column in 0..count {
                if known[row][column] {
                    continue;
                }
                if looked >= WALK_LOOKS && 4 * seen < looked {
                    return (bend, known);
                }
                looked += 1;
                let guess = bend.guess(&known, row, column);
                let at = Point::new(bend.places[column], bend.places[row]);
                if let Some(found) = self.pattern_near(picture, at, guess, 1.0, 0.4) {
                    bend.offsets[row][column] = found - self.map.map(at);
                    known[row][column] = true;
                    seen += 1;
                }
            }
        }
        (bend, known)
    }

    /// Bends the grid to wherever modules stand out most from one another, node by node from the top
    /// left on: for crumpled paper and round bottles. Each node starts from where its neighbours went.
    pub(super) fn settle(&mut self, picture: Picture<'_>) {
        let n = self.version.size() as f32;
        let mut bend = Bend {
            count: SETTLE_NODES,
            ..Bend::default()
        };
        for (node, place) in bend.places.iter_mut().enumerate() {
            *place =
                FINDER_MIDDLE + (n - 2.0 * FINDER_MIDDLE) * node as f32 / (SETTLE_NODES - 1) as f32;
        }
        let mut known = [[false; 7]; 7];
        let mut moved = [[Point::default(); 7]; 7];
        for row in 0..SETTLE_NODES {
            for column in 0..SETTLE_NODES {
                let at = Point::new(bend.places[column], bend.places[row]);
                let guess = neighbours(&moved, &known, row, column);
                moved[row][column] = self.settle_node(picture, at, guess);
                known[row][column] = true;
                bend.offsets[row][column] = self.place(at + moved[row][column]) - self.map.map(at);
            }
        }
        self.bend = bend;
    }

    /// How many modules a node's surroundings are off, at most half a module from `guess`.
    fn settle_node(&self, picture: Picture<'_>, at: Point, guess: Point) -> Point {
        let n = self.version.size() as f32;
        let clamp = |value: f32| {
            (value.floor() + 0.5).clamp(SETTLE_REACH as f32 + 0.5, n - SETTLE_REACH as f32 - 0.5)
        };
        let middle = Point::new(clamp(at.x), clamp(at.y));
        // Flat around the node: each module is one step on.
        let place = self.place(middle);
        let u = self.place(middle + Point::new(1.0, 0.0)) - place;
        let v = self.place(middle + Point::new(0.0, 1.0)) - place;
        let mut best = (f32::MIN, guess);
        for dy in -2i32..=2 {
            for dx in -2i32..=2 {
                let shift = guess + Point::new(dx as f32 * 0.25, dy as f32 * 0.25);
                let from = place + u * shift.x + v * shift.y;
                let near = 1.0 - 0.01 * (dx * dx + dy * dy) as f32;
                let score = spread(picture, from, u, v) * near;
                if score > best.0 {
                    best = (score, shift);
                }
            }
        }
        best.1
    }

    /// The middle of the alignment pattern at module place `at`, looked for around `offset` pixels
    /// from where the projection puts it.
    fn pattern_near(
        &self,
        picture: Picture<'_>,
        at: Point,
        offset: Point,
        reach: f32,
        enough: f32,
    ) -> Option<Point> {
        let flat = self.map.map(at);
        let u =
            self.map.map(Point::new(at.x + 0.5, at.y)) - self.map.map(Point::new(at.x - 0.5, at.y));
        let v =
            self.map.map(Point::new(at.x, at.y + 0.5)) - self.map.map(Point::new(at.x, at.y - 0.5));
        let pattern = Alignment::new(u, v, self.inverted);
        let from = flat + offset;
        if !picture.holds(from) {
            return None;
        }
        let coarse = u.length().min(v.length()) > 2.5;
        let steps = (reach * 2.0).ceil() as i32;
        let mut best = (f32::MIN, from);
        for dy in -steps..=steps {
            for dx in -steps..=steps {
                let place = from + u * (dx as f32 * 0.5) + v * (dy as f32 * 0.5);
                // Of equals the nearest.
                let score = if coarse {
                    pattern.coarse_score(picture, place)
                } else {
                    pattern.fine_score(picture, place)
                };
                let score = score - 0.02 * ((dx * dx + dy * dy) as f32).sqrt() * 0.5;
                if score > best.0 {
                    best = (score, place);
                }
            }
        }
        best.0 = pattern.fine_score(picture, best.1);
        for step in [0.25, 0.12, 0.06] {
            let around = best.1;
            for (dx, dy) in [(-1.0, 0.0), (1.0, 0.0), (0.0, -1.0), (0.0, 1.0)] {
                let place = around + u * (dx * step) + v * (dy * step);
                let score = pattern.fine_score(picture, place);
                if score > best.0 {
                    best = (score, place);
                }
            }
        }
        (best.0 > enough).then_some(best.1)
    }

    /// The level of each module, row by row, lighter is larger whatever the code's polarity.
    pub(super) fn sample(&self, picture: Picture<'_>, levels: &mut Vec<f32>) {
        let n = self.version.size();
        levels.clear();
        let middle = Point::new(n as f32 / 2.0, n as f32 / 2.0);
        let unit = (self.map.map(middle + Point::new(0.5, 0.0))
            - self.map.map(middle - Point::new(0.5, 0.0)))
        .length();
        // Large codes have no time for it, nor small modules room.
        let spread = if unit > 3.5 && n < 101 { 0.2 } else { 0.0 };
        let r = unit * spread;
        let around = [(r, r), (-r, r), (r, -r), (-r, -r)].map(|(x, y)| Fixed::of(Point::new(x, y)));
        let mut columns = [(0, 0.0); SIZE_MAX];
        if self.is_bent() {
            for (column, cell) in columns.iter_mut().enumerate().take(n) {
                *cell = self.bend.cell(column as f32 + 0.5);
            }
        }
        for row in 0..n {
            let line = self.is_bent().then(|| self.bend.line(row as f32 + 0.5));
            for (column, &(cell, share)) in columns.iter().enumerate().take(n) {
                let at = Point::new(column as f32 + 0.5, row as f32 + 0.5);
                let offset = line.map_or(Point::default(), |line| {
                    line[cell] * (1.0 - share) + line[cell + 1] * share
                });
                let place = Fixed::of(self.map.map(at) + offset);
                let mut level = picture.level_near(place);
                if spread > 0.0 {
                    let more = around.map(|way| picture.level_near(place.plus(way)));
                    level = (level + more.iter().sum::<f32>()) / 5.0;
                }
                levels.push(if self.inverted { 255.0 - level } else { level });
            }
        }
    }
}

/// Nodes along a side at which a grid is settled, and modules around a node that are looked at.
const SETTLE_NODES: usize = 7;
const SETTLE_REACH: i32 = 4;

/// How far the levels of the modules around a place lie from their mean.
fn spread(picture: Picture<'_>, middle: Point, u: Point, v: Point) -> f32 {
    const SIDE: usize = 2 * SETTLE_REACH as usize + 1;
    let mut levels = [0u8; SIDE * SIDE];
    let mut sum = 0u32;
    let mut places = levels.iter_mut();
    let (right, down) = (Fixed::of(u), Fixed::of(v));
    let mut first = Fixed::of(middle - (u + v) * SETTLE_REACH as f32);
    for _ in 0..SIDE {
        let mut at = first;
        for level in places.by_ref().take(SIDE) {
            *level = picture.nearest_to(at);
            sum += u32::from(*level);
            at = at.plus(right);
        }
        first = first.plus(down);
    }
    let mean = (sum / levels.len() as u32) as u8;
    levels
        .iter()
        .map(|&level| u32::from(level.abs_diff(mean)))
        .sum::<u32>() as f32
}

/// The mean of what is known to the left, above and above left.
fn neighbours(moved: &[[Point; 7]; 7], known: &[[bool; 7]; 7], row: usize, column: usize) -> Point {
    let before = |by: usize, at: usize| at.checked_sub(by);
    let around = [(0, 1), (1, 0), (1, 1)];
    let seen = around
        .into_iter()
        .filter_map(|(up, left)| Some((before(up, row)?, before(left, column)?)));
    let (sum, count) = seen
        .filter(|&(r, c)| known[r][c])
        .fold((Point::default(), 0.0), |(sum, count), (r, c)| {
            (sum + moved[r][c], count + 1.0)
        });
    if count > 0.0 {
        sum * (1.0 / count)
    } else {
        sum
    }
}

/// The 5 by 5 pattern: dark, a light ring, a dark ring.
struct Alignment {
    /// From the middle to the middles of its light modules.
    light: [Fixed; 8],
    /// To those of its dark modules.
    dark: [Fixed; 17],
    inverted: bool,
}

impl Alignment {
    fn new(u: Point, v: Point, inverted: bool) -> Self {
        let mut pattern = Self {
            light: [Fixed::default(); 8],
            dark: [Fixed::default(); 17],
            inverted,
        };
        let (mut light, mut dark) = (0, 0);
        for row in -2i32..=2 {
            for column in -2i32..=2 {
                let way = Fixed::of(u * column as f32 + v * row as f32);
                if row.abs().max(column.abs()) == 1 {
                    pattern.light[light] = way;
                    light += 1;
                } else {
                    pattern.dark[dark] = way;
                    dark += 1;
                }
            }
        }
        pattern
    }

    /// How much lighter its light ring is than its dark parts, in shares of the contrast seen: 1 is
    /// a perfect pattern.
    fn score(&self, middle: Point, level: impl Fn(Fixed) -> f32) -> f32 {
        let middle = Fixed::of(middle);
        let (mut lowest, mut highest) = (255.0f32, 0.0f32);
        let mut sum = |ways: &[Fixed]| {
            ways.iter().fold(0.0, |sum, &way| {
                let level = level(middle.plus(way));
                lowest = lowest.min(level);
                highest = highest.max(level);
                sum + level
            })
        };
        let step = sum(&self.light) / 8.0 - sum(&self.dark) / 17.0;
        let step = step / (highest - lowest).max(12.0);
        if self.inverted { -step } else { step }
    }

    fn coarse_score(&self, picture: Picture<'_>, middle: Point) -> f32 {
        self.score(middle, |at| f32::from(picture.nearest_to(at)))
    }

    fn fine_score(&self, picture: Picture<'_>, middle: Point) -> f32 {
        self.score(middle, |at| picture.level_near(at))
    }
}

impl Bend {
    /// Between the four patterns around a place.
    fn at(&self, at: Point) -> Point {
        let (column, share) = self.cell(at.x);
        let line = self.line(at.y);
        line[column] * (1.0 - share) + line[column + 1] * share
    }

    /// At each column of patterns, between the patterns above and below this height.
    fn line(&self, y: f32) -> [Point; 7] {
        let (row, share) = self.cell(y);
        let (above, below) = (&self.offsets[row], &self.offsets[row + 1]);
        std::array::from_fn(|column| above[column] * (1.0 - share) + below[column] * share)
    }

    fn cell(&self, at: f32) -> (usize, f32) {
        let inner = &self.places[1..self.count - 1];
        let cell = inner.iter().take_while(|&&place| place < at).count();
        let (from, to) = (self.places[cell], self.places[cell + 1]);
        (cell, ((at - from) / (to - from)).clamp(-0.3, 1.3))
    }

    /// All patterns that were seen but the finder patterns, with their offsets.
    fn seen(&self, known: &[[bool; 7]; 7]) -> impl Iterator<Item = (Point, Point)> + Clone {
        let last = self.count - 1;
        let corner = move |row: usize, column: usize| {
            (row == 0 && (column == 0 || column == last)) || (row == last && column == 0)
        };
        (0..self.count).flat_map(move |row| {
            (0..self.count)
                .filter(move |&column| known[row][column] && !corner(row, column))
                .map(move |column| {
                    (
                        Point::new(self.places[column], self.places[row]),
                        self.offsets[row][column],
                    )
                })
        })
    }

    /// Where neighbours already seen say a pattern is: on a line through the last two to the left,
    /// and through the last two above.
    fn guess(&self, known: &[[bool; 7]; 7], row: usize, column: usize) -> Point {
        let mut sum = Point::default();
        let mut count = 0.0;
        let mut add = |near: Option<(usize, usize)>, far: Option<(usize, usize)>| {
            let seen = |at: Option<(usize, usize)>| {
                at.filter(|&(r, c)| known[r][c])
                    .map(|(r, c)| self.offsets[r][c])
            };
            match (seen(near), seen(far)) {
                (Some(near), Some(far)) => sum = sum + near + (near - far) * 0.5,
                (Some(near), None) => sum = sum + near,
                (None, _) => return,
            }
            count += 1.0;
        };
        let left = |by: usize| column.checked_sub(by).map(|c| (row, c));
        let up = |by: usize| row.checked_sub(by).map(|r| (r, column));
        add(left(1), left(2));
        add(up(1), up(2));
        if count > 0.0 {
            sum * (1.0 / count)
        } else {
            Point::default()
        }
    }

    /// Patterns that were not seen lie where the mean of their neighbours does.
    fn fill(&mut self, known: &[[bool; 7]; 7]) {
        for row in 0..self.count {
            for column in 0..self.count {
                if known[row][column] {
                    continue;
                }
                let mut sum = Point::default();
                let mut weights = 0.0;
                for (r, line) in known.iter().enumerate().take(self.count) {
                    for (c, _) in line
                        .iter()
                        .enumerate()
                        .take(self.count)
                        .filter(|(_, seen)| **seen)
                    {
                        let distance = (r.abs_diff(row).pow(2) + c.abs_diff(column).pow(2)) as f32;
                        sum = sum + self.offsets[r][c] * (1.0 / (distance * distance));
                        weights += 1.0 / (distance * distance);
                    }
                }
                if weights > 0.0 {
                    self.offsets[row][column] = sum * (1.0 / weights);
                }
            }
        }
    }
}
