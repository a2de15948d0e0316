//! QR codes out of grey pictures. Pure: pixels in; codes, or why there are none, out.
//!
//! `reader` finds and reads the codes, `text` turns their bytes into characters, `cause` tells why
//! nothing was read, `scene` where something has come before a camera that stands still. A crate of
//! its own so that it provably has no clock and no I/O, and so that development builds can have it
//! optimised alone.

mod cause;
mod reader;
mod scene;
mod text;

pub use cause::Unread;
pub use reader::Picture;

use reader::{Area, Reader, Reading};
use scene::Scene;

/// One QR code that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QrContent {
    /// What it says. QR codes carry bytes; text is one use of them.
    pub bytes: Vec<u8>,
    /// The assignment number of its character set, if it names one (extended channel interpretation).
    pub eci: Option<u32>,
    /// Some of it is in kanji mode, which is Shift JIS.
    pub has_kanji: bool,
    /// The code's corners in the frame: x to the right and y down, in pixels, clockwise from the
    /// code's own top left. They may lie outside the frame.
    pub corners: [(i32, i32); 4],
    /// Area between the corners in square pixels: of two codes, the larger one is nearer.
    pub area_px: u64,
    /// QR version 1 to 40; a code is 17 + 4·version modules wide.
    pub version: u8,
}

/// Why nothing was read in a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    /// Nobody holds a code before the camera.
    Nothing,
    /// Something was held before the camera and could not be read.
    Unread(Unread),
}

/// Reads pictures, and keeps what helps with the next one: buffers, the empty scene, the place of
/// the last code.
#[derive(Debug)]
pub struct Eye {
    still: Reader,
    stream: Reader,
    scene: Scene,
    /// Where a code was in the last picture of the stream.
    place: Option<Area>,
}

impl Default for Eye {
    fn default() -> Self {
        Self {
            still: Reader::default(),
            stream: Reader::of_stream(),
            scene: Scene::default(),
            place: None,
        }
    }
}

/// Around a code's corners, what is looked at first in the next picture: so much of its size on each
/// side, for a hand moves on.
const PLACE_MARGIN: f32 = 0.35;

impl Eye {
    /// Reads all QR codes in a picture, nearest first, whatever came before it.
    ///
    /// # Errors
    /// Why there are none.
    pub fn read_still(&mut self, picture: Picture<'_>) -> Result<Vec<QrContent>, Missed> {
        let codes = contents(self.still.read(picture), picture.area());
        if codes.is_empty() {
            return Err(cause::of(picture, &self.still.sight()));
        }
        Ok(codes)
    }

    /// Reads the next picture of a camera that stands still: looks only when something has come, first
    /// where the last picture had a code, and puts together what several show of one code.
    ///
    /// # Errors
    /// Why there are none.
    pub fn read_next(&mut self, picture: Picture<'_>) -> Result<Vec<QrContent>, Missed> {
        if !self.scene.changed(picture) {
            self.place = None;
            return Err(Missed::Nothing);
        }
        let fits = |place: &Area| place.right <= picture.width && place.bottom <= picture.height;
        let place = self.place.take().filter(fits);
        // Then all of it: the scene may have been learnt while somebody stood there.
        for area in place.into_iter().chain([picture.area()]) {
            let codes = contents(self.stream.read(picture.crop(area)), area);
            if let Some(nearest) = codes.first() {
                let place = nearest.area(picture);
                self.place = Some(place);
                self.scene.keep_out(place);
                return Ok(codes);
            }
        }
        Err(cause::of(picture, &self.stream.sight()))
    }
}

/// The codes of a part of a frame, nearest first.
fn contents(readings: Vec<Reading>, part: Area) -> Vec<QrContent> {
    let mut codes: Vec<_> = readings
        .into_iter()
        .map(|reading| content(reading, part))
        .collect();
    codes.sort_unstable_by_key(|code| std::cmp::Reverse(code.area_px));
    codes
}

impl QrContent {
    /// Where in a picture the code is, with some room.
    fn area(&self, picture: Picture<'_>) -> Area {
        let [a, b, c, d] = self
            .corners
            .map(|(x, y)| reader::Point::new(x as f32, y as f32));
        let middle = (a + b + c + d) * 0.25;
        let reach = [a, b, c, d].iter().fold(0.0f32, |reach, &corner| {
            let way = corner - middle;
            reach.max(way.x.abs()).max(way.y.abs())
        });
        picture.around(middle, reach * (1.0 + PLACE_MARGIN))
    }
}

fn content(reading: Reading, part: Area) -> QrContent {
    let corners = reading.corners.map(|at| {
        let (left, top) = (part.left as f32, part.top as f32);
        ((at.x + left).round() as i32, (at.y + top).round() as i32)
    });
    QrContent {
        area_px: area(&corners),
        bytes: reading.bytes,
        eci: reading.eci,
        has_kanji: reading.has_kanji,
        corners,
        version: reading.version,
    }
}

/// Area of a quadrilateral by the shoelace formula, in 128 bits as corners may lie far outside.
fn area(corners: &[(i32, i32); 4]) -> u64 {
    let next = corners.iter().cycle().skip(1);
    let doubled: i128 = corners
        .iter()
        .zip(next)
        .map(|(&(x0, y0), &(x1, y1))| {
            i128::from(x0) * i128::from(y1) - i128::from(x1) * i128::from(y0)
        })
        .sum();
    u64::try_from(doubled.unsigned_abs() / 2).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_area_of_corners_far_outside_does_not_overflow() {
        let (low, high) = (i32::MIN, i32::MAX);
        assert_eq!(area(&[(0, 0), (3, 0), (3, 2), (0, 2)]), 6);
        assert_eq!(area(&[(0, 0), (0, 2), (3, 2), (3, 0)]), 6);
        let side = u64::from(u32::MAX);
        assert_eq!(
            area(&[(low, low), (high, low), (high, high), (low, high)]),
            side * side
        );
    }

    #[test]
    fn a_picture_has_the_pixels_that_it_says() {
        assert!(Picture::of(2, 3, &[0; 6]).is_some() && Picture::of(1, 1, &[0]).is_some());
        for (width, height) in [(0, 3), (3, 0), (7, 1), (usize::MAX, 2)] {
            assert!(
                Picture::of(width, height, &[0; 6]).is_none(),
                "{width} x {height}"
            );
        }
    }
}
