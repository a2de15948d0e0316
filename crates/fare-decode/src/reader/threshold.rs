//! What is dark and what is light in a picture whose light is uneven.
//!
//! The picture is cut into blocks of 8 by 8 pixels. Each block's threshold is the mean of the
//! middles between darkest and lightest of the 5 by 5 blocks around it, counting only blocks in
//! which something is to be seen: noise makes no edges.

use super::geometry::{self, Point};
use super::picture::Picture;

/// Pixels along a block's side.
pub(crate) const BLOCK: usize = 8;

/// Differences beyond which nothing is taken for noise.
const NOISE_MAX: usize = 44;

/// Blocks to each side that count for a block's threshold.
const REACH: usize = 2;

/// Thresholds of one picture, a row of them for each row of blocks.
#[derive(Debug, Default)]
pub(super) struct Thresholds {
    columns: usize,
    rows: usize,
    /// Darkest, lightest of each block.
    range: Vec<(u8, u8)>,
    level: Vec<u8>,
    low: Vec<u8>,
    high: Vec<u8>,
    spare: Vec<u8>,
    sums: Vec<u32>,
}

/// Darkest and lightest level of a picture's blocks, row by row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Blocks<'a> {
    pub columns: usize,
    pub rows: usize,
    pub range: &'a [(u8, u8)],
}

impl Thresholds {
    /// The blocks of the picture that was measured last.
    pub(super) fn blocks(&self) -> Blocks<'_> {
        Blocks {
            columns: self.columns,
            rows: self.rows,
            range: &self.range,
        }
    }

    /// Measures a picture.
    pub(super) fn measure(&mut self, picture: Picture<'_>) {
        self.columns = picture.width.div_ceil(BLOCK);
        self.rows = picture.height.div_ceil(BLOCK);
        self.range.clear();
        for first in (0..picture.height).step_by(BLOCK) {
            let last = (first + BLOCK).min(picture.height);
            self.low.clear();
            self.low.extend_from_slice(picture.row(first));
            self.high.clear();
            self.high.extend_from_slice(picture.row(first));
            for y in (first + 1..last).step_by(2) {
                // The last row may be looked at twice.
                let (one, other) = (picture.row(y), picture.row((y + 1).min(last - 1)));
                widen(&mut self.low, &mut self.high, one, other);
            }
            let darkest = across(&mut self.low, &mut self.spare, 255, u8::min);
            let darkest = darkest.iter().step_by(BLOCK);
            self.range.extend(darkest.map(|&level| (level, 0)));
            let row = self.range.len() - self.columns;
            let lightest = across(&mut self.high, &mut self.spare, 0, u8::max);
            let lightest = lightest.iter().step_by(BLOCK);
            for (range, &level) in self.range[row..].iter_mut().zip(lightest) {
                range.1 = level;
            }
        }
        self.spread();
    }

    /// Thresholds from the ranges of the blocks around: sums over five rows, then over five columns.
    fn spread(&mut self) {
        let columns = self.columns;
        let noise = self.noise();
        self.level.clear();
        self.sums.clear();
        self.sums.resize(columns, 0);
        for row in 0..self.rows + REACH {
            if row < self.rows {
                let entering = &self.range[row * columns..][..columns];
                for (sum, range) in self.sums.iter_mut().zip(entering) {
                    *sum += weight(*range, noise);
                }
            }
            if let Some(gone) = row.checked_sub(2 * REACH + 1) {
                let leaving = &self.range[gone * columns..][..columns];
                for (sum, range) in self.sums.iter_mut().zip(leaving) {
                    *sum -= weight(*range, noise);
                }
            }
            if row >= REACH {
                spread_row(&self.sums, &mut self.level);
            }
        }
    }

    /// What differs by less may be the sensor's noise: a little more than that of the quietest tenth
    /// of the blocks, in which there is nothing else.
    fn noise(&self) -> u8 {
        let mut counts = [0usize; 256];
        for &(low, high) in &self.range {
            counts[usize::from(high - low)] += 1;
        }
        let tenth = self.range.len() / 10;
        let mut below = 0;
        let quiet = counts.iter().position(|&count| {
            below += count;
            below > tenth
        });
        // In a picture full of fine modules no block is quiet.
        (quiet.unwrap_or(0) * 8 / 5).min(NOISE_MAX) as u8
    }

    /// Takes all that lies within four corners for light.
    pub(super) fn hide(&mut self, corners: &[Point; 4]) {
        let place =
            |row: usize, column: usize| Point::new((column * BLOCK) as f32, (row * BLOCK) as f32);
        for row in 0..self.rows {
            for column in 0..self.columns {
                let around = [(0, 0), (0, 1), (1, 0), (1, 1)];
                if around.iter().all(|(down, right)| {
                    geometry::holds(corners, place(row + down, column + right))
                }) {
                    self.level[row * self.columns + column] = 0;
                }
            }
        }
    }

    /// Thresholds of the blocks that row `y` of the picture crosses.
    pub(super) fn row(&self, y: usize) -> &[u8] {
        &self.level[y / BLOCK * self.columns..][..self.columns]
    }
}

/// Takes two rows into the darkest and lightest levels of each column.
fn widen(low: &mut [u8], high: &mut [u8], one: &[u8], other: &[u8]) {
    let rows = one.iter().zip(other);
    for ((low, high), (&a, &b)) in low.iter_mut().zip(high).zip(rows) {
        *low = (*low).min(a.min(b));
        *high = (*high).max(a.max(b));
    }
}

/// Of each level and the seven after it the one that `pick` picks, with `beyond` where there are none.
fn across<'s>(
    levels: &mut Vec<u8>,
    spare: &'s mut Vec<u8>,
    beyond: u8,
    pick: impl Fn(u8, u8) -> u8,
) -> &'s [u8] {
    let width = levels.len();
    levels.resize(width + BLOCK - 1, beyond);
    spare.resize(width + BLOCK - 1, beyond);
    let join = |out: &mut [u8], levels: &[u8], apart: usize| {
        for ((out, &a), &b) in out.iter_mut().zip(levels).zip(&levels[apart..]) {
            *out = pick(a, b);
        }
    };
    join(&mut spare[..width + 6], levels, 1);
    join(&mut levels[..width + 4], &spare[..width + 6], 2);
    join(&mut spare[..width], &levels[..width + 4], 4);
    &spare[..width]
}

/// A block's darkest and lightest level, and in the upper half how many levels that is: sums of
/// weights keep sum and count apart.
///
/// What is to be seen must differ by more than noise, and the lighter it is the more.
fn weight((low, high): (u8, u8), noise: u8) -> u32 {
    if high - low >= noise.max(6 + high / 9) {
        (2 << 16) + u32::from(low) + u32::from(high)
    } else {
        0
    }
}

fn spread_row(sums: &[u32], level: &mut Vec<u8>) {
    let mut around: u32 = sums.iter().take(REACH).sum();
    for column in 0..sums.len() {
        around += sums.get(column + REACH).copied().unwrap_or(0);
        if let Some(gone) = column.checked_sub(REACH + 1) {
            around -= sums[gone];
        }
        let (sum, count) = (around & 0xffff, around >> 16);
        // Nothing to be seen: all is light.
        level.push(sum.checked_div(count).unwrap_or(0) as u8);
    }
}
