//! What a gate's fixed camera sees when nobody is there, and where a frame differs from it.
//!
//! The frame is cut into cells of 16 by 16 pixels. Of each the scene knows its usual mean level and
//! how much that sways: sensor noise, flickering lamps. A lens that opens or closes changes all
//! cells by one factor, which is taken out. What differs by more than the sway is something that came.

use super::reader::{Area, Picture};

/// Pixels along a cell's side.
const CELL: usize = 16;

/// Rows of a cell that are looked at: every so manieth.
const ROW_STEP: usize = 4;

/// A mean is a sum over this many bits' worth of pixels; means are kept in 256ths of a level.
const FRACTION: i32 = 256;

/// Differences below this many levels are nothing, however still the scene is.
const QUIET: i32 = 3 * FRACTION;

/// No lamp's flicker is followed further, nor is a rider who comes while the scene is learnt.
const SWAY_MAX: i32 = 4 * FRACTION;

/// Frames over which the scene follows slow changes: daylight, a bag left behind.
const FOLLOW_SHIFT: u32 = 5;
const FOLLOW_STRANGE_SHIFT: u32 = 9;

/// The usual look of each cell.
#[derive(Debug, Default)]
pub(super) struct Scene {
    width: usize,
    height: usize,
    columns: usize,
    sums: Vec<u16>,
    now: Vec<i32>,
    usual: Vec<i32>,
    sway: Vec<i32>,
    frames: u64,
}

impl Scene {
    /// Whether `picture` differs from the usual scene. Everything is new at first, and when the size
    /// of the pictures changes.
    pub(super) fn changed(&mut self, picture: Picture<'_>) -> bool {
        self.measure(picture);
        if (self.width, self.height) != (picture.width, picture.height) {
            (self.width, self.height) = (picture.width, picture.height);
            self.frames = 0;
            self.usual.clone_from(&self.now);
            self.sway.clear();
            self.sway.resize(self.now.len(), 0);
        }
        self.frames += 1;
        let gain = self.gain();
        let strange =
            (0..self.now.len()).fold(false, |strange, at| !self.is_usual(at, gain) | strange);
        // What came in the first frames may have been taken for the scene.
        strange || self.frames < LEARNING_FRAMES
    }

    /// What lies within an area now is not part of the scene: a phone that was there from the first
    /// frames on, or that has lain there for long.
    pub(super) fn keep_out(&mut self, area: Area) {
        for row in area.top / CELL..area.bottom.div_ceil(CELL) {
            for column in area.left / CELL..area.right.div_ceil(CELL).min(self.columns) {
                let at = row * self.columns + column;
                if (self.now[at] - self.usual[at]).abs() <= QUIET + 4 * self.sway[at] {
                    self.usual[at] = UNKNOWN;
                }
            }
        }
    }

    /// Mean levels of all cells.
    fn measure(&mut self, picture: Picture<'_>) {
        self.columns = picture.width.div_ceil(CELL);
        self.now.clear();
        for top in (0..picture.height).step_by(CELL) {
            let rows = (top..(top + CELL).min(picture.height)).step_by(ROW_STEP);
            self.sums.clear();
            self.sums.resize(picture.width, 0);
            let count = rows.len() as i32;
            for y in rows {
                for (sum, &level) in self.sums.iter_mut().zip(picture.row(y)) {
                    *sum += u16::from(level);
                }
            }
            let cells = self.sums.chunks(CELL);
            self.now.extend(cells.map(|cell| {
                let sum: i32 = cell.iter().map(|&sum| i32::from(sum)).sum();
                sum * FRACTION / (count * cell.len() as i32)
            }));
        }
    }

    /// By which the lens lets in more light than usual, in 4096ths.
    fn gain(&self) -> i64 {
        let (mut now, mut usual) = (0i64, 0i64);
        for ((&n, &u), &sway) in self.now.iter().zip(&self.usual).zip(&self.sway) {
            // What has just come says nothing about the lens, nor does what is nearly black or white.
            let known = u != UNKNOWN && u > 8 * FRACTION && n < 250 * FRACTION;
            if known && (n - u).abs() <= GAIN_STEP + 4 * sway {
                now += i64::from(n);
                usual += i64::from(u);
            }
        }
        if usual == 0 { 4096 } else { now * 4096 / usual }
    }

    /// Whether a cell looks as usual; learns from it.
    fn is_usual(&mut self, at: usize, gain: i64) -> bool {
        let (now, usual, sway) = (self.now[at], self.usual[at], self.sway[at]);
        if usual == UNKNOWN {
            self.usual[at] = now;
            self.sway[at] = 0;
            return false;
        }
        let expected = (i64::from(usual) * gain / 4096) as i32;
        let off = now - expected;
        let is_usual = off.abs() <= QUIET + 4 * sway;
        let shift = if self.frames < LEARNING_FRAMES || is_usual {
            FOLLOW_SHIFT
        } else {
            FOLLOW_STRANGE_SHIFT
        };
        self.usual[at] += (now - usual) >> shift;
        if is_usual || self.frames < LEARNING_FRAMES {
            self.sway[at] += (off.abs().min(SWAY_MAX) - sway) >> FOLLOW_SHIFT;
        }
        is_usual
    }
}

/// A cell of which nothing is known yet.
const UNKNOWN: i32 = -1;

/// How far a whole scene may brighten or darken from one frame to the next.
const GAIN_STEP: i32 = 24 * FRACTION;

/// Frames in which the scene is learnt more readily.
const LEARNING_FRAMES: u64 = 15;
