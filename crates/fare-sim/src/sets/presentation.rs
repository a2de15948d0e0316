//! A rider at the glass, frame by frame: an empty gate, a phone brought by hand, held, taken away.

use super::{Stage, dressed};
use crate::approach::Approach;
use crate::camera::Camera;
use crate::screen::{Phone, ScreenError};
use crate::seed::Seed;
use crate::sheet::Raster;
use crate::shot::{Difficulty, Shot};
use fare_protocol::{Millis, UnixMs};
use image::GrayImage;

/// Frames a second.
pub const FPS: u32 = 30;

/// One rider's presentation; its frames are rendered one by one as they are asked for.
#[derive(Clone, Debug)]
pub struct Presentation {
    camera: Camera,
    text: String,
    how: String,
    phone: Phone,
    raster: Raster,
    /// One a frame; none where nobody is there.
    shots: Vec<Option<Shot>>,
    noise: Seed,
}

/// What is to be seen on one frame of a presentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// The hall.
    Nobody,
    /// A phone, moving, out of focus or not wholly in the frame. Nothing is claimed about it.
    Phone,
    /// The whole code, as sharp and still as the usual rider's: a reader must read it.
    Readable,
}

/// One frame of a presentation.
#[derive(Clone, Debug)]
pub struct Moment {
    /// The frame.
    pub frame: GrayImage,
    /// What is in it.
    pub sight: Sight,
}

impl Stage {
    /// Presentation `number`: a phone with a code that is valid at `at`, brought in 6 to 20 frames,
    /// held for 12 to 30 and taken away in 5 to 12, with some frames of the hall before and after.
    ///
    /// # Errors
    /// When the code does not fit a phone's screen.
    pub fn presentation(
        &self,
        difficulty: Difficulty,
        number: u64,
        at: UnixMs,
    ) -> Result<Presentation, ScreenError> {
        let mut random = self.seed.fork("presentation", number);
        let (text, phone) = self.rider(number, at)?;
        let (phone, worn) = dressed(phone, difficulty, &mut random.fork("dress", 0));
        let size = self.camera.size();
        let held = Shot::draw(difficulty, &phone, size, &mut random);
        let some = |random: &mut Seed, least: u32, most: u32| {
            least + random.below(u64::from(most - least) + 1) as u32
        };
        let (before, after) = (some(&mut random, 4, 12), some(&mut random, 4, 12));
        let approach = Approach {
            coming: some(&mut random, 6, 20),
            held: some(&mut random, 12, 30),
            leaving: some(&mut random, 5, 12),
        };
        let nobody = |frames: u32| (0..frames).map(|_| None);
        let present = approach.shots(&held, size, &random).into_iter().map(Some);
        Ok(Presentation {
            camera: self.camera.clone(),
            text,
            how: format!("{held}{worn}"),
            raster: phone.raster(held.module_px.ceil() as u32),
            phone,
            shots: nobody(before).chain(present).chain(nobody(after)).collect(),
            noise: random.fork("noise", 0),
        })
    }
}

impl Presentation {
    /// What the phone shows.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How the phone is held, for people.
    pub fn how(&self) -> &str {
        &self.how
    }

    /// What is to be seen on each frame, without rendering any.
    pub fn sights(&self) -> impl Iterator<Item = Sight> + '_ {
        self.shots.iter().map(|shot| self.sight(shot.as_ref()))
    }

    /// The frames, [`FPS`] a second.
    pub fn moments(&self) -> impl Iterator<Item = Moment> + '_ {
        let mut noise = self.noise.clone();
        self.shots.iter().map(move |shot| Moment {
            frame: match shot {
                Some(shot) => self
                    .camera
                    .take_all(&[(&self.raster, shot)], self.phone.card_modules()),
                None => self.camera.empty(noise.next_u64()),
            },
            sight: self.sight(shot.as_ref()),
        })
    }

    fn sight(&self, shot: Option<&Shot>) -> Sight {
        match shot {
            None => Sight::Nobody,
            Some(shot) if shot.is_readable(&self.phone, self.camera.size()) => Sight::Readable,
            Some(_) => Sight::Phone,
        }
    }
}

/// Time of frame `number` of a stream that starts at `start`.
pub fn frame_time(start: UnixMs, number: u32) -> UnixMs {
    start.after(Millis(number.saturating_mul(1000) / FPS))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::shot::FrameSize;

    const NOON: UnixMs = UnixMs(1_780_000_000_000);

    fn presentations(difficulty: Difficulty) -> impl Iterator<Item = Presentation> {
        let stage = Stage::new(&Seed::new(1), NOON, FrameSize::VGA);
        (0..40).map(move |number| stage.presentation(difficulty, number, NOON).unwrap())
    }

    #[test]
    fn a_phone_comes_is_readable_and_goes() {
        for difficulty in [Difficulty::Easy, Difficulty::Medium] {
            for presentation in presentations(difficulty) {
                let sights: Vec<Sight> = presentation.sights().collect();
                let count = |sight| sights.iter().filter(|&&s| s == sight).count();
                assert_eq!(
                    (sights[0], sights[sights.len() - 1]),
                    (Sight::Nobody, Sight::Nobody)
                );
                assert!(count(Sight::Phone) >= 4, "{sights:?}");
                assert!(count(Sight::Readable) >= 12, "{sights:?}");
            }
        }
    }

    #[test]
    fn moments_are_as_announced_and_follow_from_the_seed() {
        let once = || presentations(Difficulty::Medium).next().unwrap();
        let presentation = once();
        let moments: Vec<Moment> = presentation.moments().collect();
        let sights: Vec<Sight> = moments.iter().map(|moment| moment.sight).collect();
        assert_eq!(sights, presentation.sights().collect::<Vec<_>>());
        let again = once();
        assert!(
            again
                .moments()
                .zip(&moments)
                .all(|(a, b)| a.frame == b.frame)
        );
        assert_ne!(moments[0].frame, moments[1].frame);
    }
}
