//! What edges there are in some blocks: in which directions, how sharp, how many.

use super::area::Places;
use crate::reader::{BLOCK, Blocks, Picture, bits};

/// The edges of some blocks. All slopes are shares of the block's own contrast.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Texture {
    /// How much more edges there are in one direction than in the other: 0 alike, 1 only one.
    pub one_way: f32,
    /// Share of blocks that have edges in both directions.
    pub crossed: f32,
    /// Changes between dark and light a pixel, along rows and columns together.
    pub changes: f32,
    /// Share of pixels with a steep slope along the direction that has fewer edges.
    pub sharp_along: f32,
    /// Share of pixels with a very steep slope along the direction that has more.
    pub sharp_across: f32,
}

/// Slopes over two pixels of a block, to the right and down. Each row ends with two zeros, so that it is as
/// long as the block's.
#[derive(Default)]
struct Gradients {
    right: [[i16; BLOCK]; INNER],
    down: [[i16; BLOCK]; INNER],
}

impl Gradients {
    fn pairs(&self) -> impl Iterator<Item = (i32, i32)> {
        let (right, down) = (self.right.as_flattened(), self.down.as_flattened());
        let pairs = right.iter().zip(down);
        pairs.map(|(&right, &down)| (i32::from(right), i32::from(down)))
    }

    /// Their squares and products, as shares of the block's contrast.
    fn sums(&self, contrast: f32) -> Slopes {
        let (mut right, mut down, mut both) = (0, 0, 0);
        for (r, d) in self.pairs() {
            right += r * r;
            down += d * d;
            both += r * d;
        }
        let share = |sum: i32| sum as f32 / (contrast * contrast);
        Slopes {
            right: share(right),
            down: share(down),
            both: share(both),
        }
    }

    /// How many are steeper in one direction than a limit.
    fn steeper(&self, x: f32, y: f32, limit: f32) -> usize {
        const ONE: f32 = 4096.0;
        let whole = |value: f32| (value * ONE) as i32;
        let (x, y, limit) = (whole(x), whole(y), whole(limit));
        let steep = self
            .pairs()
            .map(|(right, down)| u32::from((x * right + y * down).abs() > limit));
        steep.sum::<u32>() as usize
    }
}

/// Squares and product of slopes to the right and down, added up.
#[derive(Clone, Copy, Default)]
struct Slopes {
    right: f32,
    down: f32,
    both: f32,
}

impl Slopes {
    fn one_way(self) -> f32 {
        let sum = self.right + self.down;
        if sum > 0.0 {
            (self.right - self.down).hypot(2.0 * self.both) / sum
        } else {
            0.0
        }
    }

    /// The direction of most slopes, radian.
    fn direction(self) -> f32 {
        0.5 * (2.0 * self.both).atan2(self.right - self.down)
    }
}

impl Texture {
    /// Measures the blocks at these places.
    pub(super) fn of(picture: Picture<'_>, blocks: Blocks<'_>, places: &Places) -> Self {
        let (mut all, mut count, mut crossed, mut changes) = (Slopes::default(), 0, 0, 0);
        for block in whole(picture, blocks, places) {
            let own = block.slopes().sums(block.contrast());
            all.right += own.right;
            all.down += own.down;
            all.both += own.both;
            crossed += usize::from(own.one_way() < 0.6);
            changes += block.changes();
            count += 1;
        }
        if count == 0 {
            return Self::default();
        }
        let (sin, cos) = all.direction().sin_cos();
        let (mut along, mut across) = (0, 0);
        for block in whole(picture, blocks, places) {
            let (slopes, contrast) = (block.slopes(), block.contrast());
            along += slopes.steeper(-sin, cos, 0.5 * contrast);
            across += slopes.steeper(cos, sin, 0.6 * contrast);
        }
        let pixels = (count * INNER * INNER) as f32;
        Self {
            one_way: all.one_way(),
            crossed: crossed as f32 / count as f32,
            changes: changes as f32 / (count * BLOCK * (BLOCK - 1)) as f32,
            sharp_along: along as f32 / pixels,
            sharp_across: across as f32 / pixels,
        }
    }

    /// Many edges, and no sharp one along the way the picture went. Bars have one direction only.
    pub(super) fn is_smeared(&self) -> bool {
        (0.22..0.85).contains(&self.one_way) && self.sharp_along <= 0.015 && self.changes >= 0.21
    }
}

/// Pixels along a block's side that have all neighbours in it.
const INNER: usize = BLOCK - 2;

/// One block's pixels.
struct Block<'a> {
    rows: [&'a [u8; BLOCK]; BLOCK],
    low: u8,
    high: u8,
}

/// Those blocks that are not cut off by the picture's edge.
fn whole<'a>(
    picture: Picture<'a>,
    blocks: Blocks<'a>,
    places: &Places,
) -> impl Iterator<Item = Block<'a>> {
    places.iter().filter_map(move |(column, row)| {
        if (row + 1) * BLOCK > picture.height || (column + 1) * BLOCK > picture.width {
            return None;
        }
        let mut rows = [&[0; BLOCK]; BLOCK];
        for (y, place) in rows.iter_mut().enumerate() {
            *place = picture.row(row * BLOCK + y)[column * BLOCK..].first_chunk()?;
        }
        let (low, high) = blocks.range[row * blocks.columns + column];
        Some(Block { rows, low, high })
    })
}

impl Block<'_> {
    /// Levels between its darkest and its lightest.
    fn contrast(&self) -> f32 {
        f32::from((self.high - self.low).max(1))
    }

    fn slopes(&self) -> Gradients {
        let mut slopes = Gradients::default();
        let level = |row: usize, column: usize| i16::from(self.rows[row][column]);
        for y in 0..INNER {
            for x in 0..INNER {
                slopes.right[y][x] = level(y + 1, x + 2) - level(y + 1, x);
                slopes.down[y][x] = level(y + 2, x + 1) - level(y, x + 1);
            }
        }
        slopes
    }

    /// Neighbours, along rows and along columns, of which one is dark and one light.
    fn changes(&self) -> usize {
        const ALL_BUT_LAST_COLUMN: u64 = 0x7f7f_7f7f_7f7f_7f7f;
        const ALL_BUT_LAST_ROW: u64 = u64::MAX >> BLOCK;
        let middle = self.low.midpoint(self.high);
        let mut light = [[0; BLOCK]; BLOCK];
        for (light, row) in light.iter_mut().zip(self.rows) {
            *light = row.map(|level| u8::from(level > middle));
        }
        let light = bits(light.as_flattened());
        let along = (light ^ (light >> 1)) & ALL_BUT_LAST_COLUMN;
        let down = (light ^ (light >> BLOCK)) & ALL_BUT_LAST_ROW;
        (along.count_ones() + down.count_ones()) as usize
    }
}
