//! The gate at rest: a hall with sensor noise, lamps that flicker and people who walk by.

use super::Stage;
use super::presentation::FPS;
use crate::blur::{Area, defocus};
use crate::camera::Camera;
use crate::scene::figure;
use crate::seed::Seed;
use image::GrayImage;

/// An endless stream of frames with no phone in them.
#[derive(Clone, Debug)]
pub struct Idle {
    camera: Camera,
    walkers: Vec<Walker>,
    /// Depth and angle a frame of the beat between lamps and shutter.
    flicker: (f32, f32),
    noise: f32,
    random: Seed,
    frame: u32,
}

/// Somebody who goes to and fro, far from the glass. Lengths in shares of the frame's width.
#[derive(Clone, Debug)]
struct Walker {
    start: f32,
    /// A frame.
    step: f32,
    /// Middle and half height of the head, in shares of the frame's height.
    y: f32,
    r: f32,
    clothes: Seed,
}

impl Stage {
    /// The gate at rest; `number` tells one time of rest from another. Frames come 30 a second.
    pub fn idle(&self, walkers: u32, number: u64) -> Idle {
        let mut random = self.seed.fork("idle", number);
        let walker = |random: &mut Seed| Walker {
            start: random.unit(),
            step: random.either_way(0.35) / FPS as f32,
            y: random.between(0.55, 0.9),
            r: random.between(0.05, 0.12),
            clothes: Seed::new(random.next_u64()),
        };
        Idle {
            camera: self.camera.clone(),
            walkers: (0..walkers).map(|_| walker(&mut random)).collect(),
            flicker: (random.between(0.005, 0.03), random.between(0.05, 0.6)),
            noise: random.between(1.5, 3.0),
            random,
            frame: 0,
        }
    }
}

impl Iterator for Idle {
    type Item = GrayImage;

    fn next(&mut self) -> Option<GrayImage> {
        let (depth, angle) = self.flicker;
        let light = 1.0 + depth * (angle * self.frame as f32).sin();
        let mut frame = self.camera.lit(light);
        for walker in &self.walkers {
            walker.draw(&mut frame, self.frame);
        }
        self.camera
            .add_noise(&mut frame, self.noise, self.random.next_u64());
        self.frame = self.frame.wrapping_add(1);
        Some(frame)
    }
}

impl Walker {
    fn draw(&self, picture: &mut GrayImage, frame: u32) {
        let (width, height) = (picture.width() as f32, picture.height() as f32);
        // From one side to the other and round again, with room to be out of sight.
        let way = (self.start + self.step * frame as f32).rem_euclid(1.4) - 0.2;
        let (x, y, r) = (way * width, self.y * height, self.r * height);
        figure(picture, (x, y), r, &mut self.clothes.clone());
        let edge = |at: f32, end: f32| at.clamp(0.0, end) as usize;
        let area = Area {
            x0: edge(x - 2.2 * r, width),
            y0: edge(y - 1.4 * r, height),
            x1: edge(x + 2.2 * r, width),
            y1: edge(y + 6.2 * r, height),
        };
        defocus(picture, area, height / 110.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shot::FrameSize;
    use fare_protocol::UnixMs;

    /// Pixels of two frames a second apart that differ by more than noise and lamps make.
    fn changed(walkers: u32) -> usize {
        let stage = Stage::new(&Seed::new(3), UnixMs(1_780_000_000_000), FrameSize::VGA);
        let frames: Vec<GrayImage> = stage.idle(walkers, 1).step_by(30).take(2).collect();
        let pairs = frames[0].iter().zip(frames[1].iter());
        pairs.filter(|(a, b)| a.abs_diff(**b) > 25).count()
    }

    #[test]
    fn a_hall_at_rest_changes_by_noise_and_with_people_by_more() {
        assert!(changed(0) < 20, "{}", changed(0));
        assert!(changed(4) > 500, "{}", changed(4));
    }
}
