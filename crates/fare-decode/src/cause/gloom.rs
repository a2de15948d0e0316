//! A code so dim that single modules drown in the sensor's noise.
//!
//! Noise of neighbouring pixels is independent, so a mean of 16 pixels has a sixteenth of its
//! variance. Where the means differ by more than that although no edge is seen, there is a pattern
//! below the noise. Tiles of 64 pixels are large enough to tell.

use crate::reader::{BLOCK, Blocks, Picture};

/// A tile's side in pixels and in pixels of the quarter picture.
const TILE: usize = 64;
const TILE_QUARTER: usize = TILE / 4;

/// Tiles in a row of the widest frame are the bits of one number.
const TILES_MAX: usize = 128;

/// Mean level of a tile with too little light.
const DARK_MAX: u32 = 32;

/// Differences above these are edges: in the quarter picture, in the picture.
const EDGE_QUARTER: i32 = 8;
const EDGE: i32 = 32;

/// Tiles with a pattern, of 3 by 3, that are a code.
const TILES_MIN: u32 = 4;

/// Rows of the picture in which noise is measured: one in so many.
const ROW_STEP: usize = 8;

/// Whether there is something like a code below the noise.
pub(super) fn has_code(picture: Picture<'_>, quarter: Picture<'_>, blocks: Blocks<'_>) -> bool {
    let columns = (quarter.width / TILE_QUARTER).min(TILES_MAX);
    let mut rows = [0_u128; 3];
    for row in 0..=quarter.height / TILE_QUARTER {
        rows.rotate_left(1);
        rows[2] = 0;
        if row < quarter.height / TILE_QUARTER {
            for column in 0..columns {
                let is_patterned =
                    is_dark(blocks, column, row) && has_pattern(picture, quarter, column, row);
                rows[2] |= u128::from(is_patterned) << column;
            }
        }
        if is_crowded(rows, columns) {
            return true;
        }
    }
    false
}

/// Whether around any tile of the middle row enough tiles are set.
fn is_crowded(rows: [u128; 3], columns: usize) -> bool {
    (0..columns).any(|column| {
        let three = |row: u128| (((row << 1) >> column) & 7).count_ones();
        (rows[1] >> column) & 1 == 1 && rows.into_iter().map(three).sum::<u32>() >= TILES_MIN
    })
}

fn is_dark(blocks: Blocks<'_>, column: usize, row: usize) -> bool {
    const SIDE: usize = TILE / BLOCK;
    let rows = (row * SIDE..(row + 1) * SIDE).map(|y| &blocks.range[y * blocks.columns..]);
    let sum: u32 = rows
        .flat_map(|row| &row[column * SIDE..][..SIDE])
        .map(|&(low, high)| u32::from(low) + u32::from(high))
        .sum();
    sum < 2 * DARK_MAX * (SIDE * SIDE) as u32
}

fn has_pattern(picture: Picture<'_>, quarter: Picture<'_>, column: usize, row: usize) -> bool {
    /// Distance of the pixels compared, in the quarter picture: more than a module.
    const LAG: usize = 2;
    /// Variance from rounding the quarter picture.
    const ROUNDING: f32 = 0.17;
    /// A pattern's variance above the noise's: in levels squared, and as a share of it.
    const MORE_MIN: f32 = 0.35;
    const RATIO_MIN: f32 = 1.2;
    /// What stands out more could be read.
    const RATIO_MAX: f32 = 2.0;

    let (left, top) = (column * TILE_QUARTER, row * TILE_QUARTER);
    let (mut across, mut down) = (Spread::default(), Spread::default());
    for y in top..top + TILE_QUARTER {
        let own = quarter.row(y);
        let first = left.max(LAG);
        let tile = &own[first..left + TILE_QUARTER];
        across.add(tile, &own[first - LAG..], EDGE_QUARTER);
        if y >= LAG {
            let tile = &own[left..left + TILE_QUARTER];
            down.add(tile, &quarter.row(y - LAG)[left..], EDGE_QUARTER);
        }
    }
    let (Some(across), Some(down)) = (across.variance(), down.variance()) else {
        return false;
    };
    let (less, more) = (across.min(down), across.max(down));
    if less < MORE_MIN + ROUNDING {
        return false;
    }
    let mut noise = Spread::default();
    let (left, top) = (column * TILE, row * TILE);
    for y in (top..top + TILE).step_by(ROW_STEP) {
        let own = &picture.row(y)[left..left + TILE];
        noise.add(&own[1..], own, EDGE);
    }
    noise.variance().is_some_and(|noise| {
        let noise = noise / 16.0 + ROUNDING;
        less > RATIO_MIN * noise && more < RATIO_MAX * noise && less - noise > MORE_MIN
    })
}

/// Differences added up.
#[derive(Default)]
struct Spread {
    count: i32,
    sum: i32,
    squares: i32,
    edges: i32,
}

impl Spread {
    fn add(&mut self, a: &[u8], b: &[u8], edge: i32) {
        for (&a, &b) in a.iter().zip(b) {
            let difference = i32::from(a) - i32::from(b);
            let counts = i32::from(difference.abs() < edge);
            self.count += counts;
            self.edges += 1 - counts;
            self.sum += counts * difference;
            self.squares += counts * difference * difference;
        }
    }

    /// Variance of the differences, so that an even slope does not count; none among edges.
    fn variance(&self) -> Option<f32> {
        if self.count < 9 * self.edges || self.count == 0 {
            return None;
        }
        let (count, sum) = (self.count as f32, self.sum as f32);
        Some(self.squares as f32 / count - (sum / count) * (sum / count))
    }
}
