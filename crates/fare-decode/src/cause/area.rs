//! Where blocks full of edges lie close together: codes, other symbols, text.

use super::is_washed_out;
use crate::reader::{BLOCK, Blocks, Point};

/// A row of blocks across the widest frame.
pub(super) const COLUMNS_MAX: usize = 1024;

/// Levels between a block's darkest and lightest that are more than noise.
const CONTRAST_MIN: u8 = 36;

/// Blocks around one that are looked at: two to each side.
const REACH: usize = 2;
const WINDOW: usize = 2 * REACH + 1;

/// Places kept of one area.
const PLACES_MAX: usize = 256;

/// A block's darkest and lightest level.
pub(super) type Blot = (u8, u8);

/// Blocks in whose neighbourhood nearly all blocks have edges.
#[derive(Debug, Default)]
pub(super) struct Area {
    /// How many there are.
    pub count: usize,
    /// The most of them along one side of the frame.
    pub edge: usize,
    /// Some of them, evenly.
    pub some: Places,
}

/// Columns and rows of some blocks, evenly out of many.
#[derive(Debug)]
pub(super) struct Places {
    at: [(u16, u16); PLACES_MAX],
    len: usize,
    seen: usize,
    step: usize,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            at: [(0, 0); PLACES_MAX],
            len: 0,
            seen: 0,
            step: 1,
        }
    }
}

impl Places {
    fn add(&mut self, column: usize, row: usize) {
        self.seen += 1;
        if !self.seen.is_multiple_of(self.step) {
            return;
        }
        if self.len == PLACES_MAX {
            for kept in 0..PLACES_MAX / 2 {
                self.at[kept] = self.at[2 * kept + 1];
            }
            self.len = PLACES_MAX / 2;
            self.step *= 2;
            if !self.seen.is_multiple_of(self.step) {
                return;
            }
        }
        self.at[self.len] = (column as u16, row as u16);
        self.len += 1;
    }

    /// Column and row of each.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, usize)> {
        self.at[..self.len]
            .iter()
            .map(|&(column, row)| (usize::from(column), usize::from(row)))
    }
}

impl Area {
    /// Of blocks as they are: modules of 1 to 10 pixels.
    pub(super) fn fine(blocks: Blocks<'_>) -> Self {
        let mut area = Self::default();
        let size = (blocks.columns, blocks.rows);
        let mut edges = Edges::default();
        let flags = |row: usize, flags: &mut [u8]| {
            let range = &blocks.range[row * blocks.columns..][..blocks.columns];
            for (flag, &blot) in flags.iter_mut().zip(range) {
                *flag = u8::from(has_edges(blot));
            }
        };
        crowded(size, Share::Most, flags, |column, row| {
            area.count += 1;
            edges.add(column, row, size);
            area.some.add(column, row);
        });
        area.edge = edges.most();
        area
    }

    /// Of four blocks as one: larger modules too.
    pub(super) fn coarse(blocks: Blocks<'_>) -> Self {
        let mut area = Self::default();
        let size = (blocks.columns.div_ceil(2), blocks.rows.div_ceil(2));
        let mut edges = Edges::default();
        let range = |row: usize| &blocks.range[row * blocks.columns..][..blocks.columns];
        let flags = |row: usize, flags: &mut [u8]| {
            let upper = range(2 * row);
            let lower = range((2 * row + 1).min(blocks.rows - 1));
            let (upper, last_upper) = upper.as_chunks::<2>();
            let (lower, last_lower) = lower.as_chunks::<2>();
            for (flag, (&[a, b], &[c, d])) in flags.iter_mut().zip(upper.iter().zip(lower)) {
                *flag = u8::from(has_edges(joined(joined(a, b), joined(c, d))));
            }
            if let (&[a], &[b], Some(flag)) = (last_upper, last_lower, flags.last_mut()) {
                *flag = u8::from(has_edges(joined(a, b)));
            }
        };
        crowded(size, Share::Most, flags, |column, row| {
            area.count += 1;
            edges.add(column, row, size);
            for row in 2 * row..(2 * row + 2).min(blocks.rows) {
                for column in 2 * column..(2 * column + 2).min(blocks.columns) {
                    if has_edges(blocks.range[row * blocks.columns + column]) {
                        area.some.add(column, row);
                    }
                }
            }
        });
        area.edge = edges.most();
        area
    }
}

/// Whether more than noise is to be seen.
fn has_edges((low, high): Blot) -> bool {
    high.saturating_sub(low) >= CONTRAST_MIN
}

/// The levels of two blocks as one.
fn joined(a: Blot, b: Blot) -> Blot {
    (a.0.min(b.0), a.1.max(b.1))
}

/// Blocks that are washed out like all around them and lie where `counts` says.
pub(super) fn washed_out(blocks: Blocks<'_>, counts: impl Fn(Point) -> bool) -> usize {
    let flags = |row: usize, flags: &mut [u8]| {
        let range = &blocks.range[row * blocks.columns..][..blocks.columns];
        for (flag, blot) in flags.iter_mut().zip(range) {
            *flag = u8::from(is_washed_out(blot));
        }
    };
    let mut count = 0;
    let middle = |at: usize| (at * BLOCK + BLOCK / 2) as f32;
    crowded(
        (blocks.columns, blocks.rows),
        Share::All,
        flags,
        |column, row| {
            count += usize::from(counts(Point::new(middle(column), middle(row))));
        },
    );
    count
}

/// Blocks along the four sides of the frame.
#[derive(Debug, Default)]
struct Edges([usize; 4]);

impl Edges {
    fn add(&mut self, column: usize, row: usize, (columns, rows): (usize, usize)) {
        let [top, bottom, left, right] = &mut self.0;
        *top += usize::from(row == 0);
        *bottom += usize::from(row + 1 == rows);
        *left += usize::from(column == 0);
        *right += usize::from(column + 1 == columns);
    }

    fn most(&self) -> usize {
        self.0.into_iter().max().unwrap_or(0)
    }
}

/// How many of the blocks around must be flagged.
#[derive(Clone, Copy)]
enum Share {
    /// 84 in 100: 21 of 25.
    Most,
    All,
}

impl Share {
    fn of(self, count: usize) -> u8 {
        match self {
            Self::Most => (count * 21).div_ceil(25) as u8,
            Self::All => count as u8,
        }
    }
}

/// Calls `found` with column and row of each flagged block around which enough are flagged.
fn crowded(
    (columns, rows): (usize, usize),
    share: Share,
    fill: impl Fn(usize, &mut [u8]),
    mut found: impl FnMut(usize, usize),
) {
    // Flags of the last rows; sums over them, with room for the window at both ends.
    let mut flags = [[0_u8; COLUMNS_MAX]; WINDOW];
    let mut sums = [0_u8; COLUMNS_MAX + 2 * REACH];
    let mut around = [0_u8; COLUMNS_MAX];
    let around = &mut around[..columns];
    for entering in 0..rows + REACH {
        let place = &mut flags[entering % WINDOW][..columns];
        for (sum, flag) in sums[REACH..].iter_mut().zip(place.iter()) {
            *sum -= flag;
        }
        place.fill(0);
        if entering < rows {
            fill(entering, place);
        }
        for (sum, flag) in sums[REACH..].iter_mut().zip(place.iter()) {
            *sum += flag;
        }
        let Some(row) = entering.checked_sub(REACH) else {
            continue;
        };
        let high = within(row, rows);
        let own = &flags[row % WINDOW][..columns];
        around.copy_from_slice(&sums[..columns]);
        for shift in 1..WINDOW {
            for (around, sum) in around.iter_mut().zip(&sums[shift..]) {
                *around += sum;
            }
        }
        let least = share.of(high * within(0, columns));
        if around.iter().fold(0, |most, &sum| sum.max(most)) < least {
            continue;
        }
        for (column, (&around, &own)) in around.iter().zip(own).enumerate() {
            if own != 0 && around >= share.of(high * within(column, columns)) {
                found(column, row);
            }
        }
    }
}

/// Places of the window around `at` that are in a row of `len`.
fn within(at: usize, len: usize) -> usize {
    (at + REACH).min(len - 1) + 1 - at.saturating_sub(REACH)
}
