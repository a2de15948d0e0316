//! The picture on a rider's phone: a QR code on a white card, bars where text would stand, bezel.

use crate::cover::Cover;
use crate::screenshot::Screenshot;
use crate::seed::Seed;
use crate::sheet::{self, Raster, Screen};
use fast_qr::{ECL, Mode, ModuleType, QRBuilder};
use image::{GrayImage, Luma};
use std::sync::Arc;

/// Light modules left free around the code, as ISO/IEC 18004 asks.
pub(crate) const QUIET_MODULES: u32 = 4;

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
    pub(crate) grid: Grid,
    /// Which modules carry codewords; the others are patterns, format and version.
    pub(crate) data: Vec<bool>,
}

/// The modules of a printed symbol, row by row from the top.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) dark: Vec<bool>,
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
    /// Light modules on a dark card, as some wallets show codes at night.
    pub inverted: bool,
    /// Position of the text bars, so that phones differ.
    pub text_seed: u64,
}

/// A phone that shows a code, measured in modules with the middle of the code as origin.
#[derive(Clone, Debug)]
pub struct Phone {
    code: Code,
    look: Look,
    cover: Option<Cover>,
    /// What is on the screen instead of a drawn card.
    screenshot: Option<Arc<Screenshot>>,
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
        let modules = || qr.data.iter().take(qr.size * qr.size);
        let grid = Grid {
            width: qr.size as u32,
            height: qr.size as u32,
            dark: modules().map(|module| module.value()).collect(),
        };
        let is_data = |module: &fast_qr::Module| module.module_type() == ModuleType::Data;
        Ok(Self {
            grid,
            data: modules().map(is_data).collect(),
        })
    }

    /// Modules along one side, without the quiet zone.
    pub const fn size(&self) -> u32 {
        self.grid.width
    }

    /// QR version, 1 to 40.
    pub const fn version(&self) -> u32 {
        (self.size() - 17) / 4
    }
}

impl Grid {
    /// Whether the module in this column and row is dark; those outside are light.
    pub(crate) fn is_dark(&self, x: u32, y: u32) -> bool {
        x < self.width && self.dark.get((y * self.width + x) as usize) == Some(&true)
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
            inverted: false,
            text_seed: seed.next_u64(),
        }
    }
}

impl Phone {
    /// A phone with `code` on its screen.
    pub const fn new(code: Code, look: Look) -> Self {
        Self {
            code,
            look,
            cover: None,
            screenshot: None,
        }
    }

    /// A phone whose screen is this picture of a real one.
    ///
    /// # Errors
    /// When its code is not one in alphanumeric mode, as ride codes are.
    pub fn of_screenshot(screenshot: Screenshot, look: Look) -> Result<Self, ScreenError> {
        let code = Code::new(&screenshot.text, Packing::Alphanumeric)?;
        Ok(Self {
            screenshot: Some(Arc::new(screenshot)),
            ..Self::new(code, look)
        })
    }

    /// The same phone with light modules on a dark card.
    #[must_use]
    pub const fn inverted(mut self) -> Self {
        self.look.inverted = true;
        self
    }

    /// The same phone with a finger or cracks over its screen.
    #[must_use]
    pub fn covered(mut self, cover: Cover) -> Self {
        self.cover = Some(cover);
        self
    }

    /// The code it shows.
    pub const fn code(&self) -> &Code {
        &self.code
    }

    /// Side of the card: the code and its quiet zone.
    pub(crate) const fn card_modules(&self) -> u32 {
        self.code.size() + 2 * QUIET_MODULES
    }

    /// Width of the whole phone.
    pub(crate) const fn outer_modules(&self) -> u32 {
        sheet::outer_modules(self.card_modules())
    }

    /// Draws it flat at `px` pixels a module.
    pub(crate) fn raster(&self, px: u32) -> Raster {
        if let Some(screenshot) = &self.screenshot {
            return sheet::photographed(screenshot, &self.look, px);
        }
        sheet::phone(
            Screen::Card(&self.code.grid),
            &self.look,
            self.cover.as_ref(),
            px,
        )
    }
}

/// A flat picture of `code` alone, black on white with its quiet zone, `px` pixels a module.
pub fn flat(code: &Code, px: u32) -> GrayImage {
    let side = (code.size() + 2 * QUIET_MODULES) * px.max(1);
    GrayImage::from_fn(side, side, |x, y| {
        let module = |at: u32| (at / px.max(1)).checked_sub(QUIET_MODULES);
        let dark = match (module(x), module(y)) {
            (Some(x), Some(y)) => code.grid.is_dark(x, y),
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
    use crate::sheet::OUTSIDE;

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
