//! What the renderer makes, a reader must read: the gate's own QR library on rendered frames.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use fare_protocol::{Currency, Millis, Money, RiderClass, UnixMs};
use fare_sim::approach::Approach;
use fare_sim::camera::Camera;
use fare_sim::rider::{Grant, Rider};
use fare_sim::screen::{Code, Look, Packing, Phone};
use fare_sim::seed::Seed;
use fare_sim::shot::{Difficulty, FrameSize, Shot};
use image::GrayImage;

const NOON: UnixMs = UnixMs(1_780_000_000_000);

fn read(frame: &GrayImage) -> Vec<String> {
    let (w, h) = (frame.width() as usize, frame.height() as usize);
    let pixels = frame.as_raw();
    let mut prepared = rqrr::PreparedImage::prepare_from_greyscale(w, h, |x, y| pixels[y * w + x]);
    let grids = prepared.detect_grids();
    grids
        .iter()
        .filter_map(|grid| grid.decode().ok())
        .map(|(_, text)| text)
        .collect()
}

fn some_rider(seed: &mut Seed) -> Rider {
    let issuer = ed25519_dalek::SigningKey::from_bytes(&[1; 32]);
    let grant = Grant {
        class: RiderClass::Adult,
        fare_limit: Money {
            minor: 3000,
            currency: Currency::CNY,
        },
        lifetime: Millis(60_000),
        not_after: UnixMs(NOON.0 + 86_400_000),
    };
    Rider::enrol(&issuer, grant, seed)
}

/// How many of 100 phones are read in one of `held` frames.
fn read_of_100(size: FrameSize, held: u32) -> usize {
    let root = Seed::new(2026);
    let camera = Camera::new(size, &root);
    let approach = Approach {
        coming: 0,
        held,
        leaving: 0,
    };
    let reads = |number: &u64| {
        let mut seed = root.fork("rider", *number);
        let mut rider = some_rider(&mut seed);
        let text = rider.make_code(NOON);
        let phone = rider.show(&text).unwrap();
        let shot = Shot::draw(Difficulty::Easy, &phone, size, &mut seed);
        let mut shots = approach.shots(&shot, size, &seed).into_iter();
        shots.any(|shot| read(&camera.take(&phone, &shot)).contains(&text))
    };
    (0..100).filter(reads).count()
}

// rqrr 0.11 groups the finder patterns of a version 10 code by extrapolating each of them 50 modules
// far, so that one pixel decides: it misses one easy frame in ten at 5.5 pixels a module (VGA) and
// one in fifty at 8.5 (720p). What a rider sees is a held phone, so that is what is asserted.
#[test]
fn an_easy_phone_is_read_while_it_is_held_in_vga() {
    let read = read_of_100(FrameSize::VGA, 4);
    assert!(read >= 99, "{read} of 100");
}

#[test]
fn an_easy_phone_is_read_while_it_is_held_in_720p() {
    let read = read_of_100(FrameSize::HD, 4);
    assert!(read >= 99, "{read} of 100");
}

#[test]
fn easy_frames_are_mostly_read_at_once_in_720p() {
    let read = read_of_100(FrameSize::HD, 1);
    assert!(read >= 95, "{read} of 100");
}

#[test]
fn small_codes_are_read_at_once() {
    let root = Seed::new(7);
    for size in [FrameSize::VGA, FrameSize::HD] {
        let camera = Camera::new(size, &root);
        let reads = |number: &u64| {
            let mut seed = root.fork("small", *number);
            let text = format!("FARE-SIM {number}");
            let code = Code::new(text.as_bytes(), Packing::Alphanumeric).unwrap();
            let phone = Phone::new(code, Look::draw(&mut seed));
            let shot = Shot::draw(Difficulty::Easy, &phone, size, &mut seed);
            read(&camera.take(&phone, &shot)).contains(&text)
        };
        let read = (0..100).filter(reads).count();
        assert!(read >= 99, "{read} of 100 at {size}");
    }
}

#[test]
fn nothing_is_read_where_nobody_is() {
    for number in 0..20 {
        let camera = Camera::new(FrameSize::VGA, &Seed::new(number));
        assert_eq!(read(&camera.empty(number)), Vec::<String>::new());
    }
}

#[test]
fn the_same_seed_gives_the_same_frame() {
    let frame = |number| {
        let mut seed = Seed::new(number);
        let camera = Camera::new(FrameSize::VGA, &seed);
        let mut rider = some_rider(&mut seed);
        let phone = rider.make_code(NOON);
        let phone = rider.show(&phone).unwrap();
        let shot = Shot::draw(Difficulty::Hard, &phone, FrameSize::VGA, &mut seed);
        camera.take(&phone, &shot)
    };
    assert_eq!(frame(5), frame(5));
    assert_ne!(frame(5), frame(6));
}
