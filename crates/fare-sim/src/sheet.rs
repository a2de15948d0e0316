//! Flat drawings of what riders hold to the glass: phones with whatever is on their screens, and
//! paper. Measured in modules of the symbol shown.

use crate::cover::{Cover, CoverKind};
use crate::screen::{Grid, Look, QUIET_MODULES};
use crate::screenshot::Screenshot;
use crate::seed::Seed;
use image::imageops::{self, FilterType};
use image::{GrayImage, Luma};

/// From the card's edge to the screen's.
const MARGIN_MODULES: u32 = 4;
/// From the screen's edge to the phone's.
const BEZEL_MODULES: u32 = 2;
/// Pixels of this value are not part of the thing drawn.
pub(crate) const OUTSIDE: u8 = 0;
/// How far a finger is seen beyond the phone it holds.
const FINGER_MODULES: u32 = 24;
/// Level of a white card or paper.
const WHITE: u8 = 250;
/// Level of dark modules.
const BLACK: u8 = 6;
/// Level of the card of an inverted code, and of its light modules.
const INVERTED: (u8, u8) = (14, 238);
/// Side of the card that stands where a phone shows no symbol.
pub(crate) const NO_CARD_MODULES: u32 = 65;

/// Something drawn flat: `px` pixels a module; `origin` is the pixel at the middle of the symbol.
#[derive(Clone, Debug)]
pub(crate) struct Raster {
    pub(crate) picture: GrayImage,
    pub(crate) px: f32,
    pub(crate) origin: (f32, f32),
}

/// What fills the screen of a phone.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Screen<'a> {
    /// A symbol on a card, as a wallet shows it.
    Card(&'a Grid),
    /// It is off.
    Off,
    /// A photo, with people or buildings.
    Photo,
    /// A conversation.
    Chat,
    /// Rows of app icons.
    Icons,
}

impl Raster {
    /// The same drawing with so many pixels of nothing on all sides.
    fn with_margin(self, margin: u32) -> Self {
        let (width, height) = self.picture.dimensions();
        let mut picture = GrayImage::new(width + 2 * margin, height + 2 * margin);
        imageops::replace(&mut picture, &self.picture, margin.into(), margin.into());
        let (x, y) = self.origin;
        Self {
            picture,
            origin: (x + margin as f32, y + margin as f32),
            ..self
        }
    }

    /// The same drawing with `px` pixels a module, averaged: for things so far off that a pixel of
    /// the frame sees several of the drawing.
    pub(crate) fn shrunk(&self, px: f32) -> Self {
        let factor = px / self.px;
        let side = |from: u32| ((from as f32 * factor).round() as u32).max(1);
        let (width, height) = self.picture.dimensions();
        let picture = imageops::resize(
            &self.picture,
            side(width),
            side(height),
            FilterType::Triangle,
        );
        Self {
            picture,
            px,
            origin: (self.origin.0 * factor, self.origin.1 * factor),
        }
    }
}

/// Width of a phone with a card this wide.
pub(crate) const fn outer_modules(card_modules: u32) -> u32 {
    card_modules + 2 * (MARGIN_MODULES + BEZEL_MODULES)
}

/// Draws a phone at `px` pixels a module.
pub(crate) fn phone(screen: Screen<'_>, look: &Look, cover: Option<&Cover>, px: u32) -> Raster {
    let px = px.max(1);
    let card = match screen {
        Screen::Card(grid) => (
            grid.width + 2 * QUIET_MODULES,
            grid.height + 2 * QUIET_MODULES,
        ),
        Screen::Off | Screen::Photo | Screen::Chat | Screen::Icons => {
            (NO_CARD_MODULES, NO_CARD_MODULES)
        }
    };
    let width = outer_modules(card.0);
    let height = width * 2;
    let (left, top) = (BEZEL_MODULES + MARGIN_MODULES, height / 4);
    let mut sheet = Sheet {
        picture: GrayImage::new(width * px, height * px),
        px,
    };
    sheet.rounded((0, 0, width, height), 8, look.body);
    let inner = (
        BEZEL_MODULES,
        BEZEL_MODULES,
        width - 2 * BEZEL_MODULES,
        height - 2 * BEZEL_MODULES,
    );
    match screen {
        Screen::Card(grid) => {
            sheet.rounded(inner, 6, look.wallpaper);
            sheet.text((left, top), card, look);
            sheet.card((left, top), grid, look.inverted);
        }
        Screen::Off => sheet.rounded(inner, 6, 12),
        Screen::Photo => sheet.photo(inner, look.text_seed),
        Screen::Chat => sheet.chat(inner, look),
        Screen::Icons => sheet.icons(inner, look),
    }
    let middle = |corner: u32, side: u32| (corner * px) as f32 + (side * px) as f32 / 2.0;
    let mut raster = Raster {
        picture: sheet.picture,
        px: px as f32,
        origin: (middle(left, card.0), middle(top, card.1)),
    };
    if let Some(cover) = cover {
        if cover.kind() == CoverKind::Finger {
            raster = raster.with_margin(FINGER_MODULES * px);
        }
        cover.draw(&mut raster.picture, raster.px, raster.origin);
    }
    raster
}

/// Draws a phone whose screen is a picture of a real one, at `px` pixels a module of its code.
pub(crate) fn photographed(screenshot: &Screenshot, look: &Look, px: u32) -> Raster {
    let px = px.max(1);
    let factor = px as f32 / screenshot.module_px;
    let side = |from: u32| ((from as f32 * factor).round() as u32).max(1);
    let (width, height) = screenshot.picture.dimensions();
    let mut screen = imageops::resize(
        &screenshot.picture,
        side(width),
        side(height),
        FilterType::Triangle,
    );
    for pixel in screen.pixels_mut() {
        let share = f32::from(pixel.0[0]) / 255.0;
        pixel.0[0] = (f32::from(BLACK) + share * f32::from(WHITE - BLACK)) as u8;
    }
    let bezel = BEZEL_MODULES * px;
    let (width, height) = screen.dimensions();
    let body = Luma([look.body]);
    let mut picture = GrayImage::from_pixel(width + 2 * bezel, height + 2 * bezel, body);
    imageops::replace(&mut picture, &screen, bezel.into(), bezel.into());
    let (x, y) = screenshot.middle;
    Raster {
        picture,
        px: px as f32,
        origin: (x * factor + bezel as f32, y * factor + bezel as f32),
    }
}

/// Draws a slip of paper with a symbol printed on it.
pub(crate) fn paper(grid: &Grid, px: u32, seed: &mut Seed) -> Raster {
    let px = px.max(1);
    let card = (
        grid.width + 2 * QUIET_MODULES,
        grid.height + 2 * QUIET_MODULES,
    );
    let lines = 4 + seed.below(5) as u32;
    let (width, height) = (card.0 + 2 * MARGIN_MODULES, card.1 + 8 + 5 * lines);
    let mut sheet = Sheet {
        picture: GrayImage::new(width * px, height * px),
        px,
    };
    sheet.fill((0, 0, width, height), WHITE - 20);
    sheet.modules(
        (MARGIN_MODULES + QUIET_MODULES, 4 + QUIET_MODULES),
        grid,
        20,
    );
    for line in 0..lines {
        sheet.words((MARGIN_MODULES, card.1 + 6 + 5 * line), card.0, 2, 40, seed);
    }
    let middle = |corner: u32, side: u32| (corner * px) as f32 + (side * px) as f32 / 2.0;
    Raster {
        picture: sheet.picture,
        px: px as f32,
        origin: (middle(MARGIN_MODULES, card.0), middle(4, card.1)),
    }
}

/// Drawing in modules.
struct Sheet {
    picture: GrayImage,
    px: u32,
}

impl Sheet {
    /// A symbol with its quiet zone, its corner at `at`.
    fn card(&mut self, at: (u32, u32), grid: &Grid, inverted: bool) {
        let area = (
            at.0,
            at.1,
            grid.width + 2 * QUIET_MODULES,
            grid.height + 2 * QUIET_MODULES,
        );
        let (card, ink) = if inverted { INVERTED } else { (WHITE, BLACK) };
        self.rounded(area, 2, card);
        self.modules((at.0 + QUIET_MODULES, at.1 + QUIET_MODULES), grid, ink);
    }

    fn modules(&mut self, at: (u32, u32), grid: &Grid, level: u8) {
        for y in 0..grid.height {
            for x in (0..grid.width).filter(|&x| grid.is_dark(x, y)) {
                self.fill((at.0 + x, at.1 + y, 1, 1), level);
            }
        }
    }

    /// Bars above and below the card, where a wallet writes its name, the line and a clock.
    fn text(&mut self, (left, top): (u32, u32), card: (u32, u32), look: &Look) {
        let mut seed = Seed::new(look.text_seed);
        let below = top + card.1;
        for row in [6, 11, below + 5, below + 9, below + 16] {
            self.words((left, row), card.0, 2, look.ink, &mut seed);
        }
        self.rounded((left, below + 22, card.0, 8), 3, look.ink);
    }

    /// One line of words of this height, not longer than `room`.
    fn words(&mut self, at: (u32, u32), room: u32, height: u32, level: u8, seed: &mut Seed) {
        let (mut x, end) = (at.0, at.0 + room);
        while x + 4 < end {
            let word = 3 + seed.below(9) as u32;
            self.fill((x, at.1, word.min(end - x), height), level);
            x += word + 2;
        }
    }

    /// Sky, ground and roundish things before them, over all of `area`.
    fn photo(&mut self, (x, y, w, h): (u32, u32, u32, u32), number: u64) {
        let mut seed = Seed::new(number);
        let (sky, ground) = (seed.between(120.0, 230.0), seed.between(40.0, 130.0));
        let horizon = seed.between(0.3, 0.7);
        for row in 0..h {
            let share = row as f32 / h as f32;
            let level = if share < horizon {
                sky - 60.0 * share
            } else {
                ground + 50.0 * (share - horizon)
            };
            self.fill((x, y + row, w, 1), level as u8);
        }
        for _ in 0..4 + seed.below(8) {
            let side = 6 + seed.below(u64::from(w / 2)) as u32;
            let tall = side + seed.below(u64::from(side)) as u32;
            let at = (
                x + seed.below(u64::from(w)) as u32,
                y + seed.below(u64::from(h)) as u32,
            );
            let room = (side.min(x + w - at.0), tall.min(y + h - at.1));
            let round = room.0.min(room.1) / 2;
            let radius = if seed.happens(0.6) { round } else { round / 6 };
            self.rounded(
                (at.0, at.1, room.0, room.1),
                radius,
                20 + seed.below(220) as u8,
            );
        }
    }

    /// Bubbles with lines of words, left and right.
    fn chat(&mut self, (x, y, w, h): (u32, u32, u32, u32), look: &Look) {
        let mut seed = Seed::new(look.text_seed);
        self.rounded((x, y, w, h), 6, look.wallpaper);
        let mut row = y + 8;
        while row + 16 < y + h {
            let lines = 1 + seed.below(3) as u32;
            let (wide, tall) = (w / 3 + seed.below(u64::from(w / 3)) as u32, 4 * lines + 4);
            let left = if seed.happens(0.5) {
                x + 2
            } else {
                x + w - 2 - wide
            };
            self.rounded(
                (left, row, wide, tall),
                2,
                look.wallpaper.saturating_add(40),
            );
            for line in 0..lines {
                self.words(
                    (left + 3, row + 3 + 4 * line),
                    wide - 6,
                    2,
                    look.ink,
                    &mut seed,
                );
            }
            row += tall + 4;
        }
    }

    /// Four icons a row, each with a simple sign on it.
    fn icons(&mut self, (x, y, w, h): (u32, u32, u32, u32), look: &Look) {
        let mut seed = Seed::new(look.text_seed);
        self.rounded((x, y, w, h), 6, look.wallpaper);
        let cell = w / 4;
        for row in 1..h / (cell + 4) {
            for column in 0..4 {
                let at = (x + column * cell + 3, y + row * (cell + 4));
                let side = cell - 6;
                self.rounded((at.0, at.1, side, side), 3, 30 + seed.below(220) as u8);
                let sign = side / 2;
                let radius = seed.below(u64::from(sign / 2)) as u32;
                let inner = (at.0 + side / 4, at.1 + side / 4, sign, sign);
                self.rounded(inner, radius, 20 + seed.below(230) as u8);
            }
        }
    }

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
