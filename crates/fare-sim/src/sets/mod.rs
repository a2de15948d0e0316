//! Sets of frames by which a decoder is judged: everything in them is known and follows from a seed.

mod burden;
mod cause;
mod hostile;
mod idle;
mod presentation;
mod symbols;
mod two_phones;

pub use burden::Burden;
pub use cause::Cause;
pub use hostile::Hostile;
pub use idle::Idle;
pub use presentation::{FPS, Moment, Presentation, Sight, frame_time};

use crate::camera::Camera;
use crate::cast::Cast;
use crate::cover::{Cover, CoverKind};
use crate::rider::Rider;
use crate::screen::{Phone, ScreenError};
use crate::seed::Seed;
use crate::shot::{Difficulty, FrameSize, Shot};
use fare_protocol::{Millis, UnixMs};
use image::GrayImage;

/// How long before a frame its code was made: the rider opened the wallet, then held it out.
const OPENED_BEFORE: Millis = Millis(1500);

/// One frame and what is in it.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The frame.
    pub frame: GrayImage,
    /// Texts of the codes in it, the nearest first.
    pub texts: Vec<String>,
    /// How it was taken, for people who look at what was not read.
    pub how: String,
}

/// The camera of one gate and the riders who come to it.
#[derive(Clone, Debug)]
pub struct Stage {
    pub(crate) seed: Seed,
    pub(crate) camera: Camera,
    pub(crate) cast: Cast,
}

/// How often, and how much, a difficulty spoils what the phone shows.
struct Dress {
    /// Chance of light modules on a dark card.
    inverted: f32,
    /// Chance of a finger or cracks over the code.
    covered: f32,
    /// The most that they take of what error correction can mend.
    damage: f32,
}

impl Stage {
    /// A gate and its riders, whose issuer parts are good from `start`.
    pub fn new(seed: &Seed, start: UnixMs, size: FrameSize) -> Self {
        Self {
            seed: seed.clone(),
            camera: Camera::new(size, seed),
            cast: Cast::new(seed, start),
        }
    }

    /// The camera.
    pub const fn camera(&self) -> &Camera {
        &self.camera
    }

    /// The riders and their issuer.
    pub const fn cast(&self) -> &Cast {
        &self.cast
    }

    /// Frame `number` of a difficulty: one rider with a ride code that is valid at `taken_at`.
    ///
    /// # Errors
    /// When the code does not fit a phone's screen.
    pub fn gate_frame(
        &self,
        difficulty: Difficulty,
        number: u64,
        taken_at: UnixMs,
    ) -> Result<Sample, ScreenError> {
        let mut random = self.seed.fork("frame", number);
        let (text, phone) = self.rider(number, taken_at)?;
        let (phone, worn) = dressed(phone, difficulty, &mut random.fork("dress", 0));
        let shot = Shot::draw(difficulty, &phone, self.camera.size(), &mut random);
        Ok(Sample {
            frame: self.camera.take(&phone, &shot),
            texts: vec![text],
            how: format!("{shot}{worn}"),
        })
    }

    /// Frame `number` with nobody in it.
    pub fn empty(&self, number: u64) -> Sample {
        let mut random = self.seed.fork("frame", number);
        Sample {
            frame: self.camera.empty(random.next_u64()),
            texts: Vec::new(),
            how: String::new(),
        }
    }

    /// Rider `number` with a code for `at` on the screen.
    fn rider(&self, number: u64, at: UnixMs) -> Result<(String, Phone), ScreenError> {
        let mut rider: Rider = self.cast.rider(number);
        let text = rider.make_code(at.before(OPENED_BEFORE));
        let phone = rider.show(&text)?;
        Ok((text, phone))
    }
}

/// A phone as riders of this difficulty have it, and what is unusual about it.
fn dressed(phone: Phone, difficulty: Difficulty, seed: &mut Seed) -> (Phone, String) {
    let Dress {
        inverted,
        covered,
        damage,
    } = match difficulty {
        Difficulty::Easy => return (phone, String::new()),
        Difficulty::Medium => Dress {
            inverted: 0.08,
            covered: 0.15,
            damage: 0.5,
        },
        Difficulty::Hard => Dress {
            inverted: 0.12,
            covered: 0.3,
            damage: 0.85,
        },
    };
    let (mut phone, mut worn) = (phone, String::new());
    if seed.happens(inverted) {
        phone = phone.inverted();
        worn.push_str(", inverted");
    }
    if seed.happens(covered) {
        let (kind, name) = if seed.happens(0.5) {
            (CoverKind::Finger, ", finger")
        } else {
            (CoverKind::Cracks, ", cracks")
        };
        let cover = Cover::readable(kind, phone.code(), damage, seed);
        phone = phone.covered(cover);
        worn.push_str(name);
    }
    (phone, worn)
}
