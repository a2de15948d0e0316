//! The picture on a rider's phone: a QR code on a white card, bars where text would stand, bezel.

use crate::seed::Seed;
use fast_qr::{ECL, Mode, QRBuilder};
use image::{GrayImage, Luma};

/// Light modules left free around the code, as ISO/IEC 18004 asks.
const QUIET_MODULES: u32 = 4;
/// From the card's edge to the screen's.
const MARGIN_MODULES: u32 = 4;
/// From the screen's edge to the phone's.
const BEZEL_MODULES: u32 = 2;
/// Pixels of this value are not part of the phone.
pub(crate) const OUTSIDE: u8 = 0;

/// Why a text cannot be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScreenError {
    /// More than fits the largest code.
    #[error("{bytes} bytes do not fit one QR code of level L in {packing:?} mode; shorten them")]
    TooLong {
        /// How many there were.
        bytes: usize,
        /// How they were to be packed.
        packing: Packing,
    },
    /// A character outside the 45 of alphanumeric mode.
    #[error("byte {byte:#04x} is not one of the 45 characters of alphanumeric mode; use byte mode")]
    NotAlphanumeric {
        /// The first such byte.
        byte: u8,
    },
}

/// How a QR code packs its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// 5.5 bits a character out of `0-9A-Z $%*+-./:`.
    Alphanumeric,
    /// 8 bits a byte.
    Byte,
}

/// The modules of one QR code, level L, smallest version that fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    size: u32,
    dark: Vec<bool>,
}

/// How a phone looks around the code. Grey levels as the screen sends them, before the camera.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    /// Level of the wallet's background behind the white card.
    pub wallpaper: u8,
    /// Level of the bars that stand for text.
    pub ink: u8,
    /// Level of the phone's body.
    pub body: u8,
    /// Position of the text bars, so that phones differ.
    pub text_seed: u64,
}

/// A phone that shows a code, measured in modules with the middle of the code as origin.
#[derive(Clone, Debug)]
pub struct Phone {
    code: Code,
    look: Look,
}

/// A phone drawn flat: `px` pixels a module; `origin` is the pixel at the middle of the code.
#[derive(Clone, Debug)]
pub(crate) struct Raster {
    pub(crate) picture: GrayImage,
    pub(crate) px: f32,
    pub(crate) origin: (f32, f32),
}

impl Code {
    /// The code that carries `data`.
    ///
    /// # Errors
    /// When `data` is too long or has bytes that `packing` cannot carry.
    pub fn new(data: &[u8], packing: Packing) -> Result<Self, ScreenError> {
        let mode = match packing {
            Packing::Alphanumeric => {
                if let Some(&byte) = data.iter().find(|&&b| !is_alphanumeric(b)) {
                    return Err(ScreenError::NotAlphanumeric { byte });
                }
                Mode::Alphanumeric
            }
            Packing::Byte => Mode::Byte,
        };
        let qr = QRBuilder::new(data)
            .ecl(ECL::L)
            .mode(mode)
            .build()
            .map_err(|_| ScreenError::TooLong {
                bytes: data.len(),
                packing,
            })?;
        let dark = qr
            .data
            .iter()
            .take(qr.size * qr.size)
            .map(|m| m.value())
            .collect();
        Ok(Self {
            size: qr.size as u32,
            dark,
        })
    }

    /// Modules along one side, without the quiet zone.
    pub const fn size(&self) -> u32 {
        self.size
    }

    /// QR version, 1 to 40.
    pub const fn version(&self) -> u32 {
        (self.size - 17) / 4
    }
}

impl Look {
    /// Some phone or other.
    pub fn draw(seed: &mut Seed) -> Self {
        let dark_mode = seed.happens(0.4);
        Self {
            wallpaper: if dark_mode {
                40
            } else {
                150 + seed.below(60) as u8
            },
            ink: if dark_mode { 170 } else { 60 },
            body: 14 + seed.below(24) as u8,
            text_seed: seed.next_u64(),
        }
    }
}

impl Phone {
    /// A phone with `code` on its screen.
    pub const fn new(code: Code, look: Look) -> Self {
        Self { code, look }
    }

    /// The code it shows.
    pub const fn code(&self) -> &Code {
        &self.code
    }

    /// Side of the white card: the code and its quiet zone.
    pub(crate) const fn card_modules(&self) -> u32 {
        self.code.size + 2 * QUIET_MODULES
    }

    /// Width and height of the whole phone.
    pub(crate) const fn modules(&self) -> (u32, u32) {
        let width = self.card_modules() + 2 * (MARGIN_MODULES + BEZEL_MODULES);
        (width, width * 2)
    }

    /// Modules from the phone's upper edge to the card's.
    const fn card_top(&self) -> u32 {
        self.modules().1 / 4
    }

    /// Draws it flat at `px` pixels a module.
    pub(crate) fn raster(&self, px: u32) -> Raster {
        let px = px.max(1);
        let (width, height) = self.modules();
        let mut sheet = Sheet {
            picture: GrayImage::new(width * px, height * px),
            px,
        };
        let left = BEZEL_MODULES + MARGIN_MODULES;
        let card = self.card_modules();
        sheet.rounded((0, 0, width, height), 8, self.look.body);
        let (inner_w, inner_h) = (width - 2 * BEZEL_MODULES, height - 2 * BEZEL_MODULES);
        sheet.rounded(
            (BEZEL_MODULES, BEZEL_MODULES, inner_w, inner_h),
            6,
            self.look.wallpaper,
        );
        self.draw_text(&mut sheet, left, card);
        sheet.rounded((left, self.card_top(), card, card), 2, 250);
        self.draw_code(&mut sheet, left + QUIET_MODULES);
        let middle = |corner: u32| (corner * px) as f32 + (card * px) as f32 / 2.0;
        Raster {
            picture: sheet.picture,
            px: px as f32,
            origin: (middle(left), middle(self.card_top())),
        }
    }

    fn draw_code(&self, sheet: &mut Sheet, left: u32) {
        let top = self.card_top() + QUIET_MODULES;
        for (i, _) in self.code.dark.iter().enumerate().filter(|(_, dark)| **dark) {
            let (row, column) = (i as u32 / self.code.size, i as u32 % self.code.size);
            sheet.fill((left + column, top + row, 1, 1), 6);
        }
    }

    /// Bars above and below the card, where a wallet writes its name, the line and a clock.
    fn draw_text(&self, sheet: &mut Sheet, left: u32, card: u32) {
        let mut seed = Seed::new(self.look.text_seed);
        let below = self.card_top() + card;
        let rows = [6, 11, below + 5, below + 9, below + 16];
        for row in rows {
            let mut x = left;
            while x + 4 < left + card {
                let word = 3 + seed.below(9) as u32;
                let room = word.min(left + card - x);
                sheet.fill((x, row, room, 2), self.look.ink);
                x += word + 2;
            }
        }
        sheet.rounded((left, below + 22, card, 8), 3, self.look.ink);
    }
}

/// Drawing in modules.
struct Sheet {
    picture: GrayImage,
    px: u32,
}

impl Sheet {
    /// A box `(x, y, width, height)` in modules; what lies outside the sheet is left out.
    fn fill(&mut self, (x, y, w, h): (u32, u32, u32, u32), level: u8) {
        let (x, y, w, h) = (x * self.px, y * self.px, w * self.px, h * self.px);
        self.fill_px(x, y, w, h, level);
    }

    fn fill_px(&mut self, x: u32, y: u32, w: u32, h: u32, level: u8) {
        let (width, height) = self.picture.dimensions();
        let end = (x + w).min(width);
        for row in y..(y + h).min(height) {
            let start = (row * width) as usize;
            let span = start + x.min(end) as usize..start + end as usize;
            if let Some(pixels) = self.picture.get_mut(span) {
                pixels.fill(level);
            }
        }
    }

    /// A box with its corners cut along a circle of `radius` modules.
    fn rounded(&mut self, area: (u32, u32, u32, u32), radius: u32, level: u8) {
        let (x, y, w, h) = (
            area.0 * self.px,
            area.1 * self.px,
            area.2 * self.px,
            area.3 * self.px,
        );
        let r = radius * self.px;
        for row in 0..h {
            let into = row.min(h - 1 - row);
            let cut = if into < r {
                let (r, up) = (f64::from(r), f64::from(r - into));
                (r - (r * r - up * up).max(0.0).sqrt()) as u32
            } else {
                0
            };
            self.fill_px(x + cut, y + row, w.saturating_sub(2 * cut), 1, level);
        }
    }
}

/// A flat picture of `code` alone, black on white with its quiet zone, `px` pixels a module.
pub fn flat(code: &Code, px: u32) -> GrayImage {
    let side = (code.size + 2 * QUIET_MODULES) * px.max(1);
    GrayImage::from_fn(side, side, |x, y| {
        let module = |at: u32| (at / px.max(1)).checked_sub(QUIET_MODULES);
        let dark = match (module(x), module(y)) {
            (Some(x), Some(y)) if x < code.size && y < code.size => code
                .dark
                .get((y * code.size + x) as usize)
                .copied()
                .unwrap_or(false),
            _ => false,
        };
        Luma([if dark { 0 } else { 255 }])
    })
}

const fn is_alphanumeric(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'A'..=b'Z' | b' ' | b'$' | b'%' | b'*' | b'+' | b'-' | b'.' | b'/' | b':')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_smallest_version_is_taken() {
        let version = |len, packing| Code::new(&vec![b'A'; len], packing).unwrap().version();
        // Capacities at level L, ISO/IEC 18004 table 7: version 10 holds 395 or 271.
        assert_eq!(version(395, Packing::Alphanumeric), 10);
        assert_eq!(version(396, Packing::Alphanumeric), 11);
        assert_eq!(version(271, Packing::Byte), 10);
        assert_eq!(version(272, Packing::Byte), 11);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let too_long = Code::new(&[b'A'; 5000], Packing::Byte);
        assert_eq!(
            too_long,
            Err(ScreenError::TooLong {
                bytes: 5000,
                packing: Packing::Byte
            })
        );
        let lower_case = Code::new(b"FG1:a", Packing::Alphanumeric);
        assert_eq!(lower_case, Err(ScreenError::NotAlphanumeric { byte: b'a' }));
    }

    #[test]
    fn a_phone_is_dark_outside_and_white_around_its_code() {
        let code = Code::new(b"HELLO", Packing::Alphanumeric).unwrap();
        let phone = Phone::new(code, Look::draw(&mut Seed::new(1)));
        let raster = phone.raster(3);
        let (x, y) = (raster.origin.0 as u32, raster.origin.1 as u32);
        let half = phone.card_modules() * 3 / 2;
        assert_eq!(raster.picture.get_pixel(0, 0).0, [OUTSIDE]);
        for (x, y) in [
            (x - half + 7, y),
            (x + half - 7, y),
            (x, y - half + 7),
            (x, y + half - 7),
        ] {
            assert_eq!(raster.picture.get_pixel(x, y).0, [250]);
        }
    }
}
