//! Which module of a QR code belongs to which codeword and block: how much of a code may be covered
//! before its error correction gives up. After ISO/IEC 18004, 7.5 to 7.7, level L.

use crate::screen::Code;

/// Error correction codewords of each block, and blocks, of versions 1 to 40 at level L
/// (ISO/IEC 18004, table 9).
pub(crate) const LEVEL_L: [(usize, usize); 40] = [
    (7, 1),
    (10, 1),
    (15, 1),
    (20, 1),
    (26, 1),
    (18, 2),
    (20, 2),
    (24, 2),
    (30, 2),
    (18, 4),
    (20, 4),
    (24, 4),
    (26, 4),
    (30, 4),
    (22, 6),
    (24, 6),
    (28, 6),
    (30, 6),
    (28, 7),
    (28, 8),
    (28, 8),
    (28, 9),
    (30, 9),
    (30, 10),
    (26, 12),
    (28, 12),
    (30, 12),
    (30, 13),
    (30, 14),
    (30, 15),
    (30, 16),
    (30, 17),
    (30, 18),
    (30, 19),
    (30, 19),
    (30, 20),
    (30, 21),
    (30, 22),
    (30, 24),
    (30, 25),
];

/// The blocks of one code's error correction.
#[derive(Clone, Debug)]
pub(crate) struct Blocks {
    /// Codeword of each module, row by row; none for patterns and for bits left over.
    codewords: Vec<Option<usize>>,
    /// Block of each codeword.
    blocks: Vec<usize>,
    count: usize,
    /// Wrong codewords that a block can have and still be read.
    correctable: usize,
    size: u32,
}

impl Blocks {
    /// The blocks of `code`.
    pub(crate) fn of(code: &Code) -> Self {
        let version = code.version() as usize;
        let (correction, count) = LEVEL_L[version.clamp(1, 40) - 1];
        let modules = code.data.iter().filter(|data| **data).count();
        let total = modules / 8;
        // Versions 1 to 3 keep some of their codewords to detect misreading (table 9, note).
        let kept = [3, 2, 1].get(version - 1).copied().unwrap_or(0);
        Self {
            codewords: placed(code, total),
            blocks: interleaved(total, correction, count),
            count,
            correctable: (correction - kept) / 2,
            size: code.size(),
        }
    }

    /// The worst block's wrong codewords as a share of what it can correct, when the modules
    /// `(column, row)` for which `lost` holds are read wrongly. Above 1 the code cannot be read.
    pub(crate) fn damage(&self, lost: impl Fn(u32, u32) -> bool) -> f32 {
        let mut wrong = vec![false; self.blocks.len()];
        for (module, codeword) in (0_u32..).zip(&self.codewords) {
            if let Some(codeword) = *codeword
                && !wrong[codeword]
                && lost(module % self.size, module / self.size)
            {
                wrong[codeword] = true;
            }
        }
        let mut errors = vec![0_usize; self.count];
        for (_, block) in wrong.iter().zip(&self.blocks).filter(|(wrong, _)| **wrong) {
            errors[*block] += 1;
        }
        let worst = errors.into_iter().max().unwrap_or(0);
        worst as f32 / self.correctable as f32
    }
}

/// Codewords along the path through the code: two columns at a time from the right, up and down by
/// turns, leaving out the column of the vertical timing pattern.
pub(crate) fn placed(code: &Code, total: usize) -> Vec<Option<usize>> {
    let size = code.size() as usize;
    let mut codewords = vec![None; size * size];
    let mut bit = 0;
    let pairs = (0..size).rev().filter(|x| *x != 6).collect::<Vec<_>>();
    for (turn, pair) in pairs.chunks(2).enumerate() {
        for step in 0..size {
            let y = if turn % 2 == 0 { size - 1 - step } else { step };
            for &x in pair {
                let module = y * size + x;
                if code.data[module] {
                    codewords[module] = Some(bit / 8).filter(|codeword| *codeword < total);
                    bit += 1;
                }
            }
        }
    }
    codewords
}

/// Block of each of `total` codewords in the order in which they are placed.
pub(crate) fn interleaved(total: usize, correction: usize, count: usize) -> Vec<usize> {
    let data = total - correction * count;
    let (short, long) = (data / count, data % count);
    let every = (0..short * count).map(|codeword| codeword % count);
    let longer = count - long..count;
    let correction = (0..correction * count).map(|codeword| codeword % count);
    every.chain(longer).chain(correction).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::screen::{Packing, flat};
    use image::{GrayImage, Luma};

    const TEXT: &str = "FG1:A RIDE CODE OF SOME LENGTH";

    fn long(len: usize) -> (String, Code) {
        let text: String = TEXT.chars().cycle().take(len).collect();
        let code = Code::new(text.as_bytes(), Packing::Alphanumeric).unwrap();
        (text, code)
    }

    fn read(picture: &GrayImage) -> Option<String> {
        let (w, h) = (picture.width() as usize, picture.height() as usize);
        let mut prepared = rqrr::PreparedImage::prepare_from_greyscale(w, h, |x, y| {
            picture.get_pixel(x as u32, y as u32).0[0]
        });
        let (_, text) = prepared.detect_grids().first()?.decode().ok()?;
        Some(text)
    }

    /// The code's picture with the first `wrong` codewords of block 0 turned over.
    fn spoilt(code: &Code, wrong: usize) -> (GrayImage, f32) {
        let blocks = Blocks::of(code);
        let of_block = |codeword: &usize| blocks.blocks[*codeword] == 0;
        let chosen: Vec<usize> = (0..blocks.blocks.len())
            .filter(of_block)
            .take(wrong)
            .collect();
        let size = code.size();
        let lost = |x: u32, y: u32| {
            blocks.codewords[(y * size + x) as usize].is_some_and(|c| chosen.contains(&c))
        };
        let mut picture = flat(code, 4);
        for (x, y) in (0..size).flat_map(|y| (0..size).map(move |x| (x, y))) {
            if lost(x, y) {
                let level = if code.grid.is_dark(x, y) { 255 } else { 0 };
                for (dx, dy) in (0..4).flat_map(|dy| (0..4).map(move |dx| (dx, dy))) {
                    picture.put_pixel((x + 4) * 4 + dx, (y + 4) * 4 + dy, Luma([level]));
                }
            }
        }
        (picture, blocks.damage(lost))
    }

    #[test]
    fn a_reader_gives_up_just_where_the_damage_passes_one() {
        // From version 5 on: readers differ in whether they keep codewords back in 1 to 3.
        for len in [150, 190, 220, 366, 800] {
            let (text, code) = long(len);
            let most = Blocks::of(&code).correctable;
            let (picture, damage) = spoilt(&code, most);
            assert!((damage - 1.0).abs() < 1e-6, "{len}: {damage}");
            assert_eq!(read(&picture), Some(text), "{len}");
            let (picture, damage) = spoilt(&code, most + 1);
            assert!(damage > 1.0, "{len}: {damage}");
            assert_eq!(read(&picture), None, "{len}");
        }
    }

    #[test]
    fn what_is_no_codeword_does_no_damage() {
        let (_, code) = long(366);
        let blocks = Blocks::of(&code);
        assert!(blocks.damage(|x, y| x < 8 && y < 8) < 1e-6);
        assert!(blocks.damage(|_, _| true) > 9.0);
    }
}
