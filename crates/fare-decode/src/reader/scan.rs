//! Finder patterns seen along rows: dark, light, dark, light, dark in widths 1, 1, 3, 1, 1, or the
//! same with light and dark exchanged.
//!
//! Widths are compared from edge to like edge (dark to dark, light to light): blur and glare move
//! both by as much, so these hold where single widths do not.

use super::bits::bits;
use super::geometry::Point;
use super::picture::{Area, Fixed, Picture};
use super::threshold::{BLOCK, Thresholds};
use std::ops::Range;

/// Candidates kept of one picture; noise makes more.
const CANDIDATES_MAX: usize = 160;

/// Narrowest finder pattern that is looked for, in pixels.
const WIDTH_MIN: f32 = 6.5;

/// Which rows are looked at, and for finder patterns of which widths in pixels.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    step: usize,
    widths: Range<u32>,
}

/// The whole picture is for small patterns, whose middle is crossed by every third row.
pub(super) const FULL: Rows = Rows {
    step: 3,
    widths: 6..48,
};

/// Halved pictures are for those that are still wide enough to be measured.
pub(super) const HALVED: Rows = Rows {
    step: 3,
    widths: 11..u32::MAX,
};

/// How much to put up with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Effort {
    /// Finder patterns as they should be.
    #[default]
    Quick,
    /// Finder patterns that light, blur or dirt have made uneven.
    Thorough,
}

impl Effort {
    /// How far the distance of two like edges of the rim may be off, in modules.
    const fn outer(self) -> f32 {
        match self {
            Self::Quick => 0.7,
            Self::Thorough => 0.9,
        }
    }

    /// The same two limits in 16ths, rounded up, for a look at whole pixels: of the rim, of both sides.
    const fn rough(self) -> (i32, i32) {
        match self {
            Self::Quick => (12, 13),
            Self::Thorough => (15, 23),
        }
    }

    /// Sides on which the rim must be seen when a pattern is looked at once more.
    const fn whole_sides(self) -> u32 {
        match self {
            Self::Quick => 2,
            Self::Thorough => 1,
        }
    }

    /// Rays of 24 that must meet the two inner edges at plausible distances.
    pub(super) const fn rays(self) -> usize {
        match self {
            Self::Quick => 20,
            Self::Thorough => 15,
        }
    }

    /// Rays of 24 that must meet all three edges: something may lie over the pattern's rim.
    pub(super) const fn whole_rays(self) -> usize {
        match self {
            Self::Quick => 15,
            Self::Thorough => 11,
        }
    }

    /// Mean distance of a finder pattern's edges from where they should be, in modules, at most.
    pub(super) const fn error(self) -> f32 {
        match self {
            Self::Quick => 0.3,
            Self::Thorough => 0.4,
        }
    }

    /// How far the light rings' two sides may differ, in modules.
    const fn uneven(self) -> f32 {
        match self {
            Self::Quick => 0.8,
            Self::Thorough => 1.4,
        }
    }
}

/// Rows from one that is looked at to the next, of a part where a code was seen.
const STEP_THOROUGH: usize = 2;

const FAILED: usize = 16;

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
}

/// Looks along rows. Keeps its buffers.
#[derive(Debug, Default)]
pub(super) struct Scan {
    limits: Vec<u8>,
    dark: Vec<u8>,
    edges: Vec<u32>,
    /// For each edge, whether something like a pattern begins there; and those where it does.
    flags: Vec<u8>,
    matches: Vec<usize>,
    effort: Effort,
    widths: Range<u32>,
    /// Where the last patterns were that did not stand a closer look: the next rows show them again.
    failed: [(f32, f32); FAILED],
    failures: usize,
    pub candidates: Vec<Candidate>,
}

impl Scan {
    /// Finds candidates whose middles lie in an area.
    pub(super) fn run(
        &mut self,
        picture: Picture<'_>,
        thresholds: &Thresholds,
        rows: &Rows,
        area: Area,
        effort: Effort,
        known: &impl Fn(Point, f32) -> bool,
    ) {
        self.candidates.clear();
        self.effort = effort;
        self.widths = rows.widths.clone();
        self.failed = [(f32::MIN, f32::MIN); FAILED];
        let bottom = area.bottom.min(picture.height);
        let (mut block_row, mut left, mut right) = (usize::MAX, 0, 0);
        let step = match effort {
            Effort::Quick => rows.step,
            Effort::Thorough => STEP_THOROUGH,
        };
        for y in (area.top + step / 2..bottom).step_by(step) {
            if y / BLOCK != block_row {
                block_row = y / BLOCK;
                (left, right) = self.take_limits(thresholds.row(y), area, picture.width);
            }
            if left >= right {
                continue;
            }
            let starts_dark = self.find_edges(picture.row(y), left, right);
            if self.edges.len() > 5 {
                self.find_patterns(picture, y, starts_dark, known);
            }
        }
    }

    /// Takes the thresholds of a row of blocks, one for each pixel; from which column to which there
    /// is something to be seen.
    fn take_limits(&mut self, blocks: &[u8], area: Area, width: usize) -> (usize, usize) {
        let blocks_right = area.right.min(width).div_ceil(BLOCK).min(blocks.len());
        let blocks_left = (area.left / BLOCK).min(blocks_right);
        let part = &blocks[blocks_left..blocks_right];
        let seen = |&limit: &u8| limit != 0;
        let Some(first) = part.iter().position(seen) else {
            return (0, 0);
        };
        let last = part.iter().rposition(seen).unwrap_or(first);
        self.limits.clear();
        for &limit in &part[first..=last] {
            self.limits.extend_from_slice(&[limit; BLOCK]);
        }
        let left = (blocks_left + first) * BLOCK;
        (left, (left + self.limits.len()).min(width))
    }

    /// Fills `edges` with the columns at which dark and light change, from `left` to `right`; whether
    /// it starts dark there.
    fn find_edges(&mut self, row: &[u8], left: usize, right: usize) -> bool {
        self.edges.clear();
        // Beyond the picture lies what is not the code: its edges are edges.
        self.edges.push(left as u32);
        let (row, limits) = (&row[left..right], &self.limits);
        self.dark.resize(row.len(), 0);
        for ((dark, &level), &limit) in self.dark.iter_mut().zip(row).zip(limits) {
            *dark = u8::from(level < limit);
        }
        let starts_dark = self.dark.first().is_some_and(|&dark| dark != 0);
        let mut before = u64::from(starts_dark);
        for (number, part) in self.dark.chunks(64).enumerate() {
            let dark = bits(part);
            let mut changes = dark ^ ((dark << 1) | before);
            // Beyond a last, shorter part all is light.
            if let Some(beyond) = 1u64.checked_shl(part.len() as u32) {
                changes &= beyond - 1;
            }
            before = dark >> 63;
            while changes != 0 {
                self.edges
                    .push((left + number * 64) as u32 + changes.trailing_zeros());
                changes &= changes - 1;
            }
        }
        self.edges.push(right as u32);
        starts_dark
    }

    /// Fills `matches` with the edges at which five runs begin whose widths are about a finder pattern's.
    fn match_edges(&mut self) {
        let (narrowest, widest) = (self.widths.start, self.widths.end);
        let (outer, uneven) = self.effort.rough();
        let count = self.edges.len() - 5;
        let edge = |nth: usize| &self.edges[nth..][..count];
        let (a, b, c, d, e, f) = (edge(0), edge(1), edge(2), edge(3), edge(4), edge(5));
        self.flags.resize(count, 0);
        // Without a branch, so that several windows are looked at at once.
        for (at, flag) in self.flags.iter_mut().enumerate() {
            let edges = [a[at], b[at], c[at], d[at], e[at], f[at]];
            let width = edges[5] - edges[0];
            let is_wide = (width >= narrowest) & (width <= widest);
            *flag = u8::from(is_wide & roughly(&edges, outer, uneven));
        }
        self.matches.clear();
        for (number, part) in self.flags.chunks(64).enumerate() {
            let mut found = bits(part);
            while found != 0 {
                self.matches
                    .push(number * 64 + found.trailing_zeros() as usize);
                found &= found - 1;
            }
        }
    }

    fn find_patterns(
        &mut self,
        picture: Picture<'_>,
        y: usize,
        starts_dark: bool,
        known: &impl Fn(Point, f32) -> bool,
    ) {
        self.match_edges();
        for at in 0..self.matches.len() {
            let first = self.matches[at];
            let Some(edges) = self.edges[first..].first_chunk::<6>() else {
                return;
            };
            let inverted = starts_dark != first.is_multiple_of(2);
            let Some(seen) = refine(picture.row(y), edges, inverted, self.effort) else {
                continue;
            };
            self.add(picture, seen, y as f32 + 0.5, inverted, known);
        }
    }

    fn add(
        &mut self,
        picture: Picture<'_>,
        seen: Pattern,
        y: f32,
        inverted: bool,
        known: &impl Fn(Point, f32) -> bool,
    ) {
        let x = seen.middle;
        let same = |known: &Candidate| {
            known.inverted == inverted
                && (known.at.x - x).abs() < 1.5 * known.module.x
                && (known.at.y - y).abs() < 1.7 * known.module.y
                && (0.6..1.7).contains(&(known.module.x / seen.module))
        };
        let again = |&(fx, fy): &(f32, f32)| {
            (fx - x).abs() < 0.7 * seen.module && y - fy < 1.2 * seen.module
        };
        if self.candidates.len() >= CANDIDATES_MAX
            || self.candidates.iter().any(same)
            || self.failed.iter().any(again)
            || known(Point::new(x, y), seen.module)
        {
            return;
        }
        let Some(found) = cross_check(picture, seen, Point::new(x, y), inverted, self.effort)
        else {
            self.failed[self.failures % FAILED] = (x, y);
            self.failures += 1;
            return;
        };
        let near = |known: &Candidate| {
            known.inverted == inverted
                && (known.at.x - found.at.x).abs() < known.module.x
                && (known.at.y - found.at.y).abs() < known.module.y
        };
        if !self.candidates.iter().any(near) {
            self.candidates.push(found);
        }
    }
}

/// A quick look at whole pixels: is the middle run the widest, are both sides alike and the rims as wide as
/// they may be? Each edge may be half a pixel off.
#[inline]
fn roughly(edges: &[u32; 6], outer: i32, uneven: i32) -> bool {
    let span = |from: usize, to: usize| (edges[to] - edges[from]) as i32;
    let (left, right) = (span(1, 3), span(2, 4));
    // Eight modules; with them, lengths in sixteenths of an eighth of that are whole numbers.
    let eight = left + right;
    let core = span(2, 3);
    let rim = |width: i32| (8 * width - 2 * eight).abs() * 16 <= outer * eight + 128;
    (8 * (left - right).abs() * 16 <= uneven * eight + 160)
        & rim(span(0, 2))
        & rim(span(3, 5))
        & (16 * core >= 3 * eight - 8)
        & (16 * core <= 9 * eight + 8)
}

/// Five runs that look like a finder pattern.
#[derive(Clone, Copy, Debug)]
struct Pattern {
    middle: f32,
    module: f32,
    threshold: f32,
}

/// Edges between pixels, and with them the widths once more.
fn refine(row: &[u8], edges: &[u32; 6], inverted: bool, effort: Effort) -> Option<Pattern> {
    let mean = |i: usize| {
        let run = &row[edges[i] as usize..edges[i + 1] as usize];
        // Edge pixels of a run are half its neighbour's.
        let inner = if run.len() > 2 {
            &run[1..run.len() - 1]
        } else {
            run
        };
        inner.iter().map(|&p| f32::from(p)).sum::<f32>() / inner.len() as f32
    };
    let extreme = |i: usize| {
        let run = &row[edges[i] as usize..edges[i + 1] as usize];
        let end = if inverted {
            run.iter().min()
        } else {
            run.iter().max()
        };
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
    let module = fits(&place, effort, 2).filter(|_| place[5] - place[0] >= WIDTH_MIN)?;
    Some(Pattern {
        middle: (place[2] + place[3]) / 2.0,
        module,
        threshold,
    })
}

/// Where between the middles of pixels `edge - 1` and `edge` the level crosses the threshold.
fn between(row: &[u8], edge: usize, threshold: f32) -> f32 {
    if edge == 0 || edge == row.len() {
        return edge as f32;
    }
    let (before, after) = (f32::from(row[edge - 1]), f32::from(row[edge]));
    let share = if before == after {
        0.5
    } else {
        (threshold - before) / (after - before)
    };
    edge as f32 - 0.5 + share.clamp(-0.5, 1.5)
}

/// Pixels a module, if these six edges have the distances of a finder pattern
/// and its rim is seen on so many sides.
fn fits(edge: &[f32; 6], effort: Effort, whole: u32) -> Option<f32> {
    let (left, right) = (edge[3] - edge[1], edge[4] - edge[2]);
    let module = (left + right) / 8.0;
    let core = edge[3] - edge[2];
    let outer = |width: f32| (width - 2.0 * module).abs() < effort.outer() * module;
    ((left - right).abs() < effort.uneven() * module
        && u32::from(outer(edge[2] - edge[0])) + u32::from(outer(edge[5] - edge[3])) >= whole
        && (1.5 * module..4.3 * module).contains(&core))
    .then_some(module)
}

/// Looks up and down, then once more to the sides, from the middle of a pattern.
fn cross_check(
    picture: Picture<'_>,
    seen: Pattern,
    at: Point,
    inverted: bool,
    effort: Effort,
) -> Option<Candidate> {
    let down = along(
        picture,
        at,
        Axis::Column,
        seen.threshold,
        seen.module,
        inverted,
        effort,
    )?;
    let at = Point::new(at.x, at.y.floor() + 0.5 + down.0);
    let across = along(
        picture,
        at,
        Axis::Row,
        seen.threshold,
        seen.module,
        inverted,
        effort,
    )?;
    Some(Candidate {
        at: Point::new(at.x.floor() + 0.5 + across.0, at.y),
        module: Point::new(across.1, down.1),
        threshold: seen.threshold,
        inverted,
    })
}

/// Follows a row or column both ways from inside the core; the core's middle along it, from the middle
/// of the pixel at `at`, and the module.
fn along(
    picture: Picture<'_>,
    at: Point,
    axis: Axis,
    threshold: f32,
    module: f32,
    inverted: bool,
    effort: Effort,
) -> Option<(f32, f32)> {
    let reach = 12.0 * module + 4.0;
    let (column, row) = (at.x as usize, at.y as usize);
    if column >= picture.width || row >= picture.height {
        return None;
    }
    let first = row * picture.stride + column;
    let (stride, before, after) = match axis {
        Axis::Row => (1, column, picture.width - 1 - column),
        Axis::Column => (picture.stride, row, picture.height - 1 - row),
    };
    let sign = if inverted { -1.0 } else { 1.0 };
    let depth = |pixel: usize| (f32::from(picture.pixels[pixel]) - threshold) * sign;
    let back = pixel_crossings(|step| depth(first - step * stride), before, reach)?;
    let forth = pixel_crossings(|step| depth(first + step * stride), after, reach)?;
    let edge = [-back[2], -back[1], -back[0], forth[0], forth[1], forth[2]];
    let found = fits(&edge, effort, effort.whole_sides())?;
    (0.3..3.3)
        .contains(&(found / module))
        .then_some(((edge[2] + edge[3]) / 2.0, found))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Axis {
    Row,
    Column,
}

/// As [`crossings`], from pixel to pixel, of which there are `room`.
fn pixel_crossings(depth: impl Fn(usize) -> f32, room: usize, reach: f32) -> Option<[f32; 3]> {
    let mut found = [f32::INFINITY; 3];
    let mut count = 0;
    let mut last = depth(0);
    if last > 0.0 {
        return None;
    }
    let end = (reach as usize).min(room);
    // The core's half takes less than half of the way.
    let core_end = (reach * 0.45) as usize;
    for step in 1..=end {
        let level = depth(step);
        if (level > 0.0) != (last > 0.0) {
            found[count] = step as f32 - level / (level - last);
            count += 1;
            if count == 3 {
                return Some(found);
            }
        }
        if count == 0 && step > core_end {
            return None;
        }
        last = level;
    }
    if end == room && count > 0 {
        // The edge of the picture may stand for the outer edge of the pattern.
        found[count] = room as f32 + 0.5;
        count += 1;
    }
    (count >= 2).then_some(found)
}

/// A line of sight out of a dark core.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ray {
    pub from: Point,
    /// One pixel on.
    pub step: Point,
    /// Pixels from one look to the next, and to the last.
    pub stride: f32,
    pub reach: f32,
}

/// Distances at which the level crosses the threshold three times, going from dark; the third is
/// infinite where it does not within reach.
pub(super) fn crossings(
    picture: Picture<'_>,
    ray: Ray,
    threshold: f32,
    inverted: bool,
) -> Option<[f32; 3]> {
    let Ray {
        from,
        step,
        stride,
        reach,
    } = ray;
    let sign = if inverted { -1.0 } else { 1.0 };
    let depth = |level: f32| (level - threshold) * sign;
    let mut found = [f32::INFINITY; 3];
    let mut count = 0;
    let mut last = depth(picture.level(from));
    if last > 0.0 {
        return None;
    }
    let (mut at, on) = (Fixed::of(from), Fixed::of(step * stride));
    let mut distance = stride;
    // The core's half takes less than half of the way.
    while distance <= if count == 0 { reach * 0.45 } else { reach } && count < 3 {
        at = at.plus(on);
        let Some(level) = picture.level_at(at) else {
            // The edge of the picture may stand for the outer edge of the pattern.
            found[count] = distance - stride;
            count += 1;
            break;
        };
        let level = depth(level);
        if (level > 0.0) != (last > 0.0) {
            found[count] = distance - stride * level / (level - last);
            count += 1;
        }
        last = level;
        distance += stride;
    }
    (count >= 2).then_some(found)
}
