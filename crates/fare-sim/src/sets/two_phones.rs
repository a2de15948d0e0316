//! Two riders at one glass: a phone behind another.

use super::{Sample, Stage};
use crate::screen::{Phone, ScreenError};
use crate::seed::Seed;
use crate::shot::{Difficulty, FrameSize, Shot};
use fare_protocol::UnixMs;

/// Riders behind others have these numbers and up, so that they are never the ones before them.
const BEHIND: u64 = 1 << 32;

impl Stage {
    /// Frame `number` with two phones, the nearer one larger and partly over the other; both codes
    /// are wholly seen.
    ///
    /// # Errors
    /// When a code does not fit a phone's screen.
    pub fn two_phones(&self, number: u64, taken_at: UnixMs) -> Result<Sample, ScreenError> {
        let mut random = self.seed.fork("two-phones", number);
        let (near_text, near) = self.rider(number, taken_at)?;
        let (far_text, far) = self.rider(BEHIND + number, taken_at)?;
        let size = self.camera.size();
        let (near_shot, far_shot) = loop {
            let pair = drawn((&near, &far), size, &mut random);
            if fits((&near, &far), &pair, size) {
                break pair;
            }
        };
        let raster = |phone: &Phone, shot: &Shot| phone.raster(shot.module_px.ceil() as u32);
        let behind = raster(&far, &far_shot);
        let before = raster(&near, &near_shot);
        let things = [(&behind, &far_shot), (&before, &near_shot)];
        Ok(Sample {
            frame: self.camera.take_all(&things, near.card_modules()),
            texts: vec![near_text, far_text],
            how: format!("{near_shot}; behind {far_shot}"),
        })
    }
}

/// One phone on either side, some way.
fn drawn((near, far): (&Phone, &Phone), size: FrameSize, random: &mut Seed) -> (Shot, Shot) {
    let side = if random.happens(0.5) { 1.0 } else { -1.0 };
    // As much as leaves room for the other in a frame this wide.
    let room = (size.width as f32 / size.height as f32).min(1.7) / 1.33;
    let shot = |phone: &Phone, share: f32, side: f32, random: &mut Seed| Shot {
        at: (
            0.5 + side * random.between(0.18, 0.32),
            0.5 + random.either_way(0.2),
        ),
        module_px: share * size.height as f32 / phone.card_modules() as f32,
        roll: random.either_way(0.15),
        pitch: random.either_way(0.12),
        yaw: random.either_way(0.12),
        glare: None,
        moire: None,
        ..Shot::draw_card(Difficulty::Medium, phone.card_modules(), size, random)
    };
    let share = room * random.between(0.54, 0.62);
    let before = shot(near, share, side, random);
    let shrunk = share * random.between(0.78, 0.88);
    let behind = shot(far, shrunk, -side, random);
    let sharp = |shot: Shot, light: &Shot| Shot {
        defocus_px: shot.defocus_px.min(shot.module_px * 0.2),
        motion_px: shot.motion_px.min(shot.module_px * 0.2),
        ambient: light.ambient,
        ..shot
    };
    (sharp(before, &before), sharp(behind, &before))
}

/// Whether both cards lie in the frame and the nearer phone leaves all of the other's card free.
fn fits((near, far): (&Phone, &Phone), shots: &(Shot, Shot), size: FrameSize) -> bool {
    let (before, behind) = shots;
    let from_frame = before.pose(size).to_frame().inverse();
    let to_frame = behind.pose(size).to_frame();
    let half = far.card_modules() as f32 / 2.0;
    let reach = near.outer_modules() as f32 / 2.0 + 1.0;
    let steps = || (0..=8_u8).map(|step| half * (f32::from(step) / 4.0 - 1.0));
    let free = |x: f32, y: f32| from_frame.map(to_frame.map((x, y))).0.abs() > reach;
    before.sees_whole_card(near, size)
        && behind.sees_whole_card(far, size)
        && steps().all(|x| steps().all(|y| free(x, y)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const NOON: UnixMs = UnixMs(1_780_000_000_000);

    #[test]
    fn both_codes_are_whole_and_the_nearer_phone_is_larger() {
        for size in [FrameSize::VGA, FrameSize::HD] {
            let stage = Stage::new(&Seed::new(1), NOON, size);
            for number in 0..10 {
                let mut random = Seed::new(number);
                let (_, near) = stage.rider(number, NOON).unwrap();
                let (_, far) = stage.rider(BEHIND + number, NOON).unwrap();
                let pair = drawn((&near, &far), size, &mut random);
                if fits((&near, &far), &pair, size) {
                    assert!(pair.0.sees_whole_card(&near, size), "{number}");
                    assert!(pair.1.sees_whole_card(&far, size), "{number}");
                }
                assert!(pair.0.module_px > pair.1.module_px, "{number}");
            }
        }
    }

    #[test]
    fn a_frame_has_two_texts_and_follows_from_the_seed() {
        let sample = |number| {
            let stage = Stage::new(&Seed::new(1), NOON, FrameSize::HD);
            stage.two_phones(number, NOON).unwrap()
        };
        let (once, again, other) = (sample(0), sample(0), sample(1));
        assert_eq!(once.texts.len(), 2);
        assert_ne!(once.texts[0], once.texts[1]);
        assert_eq!((&once.frame, &once.texts), (&again.frame, &again.texts));
        assert_ne!(once.frame, other.frame);
    }
}
