//! A grey picture and its halves: what every step of the reader looks at.
//!
//! Places are continuous: the pixel in column `x` and row `y` covers `x..x+1`, `y..y+1`, so its
//! middle is at `x + 0.5`, `y + 0.5`, and halving a picture halves every place.

use super::geometry::Point;

/// A borrowed grey picture, row by row, 0 black to 255 white. It has at least one pixel.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// Pixels from one row to the next.
    pub(crate) stride: usize,
    pub(crate) pixels: &'a [u8],
}

/// A part of a picture, in pixels; right and bottom are just outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Area {
    pub left: usize,
    pub top: usize,
    pub right: usize,
    pub bottom: usize,
}

/// A place in 65536ths of a pixel, for walks of many equal steps.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fixed {
    x: i32,
    y: i32,
}

impl Fixed {
    const ONE: f32 = 65_536.0;

    pub(super) fn of(at: Point) -> Self {
        Self {
            x: (at.x * Self::ONE) as i32,
            y: (at.y * Self::ONE) as i32,
        }
    }

    fn point(self) -> Point {
        Point::new(self.x as f32 / Self::ONE, self.y as f32 / Self::ONE)
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            x: self.x.wrapping_add(other.x),
            y: self.y.wrapping_add(other.y),
        }
    }
}

impl Area {
    /// The same part of a picture `scale` times as small.
    pub(crate) fn shrunk(self, scale: usize) -> Self {
        Self {
            left: self.left / scale,
            top: self.top / scale,
            right: self.right.div_ceil(scale),
            bottom: self.bottom.div_ceil(scale),
        }
    }

    /// The smallest area that holds both.
    pub(crate) fn with(self, other: Self) -> Self {
        Self {
            left: self.left.min(other.left),
            top: self.top.min(other.top),
            right: self.right.max(other.right),
            bottom: self.bottom.max(other.bottom),
        }
    }
}

impl<'a> Picture<'a> {
    /// A picture of `width` times `height` pixels, row after row; none when it would have no pixel,
    /// or more than there are.
    pub fn of(width: usize, height: usize, pixels: &'a [u8]) -> Option<Self> {
        let size = width.checked_mul(height)?;
        (size > 0 && size <= pixels.len()).then(|| Self::new(width, height, pixels))
    }

    /// A picture of `width` times `height` pixels; neither may be 0.
    pub(crate) fn new(width: usize, height: usize, pixels: &'a [u8]) -> Self {
        Self {
            width,
            height,
            stride: width,
            pixels,
        }
    }

    pub(crate) fn row(&self, y: usize) -> &'a [u8] {
        &self.pixels[y * self.stride..][..self.width]
    }

    /// All of it.
    pub(crate) fn area(&self) -> Area {
        Area {
            left: 0,
            top: 0,
            right: self.width,
            bottom: self.height,
        }
    }

    /// What lies around a place within `reach` pixels to each side, as far as it is in the picture.
    pub(crate) fn around(&self, at: Point, reach: f32) -> Area {
        let clamp = |value: f32, end: usize| value.clamp(0.0, end as f32) as usize;
        Area {
            left: clamp(at.x - reach, self.width),
            top: clamp(at.y - reach, self.height),
            right: clamp(at.x + reach, self.width),
            bottom: clamp(at.y + reach, self.height),
        }
    }

    /// A part as a picture of its own; the part must lie within.
    pub(crate) fn crop(&self, area: Area) -> Self {
        Self {
            width: area.right - area.left,
            height: area.bottom - area.top,
            stride: self.stride,
            pixels: &self.pixels[area.top * self.stride + area.left..],
        }
    }

    /// Whether a place lies in the picture.
    pub(crate) fn holds(&self, at: Point) -> bool {
        (0.0..self.width as f32).contains(&at.x) && (0.0..self.height as f32).contains(&at.y)
    }

    /// The level at a place, between the four pixels around it; outside, that of the nearest edge.
    #[inline]
    pub(crate) fn level(&self, at: Point) -> f32 {
        let x = (at.x - 0.5).clamp(0.0, (self.width - 1) as f32);
        let y = (at.y - 0.5).clamp(0.0, (self.height - 1) as f32);
        let (column, row) = (x as usize, y as usize);
        let (fx, fy) = (x - column as f32, y - row as f32);
        let right = usize::from(column + 1 < self.width);
        let down = if row + 1 < self.height {
            self.stride
        } else {
            0
        };
        let first = row * self.stride + column;
        let four = &self.pixels[first..first + down + right + 1];
        let (a, b) = (f32::from(four[0]), f32::from(four[right]));
        let (c, d) = (f32::from(four[down]), f32::from(four[down + right]));
        let upper = a + (b - a) * fx;
        let lower = c + (d - c) * fx;
        upper + (lower - upper) * fy
    }

    /// As [`Self::level`]; nothing outside.
    #[inline]
    pub(super) fn level_at(&self, at: Fixed) -> Option<f32> {
        self.level_within(at).or_else(|| {
            let place = at.point();
            self.holds(place).then(|| self.level(place))
        })
    }

    /// As [`Self::level`].
    #[inline]
    pub(super) fn level_near(&self, at: Fixed) -> f32 {
        self.level_within(at)
            .unwrap_or_else(|| self.level(at.point()))
    }

    /// As [`Self::level`]; nothing at the rim and outside.
    #[inline]
    fn level_within(&self, at: Fixed) -> Option<f32> {
        let from_middle = |value: i32| value.wrapping_sub(1 << 15);
        let (x, y) = (from_middle(at.x), from_middle(at.y));
        // A negative place is a huge column.
        let (column, row) = ((x >> 16) as usize, (y >> 16) as usize);
        if column >= self.width - 1 || row >= self.height - 1 {
            return None;
        }
        let first = row * self.stride + column;
        let (upper, lower) = (&self.pixels[first..], &self.pixels[first + self.stride..]);
        let (fx, fy) = ((x & 0xffff) as u32, ((y & 0xffff) >> 2) as u32);
        let across =
            |[left, right]: [u8; 2]| u32::from(left) * ((1 << 16) - fx) + u32::from(right) * fx;
        let upper = across(*upper.first_chunk()?) >> 8;
        let lower = across(*lower.first_chunk()?) >> 8;
        let sum = upper * ((1 << 14) - fy) + lower * fy;
        Some(sum as f32 * (1.0 / (1u32 << 22) as f32))
    }

    /// The level of the pixel that covers a place; outside, that of the nearest edge.
    #[inline]
    pub(super) fn nearest_to(&self, at: Fixed) -> u8 {
        let (column, row) = ((at.x >> 16) as usize, (at.y >> 16) as usize);
        if column < self.width && row < self.height {
            return self.pixels[row * self.stride + column];
        }
        self.nearest(at.point())
    }

    /// The level of the pixel that covers a place.
    #[inline]
    pub(crate) fn nearest(&self, at: Point) -> u8 {
        let column = (at.x.max(0.0) as usize).min(self.width - 1);
        let row = (at.y.max(0.0) as usize).min(self.height - 1);
        self.pixels[row * self.stride + column]
    }
}

/// Writes the picture at half its size into `half`; a last odd row or column is left out.
pub(super) fn halve(
    picture: Picture<'_>,
    half: &mut Vec<u8>,
    sums: &mut Vec<u16>,
) -> (usize, usize) {
    let (width, height) = (picture.width / 2, picture.height / 2);
    half.resize(width * height, 0);
    if width == 0 {
        return (width, height);
    }
    sums.resize(2 * width, 0);
    for (y, out) in half.chunks_exact_mut(width).enumerate() {
        let upper = &picture.row(2 * y)[..2 * width];
        let lower = &picture.row(2 * y + 1)[..2 * width];
        for ((sum, &up), &low) in sums.iter_mut().zip(upper).zip(lower) {
            *sum = u16::from(up) + u16::from(low);
        }
        for (out, [left, right]) in out.iter_mut().zip(sums.as_chunks::<2>().0) {
            *out = ((left + right + 2) >> 2) as u8;
        }
    }
    (width, height)
}

#[cfg(test)]
mod tests;
