//! The gate: frames in, decisions, durable records, an open barrier, and later the server.
//!
//! `cli` is the way in; `daemon` and `replay` drive the same `controller`, which drives the pure lane
//! of `fare-rules`. Devices stand behind the traits of `frame` and `barrier`, and `scanner`.

pub mod barrier;
pub mod bench;
pub mod cli;
pub mod clock;
pub mod config;
mod contain;
pub mod control;
pub mod controller;
pub mod courier;
pub mod daemon;
pub mod decode;
pub mod diag;
pub mod display;
pub mod enrol;
pub mod frame;
pub mod ids;
pub mod journal;
pub mod logbook;
pub mod replay;
pub mod scanner;
pub mod scratch;
pub mod selftest;
pub mod service;
pub mod signals;
pub mod stages;
pub mod status;
mod swap;
pub mod trial;
