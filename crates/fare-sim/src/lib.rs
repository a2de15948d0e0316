//! Riders, phone screens in camera frames, barrier boards and the demo; never shipped on a gate.

pub mod approach;
mod blur;
pub mod camera;
mod homography;
pub mod recording;
pub mod rider;
mod scene;
pub mod screen;
pub mod seed;
pub mod shot;
