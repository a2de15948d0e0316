//! A rider's hand over time: the phone comes to the glass, is held there, and leaves.

use crate::seed::Seed;
use crate::shot::{FrameSize, Shot};

/// Share of the time from frame to frame during which the shutter is open: 1/200 s at 30 a second.
const SHUTTER: f32 = 0.15;

/// How many frames each part of a presentation takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Approach {
    /// Coming in from below.
    pub coming: u32,
    /// Held over the glass.
    pub held: u32,
    /// Leaving to the side.
    pub leaving: u32,
}

impl Approach {
    /// Frames from the first to the last.
    pub const fn frames(&self) -> u32 {
        self.coming + self.held + self.leaving
    }

    /// One shot a frame of this size; the held ones differ from `held` by the hand's tremor.
    pub fn shots(&self, held: &Shot, size: FrameSize, seed: &Seed) -> Vec<Shot> {
        let mut hand = seed.fork("hand", held.noise_seed);
        // The phone comes from the rider's side of the glass, and goes on with the rider's step.
        let side = hand.either_way(0.3);
        let coming = (0..self.coming).map(|i| Step {
            away: share_left(i, self.coming),
            next: share_left(i + 1, self.coming),
            way: (side, 0.9),
        });
        let still = (0..self.held).map(|_| Step::default());
        let leaving = (0..self.leaving).map(|i| Step {
            away: 1.0 - share_left(i + 1, self.leaving),
            next: 1.0 - share_left(i + 2, self.leaving),
            way: (side * 2.0, -0.8),
        });
        let steps: Vec<Step> = coming.chain(still).chain(leaving).collect();
        steps
            .into_iter()
            .map(|step| step.shot(held, size, &mut hand))
            .collect()
    }
}

/// 1 at the first of `count` steps, 0 after the last; quick at first, then slower.
fn share_left(step: u32, count: u32) -> f32 {
    let left = (1.0 - step as f32 / count.max(1) as f32).max(0.0);
    left * left
}

/// Where the phone is on one frame.
#[derive(Clone, Copy, Debug, Default)]
struct Step {
    /// Share of the way that it is away from where it is held.
    away: f32,
    /// The same on the next frame.
    next: f32,
    /// The way, in shares of the frame.
    way: (f32, f32),
}

impl Step {
    /// `held`, moved; a moving phone is blurred by its way, and by the lens as it is farther off.
    fn shot(self, held: &Shot, size: FrameSize, hand: &mut Seed) -> Shot {
        let Self {
            away,
            next,
            way: (x, y),
        } = self;
        let tremble = |hand: &mut Seed, reach: f32| hand.gauss() * reach;
        let step_px = (x * size.width as f32, y * size.height as f32);
        let moved_px = step_px.0.hypot(step_px.1) * (next - away).abs() * SHUTTER;
        Shot {
            at: (
                held.at.0 + x * away + tremble(hand, 0.001),
                held.at.1 + y * away + tremble(hand, 0.001),
            ),
            module_px: held.module_px * (1.0 - 0.3 * away) * (1.0 + tremble(hand, 0.003)),
            roll: held.roll + 0.4 * away * x.signum() + tremble(hand, 0.006),
            pitch: held.pitch + 0.25 * away + tremble(hand, 0.008),
            yaw: held.yaw + tremble(hand, 0.008),
            defocus_px: held.defocus_px + held.module_px * 0.5 * away,
            motion_px: held.motion_px + moved_px,
            motion_angle: if moved_px > held.motion_px {
                step_px.1.atan2(step_px.0)
            } else {
                held.motion_angle
            },
            noise_seed: hand.next_u64(),
            ..*held
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::screen::{Code, Look, Packing, Phone};
    use crate::shot::Difficulty;

    #[test]
    fn a_phone_comes_is_held_whole_and_leaves() {
        let code = Code::new(&[b'A'; 366], Packing::Alphanumeric).unwrap();
        let phone = Phone::new(code, Look::draw(&mut Seed::new(0)));
        let approach = Approach {
            coming: 6,
            held: 10,
            leaving: 6,
        };
        for number in 0..50 {
            let seed = Seed::new(number);
            let held = Shot::draw(Difficulty::Easy, &phone, FrameSize::HD, &mut seed.clone());
            let shots = approach.shots(&held, FrameSize::HD, &seed);
            assert_eq!(shots.len(), approach.frames() as usize);
            let whole: Vec<bool> = shots
                .iter()
                .map(|shot| shot.sees_whole_card(&phone, FrameSize::HD))
                .collect();
            assert!(
                !whole[0] && !whole[21],
                "{number}: the phone is there from the start"
            );
            assert!(
                whole[6..16].iter().all(|&w| w),
                "{number}: held but not whole {whole:?}"
            );
            assert!(shots[0].motion_px > shots[8].motion_px);
        }
    }
}
