//! Why a code that was held before the camera could not be read.
//!
//! It is told from what the reader has measured anyway: finder patterns, the range of levels of each
//! block, the quarter picture. `area` finds where blocks full of edges lie close together, `texture`
//! looks closer at some of them, `gloom` looks for a code that drowns in the sensor's noise. Nothing
//! here allocates, and a scene without texture costs only a look at the blocks.

mod area;
mod gloom;
mod texture;

use super::Missed;
use super::reader::{BLOCK, Picture, Point, Sight};
use area::{Area, Blot};
use texture::Texture;
use thiserror::Error;

/// What kept a code from being read.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unread {
    /// The screen gives so little light that its code drowns in the sensor's noise.
    #[error("something like a code was seen, and it is too dim to be read")]
    TooDim,
    /// A lamp is mirrored in the screen.
    #[error("a QR code was seen, and a mirrored lamp hides too much of it")]
    Glare,
    /// Some of the code is beyond the picture's edge.
    #[error("something like a code was seen, and it is too near or not wholly in the picture")]
    TooNear,
    /// The modules are too small to be told apart.
    #[error("something like a code was seen, and it is too far away to be read")]
    TooFar,
    /// The code went on while the shutter was open.
    #[error("something like a code was seen, and it moved too fast to be read")]
    Moving,
    /// A code is there, and too much of it is lost.
    #[error("a QR code was seen, and too much of it is damaged or covered")]
    Damaged,
    /// A code of another kind.
    #[error("something like a code was seen, and it is not a QR code")]
    NotQr,
}

impl Unread {
    /// All of them, in the order of their discriminants.
    pub const ALL: [Self; 7] = [
        Self::TooDim,
        Self::Glare,
        Self::TooNear,
        Self::TooFar,
        Self::Moving,
        Self::Damaged,
        Self::NotQr,
    ];

    /// A short stable code for counters, logs and reports.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooDim => "too-dim",
            Self::Glare => "glare",
            Self::TooNear => "too-near",
            Self::TooFar => "too-far",
            Self::Moving => "moving",
            Self::Damaged => "damaged",
            Self::NotQr => "not-qr",
        }
    }

    /// The cause with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|why| why.code() == code)
    }

    /// What the rider reads on the display.
    pub const fn hint(self) -> &'static str {
        match self {
            Self::TooDim => "Turn the screen brighter",
            Self::Glare => "Tilt the phone: the lamp is mirrored",
            Self::TooNear => "Move back a little",
            Self::TooFar => "Closer, please",
            Self::Moving => "Hold the phone still",
            Self::Damaged => "Show the whole code",
            Self::NotQr => "This is not a ticket code",
        }
    }

    /// Whether a code is certainly there, so that the rider may be refused: of the other causes some
    /// are seen in a hall in which nobody holds a code out.
    pub const fn is_certainly_a_code(self) -> bool {
        match self {
            Self::Glare | Self::Damaged => true,
            Self::TooDim | Self::TooNear | Self::TooFar | Self::Moving | Self::NotQr => false,
        }
    }
}

/// Why nothing was read in `picture`, in which the reader saw `sight`.
pub(super) fn of(picture: Picture<'_>, sight: &Sight<'_>) -> Missed {
    why(picture, sight).map_or(Missed::Nothing, Missed::Unread)
}

/// Share of the frame that a code held to the glass covers with texture at least.
const HELD_SHARE_MIN: f32 = 0.065;

/// The same of a ride code, which has more modules than most symbols.
const LARGE_SHARE_MIN: f32 = 0.13;

fn why(picture: Picture<'_>, sight: &Sight<'_>) -> Option<Unread> {
    let blocks = sight.blocks;
    if blocks.columns != picture.width.div_ceil(BLOCK)
        || blocks.rows != picture.height.div_ceil(BLOCK)
        || blocks.columns > area::COLUMNS_MAX
    {
        return None;
    }
    let (fine, coarse) = (Area::fine(blocks), Area::coarse(blocks));
    if sight.finders > 0 || sight.unread.is_some() {
        return Some(of_code(picture, sight, &fine, &coarse));
    }
    if let Some(held) = held(picture, sight, &fine, &coarse) {
        return held;
    }
    let quarter = sight.quarter?;
    gloom::has_code(picture, quarter, blocks).then_some(Unread::TooDim)
}

/// What is wrong with a code of which at least one finder pattern was seen.
fn of_code(picture: Picture<'_>, sight: &Sight<'_>, fine: &Area, coarse: &Area) -> Unread {
    /// Share of the frame's blocks that are washed out on codes with a lamp in them.
    const WASHED_MIN: f32 = 0.006;
    /// Directions in a code are alike, but for motion and stacked bars.
    const ONE_WAY_MIN: f32 = 0.2;

    let blocks = sight.blocks;
    let washed = area::washed_out(blocks, |at| lies_in_code(at, sight));
    if washed as f32 >= WASHED_MIN * blocks.range.len() as f32 {
        return Unread::Glare;
    }
    let texture = Texture::of(picture, blocks, &coarse.some);
    if sight.unread.is_none() && texture.one_way >= ONE_WAY_MIN {
        return if texture.is_smeared() {
            Unread::Moving
        } else {
            Unread::NotQr
        };
    }
    let side = blocks.columns.min(blocks.rows) as f32 / 2.0;
    let is_cut = fine.edge >= 8 || coarse.edge as f32 >= side / 2.0;
    if sight.finders < 3 && is_cut {
        Unread::TooNear
    } else {
        Unread::Damaged
    }
}

/// What is wrong with something like a code without any finder pattern; none when nothing in the
/// picture looks like one, and `Some(None)` when what does is a phone's other screens.
fn held(
    picture: Picture<'_>,
    sight: &Sight<'_>,
    fine: &Area,
    coarse: &Area,
) -> Option<Option<Unread>> {
    let blocks = sight.blocks;
    let share = coarse.count as f32 * 4.0 / blocks.range.len() as f32;
    if fine.count >= 6 && share < LARGE_SHARE_MIN {
        let texture = Texture::of(picture, blocks, &fine.some);
        let is_fine = texture.changes >= 0.25 && texture.sharp_along >= 0.0125;
        if is_fine && texture.one_way < 0.5 && texture.crossed >= 0.27 {
            return Some(Some(Unread::TooFar));
        }
    }
    if share < HELD_SHARE_MIN {
        return None;
    }
    let texture = Texture::of(picture, blocks, &coarse.some);
    let is_cut = fine.edge >= 10 || coarse.edge >= 22;
    // Modules change seldom and are blurred a little; leaves, gravel and fabric are not like that.
    let has_modules = texture.changes < 0.28 && texture.sharp_along < 0.035;
    // Lines of text: bars of one direction that are not as sharp as a code's.
    let is_text = texture.one_way >= 0.28 && texture.sharp_across.max(texture.sharp_along) < 0.035;
    Some(if texture.is_smeared() && share >= LARGE_SHARE_MIN {
        Some(Unread::Moving)
    } else if texture.one_way < 0.2 && is_cut && has_modules {
        Some(Unread::TooNear)
    } else if is_text || (texture.changes > 0.31 && texture.one_way < 0.6) {
        None
    } else {
        Some(Unread::NotQr)
    })
}

/// Whether a place lies in the code that was laid out or, without one, about the finder patterns.
fn lies_in_code(at: Point, sight: &Sight<'_>) -> bool {
    if let Some(unread) = &sight.unread {
        let [a, b, c, d] = unread.corners;
        let turn = (b - a).cross(c - a).signum();
        return [(a, b), (b, c), (c, d), (d, a)]
            .iter()
            .all(|&(from, to)| (to - from).cross(at - from) * turn >= 0.0);
    }
    let middles = || sight.first.iter().flatten().map(|finder| finder.middle);
    let count = middles().count().max(1) as f32;
    let sum = middles().fold(Point::default(), |sum, middle| sum + middle);
    let middle = sum * (1.0 / count);
    let reach = middles()
        .flat_map(|a| middles().map(move |b| (a - b).length()))
        .fold(0.0, f32::max);
    // With one finder pattern: about half of a code.
    let alone = sight
        .first
        .first()
        .copied()
        .flatten()
        .map_or(0.0, |f| f.module * 25.0);
    (at - middle).length() <= reach.max(alone)
}

/// Whether a block is brighter than any screen: a lamp.
fn is_washed_out(&(low, high): &Blot) -> bool {
    low >= 225 && high >= 254
}

#[cfg(test)]
mod tests;
