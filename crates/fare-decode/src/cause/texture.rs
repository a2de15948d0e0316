//! What edges there are in some blocks: in which directions, how sharp, how many.

use super::area::Places;
use crate::reader::{BLOCK, Blocks, Picture};

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

/// Squares and product of slopes to the right and down, added up.
#[derive(Clone, Copy, Default)]
struct Slopes {
    right: f32,
    down: f32,
    both: f32,
}

impl Slopes {
    fn add(&mut self, right: f32, down: f32) {
        self.right += right * right;
        self.down += down * down;
        self.both += right * down;
    }

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
            let mut own = Slopes::default();
            block.slopes(|right, down| own.add(right, down));
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
            block.slopes(|right, down| {
                along += usize::from((cos * down - sin * right).abs() > 0.5);
                across += usize::from((cos * right + sin * down).abs() > 0.6);
            });
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
    /// Slopes over two pixels, to the right and down.
    fn slopes(&self, mut each: impl FnMut(f32, f32)) {
        let scale = 1.0 / f32::from((self.high - self.low).max(1));
        for y in 1..=INNER {
            let (above, own, below) = (self.rows[y - 1], self.rows[y], self.rows[y + 1]);
            for x in 1..=INNER {
                let right = f32::from(own[x + 1]) - f32::from(own[x - 1]);
                let down = f32::from(below[x]) - f32::from(above[x]);
                each(right * scale, down * scale);
            }
        }
    }

    /// Neighbours, along rows and along columns, of which one is dark and one light.
    fn changes(&self) -> usize {
        let middle = u16::from(self.low) + u16::from(self.high);
        let light = |level: u8| 2 * u16::from(level) > middle;
        let along = self.rows.iter().flat_map(|row| row.windows(2));
        let along = along.filter(|pair| light(pair[0]) != light(pair[1]));
        let down = self
            .rows
            .windows(2)
            .flat_map(|two| two[0].iter().zip(two[1]));
        along.count() + down.filter(|&(&a, &b)| light(a) != light(b)).count()
    }
}
