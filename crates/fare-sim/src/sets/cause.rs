//! Frames on which no code can be read, each for one known cause.

use super::symbols::Kind;
use super::{Sample, Stage};
use crate::camera::Camera;
use crate::codewords::Blocks;
use crate::cover::{Cover, CoverKind};
use crate::screen::{Look, Phone, ScreenError};
use crate::seed::Seed;
use crate::sheet::{self, NO_CARD_MODULES, Raster, Screen};
use crate::shot::{Difficulty, FrameSize, Glare, Shot};
use fare_protocol::UnixMs;

/// Pixels a module at which things far off are drawn before they are shrunk.
const FAR_RASTER_PX: u32 = 4;

/// Why nothing is read on a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, clap::ValueEnum)]
pub enum Cause {
    /// Nobody, a person, or a phone that shows no symbol.
    Nothing,
    /// The screen gives so little light that its code drowns in the sensor's noise.
    TooDim,
    /// A lamp mirrored over a large part.
    Glare,
    /// At least one finder pattern is outside the frame.
    TooNear,
    /// Modules smaller than 1.3 pixels.
    TooFar,
    /// The phone went more than two modules while the shutter was open.
    Moving,
    /// Cracked or covered beyond error correction, with all finder patterns in sight.
    Damaged,
    /// Another kind of symbol.
    NotQr,
}

impl Cause {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Nothing,
        Self::TooDim,
        Self::Glare,
        Self::TooNear,
        Self::TooFar,
        Self::Moving,
        Self::Damaged,
        Self::NotQr,
    ];

    /// Its name in manifests.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::TooDim => "too-dim",
            Self::Glare => "glare",
            Self::TooNear => "too-near",
            Self::TooFar => "too-far",
            Self::Moving => "moving",
            Self::Damaged => "damaged",
            Self::NotQr => "not-qr",
        }
    }
}

impl Stage {
    /// Frame `number` of a cause. The sample has the code's text where there is one, though it
    /// cannot be read. Each frame is taken in another hall.
    ///
    /// # Errors
    /// When the code does not fit a phone's screen.
    pub fn cause_frame(
        &self,
        cause: Cause,
        number: u64,
        taken_at: UnixMs,
    ) -> Result<Sample, ScreenError> {
        let mut random = self.seed.fork(cause.code(), number);
        let camera = self.camera.elsewhere(&mut random.fork("hall", 0));
        match cause {
            Cause::Nothing => return Ok(nothing(&camera, number, &mut random)),
            Cause::NotQr => return Ok(not_qr(&camera, number, &mut random)),
            Cause::TooDim
            | Cause::Glare
            | Cause::TooNear
            | Cause::TooFar
            | Cause::Moving
            | Cause::Damaged => {}
        }
        let (text, mut phone) = self.rider(number, taken_at)?;
        let shot = ordinary(phone.card_modules(), camera.size(), &mut random);
        if cause == Cause::Damaged {
            let kind = if random.happens(0.5) {
                CoverKind::Finger
            } else {
                CoverKind::Cracks
            };
            let cover = Cover::ruinous(kind, phone.code(), &mut random);
            phone = phone.covered(cover);
        }
        let shot = spoilt(shot, cause, &phone, camera.size(), &mut random);
        let raster = if cause == Cause::TooFar {
            phone.raster(FAR_RASTER_PX).shrunk(shot.module_px)
        } else {
            phone.raster(shot.module_px.ceil() as u32)
        };
        Ok(Sample {
            frame: camera.take_all(&[(&raster, &shot)], phone.card_modules()),
            texts: vec![text],
            how: shot.to_string(),
        })
    }
}

/// A picture of the usual rider without a lamp in it.
fn ordinary(card_modules: u32, size: FrameSize, random: &mut Seed) -> Shot {
    Shot {
        glare: None,
        ..Shot::draw_card(Difficulty::Medium, card_modules, size, random)
    }
}

/// `shot` with the one thing that is wrong.
fn spoilt(shot: Shot, cause: Cause, phone: &Phone, size: FrameSize, random: &mut Seed) -> Shot {
    match cause {
        Cause::TooDim => dim(shot, random),
        Cause::Glare => mirrored(shot, phone, random),
        Cause::TooNear => near(shot, phone, size, random),
        Cause::TooFar => Shot {
            at: (random.between(0.2, 0.8), random.between(0.2, 0.8)),
            module_px: random.between(0.6, 1.25),
            defocus_px: random.between(0.3, 0.7),
            motion_px: 0.0,
            moire: None,
            ..shot
        },
        Cause::Moving => Shot {
            motion_px: shot.module_px * random.between(2.2, 4.0),
            ..shot
        },
        Cause::Nothing | Cause::Damaged | Cause::NotQr => shot,
    }
}

/// So little light that single modules drown in noise. What is larger than a module, as a finder
/// pattern's rings are, can still be told when averaged.
fn dim(shot: Shot, random: &mut Seed) -> Shot {
    let noise = random.between(3.0, 6.0);
    let module_noise = noise / shot.module_px;
    let black = random.between(8.0, 30.0);
    Shot {
        ambient: random.between(0.1, 0.5),
        black,
        white: black + (module_noise * random.between(3.0, 4.4)).max(2.0),
        defocus_px: shot.module_px * random.between(0.35, 0.5),
        shade: 0.0,
        noise,
        moire: None,
        ..shot
    }
}

/// A lamp so bright and large that what is lost is twice what could be mended.
fn mirrored(shot: Shot, phone: &Phone, random: &mut Seed) -> Shot {
    let blocks = Blocks::of(phone.code());
    let half_card = phone.card_modules() as f32 / 2.0;
    let half = phone.code().size() as f32 / 2.0;
    let mut glare = Glare {
        at: (random.either_way(0.5), random.either_way(0.5)),
        radius: random.between(0.7, 1.1),
        strength: random.between(400.0, 700.0),
    };
    let lost = |glare: Glare| {
        blocks.damage(|x, y| {
            let from = |at: u32, middle: f32| (at as f32 + 0.5 - half) / half_card - middle;
            let out = from(x, glare.at.0).hypot(from(y, glare.at.1)) / glare.radius;
            let fall = (1.0 - out * out).max(0.0);
            let saturated = shot.black + glare.strength * fall * fall > 255.0;
            saturated && phone.code().grid.is_dark(x, y)
        })
    };
    while lost(glare) < 2.0 {
        glare.radius *= 1.1;
        glare.strength *= 1.1;
    }
    Shot {
        glare: Some(glare),
        ..shot
    }
}

/// Half of the time larger than the frame, else cut off by its edge; always with the middle of the
/// code in sight and at least one whole finder pattern out of it.
fn near(shot: Shot, phone: &Phone, size: FrameSize, random: &mut Seed) -> Shot {
    let larger = random.happens(0.5);
    let fills = size.height as f32 / phone.code().size() as f32;
    loop {
        let module_px = if larger {
            fills * random.between(1.1, 2.0)
        } else {
            shot.module_px
        };
        let tried = Shot {
            at: (random.between(0.1, 0.9), random.between(0.1, 0.9)),
            module_px,
            defocus_px: module_px * random.between(0.05, 0.3),
            motion_px: module_px * random.between(0.0, 0.3),
            ..shot
        };
        if tried.loses_finder(phone, size) {
            return tried;
        }
    }
}

/// Nobody, somebody, or a phone that shows anything but a symbol.
fn nothing(camera: &Camera, number: u64, random: &mut Seed) -> Sample {
    let look = Look::draw(random);
    let (screen, how) = match number % 6 {
        0 => {
            return Sample {
                frame: {
                    let mut frame = camera.lit(random.between(0.5, 1.1));
                    camera.add_noise(&mut frame, random.between(1.0, 5.0), random.next_u64());
                    frame
                },
                texts: Vec::new(),
                how: "hall".to_owned(),
            };
        }
        1 => {
            let camera = camera.with_person(random);
            let mut frame = camera.lit(random.between(0.6, 1.1));
            camera.add_noise(&mut frame, random.between(1.0, 5.0), random.next_u64());
            return Sample {
                frame,
                texts: Vec::new(),
                how: "person".to_owned(),
            };
        }
        2 => (Screen::Off, "phone off"),
        3 => (Screen::Photo, "photo"),
        4 => (Screen::Chat, "chat"),
        _ => (Screen::Icons, "icons"),
    };
    let shot = ordinary(NO_CARD_MODULES, camera.size(), random);
    let raster = sheet::phone(screen, &look, None, shot.module_px.ceil() as u32);
    Sample {
        frame: camera.take_all(&[(&raster, &shot)], NO_CARD_MODULES),
        texts: Vec::new(),
        how: format!("{how}, {shot}"),
    }
}

/// Another symbol, on a phone or on paper.
fn not_qr(camera: &Camera, number: u64, random: &mut Seed) -> Sample {
    let kind = Kind::ALL[(number % Kind::ALL.len() as u64) as usize];
    let grid = kind.draw(random);
    let card_modules = grid.width.max(grid.height) + 8;
    let shot = ordinary(card_modules, camera.size(), random);
    let px = shot.module_px.ceil() as u32;
    let look = Look::draw(random);
    let (raster, on): (Raster, &str) = if random.happens(0.3) {
        (sheet::paper(&grid, px, random), "paper")
    } else {
        (sheet::phone(Screen::Card(&grid), &look, None, px), "phone")
    };
    Sample {
        frame: camera.take_all(&[(&raster, &shot)], card_modules),
        texts: Vec::new(),
        how: format!("{} on {on}, {shot}", kind.name()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const NOON: UnixMs = UnixMs(1_780_000_000_000);

    fn stage() -> Stage {
        Stage::new(&Seed::new(3), NOON, FrameSize::VGA)
    }

    fn read(frame: &image::GrayImage) -> Vec<String> {
        let (w, h) = (frame.width() as usize, frame.height() as usize);
        let mut picture = rqrr::PreparedImage::prepare_from_greyscale(w, h, |x, y| {
            frame.get_pixel(x as u32, y as u32).0[0]
        });
        let grids = picture.detect_grids();
        let texts = grids.iter().filter_map(|grid| grid.decode().ok());
        texts.map(|(_, text)| text).collect()
    }

    #[test]
    fn no_cause_leaves_anything_to_read() {
        let stage = stage();
        for cause in Cause::ALL {
            for number in 0..12 {
                let sample = stage.cause_frame(cause, number, NOON).unwrap();
                assert_eq!(
                    read(&sample.frame),
                    Vec::<String>::new(),
                    "{cause:?} {number}: {}",
                    sample.how
                );
            }
        }
    }

    #[test]
    fn a_frame_has_a_text_just_where_there_is_a_code() {
        let stage = stage();
        for cause in Cause::ALL {
            let sample = stage.cause_frame(cause, 3, NOON).unwrap();
            let without = matches!(cause, Cause::Nothing | Cause::NotQr);
            assert_eq!(sample.texts.is_empty(), without, "{cause:?}");
            assert!(!sample.how.is_empty(), "{cause:?}");
        }
    }

    #[test]
    fn frames_follow_from_the_seed_and_differ_by_number() {
        let frame = |number| {
            stage()
                .cause_frame(Cause::Damaged, number, NOON)
                .unwrap()
                .frame
        };
        assert_eq!(frame(1), frame(1));
        assert_ne!(frame(1), frame(2));
    }

    #[test]
    fn codes_of_causes_are_their_names_on_the_command_line() {
        for cause in Cause::ALL {
            let named = <Cause as clap::ValueEnum>::from_str(cause.code(), false);
            assert_eq!(named, Ok(cause));
        }
    }
}
