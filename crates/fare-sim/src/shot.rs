//! One photograph of a phone: where it is held, how well it is lit and how much the picture
//! suffers. All of it follows from a seed and a difficulty.

use crate::homography::Pose;
use crate::screen::Phone;
use crate::seed::Seed;

/// Side of a finder pattern.
const FINDER_MODULES: u32 = 7;

/// Limits within which a code is certainly readable: frame pixels a module, blurs in modules. The
/// usual rider's phone ([`Difficulty::Medium`]) keeps them while it is held: they are its own, with
/// room for the hand's tremor.
const READABLE_MODULE_PX: f32 = 3.0;
const READABLE_DEFOCUS: f32 = 0.26;
const READABLE_MOTION: f32 = 0.31;

/// Width and height of a camera's frames, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameSize {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// How hard a picture is to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Difficulty {
    /// Held still, flat and in focus under even light.
    Easy,
    /// Tilted, a little blurred, some glare: the usual rider.
    Medium,
    /// In motion, dark, far away, mirrored lamps: the rider in a hurry.
    Hard,
}

/// A lamp mirrored in the glass of the phone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Glare {
    /// Middle, in halves of the card from the middle of the code; -1 to 1 lies on the card.
    pub at: (f32, f32),
    /// Radius, in halves of the card.
    pub radius: f32,
    /// Grey levels added in its middle.
    pub strength: f32,
}

/// Stripes from the grids of screen and sensor beating against each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moire {
    /// Share of the light that comes and goes, 0 to 1.
    pub depth: f32,
    /// Distance of two stripes in frame pixels.
    pub period_px: f32,
    /// Direction across the stripes, in radian.
    pub angle: f32,
}

/// Everything about one picture apart from the phone and the place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shot {
    /// Middle of the code in the frame; `(0.5, 0.5)` is the frame's middle.
    pub at: (f32, f32),
    /// Frame pixels a module.
    pub module_px: f32,
    /// Turn in the picture plane, radian.
    pub roll: f32,
    /// Upper edge towards the camera, radian.
    pub pitch: f32,
    /// Right edge towards the camera, radian.
    pub yaw: f32,
    /// Radius of the blur of a lens out of focus, in pixels.
    pub defocus_px: f32,
    /// Way the phone went while the shutter was open, in pixels.
    pub motion_px: f32,
    /// Direction of that way, radian.
    pub motion_angle: f32,
    /// Light of the surroundings; 1 is a well lit hall.
    pub ambient: f32,
    /// Level at which the camera sees the screen's white.
    pub white: f32,
    /// Level at which the camera sees the screen's black, lifted by reflections.
    pub black: f32,
    /// Share of light lost from the phone's upper to its lower end, 0 to 1.
    pub shade: f32,
    /// Deviation of the sensor's noise in grey levels.
    pub noise: f32,
    /// A mirrored lamp.
    pub glare: Option<Glare>,
    /// Stripes.
    pub moire: Option<Moire>,
    /// Which noise.
    pub noise_seed: u64,
}

/// Limits of one difficulty; a shot is drawn between them.
struct Limits {
    /// Side of the card in shares of the frame's height.
    card: (f32, f32),
    roll: f32,
    tilt: f32,
    /// Blurs in modules.
    defocus: (f32, f32),
    motion: (f32, f32),
    ambient: (f32, f32),
    white: (f32, f32),
    black: (f32, f32),
    shade: f32,
    noise: (f32, f32),
    /// Chance and greatest strength.
    glare: (f32, f32),
    /// Chance and greatest depth.
    moire: (f32, f32),
}

/// Pressed flat and sharp: what is left to miss is the reader's.
const EASY: Limits = Limits {
    card: (0.76, 0.86),
    roll: 0.1,
    tilt: 0.05,
    defocus: (0.0, 0.0),
    motion: (0.0, 0.0),
    ambient: (0.8, 1.1),
    white: (200.0, 240.0),
    black: (20.0, 45.0),
    shade: 0.1,
    noise: (1.0, 3.0),
    glare: (0.0, 0.0),
    moire: (0.0, 0.0),
};

const MEDIUM: Limits = Limits {
    card: (0.6, 0.85),
    roll: 0.45,
    tilt: 0.25,
    defocus: (0.05, 0.25),
    motion: (0.0, 0.3),
    ambient: (0.4, 1.1),
    white: (150.0, 250.0),
    black: (25.0, 60.0),
    shade: 0.25,
    noise: (2.0, 6.0),
    glare: (0.3, 60.0),
    moire: (0.4, 0.08),
};

const HARD: Limits = Limits {
    card: (0.5, 0.85),
    roll: std::f32::consts::PI,
    tilt: 0.4,
    defocus: (0.1, 0.35),
    motion: (0.0, 0.5),
    ambient: (0.1, 1.2),
    white: (90.0, 270.0),
    black: (25.0, 70.0),
    shade: 0.4,
    noise: (3.0, 9.0),
    glare: (0.6, 160.0),
    moire: (0.6, 0.12),
};

impl FrameSize {
    /// 640 × 480.
    pub const VGA: Self = Self {
        width: 640,
        height: 480,
    };
    /// 1280 × 720.
    pub const HD: Self = Self {
        width: 1280,
        height: 720,
    };

    /// Bytes of one frame, one a pixel.
    pub const fn pixels(self) -> usize {
        self.width as usize * self.height as usize
    }
}

impl std::str::FromStr for FrameSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let sides = text
            .split_once('x')
            .and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
        match sides {
            Some((width @ 64..=4096, height @ 64..=4096)) => Ok(Self { width, height }),
            Some(_) | None => Err(format!(
                "frame size {text:?} is not WIDTHxHEIGHT with sides of 64 to 4096, as 1280x720"
            )),
        }
    }
}

impl std::fmt::Display for FrameSize {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

impl std::fmt::Display for Difficulty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Easy => "easy",
            Self::Medium => "medium",
            Self::Hard => "hard",
        })
    }
}

impl Difficulty {
    const fn limits(self) -> &'static Limits {
        match self {
            Self::Easy => &EASY,
            Self::Medium => &MEDIUM,
            Self::Hard => &HARD,
        }
    }
}

impl Shot {
    /// Some picture of `phone` of this difficulty, with the whole card in the frame.
    pub fn draw(difficulty: Difficulty, phone: &Phone, size: FrameSize, seed: &mut Seed) -> Self {
        Self::draw_card(difficulty, phone.card_modules(), size, seed)
    }

    /// Some picture of a square card with a side of `card_modules`, wholly in the frame.
    pub(crate) fn draw_card(
        difficulty: Difficulty,
        card_modules: u32,
        size: FrameSize,
        seed: &mut Seed,
    ) -> Self {
        let limits = difficulty.limits();
        let share = seed.between(limits.card.0, limits.card.1);
        let module_px = share * size.height as f32 / card_modules as f32;
        let mut shot = Self {
            at: (0.5, 0.5),
            module_px,
            roll: seed.either_way(limits.roll),
            pitch: seed.either_way(limits.tilt),
            yaw: seed.either_way(limits.tilt),
            defocus_px: module_px * seed.between(limits.defocus.0, limits.defocus.1),
            motion_px: module_px * seed.between(limits.motion.0, limits.motion.1),
            motion_angle: seed.between(0.0, std::f32::consts::TAU),
            ambient: seed.between(limits.ambient.0, limits.ambient.1),
            white: seed.between(limits.white.0, limits.white.1),
            black: seed.between(limits.black.0, limits.black.1),
            shade: seed.between(0.0, limits.shade),
            noise: seed.between(limits.noise.0, limits.noise.1),
            glare: Glare::draw(limits.glare, seed),
            moire: Moire::draw(limits.moire, module_px, seed),
            noise_seed: seed.next_u64(),
        };
        shot.place(card_modules, size, seed);
        shot
    }

    /// Moves the code to some place at which its card is wholly seen, shrinking it if need be; what is
    /// measured in modules stays so.
    fn place(&mut self, card_modules: u32, size: FrameSize, seed: &mut Seed) {
        for _ in 0..64 {
            let (w, h) = (size.width as f32, size.height as f32);
            let reach = card_modules as f32 * self.module_px / 2.0;
            let room = |side: f32| (0.5 - reach / side).max(0.0);
            self.at = (
                0.5 + seed.either_way(room(w)),
                0.5 + seed.either_way(room(h)),
            );
            // Room for the hand's tremor.
            let nearer = Self {
                module_px: self.module_px * 1.04,
                ..*self
            };
            if nearer.sees_card(card_modules, size) {
                return;
            }
            self.shrink(0.985);
        }
        self.at = (0.5, 0.5);
    }

    /// The same picture with smaller modules.
    fn shrink(&mut self, factor: f32) {
        self.module_px *= factor;
        self.defocus_px *= factor;
        self.motion_px *= factor;
        if let Some(moire) = &mut self.moire {
            moire.period_px *= factor;
        }
    }

    /// Whether all of the card, the code with its quiet zone, lies in the frame.
    pub fn sees_whole_card(&self, phone: &Phone, size: FrameSize) -> bool {
        self.sees_card(phone.card_modules(), size)
    }

    fn sees_card(&self, card_modules: u32, size: FrameSize) -> bool {
        let half = card_modules as f32 / 2.0;
        self.sees(
            &[(-half, -half), (half, -half), (half, half), (-half, half)],
            size,
        )
    }

    /// Whether the middles of the three finder patterns lie in the frame. Before that nothing can be
    /// read; a code of which a few modules are cut off sometimes can.
    pub fn sees_finders(&self, phone: &Phone, size: FrameSize) -> bool {
        let half = (phone.code().size() - FINDER_MODULES) as f32 / 2.0;
        self.sees(&[(-half, -half), (half, -half), (-half, half)], size)
    }

    /// Whether the whole card is seen, as sharp and still as the usual rider's: nothing but light
    /// keeps it from being read.
    pub fn is_readable(&self, phone: &Phone, size: FrameSize) -> bool {
        self.module_px >= READABLE_MODULE_PX
            && self.defocus_px <= self.module_px * READABLE_DEFOCUS
            && self.motion_px <= self.module_px * READABLE_MOTION
            && self.sees_whole_card(phone, size)
    }

    /// Whether the middle of the code lies in the frame and not a bit of at least one of its finder
    /// patterns does: then more is cut off than error correction can mend.
    pub(crate) fn loses_finder(&self, phone: &Phone, size: FrameSize) -> bool {
        let half = phone.code().size() as f32 / 2.0;
        let inner = half - FINDER_MODULES as f32;
        let sees_any = |(x, y): (f32, f32)| {
            let sides = |way: f32| [way * inner, way * half];
            let corners = sides(x).map(|x| sides(y).map(|y| (x, y)));
            corners
                .iter()
                .flatten()
                .any(|&corner| self.sees(&[corner], size))
        };
        let finders = [(-1.0, -1.0), (1.0, -1.0), (-1.0, 1.0)];
        self.sees(&[(0.0, 0.0)], size) && finders.into_iter().any(|finder| !sees_any(finder))
    }

    /// Whether all `points`, in modules from the middle of the code, lie in the frame.
    fn sees(&self, points: &[(f32, f32)], size: FrameSize) -> bool {
        let map = self.pose(size).to_frame();
        let (w, h) = (size.width as f32, size.height as f32);
        points.iter().all(|point| {
            let (x, y) = map.map(*point);
            (0.0..w).contains(&x) && (0.0..h).contains(&y)
        })
    }

    pub(crate) fn pose(&self, size: FrameSize) -> Pose {
        let (w, h) = (size.width as f32, size.height as f32);
        Pose {
            at: (self.at.0 * w, self.at.1 * h),
            scale: self.module_px,
            roll: self.roll,
            pitch: self.pitch,
            yaw: self.yaw,
            // A camera of about 62° across.
            focal: 0.83 * w,
        }
    }
}

/// What matters to whoever asks why a frame was not read.
impl std::fmt::Display for Shot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let modules = |px: f32| px / self.module_px;
        write!(
            f,
            "{:.1} px a module, defocus {:.2} and motion {:.2} modules, black {:.0} white {:.0} \
             noise {:.1}",
            self.module_px,
            modules(self.defocus_px),
            modules(self.motion_px),
            self.black,
            self.white,
            self.noise
        )?;
        if let Some(glare) = self.glare {
            write!(f, ", glare {:.0}", glare.strength)?;
        }
        if let Some(moire) = self.moire {
            write!(f, ", moire {:.2}", moire.depth)?;
        }
        Ok(())
    }
}

impl Glare {
    fn draw((chance, strength): (f32, f32), seed: &mut Seed) -> Option<Self> {
        let glare = Self {
            at: (seed.either_way(1.0), seed.either_way(1.0)),
            radius: seed.between(0.15, 0.5),
            strength: seed.between(0.3, 1.0) * strength,
        };
        seed.happens(chance).then_some(glare)
    }
}

impl Moire {
    fn draw((chance, depth): (f32, f32), module_px: f32, seed: &mut Seed) -> Option<Self> {
        let moire = Self {
            depth: seed.between(0.3, 1.0) * depth,
            period_px: module_px * seed.between(1.5, 6.0),
            angle: seed.between(0.0, std::f32::consts::PI),
        };
        seed.happens(chance).then_some(moire)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::screen::{Code, Look, Packing};

    #[test]
    fn every_shot_holds_the_whole_card() {
        let code = Code::new(&[b'A'; 366], Packing::Alphanumeric).unwrap();
        let phone = Phone::new(code, Look::draw(&mut Seed::new(0)));
        for difficulty in [Difficulty::Easy, Difficulty::Medium, Difficulty::Hard] {
            for size in [FrameSize::VGA, FrameSize::HD] {
                for number in 0..200 {
                    let shot = Shot::draw(difficulty, &phone, size, &mut Seed::new(number));
                    assert!(
                        shot.sees_whole_card(&phone, size),
                        "{difficulty:?} {number}"
                    );
                    assert!(
                        shot.module_px > 2.0,
                        "{difficulty:?} {number}: {}",
                        shot.module_px
                    );
                }
            }
        }
    }

    #[test]
    fn a_shot_that_was_shrunk_to_fit_is_no_more_blurred_for_it() {
        let code = Code::new(&[b'A'; 366], Packing::Alphanumeric).unwrap();
        let phone = Phone::new(code, Look::draw(&mut Seed::new(0)));
        for number in 0..200 {
            let mut seed = Seed::new(number);
            let shot = Shot::draw(Difficulty::Medium, &phone, FrameSize::VGA, &mut seed);
            let (defocus, motion) = (
                shot.defocus_px / shot.module_px,
                shot.motion_px / shot.module_px,
            );
            assert!(defocus < MEDIUM.defocus.1 + 1e-3, "{number}: {defocus}");
            assert!(motion < MEDIUM.motion.1 + 1e-3, "{number}: {motion}");
            assert!(shot.is_readable(&phone, FrameSize::VGA), "{number}: {shot}");
        }
    }

    #[test]
    fn sizes_are_read_as_written() {
        assert_eq!("1280x720".parse(), Ok(FrameSize::HD));
        assert_eq!(FrameSize::VGA.to_string(), "640x480");
        for bad in ["", "1280", "1280x", "0x0", "99999x10", "-1x5"] {
            assert!(bad.parse::<FrameSize>().is_err(), "{bad}");
        }
    }
}
