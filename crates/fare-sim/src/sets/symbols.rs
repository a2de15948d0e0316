//! Symbols that are no QR codes, as riders hold them out by mistake: modules as each kind has them,
//! patterns where its standard puts them, the rest at random. Nothing in them can be decoded.

use crate::screen::Grid;
use crate::seed::Seed;

/// A kind of symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Bars alone, as on goods and old tickets.
    Barcode,
    /// ISO/IEC 16022: solid edges left and below, dotted ones above and right.
    DataMatrix,
    /// ISO/IEC 24778: a bull's eye of squares.
    Aztec,
    /// ISO/IEC 15438: rows of bars between two tall patterns.
    Pdf417,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Barcode, Self::DataMatrix, Self::Aztec, Self::Pdf417];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Barcode => "barcode",
            Self::DataMatrix => "Data Matrix",
            Self::Aztec => "Aztec",
            Self::Pdf417 => "PDF417",
        }
    }

    /// Some symbol of this kind.
    pub(crate) fn draw(self, seed: &mut Seed) -> Grid {
        match self {
            Self::Barcode => barcode(seed),
            Self::DataMatrix => data_matrix(seed),
            Self::Aztec => aztec(seed),
            Self::Pdf417 => pdf417(seed),
        }
    }
}

fn grid(width: u32, height: u32, mut dark: impl FnMut(u32, u32) -> bool) -> Grid {
    let modules = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    Grid {
        width,
        height,
        dark: modules.map(|(x, y)| dark(x, y)).collect(),
    }
}

/// Dark and light runs of 1 to `most` modules by turns, `width` modules in all.
fn runs(width: usize, most: u64, seed: &mut Seed) -> Vec<bool> {
    let mut line = Vec::with_capacity(width + most as usize);
    let mut dark = true;
    while line.len() < width {
        let run = 1 + seed.below(most) as usize;
        line.extend(std::iter::repeat_n(dark, run));
        dark = !dark;
    }
    line.truncate(width);
    line
}

fn barcode(seed: &mut Seed) -> Grid {
    let width = 68 + 11 * seed.below(8) as u32;
    let bars = runs(width as usize, 4, seed);
    grid(width, width / 3, |x, _| bars[x as usize])
}

fn data_matrix(seed: &mut Seed) -> Grid {
    let side = 18 + 2 * seed.below(4) as u32;
    grid(side, side, |x, y| {
        let random = seed.happens(0.5);
        if x == 0 || y == side - 1 {
            true
        } else if y == 0 {
            x % 2 == 0
        } else if x == side - 1 {
            y % 2 == 1
        } else {
            random
        }
    })
}

fn aztec(seed: &mut Seed) -> Grid {
    let side = 27 + 4 * seed.below(6) as u32;
    let middle = side / 2;
    grid(side, side, |x, y| {
        let random = seed.happens(0.5);
        let (dx, dy) = (x.abs_diff(middle), y.abs_diff(middle));
        let ring = dx.max(dy);
        if ring < 6 {
            ring % 2 == 0
        } else if ring == 7 && dx.min(dy) >= 6 {
            // The corners say which way up: three, two, one and no dark modules.
            x < middle || (y < middle && dx == 7)
        } else {
            random
        }
    })
}

fn pdf417(seed: &mut Seed) -> Grid {
    const START: [u32; 8] = [8, 1, 1, 1, 1, 1, 1, 3];
    const STOP: [u32; 9] = [7, 1, 1, 3, 1, 1, 1, 2, 1];
    const ROW_MODULES: u32 = 3;
    let codewords = 5 + seed.below(3) as u32;
    let rows = 14 + seed.below(14) as u32;
    let pattern = |runs: &[u32]| {
        let turns = [true, false].into_iter().cycle();
        let pair = runs.iter().zip(turns);
        pair.flat_map(|(&run, dark)| std::iter::repeat_n(dark, run as usize))
            .collect::<Vec<_>>()
    };
    let lines: Vec<Vec<bool>> = (0..rows)
        .map(|_| {
            let words = (0..codewords).flat_map(|_| {
                let mut word = runs(16, 5, seed);
                word.push(false);
                word
            });
            let body: Vec<bool> = words.collect();
            [pattern(&START), body, pattern(&STOP)].concat()
        })
        .collect();
    let width = lines.first().map_or(0, Vec::len) as u32;
    grid(width, rows * ROW_MODULES, |x, y| {
        lines[(y / ROW_MODULES) as usize][x as usize]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_patterns() {
        for number in 0..20 {
            let seed = &mut Seed::new(number);
            let bars = Kind::Barcode.draw(seed);
            assert!((0..bars.width).all(|x| bars.is_dark(x, 0) == bars.is_dark(x, 9)));
            let matrix = Kind::DataMatrix.draw(seed);
            let last = matrix.height - 1;
            assert!((0..matrix.width).all(|x| matrix.is_dark(x, last)));
            assert!((0..matrix.width - 1).all(|x| matrix.is_dark(x, 0) == (x % 2 == 0)));
            let aztec = Kind::Aztec.draw(seed);
            let middle = aztec.width / 2;
            assert!((0..6).all(|out| aztec.is_dark(middle + out, middle) == (out % 2 == 0)));
            let rows = Kind::Pdf417.draw(seed);
            assert!((0..rows.height).all(|y| (0..8).all(|x| rows.is_dark(x, y))));
            assert_eq!(rows.dark.len() as u32, rows.width * rows.height);
        }
    }

    #[test]
    fn symbols_follow_from_their_seed() {
        for kind in Kind::ALL {
            assert_eq!(kind.draw(&mut Seed::new(1)), kind.draw(&mut Seed::new(1)));
            assert_ne!(kind.draw(&mut Seed::new(1)), kind.draw(&mut Seed::new(2)));
        }
    }
}
