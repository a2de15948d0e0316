//! scratch
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods)]
use fare_protocol::*;
use fare_sim::{camera::*, recording::*, rider::*, seed::*, shot::*};
fn main() {
    let root = Seed::new(2026);
    let issuer = ed25519_dalek::SigningKey::from_bytes(&[1; 32]);
    std::fs::create_dir_all("/tmp/simframes").unwrap();
    for (name, size) in [("vga", FrameSize::VGA), ("hd", FrameSize::HD)] {
        let camera = Camera::new(size, &root);
        save_png(format!("/tmp/simframes/{name}-empty.png").as_ref(), &camera.empty(1)).unwrap();
        for d in [Difficulty::Easy, Difficulty::Medium, Difficulty::Hard] {
            let (mut ok, mut ms, mut dms) = (0, 0.0, 0.0);
            for i in 0..100 {
                let mut seed = root.fork("rider", i);
                let grant = Grant { class: RiderClass::Adult, fare_limit: Money { minor: 3000, currency: Currency::CNY }, lifetime: Millis(60_000), not_after: UnixMs(1_790_000_000_000) };
                let mut rider = Rider::enrol(&issuer, grant, &mut seed);
                let text = rider.make_code(UnixMs(1_780_000_000_000));
                let phone = rider.show(&text).unwrap();
                let shot = Shot::draw(d, &phone, size, &mut seed);
                let t = std::time::Instant::now();
                let f = camera.take(&phone, &shot);
                ms += t.elapsed().as_secs_f64() * 10.0;
                { use std::io::Write; let mut o = std::fs::File::create(format!("/tmp/rq/pgm/{name}-{d:?}-{i}.pgm")).unwrap(); write!(o, "{} {} {}\n", f.width(), f.height(), text).unwrap(); o.write_all(&f).unwrap(); }
                let (w, h) = (f.width() as usize, f.height() as usize);
                let px = f.as_raw();
                let t = std::time::Instant::now();
                let mut p = rqrr::PreparedImage::prepare_from_greyscale(w, h, |x, y| px[y * w + x]);
                let g = p.detect_grids();
                let res: Vec<_> = g.iter().map(|g| g.decode().map(|x| x.1)).collect();
                dms += t.elapsed().as_secs_f64() * 10.0;
                let good = res.iter().any(|r| r.as_ref().ok() == Some(&text));
                if good { ok += 1 } else if d == Difficulty::Easy { println!("{i} {:?} px {:.2} defoc {:.2} noise {:.1} tilt {:.2} {:.2} {:.2}", res.iter().map(|r| r.as_ref().err().map(|e| format!("{e:?}"))).collect::<Vec<_>>(), shot.module_px, shot.defocus_px, shot.noise, shot.roll, shot.pitch, shot.yaw); }
                if i < 4 || (!good && d == Difficulty::Easy && i < 30) { save_png(format!("/tmp/simframes/{name}-{d:?}-{i}-{good}.png").as_ref(), &f).unwrap(); }
            }
            println!("{name} {d:?} ok {ok} render {ms:.1} ms decode {dms:.1} ms");
        }
    }
}
