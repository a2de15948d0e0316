//! A gate's camera: lays a phone into its hall as the lens would see it, 8 bits of luma a pixel.

use crate::blur::{Area, defocus, motion};
use crate::homography::Homography;
use crate::scene::{hall, passenger};
use crate::screen::Phone;
use crate::seed::Seed;
use crate::sheet::{OUTSIDE, Raster};
use crate::shot::{FrameSize, Glare, Moire, Shot};
use image::GrayImage;

/// Entries of the table of noise; rows of a frame start at random places in it.
const NOISE_ENTRIES: usize = 1 << 16;
/// One deviation in the table's units.
const NOISE_UNIT: f32 = 30.0;
/// Level of a screen's white in a raster.
const RASTER_WHITE: f32 = 250.0;

/// One camera looking up through the glass of one gate.
#[derive(Clone, Debug)]
pub struct Camera {
    size: FrameSize,
    hall: GrayImage,
    noise: Vec<i8>,
}

impl Camera {
    /// The camera of some gate. Drawing the hall takes some 20 ms, so keep it.
    pub fn new(size: FrameSize, seed: &Seed) -> Self {
        let mut random = seed.fork("noise", 0);
        let entries = NOISE_ENTRIES + size.width as usize;
        let noise = (0..entries)
            .map(|_| (random.gauss() * NOISE_UNIT) as i8)
            .collect();
        Self {
            size,
            hall: hall(size, &mut seed.fork("hall", 0)),
            noise,
        }
    }

    /// Size of its frames.
    pub const fn size(&self) -> FrameSize {
        self.size
    }

    /// A frame with nobody in it.
    pub fn empty(&self, noise_seed: u64) -> GrayImage {
        let mut frame = self.hall.clone();
        self.add_noise(&mut frame, 2.0, noise_seed);
        frame
    }

    /// The same camera at another place.
    pub(crate) fn elsewhere(&self, seed: &mut Seed) -> Self {
        Self {
            size: self.size,
            hall: hall(self.size, seed),
            noise: self.noise.clone(),
        }
    }

    /// The same camera with somebody standing over it.
    pub(crate) fn with_person(&self, seed: &mut Seed) -> Self {
        let mut camera = self.clone();
        passenger(&mut camera.hall, seed);
        camera
    }

    /// A frame with `phone` in it.
    pub fn take(&self, phone: &Phone, shot: &Shot) -> GrayImage {
        let raster = phone.raster(shot.module_px.ceil() as u32);
        self.take_all(&[(&raster, shot)], phone.card_modules())
    }

    /// A frame with these things in it, the farthest first. Light, glare and noise are those of the
    /// last one's shot, whose card has this side.
    pub(crate) fn take_all(&self, things: &[(&Raster, &Shot)], card_modules: u32) -> GrayImage {
        let Some((_, nearest)) = things.last() else {
            return self.empty(0);
        };
        let mut frame = self.lit(nearest.ambient);
        for (raster, shot) in things {
            self.add(&mut frame, raster, shot);
        }
        self.finish(&mut frame, nearest, card_modules);
        frame
    }

    /// The hall in this light, 1 being usual.
    pub(crate) fn lit(&self, light: f32) -> GrayImage {
        let mut frame = self.hall.clone();
        let dimmed: [u8; 256] = std::array::from_fn(|p| (p as f32 * light) as u8);
        frame.iter_mut().for_each(|p| *p = dimmed[usize::from(*p)]);
        frame
    }

    /// Lays one thing into `frame`.
    fn add(&self, frame: &mut GrayImage, raster: &Raster, shot: &Shot) {
        let to_frame = shot.pose(self.size).to_frame();
        let margin = 2.0 * shot.defocus_px + shot.motion_px + 2.0;
        let area = self.area_of(raster, &to_frame, margin);
        lay(frame, area, raster, &to_frame, &self.levels(shot));
        defocus(frame, area, shot.defocus_px);
        motion(frame, area, shot.motion_px, shot.motion_angle);
        if let Some(moire) = shot.moire {
            add_moire(frame, area, moire);
        }
    }

    /// Adds what lies over everything: a lamp mirrored in the card, and noise.
    fn finish(&self, frame: &mut GrayImage, shot: &Shot, card_modules: u32) {
        if let Some(glare) = shot.glare {
            let half_card = card_modules as f32 / 2.0;
            let at = (glare.at.0 * half_card, glare.at.1 * half_card);
            let at = shot.pose(self.size).to_frame().map(at);
            add_glare(frame, at, glare.radius * half_card * shot.module_px, glare);
        }
        self.add_noise(frame, shot.noise, shot.noise_seed);
    }

    /// The part of the frame that `raster` covers, with `margin` pixels around it.
    fn area_of(&self, raster: &Raster, to_frame: &Homography, margin: f32) -> Area {
        let (w, h) = raster.picture.dimensions();
        let corners = [(0, 0), (w, 0), (w, h), (0, h)].map(|(x, y)| {
            let module = |at: u32, origin: f32| (at as f32 - origin) / raster.px;
            to_frame.map((module(x, raster.origin.0), module(y, raster.origin.1)))
        });
        let low = |pick: fn((f32, f32)) -> f32| {
            (corners.map(pick).into_iter().fold(f32::MAX, f32::min) - margin).max(0.0) as usize
        };
        let high = |pick: fn((f32, f32)) -> f32, end: u32| {
            let far = corners.map(pick).into_iter().fold(f32::MIN, f32::max) + margin;
            (far.max(0.0) as usize).min(end as usize)
        };
        let x1 = high(|c| c.0, self.size.width);
        let y1 = high(|c| c.1, self.size.height);
        Area {
            x0: low(|c| c.0).min(x1),
            y0: low(|c| c.1).min(y1),
            x1,
            y1,
        }
    }

    /// How a raster's levels are seen, for each of 16 bands from the phone's upper end to its lower.
    fn levels(&self, shot: &Shot) -> Vec<[u8; 256]> {
        let band = |band: usize| {
            let light = 1.0 - shot.shade * band as f32 / 15.0;
            std::array::from_fn(|p| {
                let share = p as f32 / RASTER_WHITE;
                ((shot.black + (shot.white - shot.black) * share) * light) as u8
            })
        };
        (0..16).map(band).collect()
    }

    pub(crate) fn add_noise(&self, frame: &mut GrayImage, deviation: f32, seed: u64) {
        let factor = (deviation / NOISE_UNIT * 1024.0) as i32;
        let mut seed = Seed::new(seed);
        for row in frame.chunks_exact_mut(self.size.width as usize) {
            let start = seed.below(NOISE_ENTRIES as u64) as usize;
            for (pixel, &noise) in row.iter_mut().zip(&self.noise[start..]) {
                let moved = i32::from(*pixel) + ((i32::from(noise) * factor + 512) >> 10);
                *pixel = moved.clamp(0, 255) as u8;
            }
        }
    }
}

/// Puts `raster` into `area` of `frame` as `to_frame` maps it.
fn lay(
    frame: &mut GrayImage,
    area: Area,
    raster: &Raster,
    to_frame: &Homography,
    levels: &[[u8; 256]],
) {
    let [a, b, c] = to_frame
        .inverse()
        .then_scale_move(raster.px, raster.origin)
        .0;
    let (width, height) = raster.picture.dimensions();
    let (right, bottom) = ((width - 1) as f32, (height - 1) as f32);
    let bands = levels.len() as f32 / height as f32;
    let (pixels, stride) = (raster.picture.as_raw(), width as usize);
    for (y, row) in (area.y0..).zip(area.rows(frame)) {
        let at = (area.x0 as f32 + 0.5, y as f32 + 0.5);
        let start = |r: [f32; 3]| r[0] * at.0 + r[1] * at.1 + r[2];
        let (mut u, mut v, mut w) = (start(a), start(b), start(c));
        for pixel in row {
            let depth = 1.0 / w;
            let (x, y) = (u * depth - 0.5, v * depth - 0.5);
            (u, v, w) = (u + a[0], v + b[0], w + c[0]);
            if x < 0.0 || y < 0.0 || x >= right || y >= bottom {
                continue;
            }
            let level = bilinear(pixels, stride, x, y);
            if level != OUTSIDE {
                let band = (y * bands) as usize;
                *pixel = levels[band][usize::from(level)];
            }
        }
    }
}

/// The value between four pixels; `x` and `y` are at least 1 below the last column and row.
#[inline]
fn bilinear(pixels: &[u8], stride: usize, x: f32, y: f32) -> u8 {
    let (column, row) = (x as usize, y as usize);
    let fx = ((x - column as f32) * 256.0) as u32;
    let fy = ((y - row as f32) * 256.0) as u32;
    let first = row * stride + column;
    let four = &pixels[first..first + stride + 2];
    let upper = u32::from(four[0]) * (256 - fx) + u32::from(four[1]) * fx;
    let lower = u32::from(four[stride]) * (256 - fx) + u32::from(four[stride + 1]) * fx;
    ((upper * (256 - fy) + lower * fy) >> 16) as u8
}

/// Dims the light in stripes; where the picture is dark, nothing shows.
fn add_moire(frame: &mut GrayImage, area: Area, moire: Moire) {
    let wave: Vec<u16> = (0..256)
        .map(|i| {
            let phase = i as f32 / 256.0 * std::f32::consts::TAU;
            (256.0 * (1.0 - moire.depth * (0.5 + 0.5 * phase.sin()))) as u16
        })
        .collect();
    let step = 65_536.0 / moire.period_px.max(1.0);
    let (down, across) = moire.angle.sin_cos();
    let (across, down) = ((across * step) as i32, (down * step) as i32);
    for (y, row) in (0..).zip(area.rows(frame)) {
        let mut phase = down.wrapping_mul(y);
        for pixel in row {
            let light = wave[((phase >> 8) & 0xff) as usize];
            *pixel = ((u32::from(*pixel) * u32::from(light)) >> 8) as u8;
            phase = phase.wrapping_add(across);
        }
    }
}

/// Adds a soft round patch of light.
fn add_glare(frame: &mut GrayImage, (x, y): (f32, f32), radius: f32, glare: Glare) {
    let (width, height) = (frame.width() as f32, frame.height() as f32);
    let edge = |at: f32, end: f32| at.clamp(0.0, end) as usize;
    let area = Area {
        x0: edge(x - radius, width),
        y0: edge(y - radius, height),
        x1: edge(x + radius, width),
        y1: edge(y + radius, height),
    };
    for (row_y, row) in (area.y0..).zip(area.rows(frame)) {
        let dy = (row_y as f32 - y) / radius;
        for (column, pixel) in (area.x0..).zip(row) {
            let dx = (column as f32 - x) / radius;
            let fall = (1.0 - dx * dx - dy * dy).max(0.0);
            *pixel = (f32::from(*pixel) + glare.strength * fall * fall) as u8;
        }
    }
}
