//! A QR symbol around any data codewords, also such as no encoder makes: with a check that holds and
//! contents that need not. Level L; the function patterns are `fast_qr`'s.

use crate::codewords::{LEVEL_L, interleaved, placed};
use crate::screen::{Code, Grid};
use fast_qr::{ECL, Mask, ModuleType, QRBuilder};
use image::{GrayImage, Luma};

/// Versions of `fast_qr`, whose enum cannot be made from a number.
macro_rules! versions {
    ($($name:ident),*) => { [$(fast_qr::Version::$name),*] };
}

const VERSIONS: [fast_qr::Version; 40] = versions!(
    V01, V02, V03, V04, V05, V06, V07, V08, V09, V10, V11, V12, V13, V14, V15, V16, V17, V18, V19,
    V20, V21, V22, V23, V24, V25, V26, V27, V28, V29, V30, V31, V32, V33, V34, V35, V36, V37, V38,
    V39, V40
);

const MASKS: [Mask; 8] = [
    Mask::Checkerboard,
    Mask::HorizontalLines,
    Mask::VerticalLines,
    Mask::DiagonalLines,
    Mask::LargeCheckerboard,
    Mask::Fields,
    Mask::Diamonds,
    Mask::Meadow,
];

/// Light modules around the symbol.
const QUIET_MODULES: u32 = 4;

/// The modules of one symbol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    grid: Grid,
}

impl Symbol {
    /// A symbol of `version` (1 to 40, others are brought into that range) whose data codewords
    /// begin with `data`; the rest are filled with the standard's pad codewords, and what does not
    /// fit is left out. `mask` counts modulo 8.
    pub fn new(version: u8, mask: u8, data: &[u8]) -> Self {
        let index = usize::from(version.clamp(1, 40)) - 1;
        let mask = mask % 8;
        let mut code = blank(index, mask);
        let (check, blocks) = LEVEL_L[index];
        let total = code.data.iter().filter(|is_data| **is_data).count() / 8;
        let codewords = codewords(data, total, check, blocks);
        let size = code.size();
        let mut bits_seen = vec![0_u8; total];
        for (module, codeword) in path(&code, total) {
            let (column, row) = (module as u32 % size, module as u32 / size);
            let bit = codewords[codeword] >> (7 - bits_seen[codeword]) & 1;
            bits_seen[codeword] += 1;
            code.grid.dark[module] = (bit == 1) ^ is_masked(mask, row, column);
        }
        Self { grid: code.grid }
    }

    /// How many data codewords a symbol of this version has.
    pub fn capacity(version: u8) -> usize {
        let index = usize::from(version.clamp(1, 40)) - 1;
        let (check, blocks) = LEVEL_L[index];
        let code = blank(index, 0);
        code.data.iter().filter(|is_data| **is_data).count() / 8 - check * blocks
    }

    /// Black on white, `px` pixels a module, with a quiet zone.
    pub fn picture(&self, px: u32) -> GrayImage {
        let side = (self.grid.width + 2 * QUIET_MODULES) * px;
        GrayImage::from_fn(side, side, |x, y| {
            let module = |at: u32| (at / px).checked_sub(QUIET_MODULES);
            let dark = module(x)
                .zip(module(y))
                .is_some_and(|(x, y)| x < self.grid.width && self.grid.is_dark(x, y));
            Luma([if dark { 20 } else { 235 }])
        })
    }
}

/// A symbol with nothing in it.
fn blank(index: usize, mask: u8) -> Code {
    let built = QRBuilder::new("")
        .ecl(ECL::L)
        .version(VERSIONS[index])
        .mask(MASKS[usize::from(mask)])
        .build();
    let (size, modules) = match &built {
        Ok(code) => (code.size, &code.data[..code.size * code.size]),
        Err(_) => (0, &[][..]),
    };
    Code {
        grid: Grid {
            width: size as u32,
            height: size as u32,
            dark: modules.iter().map(|module| module.value()).collect(),
        },
        data: modules
            .iter()
            .map(|module| module.module_type() == ModuleType::Data)
            .collect(),
    }
}

/// Modules and the codewords they belong to, most significant bit first.
fn path(code: &Code, total: usize) -> Vec<(usize, usize)> {
    let size = code.size() as usize;
    let of = placed(code, total);
    let pairs: Vec<_> = (0..size).rev().filter(|x| *x != 6).collect();
    let mut path = Vec::with_capacity(total * 8);
    for (turn, pair) in pairs.chunks(2).enumerate() {
        for step in 0..size {
            let y = if turn % 2 == 0 { size - 1 - step } else { step };
            let modules = pair.iter().map(|x| y * size + x);
            path.extend(modules.filter_map(|module| Some((module, of[module]?))));
        }
    }
    path
}

/// All codewords in the order in which they are placed.
fn codewords(data: &[u8], total: usize, check: usize, blocks: usize) -> Vec<u8> {
    let of_block = interleaved(total, check, blocks);
    let padding = [0xec, 0x11].into_iter().cycle();
    let mut data = data.iter().copied().chain(padding);
    let mut placed = vec![0; total];
    for block in 0..blocks {
        let places: Vec<usize> = (0..total).filter(|&at| of_block[at] == block).collect();
        let mut bytes: Vec<u8> = data.by_ref().take(places.len() - check).collect();
        bytes.extend(check_bytes(&bytes, check));
        for (place, byte) in places.into_iter().zip(bytes) {
            placed[place] = byte;
        }
    }
    placed
}

/// Reed-Solomon check bytes: the remainder of division by the generator polynomial.
fn check_bytes(data: &[u8], count: usize) -> Vec<u8> {
    let mut generator = vec![1_u8];
    let mut root = 1;
    for _ in 0..count {
        let mut next = generator.clone();
        next.push(0);
        for (term, &old) in next.iter_mut().skip(1).zip(&generator) {
            *term ^= product(old, root);
        }
        generator = next;
        root = product(root, 2);
    }
    let mut rest = data.to_vec();
    rest.resize(data.len() + count, 0);
    for at in 0..data.len() {
        let lead = rest[at];
        for (byte, &term) in rest[at..].iter_mut().zip(&generator) {
            *byte ^= product(lead, term);
        }
    }
    rest.split_off(data.len())
}

/// In GF(256) modulo x⁸ + x⁴ + x³ + x² + 1.
fn product(mut a: u8, mut b: u8) -> u8 {
    let mut sum = 0;
    while b != 0 {
        if b & 1 == 1 {
            sum ^= a;
        }
        a = a << 1 ^ if a & 0x80 == 0 { 0 } else { 0x1d };
        b >>= 1;
    }
    sum
}

/// ISO/IEC 18004, table 10.
fn is_masked(mask: u8, row: u32, column: u32) -> bool {
    let (i, j) = (row, column);
    let rest = match mask {
        0 => (i + j) % 2,
        1 => i % 2,
        2 => j % 3,
        3 => (i + j) % 3,
        4 => (i / 2 + j / 3) % 2,
        5 => (i * j) % 2 + (i * j) % 3,
        6 => ((i * j) % 2 + (i * j) % 3) % 2,
        _ => ((i + j) % 2 + (i * j) % 3) % 2,
    };
    rest == 0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Byte mode, as every reader knows it.
    fn text(version: u8, text: &[u8]) -> Vec<u8> {
        let wide = version > 9;
        let mut nibbles = vec![4];
        let length = text.len() as u16;
        let shifts: &[u16] = if wide { &[12, 8, 4, 0] } else { &[4, 0] };
        nibbles.extend(shifts.iter().map(|shift| (length >> shift & 15) as u8));
        nibbles.extend(text.iter().flat_map(|byte| [byte >> 4, byte & 15]));
        nibbles.push(0);
        if nibbles.len() % 2 == 1 {
            nibbles.push(0);
        }
        nibbles
            .chunks(2)
            .map(|pair| pair[0] << 4 | pair[1])
            .collect()
    }

    #[test]
    fn another_reader_reads_every_version_and_mask() {
        for version in 1..=40 {
            let mask = version % 8;
            let data = text(version, b"codewords");
            let picture = Symbol::new(version, mask, &data).picture(4);
            let (width, height) = picture.dimensions();
            let mut prepared = rqrr::PreparedImage::prepare_from_greyscale(
                width as usize,
                height as usize,
                |x, y| picture.get_pixel(x as u32, y as u32).0[0],
            );
            let grids = prepared.detect_grids();
            let (meta, read) = grids.first().unwrap().decode().unwrap();
            assert_eq!(read, "codewords", "version {version}");
            assert_eq!(meta.version.0, usize::from(version));
        }
    }

    #[test]
    fn capacities_are_those_of_the_standard() {
        for (version, data) in [
            (1, 19),
            (2, 34),
            (7, 156),
            (10, 274),
            (25, 1_276),
            (40, 2_956),
        ] {
            assert_eq!(Symbol::capacity(version), data, "version {version}");
        }
    }
}
