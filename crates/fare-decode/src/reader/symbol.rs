//! From modules to codewords: format information, masks, interleaved blocks and their mending.
//! ISO/IEC 18004 sections 7.5 to 7.10.

use super::modules::Modules;
use super::reed_solomon::{self, CHECK_MAX};
use super::version::Version;

/// Error correction level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    L,
    M,
    Q,
    H,
}

/// What the format information says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Format {
    pub level: Level,
    pub mask: u8,
    /// Rows and columns are exchanged: the code is seen in a mirror.
    pub mirrored: bool,
    /// Wrong bits of its better copy, 0 to 3.
    pub distance: u32,
}

/// Check bytes of each block, by level and version.
const CHECK_BYTES: [[u8; 40]; 4] = [
    [
        7, 10, 15, 20, 26, 18, 20, 24, 30, 18, 20, 24, 26, 30, 22, 24, 28, 30, 28, 28, 28, 28, 30,
        30, 26, 28, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30,
    ],
    [
        10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26, 26, 28, 28,
        28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    ],
    [
        13, 22, 18, 26, 18, 24, 18, 22, 20, 24, 28, 26, 24, 20, 30, 24, 28, 28, 26, 30, 28, 30, 30,
        30, 30, 28, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30,
    ],
    [
        17, 28, 22, 16, 22, 28, 26, 26, 24, 28, 24, 28, 22, 24, 24, 30, 28, 28, 26, 28, 30, 24, 30,
        30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30,
    ],
];

/// Blocks, by level and version.
const BLOCKS: [[u8; 40]; 4] = [
    [
        1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 4, 6, 6, 6, 6, 7, 8, 8, 9, 9, 10, 12, 12, 12, 13,
        14, 15, 16, 17, 18, 19, 19, 20, 21, 22, 24, 25,
    ],
    [
        1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16, 17, 17, 18, 20, 21, 23,
        25, 26, 28, 29, 31, 33, 35, 37, 38, 40, 43, 45, 47, 49,
    ],
    [
        1, 1, 2, 2, 4, 4, 6, 6, 8, 8, 8, 10, 12, 16, 12, 17, 16, 18, 21, 20, 23, 23, 25, 27, 29,
        34, 34, 35, 38, 40, 43, 45, 48, 51, 53, 56, 59, 62, 65, 68,
    ],
    [
        1, 1, 2, 4, 4, 4, 5, 6, 8, 8, 11, 11, 16, 16, 18, 16, 19, 21, 25, 25, 25, 34, 30, 32, 35,
        37, 40, 42, 45, 48, 51, 54, 57, 60, 63, 66, 70, 74, 77, 81,
    ],
];

impl Level {
    const fn row(self) -> usize {
        match self {
            Self::L => 0,
            Self::M => 1,
            Self::Q => 2,
            Self::H => 3,
        }
    }

    /// Check bytes that small codes keep against a wrong mending; table 9 of the standard.
    const fn spare(self, version: Version) -> usize {
        match (version.number(), self) {
            (1, Self::L) => 3,
            (1, Self::M) | (2, Self::L) => 2,
            (1, Self::Q | Self::H) | (3, Self::L) => 1,
            (_, Self::L | Self::M | Self::Q | Self::H) => 0,
        }
    }
}

/// Reads codewords, keeping its buffers.
#[derive(Clone, Debug, Default)]
pub(super) struct Symbol {
    raw: Vec<u8>,
    /// The smallest margin among each raw codeword's bits.
    sure: Vec<f32>,
    block: Vec<u8>,
    block_sure: Vec<f32>,
    reserved: Vec<bool>,
    reserved_for: u8,
    data: Vec<u8>,
}

impl Symbol {
    /// The mended data codewords; `None` where more are wrong than can be mended.
    pub(super) fn read(
        &mut self,
        modules: &Modules,
        version: Version,
        format: Format,
        doubt: Doubt,
    ) -> Option<&[u8]> {
        self.collect(modules, version, format);
        self.mend(version, format.level, doubt)?;
        Some(&self.data)
    }

    /// Follows the codewords' way through the modules, two columns at a time, up and down.
    fn collect(&mut self, modules: &Modules, version: Version, format: Format) {
        let n = version.size();
        self.reserve(version);
        self.raw.clear();
        self.sure.clear();
        let (mut byte, mut bits, mut least) = (0u8, 0, f32::MAX);
        let mut right = n - 1;
        let mut upward = true;
        loop {
            for step in 0..n {
                let row = if upward { n - 1 - step } else { step };
                for column in [right, right - 1] {
                    if self.reserved[row * n + column] {
                        continue;
                    }
                    let at = if format.mirrored {
                        column * n + row
                    } else {
                        row * n + column
                    };
                    let dark = modules.dark_at(at) ^ is_masked(format.mask, row, column);
                    byte = byte << 1 | u8::from(dark);
                    least = least.min(modules.margin[at]);
                    bits += 1;
                    if bits == 8 {
                        self.raw.push(byte);
                        self.sure.push(least);
                        (byte, bits, least) = (0, 0, f32::MAX);
                    }
                }
            }
            upward = !upward;
            // The vertical timing pattern's column is passed over.
            right = match right {
                0..=2 => return,
                8 => 5,
                _ => right - 2,
            };
        }
    }

    /// Marks all modules that carry no data.
    fn reserve(&mut self, version: Version) {
        if self.reserved_for == version.number() {
            return;
        }
        let n = version.size();
        self.reserved_for = version.number();
        self.reserved.clear();
        self.reserved.resize(n * n, false);
        let mut mark = |rows: std::ops::Range<usize>, columns: std::ops::Range<usize>| {
            for row in rows {
                self.reserved[row * n..][columns.clone()].fill(true);
            }
        };
        mark(0..9, 0..9);
        mark(0..9, n - 8..n);
        mark(n - 8..n, 0..9);
        mark(6..7, 0..n);
        mark(0..n, 6..7);
        if version.number() >= 7 {
            mark(0..6, n - 11..n - 8);
            mark(n - 11..n - 8, 0..6);
        }
        let alignment = version.alignment();
        let places = alignment.as_slice();
        let last = places.len().saturating_sub(1);
        for (r, &row) in places.iter().enumerate() {
            for (c, &column) in places.iter().enumerate() {
                if (r == 0 && (c == 0 || c == last)) || (r == last && c == 0) {
                    continue;
                }
                let (row, column) = (usize::from(row), usize::from(column));
                mark(row - 2..row + 3, column - 2..column + 3);
            }
        }
    }

    fn mend(&mut self, version: Version, level: Level, doubt: Doubt) -> Option<()> {
        let index = usize::from(version.number()) - 1;
        let check = usize::from(CHECK_BYTES[level.row()][index]);
        let blocks = usize::from(BLOCKS[level.row()][index]);
        let total = self.raw.len();
        let short = total / blocks;
        let long_from = blocks - total % blocks;
        self.data.clear();
        for block in 0..blocks {
            let length = short + usize::from(block >= long_from);
            self.gather(block, blocks, short, length, check, long_from);
            mend_block(
                &mut self.block,
                &self.block_sure,
                check,
                level.spare(version),
                doubt,
            )?;
            self.data.extend_from_slice(&self.block[..length - check]);
        }
        Some(())
    }

    /// Puts the interleaved codewords of one block one after another.
    fn gather(
        &mut self,
        block: usize,
        blocks: usize,
        short: usize,
        length: usize,
        check: usize,
        long_from: usize,
    ) {
        let short_data = short - check;
        let data = length - check;
        let checks_from = short_data * blocks + (blocks - long_from);
        self.block.clear();
        self.block_sure.clear();
        for at in 0..length {
            let from = if at < short_data {
                at * blocks + block
            } else if at < data {
                short_data * blocks + block - long_from
            } else {
                checks_from + (at - data) * blocks + block
            };
            self.block.push(self.raw[from]);
            self.block_sure.push(self.sure[from]);
        }
    }
}

/// Check bytes that are never spent on erasures, so that an arbitrary block cannot pass for a mended
/// one: by chance one in 2^32 does.
const SPARE_WITH_ERASURES: usize = 4;

/// Which bytes of a block are believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// All.
    Nothing,
    /// All, or all but more and more of the least sure.
    LeastSure,
}

/// Mends one block.
fn mend_block(
    block: &mut [u8],
    sure: &[f32],
    check: usize,
    spare: usize,
    doubt: Doubt,
) -> Option<()> {
    let mut copy = [0u8; 256];
    let copy = &mut copy[..block.len()];
    copy.copy_from_slice(block);
    if reed_solomon::mend(block, check, &[], spare).is_some() {
        return Some(());
    }
    block.copy_from_slice(copy);
    match doubt {
        Doubt::Nothing => return None,
        Doubt::LeastSure if check < SPARE_WITH_ERASURES + 4 => return None,
        Doubt::LeastSure => {}
    }
    let mut order: [u8; 256] = std::array::from_fn(|place| place as u8);
    let order = &mut order[..sure.len()];
    order.sort_unstable_by(|&a, &b| sure[usize::from(a)].total_cmp(&sure[usize::from(b)]));
    let most = (check - SPARE_WITH_ERASURES).min(CHECK_MAX);
    for share in 1..=4 {
        let erased = &order[..most * share / 4];
        if reed_solomon::mend(block, check, erased, SPARE_WITH_ERASURES).is_some() {
            return Some(());
        }
        block.copy_from_slice(copy);
    }
    None
}

/// Whether a mask turns the module over. Table 10 of the standard.
fn is_masked(mask: u8, row: usize, column: usize) -> bool {
    let (i, j) = (row, column);
    0 == match mask {
        0 => (i + j) % 2,
        1 => i % 2,
        2 => j % 3,
        3 => (i + j) % 3,
        4 => (i / 2 + j / 3) % 2,
        5 => (i * j) % 2 + (i * j) % 3,
        6 => ((i * j) % 2 + (i * j) % 3) % 2,
        _ => ((i + j) % 2 + (i * j) % 3) % 2,
    }
}

impl Format {
    /// The likeliest formats of these modules, the likeliest first: of both copies, as seen and as in
    /// a mirror.
    pub(super) fn of(modules: &Modules, version: Version) -> [Option<Self>; 4] {
        let n = version.size();
        let [seen, mirrored] = [false, true].map(|mirrored| {
            let bit = |row: usize, column: usize| {
                let (row, column) = if mirrored {
                    (column, row)
                } else {
                    (row, column)
                };
                u32::from(modules.is_dark(row, column))
            };
            let read = |places: &dyn Fn(usize) -> (usize, usize)| {
                (0..15).fold(0, |bits, i| {
                    let (row, column) = places(i);
                    bits << 1 | bit(row, column)
                })
            };
            // From the most significant bit on; figure 25 of the standard.
            let first = read(&|i| match i {
                0..=5 => (8, i),
                6 => (8, 7),
                7 => (8, 8),
                8 => (7, 8),
                _ => (14 - i, 8),
            });
            let second = read(&|i| {
                if i < 7 {
                    (n - 1 - i, 8)
                } else {
                    (8, n - 15 + i)
                }
            });
            let [mut first, mut second] = [first, second].map(|bits| Self::nearest(bits, mirrored));
            let same = |f: Option<Self>| f.map(|f| (f.level, f.mask));
            if same(first) == same(second) {
                second = None;
            }
            if distance(second) < distance(first) {
                std::mem::swap(&mut first, &mut second);
            }
            [first, second]
        });
        let (best, other) = if distance(mirrored[0]) < distance(seen[0]) {
            (mirrored, seen)
        } else {
            (seen, mirrored)
        };
        [best[0], other[0], best[1], other[1]]
    }

    /// The format whose bits differ from these in at most three.
    fn nearest(bits: u32, mirrored: bool) -> Option<Self> {
        (0..32u32)
            .map(|data| ((format_bits(data) ^ bits).count_ones(), data))
            .min()
            .filter(|(distance, _)| *distance <= 3)
            .map(|(distance, data)| Self {
                level: match data >> 3 {
                    0 => Level::M,
                    1 => Level::L,
                    2 => Level::H,
                    _ => Level::Q,
                },
                mask: (data & 7) as u8,
                mirrored,
                distance,
            })
    }
}

/// Wrong bits; more than any for no format.
fn distance(format: Option<Format>) -> u32 {
    format.map_or(u32::MAX, |format| format.distance)
}

/// Five bits of format with their ten check bits, masked; annex C of the standard.
const fn format_bits(data: u32) -> u32 {
    let mut rest = data << 10;
    let mut bit = 14;
    while bit >= 10 {
        if rest & (1 << bit) != 0 {
            rest ^= 0x537 << (bit - 10);
        }
        bit -= 1;
    }
    (data << 10 | rest) ^ 0x5412
}

#[cfg(test)]
mod tests;
