//! From three finder patterns to the code's bytes.

use super::geometry::Point;
use super::grid::{Corners, Grid};
use super::memory::Memory;
use super::modules::Modules;
use super::picture::Picture;
use super::symbol::{Doubt, Format, Symbol};
use super::triple::Triple;
use super::version::Version;
use super::{Reading, Unread, payload};

/// Share of the timing patterns that must alternate, up to the version from which paper's bends
/// matter more, and above. Codes that were read had 0.9 and more below, chance gives 0.8 at most.
const TIMING_MIN: f32 = 0.72;
const TIMING_MIN_LARGE: f32 = 0.55;
const LARGE_VERSION: u8 = 20;

/// From this on it is certainly a code, worth a grid that follows its bends.
const TIMING_SETTLE: f32 = 0.8;

/// How far behind the best version's another's may be.
const TIMING_BEHIND: f32 = 0.1;

/// The same for a version that the code itself has told.
const TIMING_MIN_TOLD: f32 = 0.3;

/// Versions beside the likeliest that are tried at most, and grids of them that are read.
const VERSIONS_MAX: usize = 24;
const GRIDS_MAX: usize = 2;

/// Modules of all grids that are read in one picture: 32 codes of version 40, 1,600 of version 2.
const MODULES_MAX: usize = 1_000_000;

/// How modules are judged, one way after another: modules to each side, and sharpening.
const JUDGEMENTS: [(usize, f32); 4] = [(5, 0.25), (5, 0.8), (3, 0.4), (9, 0.1)];

/// Those of them that are read once more, doubting the least sure codewords.
const DOUBTING: [usize; 2] = [0, 1];

/// Reads codes, keeping its buffers, and remembers within one picture what it has tried.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    levels: Vec<f32>,
    modules: Modules,
    symbol: Symbol,
    tried: Vec<([Point; 3], Version)>,
    /// Of [`MODULES_MAX`], those not yet spent.
    modules_left: usize,
    unread: Option<Unread>,
    /// Of the stream that the picture is part of, if any.
    memory: Option<Memory>,
}

impl Attempts {
    /// Attempts that put together what they see in the pictures of a stream.
    pub(super) fn of_stream() -> Self {
        Self {
            memory: Some(Memory::default()),
            ..Self::default()
        }
    }

    /// Begins another picture.
    pub(super) fn begin(&mut self) {
        self.tried.clear();
        self.modules_left = MODULES_MAX;
        self.unread = None;
        if let Some(memory) = &mut self.memory {
            memory.next_picture();
        }
    }

    /// The code that looked most like one and was not read.
    pub(super) fn best_unread(&self) -> Option<Unread> {
        self.unread
    }

    /// The code whose three corners these are.
    pub(super) fn read(
        &mut self,
        picture: Picture<'_>,
        corners: &Corners,
        triple: &Triple,
    ) -> Option<Reading> {
        let likeliest = Version::of_arm(triple.arm);
        if let Some(version) = told(picture, corners, likeliest) {
            let grid = Grid::lay(corners, version)?;
            let timing = grid.timing(picture);
            let reading = (timing > TIMING_MIN_TOLD)
                .then(|| self.read_grid(picture, corners, grid, timing))
                .flatten();
            if reading.is_some() {
                return reading;
            }
        }
        let reach = 1 + likeliest / 8 + i32::from(triple.loose);
        let mut best: [Option<(f32, Version)>; GRIDS_MAX] = [None; GRIDS_MAX];
        for number in (likeliest - reach..=likeliest + reach).take(VERSIONS_MAX) {
            let Some(version) = Version::new(number) else {
                continue;
            };
            if let Some(grid) = Grid::lay(corners, version) {
                keep_best(&mut best, (grid.timing(picture), version));
            }
        }
        let likely = best[0].map_or(0.0, |(timing, _)| timing) - TIMING_BEHIND;
        best.into_iter()
            .flatten()
            .filter(|&(timing, version)| timing >= timing_min(version).max(likely))
            .find_map(|(timing, version)| {
                let grid = Grid::lay(corners, version)?;
                self.read_grid(picture, corners, grid, timing)
            })
    }

    fn read_grid(
        &mut self,
        picture: Picture<'_>,
        corners: &Corners,
        mut grid: Grid,
        timing: f32,
    ) -> Option<Reading> {
        let middles = corners.middles();
        let near = |known: &[Point; 3]| {
            known
                .iter()
                .zip(&middles)
                .all(|(a, b)| (*a - *b).length() < 0.7)
        };
        if self
            .tried
            .iter()
            .any(|(at, version)| *version == grid.version && near(at))
        {
            return None;
        }
        self.tried.push((middles, grid.version));
        self.modules_left = self.modules_left.checked_sub(grid.version.size().pow(2))?;
        if !grid.align(picture, corners) {
            return None;
        }
        let mut reading = self.read_modules(picture, &grid);
        if reading.is_none() && timing >= TIMING_SETTLE && grid.version.number() < LARGE_VERSION {
            grid.settle(picture);
            reading = self.read_modules(picture, &grid);
        }
        if reading.is_none() && self.unread.is_none_or(|unread| unread.timing < timing) {
            self.unread = Some(Unread {
                corners: grid.corners(),
                timing,
            });
        }
        reading
    }

    fn read_modules(&mut self, picture: Picture<'_>, grid: &Grid) -> Option<Reading> {
        grid.sample(picture, &mut self.levels);
        let trusting = JUDGEMENTS.map(|judgement| (judgement, Doubt::Nothing));
        let doubting = DOUBTING.map(|at| (JUDGEMENTS[at], Doubt::LeastSure));
        let all = trusting.into_iter().chain(doubting);
        let read = all.into_iter().find_map(|((reach, sharpen), doubt)| {
            self.modules
                .judge(grid.version, &self.levels, reach, sharpen);
            self.read_judged(grid, doubt)
        });
        let Some(mut memory) = self.memory.take() else {
            return read;
        };
        let read = read.or_else(|| {
            let (reach, sharpen) = JUDGEMENTS[0];
            self.modules
                .judge(grid.version, &self.levels, reach, sharpen);
            let sums = memory.add(grid.version, &self.modules)?;
            self.modules.set(grid.version, sums);
            self.read_judged(grid, Doubt::LeastSure)
        });
        if read.is_some() {
            memory.forget();
        }
        self.memory = Some(memory);
        read
    }

    /// Reads the modules as they were judged last.
    fn read_judged(&mut self, grid: &Grid, doubt: Doubt) -> Option<Reading> {
        let formats = Format::of(&self.modules, grid.version);
        formats.into_iter().flatten().find_map(|format| {
            let data = self
                .symbol
                .read(&self.modules, grid.version, format, doubt)?;
            let payload = payload::read(data, grid.version).ok()?;
            Some(Reading {
                bytes: payload.bytes,
                eci: payload.eci,
                has_kanji: payload.has_kanji,
                corners: grid.corners(),
                version: grid.version.number(),
            })
        })
    }
}

/// The version that the code tells, if it is near what its size says.
fn told(picture: Picture<'_>, corners: &Corners, likeliest: i32) -> Option<Version> {
    let near =
        |version: &Version| (i32::from(version.number()) - likeliest).abs() <= 2 + likeliest / 5;
    (likeliest >= 6)
        .then(|| corners.version(picture))
        .flatten()
        .filter(near)
}

const fn timing_min(version: Version) -> f32 {
    if version.number() > LARGE_VERSION {
        TIMING_MIN_LARGE
    } else {
        TIMING_MIN
    }
}

/// Keeps the grids with the best timing, the best first.
fn keep_best(best: &mut [Option<(f32, Version)>; GRIDS_MAX], mut new: (f32, Version)) {
    for place in best {
        match place {
            Some(old) if old.0 >= new.0 => {}
            Some(old) => std::mem::swap(old, &mut new),
            None => {
                *place = Some(new);
                return;
            }
        }
    }
}
