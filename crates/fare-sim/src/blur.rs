//! What lens and motion do to a picture. Worked on one area of a frame, for speed: the phone.
//!
//! Inner loops count indices by hand: in test builds, where this must keep up with a camera too,
//! iterators are not inlined and cost several times as much.

use image::GrayImage;

/// A rectangle of pixels; `x1` and `y1` are the first column and row outside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Area {
    pub(crate) x0: usize,
    pub(crate) y0: usize,
    pub(crate) x1: usize,
    pub(crate) y1: usize,
}

impl Area {
    /// All of `frame`.
    pub(crate) fn whole(frame: &GrayImage) -> Self {
        Self {
            x0: 0,
            y0: 0,
            x1: frame.width() as usize,
            y1: frame.height() as usize,
        }
    }

    pub(crate) const fn width(self) -> usize {
        self.x1.saturating_sub(self.x0)
    }

    pub(crate) const fn height(self) -> usize {
        self.y1.saturating_sub(self.y0)
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.width() == 0 || self.height() == 0
    }

    /// The rows of this area in `frame`, from the top.
    pub(crate) fn rows(self, frame: &mut GrayImage) -> impl Iterator<Item = &mut [u8]> {
        let width = frame.width() as usize;
        frame
            .chunks_exact_mut(width)
            .skip(self.y0)
            .take(self.height())
            .filter_map(move |row| row.get_mut(self.x0..self.x1))
    }

    /// A copy of this area, rows joined.
    fn copy(self, frame: &mut GrayImage) -> Vec<u8> {
        let mut pixels = Vec::with_capacity(self.width() * self.height());
        self.rows(frame)
            .for_each(|row| pixels.extend_from_slice(row));
        pixels
    }
}

/// A lens out of focus: two rounds of a box filter of this radius, which may be a fraction.
pub(crate) fn defocus(frame: &mut GrayImage, area: Area, radius_px: f32) {
    if radius_px < 0.05 || area.is_empty() {
        return;
    }
    let filter = BoxFilter::new(radius_px);
    for _ in 0..2 {
        filter.across(frame, area);
        filter.down(frame, area);
    }
}

/// Weights in 1/256: `core` whole pixels either way and a part `edge` of the next ones.
struct BoxFilter {
    core: usize,
    edge: u32,
    /// 2^24 over the sum of weights; the products stay below 2^32 as pixels are below 256.
    scale: u32,
}

impl BoxFilter {
    fn new(radius_px: f32) -> Self {
        let radius = radius_px.min(24.0);
        let core = radius as usize;
        let edge = (radius.fract() * 256.0) as u32;
        Self {
            core,
            edge,
            scale: (1 << 24) / (256 * (2 * core as u32 + 1) + 2 * edge),
        }
    }

    #[inline]
    fn weigh(&self, core: u32, edges: u32) -> u8 {
        (((core * 256 + edges * self.edge) * self.scale + (1 << 23)) >> 24) as u8
    }

    fn across(&self, frame: &mut GrayImage, area: Area) {
        let pad = self.core + 1;
        let mut padded = vec![0; area.width() + 2 * pad];
        for row in area.rows(frame) {
            let (Some(&first), Some(&last)) = (row.first(), row.last()) else {
                return;
            };
            padded[..pad].fill(first);
            padded[pad..pad + row.len()].copy_from_slice(row);
            padded[pad + row.len()..].fill(last);
            let mut sum: u32 = padded[1..2 * pad].iter().map(|&p| u32::from(p)).sum();
            let (leaving, leading) = (padded.as_slice(), &padded[2 * pad..]);
            let mut i = 0;
            while i < row.len() {
                let next = u32::from(leading[i]);
                row[i] = self.weigh(sum, u32::from(leaving[i]) + next);
                sum = sum + next - u32::from(leaving[i + 1]);
                i += 1;
            }
        }
    }

    fn down(&self, frame: &mut GrayImage, area: Area) {
        let source = area.copy(frame);
        let (width, last) = (area.width(), area.height() - 1);
        let row_at = |y: usize| {
            let y = y.saturating_sub(self.core + 1).min(last);
            &source[y * width..(y + 1) * width]
        };
        // Row `y + core + 1` of `row_at` is row `y` of the area, with both ends repeated.
        let mut sums = vec![0_u32; width];
        for y in 1..2 * self.core + 2 {
            sums.iter_mut()
                .zip(row_at(y))
                .for_each(|(sum, &p)| *sum += u32::from(p));
        }
        for (y, row) in area.rows(frame).enumerate() {
            let (before, gone) = (row_at(y), row_at(y + 1));
            let next = row_at(y + 2 * self.core + 2);
            let sums = sums.as_mut_slice();
            let mut i = 0;
            while i < row.len() {
                let next = u32::from(next[i]);
                row[i] = self.weigh(sums[i], u32::from(before[i]) + next);
                sums[i] = sums[i] + next - u32::from(gone[i]);
                i += 1;
            }
        }
    }
}

/// The phone went `length_px` in direction `angle` (radian) while the shutter was open.
pub(crate) fn motion(frame: &mut GrayImage, area: Area, length_px: f32, angle: f32) {
    let taps = length_px.min(40.0).round() as usize + 1;
    if taps < 2 || area.is_empty() {
        return;
    }
    let source = area.copy(frame);
    let mut sums = vec![0_u16; source.len()];
    let (sin, cos) = angle.sin_cos();
    for tap in 0..taps {
        let way = length_px * (tap as f32 / (taps - 1) as f32 - 0.5);
        let (dx, dy) = ((way * cos).round() as isize, (way * sin).round() as isize);
        add_shifted(&mut sums, &source, area.width(), dx, dy);
    }
    let sums = sums.chunks_exact(area.width());
    for (row, sums) in area.rows(frame).zip(sums) {
        let share = (1 << 16) / taps as u32;
        row.iter_mut()
            .zip(sums)
            .for_each(|(pixel, &sum)| *pixel = ((u32::from(sum) * share + (1 << 15)) >> 16) as u8);
    }
}

/// Adds `source` moved by `(dx, dy)` to `sums`; where that leaves the area, its own edge.
fn add_shifted(sums: &mut [u16], source: &[u8], width: usize, dx: isize, dy: isize) {
    let last_row = source.len() / width - 1;
    let shift = dx.unsigned_abs().min(width);
    for (y, sums) in sums.chunks_exact_mut(width).enumerate() {
        let y = y.saturating_add_signed(dy).min(last_row);
        let row = &source[y * width..(y + 1) * width];
        let (near, far) = if dx >= 0 { (shift, 0) } else { (0, shift) };
        let (kept, lost) = sums.split_at_mut(width - near);
        let (start, kept) = kept.split_at_mut(far);
        let (Some(&first), Some(&last)) = (row.first(), row.last()) else {
            return;
        };
        start.iter_mut().for_each(|sum| *sum += u16::from(first));
        let row = &row[near..];
        let mut i = 0;
        while i < kept.len() {
            kept[i] += u16::from(row[i]);
            i += 1;
        }
        lost.iter_mut().for_each(|sum| *sum += u16::from(last));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use image::Luma;

    fn dot() -> GrayImage {
        let mut frame = GrayImage::new(31, 21);
        frame.put_pixel(15, 10, Luma([255]));
        frame
    }

    fn light(frame: &GrayImage) -> u32 {
        frame.iter().map(|&p| u32::from(p)).sum()
    }

    #[test]
    fn even_areas_stay_as_they_are() {
        let mut frame = GrayImage::from_pixel(40, 30, Luma([200]));
        let area = Area {
            x0: 5,
            y0: 4,
            x1: 33,
            y1: 29,
        };
        for radius in [0.2, 1.0, 2.7, 12.5] {
            defocus(&mut frame, area, radius);
        }
        motion(&mut frame, area, 9.0, 0.7);
        assert!(
            frame.iter().all(|&p| (199..=201).contains(&p)),
            "{:?}",
            frame.iter().min()
        );
    }

    #[test]
    fn a_dot_spreads_evenly_and_keeps_its_light() {
        let mut frame = dot();
        let whole = Area::whole(&frame);
        defocus(&mut frame, whole, 1.0);
        let at = |x, y| frame.get_pixel(x, y).0[0];
        assert_eq!((at(13, 10), at(15, 8)), (at(17, 10), at(15, 12)));
        assert!(at(13, 10).abs_diff(at(15, 8)) <= 1);
        assert!(at(15, 10) > at(14, 10) && at(14, 10) > at(13, 10));
        assert!((200..=255).contains(&light(&frame)), "{}", light(&frame));
    }

    #[test]
    fn motion_draws_a_line() {
        let mut frame = dot();
        let whole = Area::whole(&frame);
        motion(&mut frame, whole, 6.0, 0.0);
        let lit: Vec<usize> = frame
            .iter()
            .enumerate()
            .filter(|(_, p)| **p > 0)
            .map(|(i, _)| i)
            .collect();
        assert_eq!(lit, (10 * 31 + 12..=10 * 31 + 18).collect::<Vec<_>>());
    }

    #[test]
    fn pixels_outside_the_area_are_left_alone() {
        let mut frame = dot();
        let area = Area {
            x0: 0,
            y0: 0,
            x1: 15,
            y1: 21,
        };
        defocus(&mut frame, area, 3.0);
        motion(&mut frame, area, 5.0, 1.0);
        assert_eq!(frame, dot());
    }
}
