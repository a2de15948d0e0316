//! Finder patterns seen along rows: dark, light, dark, light, dark in widths 1, 1, 3, 1, 1, or the
//! same with light and dark exchanged.
//!
//! Widths are compared from edge to like edge (dark to dark, light to light): blur and glare move
//! both by as much, so these hold where single widths do not.

use super::geometry::Point;
use super::picture::Picture;
use super::threshold::{BLOCK, Thresholds};

/// Candidates kept of one picture; noise makes more.
const CANDIDATES_MAX: usize = 160;

/// Narrowest finder pattern that is looked for, in pixels.
const WIDTH_MIN: f32 = 6.5;

/// What may be the middle of a finder pattern.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub at: Point,
    /// Pixels a module, along rows and along columns.
    pub module: Point,
    /// Between its dark and its light.
    pub threshold: f32,
    /// Light on dark.
    pub inverted: bool,
    /// Rows that agree.
    pub hits: u32,
}

/// Looks along rows. Keeps its buffers.
#[derive(Debug, Default)]
pub(super) struct Scan {
    limits: Vec<u8>,
    dark: Vec<u8>,
    edges: Vec<u32>,
    pub candidates: Vec<Candidate>,
}

impl Scan {
    /// Finds candidates in every `step`th row.
    pub fn run(&mut self, picture: Picture<'_>, thresholds: &Thresholds, step: usize) {
        self.candidates.clear();
        let mut block_row = usize::MAX;
        for y in (step / 2..picture.height).step_by(step) {
            if y / BLOCK != block_row {
                block_row = y / BLOCK;
                self.limits.clear();
                for &limit in thresholds.row(y) {
                    self.limits.extend_from_slice(&[limit; BLOCK]);
                }
            }
            let starts_dark = self.find_edges(picture.row(y));
            if self.edges.len() >= 6 {
                self.find_patterns(picture, y, starts_dark);
            }
        }
    }

    /// Fills `edges` with the columns at which dark and light change; whether the row starts dark.
    fn find_edges(&mut self, row: &[u8]) -> bool {
        self.edges.clear();
        self.dark.clear();
        self.dark
            .extend(row.iter().zip(&self.limits).map(|(&level, &limit)| u8::from(level < limit)));
        let starts_dark = self.dark.first().is_some_and(|&dark| dark != 0);
        let mut before = u64::from(starts_dark);
        let (words, rest) = self.dark.as_chunks::<8>();
        for (number, word) in words.iter().enumerate() {
            let word = u64::from_le_bytes(*word);
            let mut changes = word ^ ((word << 8) | before);
            before = word >> 56;
            while changes != 0 {
                let at = changes.trailing_zeros() / 8;
                self.edges.push(number as u32 * 8 + at);
                changes &= changes - 1;
            }
        }
        let done = words.len() * 8;
        for (at, &dark) in rest.iter().enumerate() {
            if u64::from(dark) != before {
                self.edges.push((done + at) as u32);
                before = u64::from(dark);
            }
        }
        starts_dark
    }

    fn find_patterns(&mut self, picture: Picture<'_>, y: usize, starts_dark: bool) {
        for first in 0..self.edges.len() - 5 {
            let Some(edges) = self.edges[first..].first_chunk::<6>() else {
                return;
            };
            if !roughly(edges) {
                continue;
            }
            // The run after edge 0 is dark if the row starts light.
            let inverted = starts_dark == (first % 2 == 0);
            let Some(seen) = refine(picture.row(y), edges, inverted) else {
                continue;
            };
            self.add(picture, seen, y as f32 + 0.5, inverted);
        }
    }

    fn add(&mut self, picture: Picture<'_>, seen: Pattern, y: f32, inverted: bool) {
        let x = seen.middle;
        let same = |known: &&mut Candidate| {
            known.inverted == inverted
                && (known.at.x - x).abs() < 1.5 * known.module.x
                && (known.at.y - y).abs() < 1.7 * known.module.y
                && (0.6..1.7).contains(&(known.module.x / seen.module))
        };
        if let Some(known) = self.candidates.iter_mut().find(same) {
            known.hits += 1;
            return;
        }
        if self.candidates.len() >= CANDIDATES_MAX {
            return;
        }
        let Some(found) = cross_check(picture, seen, Point::new(x, y), inverted) else {
            return;
        };
        let near = |known: &&mut Candidate| {
            known.inverted == inverted
                && (known.at.x - found.at.x).abs() < known.module.x
                && (known.at.y - found.at.y).abs() < known.module.y
        };
        match self.candidates.iter_mut().find(near) {
            Some(known) => known.hits += 1,
            None => self.candidates.push(found),
        }
    }
}

/// A quick look at whole pixels: is the middle run the widest, and are both sides alike?
fn roughly(edges: &[u32; 6]) -> bool {
    let run = |i: usize| (edges[i + 1] - edges[i]) as i32;
    let (a, b, c, d, e) = (run(0), run(1), run(2), run(3), run(4));
    let (left, right) = (b + c, c + d);
    let eight = left + right;
    // Sizes in eighths of a module; a pixel of play for each comparison.
    c > b
        && c > d
        && c >= a / 2
        && c >= e / 2
        && 8 * (left - right).abs() <= 10 * eight / 8 + 12
        && 8 * (a + b) >= eight
        && 8 * (d + e) >= eight
        && (a + b) <= 4 * eight / 8 + 2
        && (d + e) <= 4 * eight / 8 + 2
}

/// Five runs that look like a finder pattern.
#[derive(Clone, Copy, Debug)]
struct Pattern {
    middle: f32,
    module: f32,
    threshold: f32,
}

/// Edges between pixels, and with them the widths once more.
fn refine(row: &[u8], edges: &[u32; 6], inverted: bool) -> Option<Pattern> {
    let mean = |i: usize| {
        let run = &row[edges[i] as usize..edges[i + 1] as usize];
        // Edge pixels of a run are half its neighbour's.
        let inner = if run.len() > 2 { &run[1..run.len() - 1] } else { run };
        inner.iter().map(|&p| f32::from(p)).sum::<f32>() / inner.len() as f32
    };
    let extreme = |i: usize| {
        let run = &row[edges[i] as usize..edges[i + 1] as usize];
        let end = if inverted { run.iter().min() } else { run.iter().max() };
        end.map_or(0.0, |&p| f32::from(p))
    };
    let (ring, core) = ((extreme(1) + extreme(3)) / 2.0, mean(2));
    let threshold = (ring + core) / 2.0;
    if (ring - core).abs() < 6.0 {
        return None;
    }
    let mut place = [0.0f32; 6];
    for (place, &edge) in place.iter_mut().zip(edges) {
        *place = between(row, edge as usize, threshold);
    }
    fits(&place).map(|module| Pattern {
        middle: (place[2] + place[3]) / 2.0,
        module,
        threshold,
    })
}

/// Where between the middles of pixels `edge - 1` and `edge` the level crosses the threshold.
fn between(row: &[u8], edge: usize, threshold: f32) -> f32 {
    let (before, after) = (f32::from(row[edge - 1]), f32::from(row[edge]));
    let share = if before == after { 0.5 } else { (threshold - before) / (after - before) };
    edge as f32 - 0.5 + share.clamp(-0.5, 1.5)
}

/// Pixels a module, if these six edges have the distances of a finder pattern.
fn fits(edge: &[f32; 6]) -> Option<f32> {
    let (left, right) = (edge[3] - edge[1], edge[4] - edge[2]);
    let module = (left + right) / 8.0;
    let whole = edge[5] - edge[0];
    let outer = |width: f32| (width - 2.0 * module).abs() < 0.85 * module;
    let core = edge[3] - edge[2];
    (whole >= WIDTH_MIN
        && (left - right).abs() < 1.3 * module
        && outer(edge[2] - edge[0])
        && outer(edge[5] - edge[3])
        && (2.0 * module..4.2 * module).contains(&core))
    .then_some(module)
}

/// Looks up and down, then once more to the sides, from the middle of a pattern.
fn cross_check(picture: Picture<'_>, seen: Pattern, at: Point, inverted: bool) -> Option<Candidate> {
    let down = along(picture, at, Point::new(0.0, 1.0), seen.threshold, seen.module, inverted)?;
    let at = Point::new(at.x, at.y + down.0);
    let across = along(picture, at, Point::new(1.0, 0.0), seen.threshold, seen.module, inverted)?;
    Some(Candidate {
        at: Point::new(at.x + across.0, at.y),
        module: Point::new(across.1, down.1),
        threshold: seen.threshold,
        inverted,
        hits: 1,
    })
}

/// Follows a line both ways from inside the core; the core's middle along it, and the module.
fn along(
    picture: Picture<'_>,
    at: Point,
    step: Point,
    threshold: f32,
    module: f32,
    inverted: bool,
) -> Option<(f32, f32)> {
    let reach = 12.0 * module + 4.0;
    let forth = crossings(picture, at, step, threshold, reach, inverted)?;
    let back = crossings(picture, at, -step, threshold, reach, inverted)?;
    let edge = [-back[2], -back[1], -back[0], forth[0], forth[1], forth[2]];
    let found = fits(&edge)?;
    (0.3..3.3).contains(&(found / module)).then_some(((edge[2] + edge[3]) / 2.0, found))
}

/// Distances at which the level crosses the threshold three times, going from dark.
pub(super) fn crossings(
    picture: Picture<'_>,
    from: Point,
    step: Point,
    threshold: f32,
    reach: f32,
    inverted: bool,
) -> Option<[f32; 3]> {
    let sign = if inverted { -1.0 } else { 1.0 };
    let depth = |at: Point| (picture.level(at) - threshold) * sign;
    let mut found = [0.0; 3];
    let mut count = 0;
    let mut last = depth(from);
    if last > 0.0 {
        return None;
    }
    let mut distance = 1.0;
    while distance <= reach {
        let at = from + step * distance;
        if !picture.holds(at) {
            // The edge of the picture may stand for the outer edge of the pattern.
            return (count == 2).then(|| [found[0], found[1], distance]);
        }
        let level = depth(at);
        if (level > 0.0) != (last > 0.0) {
            found[count] = distance - level / (level - last);
            count += 1;
            if count == 3 {
                return Some(found);
            }
        }
        last = level;
        distance += 1.0;
    }
    None
}
