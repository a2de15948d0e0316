//! Riders, phone screens in camera frames, barrier boards and the demo; never shipped on a gate.

pub mod approach;
mod blur;
pub mod board;
pub mod camera;
pub mod cast;
pub mod city;
pub mod cli;
pub mod clock;
mod codewords;
pub mod cover;
pub mod crowd;
mod demo;
mod homography;
pub mod pki;
pub mod recording;
pub mod rider;
mod scene;
pub mod screen;
pub mod seed;
pub mod sets;
mod sheet;
pub mod shot;
pub mod simulation;
pub mod storm;
pub mod stream;
pub mod symbol;
