//! Riders, phone screens in camera frames, barrier boards and the demo; never shipped on a gate.

pub mod approach;
mod beside;
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
pub mod cuts;
mod demo;
mod homography;
pub mod lamps;
pub mod load;
pub mod platform;
pub mod plug;
pub mod pty;
pub mod recording;
pub mod rider;
pub mod scanner;
mod scene;
pub mod screen;
pub mod screenshot;
pub mod seed;
pub mod sets;
mod sheet;
pub mod shot;
pub mod simulation;
pub mod storm;
pub mod stream;
pub mod symbol;

pub use fare_server::pki;
