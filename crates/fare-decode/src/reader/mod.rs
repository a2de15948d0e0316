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
mod bits;
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
pub(crate) use bits::bits;
use finder::Finder;
pub(crate) use geometry::Point;
pub(crate) use picture::Area;
pub use picture::Picture;
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
        let found = self.read_quickly(full, halves);
        if !found.is_empty() || self.is_lost() {
            return found;
        }
        // A second look is for places where a code was seen.
        let certain = self.finders.iter().filter(|f| f.error < CERTAIN);
        let around = certain.map(|f| full.around(f.middle, CODE_REACH * f.module()));
        let Some(area) = around.reduce(Area::with) else {
            return found;
        };
        self.scan_halves(full, halves, area, Effort::Thorough);
        self.scan_finest(full, halves, area, Effort::Thorough, &[]);
        let mut found = Vec::new();
        self.read_finders(full, Effort::Thorough, &mut found);
        found
    }

    /// Codes as they should be. What was read from the halves is not looked at in the full picture,
    /// whose rows cost most.
    fn read_quickly(&mut self, full: Picture<'_>, halves: &[Picture<'_>]) -> Vec<Reading> {
        let mut found = Vec::new();
        self.scan_halves(full, halves, full.area(), Effort::Quick);
        self.read_finders(full, Effort::Quick, &mut found);
        if self.scan_finest(full, halves, full.area(), Effort::Quick, &found) {
            self.read_finders(full, Effort::Quick, &mut found);
        }
        found
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

    /// Finder patterns in the halved pictures, which come first: noise is less there.
    fn scan_halves(
        &mut self,
        full: Picture<'_>,
        halves: &[Picture<'_>],
        area: Area,
        effort: Effort,
    ) {
        let first = full_is_left_out(full, halves);
        for (at, &half) in halves.iter().enumerate().skip(usize::from(first)) {
            self.scan_size(half, 2 << at, &scan::HALVED, area, effort, &[]);
        }
    }

    /// Finder patterns in the full picture, but for where codes were read already; whether there are
    /// any that the halves have not shown as well.
    fn scan_finest(
        &mut self,
        full: Picture<'_>,
        halves: &[Picture<'_>],
        area: Area,
        effort: Effort,
        read: &[Reading],
    ) -> bool {
        let (finest, scale) = match halves.first() {
            Some(&half) if full_is_left_out(full, halves) => (half, 2),
            Some(_) | None => (full, 1),
        };
        self.scan_size(finest, scale, &scan::FULL, area, effort, read)
    }

    /// Finder patterns in a picture `scale` times as small as the full one.
    fn scan_size(
        &mut self,
        picture: Picture<'_>,
        scale: usize,
        rows: &scan::Rows,
        area: Area,
        effort: Effort,
        read: &[Reading],
    ) -> bool {
        let area = area.shrunk(scale);
        let scale = scale as f32;
        self.thresholds.measure(picture);
        for reading in read {
            self.thresholds
                .hide(&reading.corners.map(|at| at * (1.0 / scale)));
        }
        let finders = &self.finders;
        let known =
            |at: Point, module: f32| finders.iter().any(|f| f.is_at(at * scale, module * scale));
        self.scan
            .run(picture, &self.thresholds, rows, area, effort, &known);
        let mut is_new = false;
        for candidate in &self.scan.candidates {
            if let Some(finder) = Finder::fit(picture, candidate, effort) {
                is_new |= finder::add(&mut self.finders, finder.scaled(scale));
            }
        }
        is_new
    }

    /// Adds the codes of the finder patterns that are in none of those found before.
    fn read_finders(&mut self, full: Picture<'_>, effort: Effort, found: &mut Vec<Reading>) {
        let is_read = |at: Point| found.iter().any(|code| geometry::holds(&code.corners, at));
        self.used.clear();
        self.used
            .extend(self.finders.iter().map(|f| is_read(f.middle)));
        let mut triples = std::mem::take(&mut self.triples);
        triples.by_turn(&self.finders);
        self.read_triples(full, triples.likeliest(TRIPLES_MAX), found);
        if effort == Effort::Thorough && found.is_empty() && !self.is_lost() {
            triples.by_place(&self.finders);
            self.read_triples(full, triples.likeliest(LOOSE_TRIPLES_MAX), found);
        }
        if effort == Effort::Thorough && found.is_empty() && !self.is_lost() {
            let seen = self.finders.len();
            missing::complete(full, &mut self.finders);
            triples.by_turn(&self.finders);
            triples.keep_with_any_from(seen);
            self.read_triples(full, triples.likeliest(TRIPLES_MAX), found);
        }
        self.triples = triples;
    }

    /// Reads the codes of these triples; a finder pattern belongs to one code.
    fn read_triples(&mut self, full: Picture<'_>, triples: &[Triple], found: &mut Vec<Reading>) {
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

/// Whether the picture is too large to be scanned as it is.
fn full_is_left_out(full: Picture<'_>, halves: &[Picture<'_>]) -> bool {
    full.width * full.height > FULL_PIXELS_MAX && !halves.is_empty()
}
