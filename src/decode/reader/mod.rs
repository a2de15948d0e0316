//! Finds and reads the QR codes in one grey picture.
//!
//! In this order: `picture` halves it a few times; for each size `threshold` and `scan` look for
//! finder patterns and `finder` measures them between pixels; `triple` tells which belong together,
//! `missing` looks for one that is hidden; `attempt` lays a `grid` through them, tells dark `modules`
//! from light ones, mends the codewords (`symbol`, `reed_solomon`) and reads the `payload`.
//!
//! Nothing here allocates once its buffers have grown to the size of the pictures, but for the bytes
//! of codes that were read. Work is bounded by counts, not by a clock: the same picture gives the
//! same answer on every machine.

mod attempt;
mod finder;
mod geometry;
mod grid;
mod memory;
mod missing;
mod modules;
mod payload;
mod picture;
mod reed_solomon;
mod scan;
mod symbol;
mod threshold;
mod triple;
mod version;

use attempt::Attempts;
use finder::Finder;
pub(crate) use geometry::Point;
pub(crate) use picture::{Area, Picture};
use scan::{Effort, Scan};
use threshold::Thresholds;
pub(crate) use threshold::{BLOCK, Blocks};
use triple::{Triple, Triples};

/// Halved pictures at most: from modules of 20 pixels down to the 1.3 that are just readable.
const HALVES_MAX: usize = 3;

/// A picture whose shorter side has fewer pixels is not halved again.
const SIDE_MIN: usize = 48;

/// A picture with more pixels is scanned from its first half on: an 8K camera sees no code whose modules
/// that would lose, and the gate no frame that takes too long.
const FULL_PIXELS_MAX: usize = 3840 * 2160;

/// A finder pattern with less error than this is one. Among 666 pictures patterns of codes had 0.15
/// and less, what only looked like one 0.20 and more.
const CERTAIN: f32 = 0.17;

/// With so much of its timing patterns right a code was laid out where it is.
const TIMING_LOST: f32 = 0.95;

/// How far from a finder pattern the rest of its code is looked for, in modules: versions up to 14 at
/// any turn, and all that lie straight.
const CODE_REACH: f32 = 60.0;

/// Triples that are looked at in one picture.
const TRIPLES_MAX: usize = 40;
const LOOSE_TRIPLES_MAX: usize = 6;

/// A code that was read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reading {
    pub bytes: Vec<u8>,
    /// The assignment number of its character set, if it names one.
    pub eci: Option<u32>,
    /// Some of it is in kanji mode.
    pub has_kanji: bool,
    /// Clockwise from the code's own top left.
    pub corners: [Point; 4],
    pub version: u8,
}

/// What was seen in a picture, whether or not it could be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sight<'a> {
    /// Certain finder patterns, and where the first of them lie.
    pub finders: usize,
    pub first: [Option<FinderSight>; 3],
    /// The code that looked most like one and was not read.
    pub unread: Option<Unread>,
    /// Darkest and lightest level of each block of the full picture.
    pub blocks: Blocks<'a>,
    /// The picture at a quarter of its size, if it is large enough.
    pub quarter: Option<Picture<'a>>,
}

/// A finder pattern's middle and the length of its modules, in pixels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FinderSight {
    pub middle: Point,
    pub module: f32,
}

/// A code that was laid out and not read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unread {
    pub corners: [Point; 4],
    /// Share of its timing patterns' modules that alternate.
    pub timing: f32,
}

/// Reads pictures, keeping its buffers from one to the next.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    halves: [Vec<u8>; HALVES_MAX],
    /// Width and height of the picture halved twice, if it was.
    quarter: Option<(usize, usize)>,
    sums: Vec<u16>,
    thresholds: Thresholds,
    scan: Scan,
    finders: Vec<Finder>,
    triples: Triples,
    used: Vec<bool>,
    attempts: Attempts,
}

impl Reader {
    /// A reader of the pictures of one stream: what it could not read in one it puts together with
    /// the next.
    pub(super) fn of_stream() -> Self {
        Self {
            attempts: Attempts::of_stream(),
            ..Self::default()
        }
    }

    /// All codes in a picture, in no order.
    pub(super) fn read(&mut self, full: Picture<'_>) -> Vec<Reading> {
        let mut halves = std::mem::take(&mut self.halves);
        let mut sizes = [(0, 0); HALVES_MAX];
        let count = self.shrink(full, &mut halves, &mut sizes);
        self.quarter = (count > 1).then_some(sizes[1]);
        let pictures: [Picture<'_>; HALVES_MAX] =
            std::array::from_fn(|at| Picture::new(sizes[at].0, sizes[at].1, &halves[at]));
        let found = self.read_sizes(full, &pictures[..count]);
        self.halves = halves;
        found
    }

    /// What the last picture showed.
    pub(super) fn sight(&self) -> Sight<'_> {
        let certain = || self.finders.iter().filter(|f| f.error < CERTAIN);
        let mut first = certain().map(|f| FinderSight {
            middle: f.middle,
            module: f.module(),
        });
        Sight {
            finders: certain().count(),
            first: std::array::from_fn(|_| first.next()),
            unread: self.attempts.best_unread(),
            blocks: self.thresholds.blocks(),
            quarter: self
                .quarter
                .map(|(width, height)| Picture::new(width, height, &self.halves[1])),
        }
    }

    fn read_sizes(&mut self, full: Picture<'_>, halves: &[Picture<'_>]) -> Vec<Reading> {
        self.finders.clear();
        self.attempts.begin();
        self.scan_all(full, halves, full.area(), Effort::Quick);
        let found = self.read_finders(full, Effort::Quick);
        if !found.is_empty() || self.is_lost() {
            return found;
        }
        // A second look is for places where a code was seen.
        let certain = self.finders.iter().filter(|f| f.error < CERTAIN);
        let around = certain.map(|f| full.around(f.middle, CODE_REACH * f.module()));
        let Some(area) = around.reduce(Area::with) else {
            return found;
        };
        self.scan_all(full, halves, area, Effort::Thorough);
        self.read_finders(full, Effort::Thorough)
    }

    /// Whether a code was laid out well and is lost all the same: other finder patterns do not help.
    fn is_lost(&self) -> bool {
        let unread = self.attempts.best_unread();
        unread.is_some_and(|unread| unread.timing >= TIMING_LOST)
    }

    /// Halves the picture until little is left; how often.
    fn shrink(
        &mut self,
        full: Picture<'_>,
        halves: &mut [Vec<u8>],
        sizes: &mut [(usize, usize)],
    ) -> usize {
        let mut size = (full.width, full.height);
        for (at, half_size) in sizes.iter_mut().enumerate() {
            if size.0.min(size.1) < SIDE_MIN {
                return at;
            }
            let (done, rest) = halves.split_at_mut(at);
            // The picture may be a part of a larger one, its halves are not.
            let above = done
                .last()
                .map_or(full, |pixels| Picture::new(size.0, size.1, pixels));
            size = picture::halve(above, &mut rest[0], &mut self.sums);
            *half_size = size;
        }
        halves.len()
    }

    /// Finder patterns of all sizes. The halved pictures come first: noise is less there.
    fn scan_all(&mut self, full: Picture<'_>, halves: &[Picture<'_>], area: Area, effort: Effort) {
        let mut scale = 1;
        let mut finest = (full, scale);
        for &half in halves {
            scale *= 2;
            if finest.0.width * finest.0.height > FULL_PIXELS_MAX {
                finest = (half, scale);
            } else {
                self.scan_size(half, scale, &scan::HALVED, area, effort);
            }
        }
        self.scan_size(finest.0, finest.1, &scan::FULL, area, effort);
    }

    /// Finder patterns in a picture `scale` times as small as the full one.
    fn scan_size(
        &mut self,
        picture: Picture<'_>,
        scale: usize,
        rows: &scan::Rows,
        area: Area,
        effort: Effort,
    ) {
        let area = area.shrunk(scale);
        let scale = scale as f32;
        self.thresholds.measure(picture);
        let finders = &self.finders;
        let known =
            |at: Point, module: f32| finders.iter().any(|f| f.is_at(at * scale, module * scale));
        self.scan
            .run(picture, &self.thresholds, rows, area, effort, &known);
        for candidate in &self.scan.candidates {
            if let Some(finder) = Finder::fit(picture, candidate, effort) {
                finder::add(&mut self.finders, finder.scaled(scale));
            }
        }
    }

    fn read_finders(&mut self, full: Picture<'_>, effort: Effort) -> Vec<Reading> {
        let mut found = Vec::new();
        let mut triples = std::mem::take(&mut self.triples);
        triples.by_turn(&self.finders);
        self.read_triples(full, triples.likeliest(TRIPLES_MAX), &mut found);
        if effort == Effort::Thorough && found.is_empty() && !self.is_lost() {
            triples.by_place(&self.finders);
            self.read_triples(full, triples.likeliest(LOOSE_TRIPLES_MAX), &mut found);
        }
        if effort == Effort::Thorough && found.is_empty() && !self.is_lost() {
            let seen = self.finders.len();
            missing::complete(full, &mut self.finders);
            triples.by_turn(&self.finders);
            triples.keep_with_any_from(seen);
            self.read_triples(full, triples.likeliest(TRIPLES_MAX), &mut found);
        }
        self.triples = triples;
        found
    }

    /// Reads the codes of these triples; a finder pattern belongs to one code.
    fn read_triples(&mut self, full: Picture<'_>, triples: &[Triple], found: &mut Vec<Reading>) {
        self.used.clear();
        self.used.resize(self.finders.len(), false);
        for triple in triples {
            let members = triple.members();
            if members.iter().any(|&member| self.used[member]) {
                continue;
            }
            if let Some(reading) = self
                .attempts
                .read(full, &triple.corners(&self.finders), triple)
            {
                found.push(reading);
                members.iter().for_each(|&member| self.used[member] = true);
            }
        }
    }
}
