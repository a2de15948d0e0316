//! scratch
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods)]
use fare_protocol::*;
use fare_sim::{camera::*, rider::*, seed::*, shot::*};
fn main() {
    let root = Seed::new(2026);
    let issuer = ed25519_dalek::SigningKey::from_bytes(&[1; 32]);
    for (name, size) in [("vga", FrameSize::VGA), ("hd", FrameSize::HD)] {
        let camera = Camera::new(size, &root);
        for (roll, tilt, share) in [(0.0, 0.0, 0.74), (0.0, 0.0, 0.76),(0.0, 0.0, 0.78), (0.0,0.0,0.8), (0.0,0.0,0.82), (0.0,0.0,0.84), (0.0,0.0,0.86), (0.0,0.0,0.88), (0.0,0.0,0.92),(0.02,0.02,0.8),(0.04,0.02,0.8),(0.08,0.04,0.8), (0.05,0.05,0.85), (0.1,0.05,0.85),(0.17,0.05,0.85),(0.1,0.1,0.85)] {
            let mut rates = vec![];
            for (n, defoc) in [(2.0, 0.0)] {
                let mut ok = 0;
                for i in 0..200 {
                    let mut seed = root.fork("rider", i);
                    let grant = Grant { class: RiderClass::Adult, fare_limit: Money { minor: 3000, currency: Currency::CNY }, lifetime: Millis(60_000), not_after: UnixMs(1_790_000_000_000) };
                    let mut rider = Rider::enrol(&issuer, grant, &mut seed);
                    let text = rider.make_code(UnixMs(1_780_000_000_000));
                    let phone = rider.show(&text).unwrap();
                    let mut shot = Shot::draw(Difficulty::Easy, &phone, size, &mut seed);
                    shot.roll = seed.either_way(roll); shot.pitch = seed.either_way(tilt); shot.yaw = seed.either_way(tilt);
                    shot.module_px = share * size.height as f32 / 65.0;
                    shot.at = (0.5 + seed.either_way(0.03), 0.5 + seed.either_way(0.03));
                    shot.noise = n; shot.defocus_px = defoc * shot.module_px;
                    let f = camera.take(&phone, &shot);
                    let (w, h) = (f.width() as usize, f.height() as usize);
                    let px = f.as_raw();
                    let mut p = rqrr::PreparedImage::prepare_from_greyscale(w, h, |x, y| px[y * w + x]);
                    let g = p.detect_grids();
                    if g.iter().any(|g| g.decode().ok().map(|x| x.1).as_ref() == Some(&text)) { ok += 1 }
                }
                rates.push(ok);
            }
            println!("{name} roll {roll} tilt {tilt} share {share}: {rates:?}");
        }
    }
}
