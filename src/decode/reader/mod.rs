//! Finds and reads QR codes in one grey picture.
//!
//! In this order: [`threshold`] and [`scan`] look for finder patterns at several sizes, [`finder`]
//! measures each between pixels, [`triple`] groups them, [`grid`] lays the modules over the picture,
//! [`modules`] tells dark from light, and rqrr reads the bits.

mod finder;
mod geometry;
mod grid;
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

use finder::Finder;
use geometry::Point;
use grid::{Corners, Grid};
use modules::Modules;
use picture::Picture;
use scan::{Effort, Scan};
use symbol::{Format, Symbol};
use threshold::Thresholds;
use triple::Triple;
use version::Version;

/// A finder pattern with less error than this is one. Among 666 pictures patterns of codes had 0.15 and
/// less, what only looked like one 0.20 and more.
const CERTAIN: f32 = 0.17;

/// Levels of the pyramid at most.
const LEVELS_MAX: usize = 4;

/// A code that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    pub bytes: Vec<u8>,
    pub corners: [(f32, f32); 4],
    pub version: u8,
}

#[derive(Debug, Default, Clone)]
pub struct Stats {
    pub candidates: usize,
    pub finders: usize,
    pub triples: usize,
    pub grids: usize,
    pub best_timing: f32,
    pub quick: Vec<(u32, u32, u32)>,
    pub read_quick: bool,
    pub tried: Vec<(u8, f32)>,
    pub read: Vec<(u8, f32, f32)>,
    pub times: [u64; 6],
}

/// Reads pictures, keeping its buffers from one to the next.
#[derive(Debug, Default)]
pub struct Reader {
    halves: [Vec<u8>; LEVELS_MAX - 1],
    thresholds: Thresholds,
    scan: Scan,
    finders: Vec<Finder>,
    triples: Vec<Triple>,
    levels: Vec<f32>,
    tried: Vec<([Point; 3], Version)>,
    sums: Vec<u16>,
    modules: Modules,
    symbol: Symbol,
    pub use_rqrr: bool,
    pub level_max: usize,
    pub stats: Stats,
    pub debug: Option<Debug>,
}

#[derive(Debug, Default, Clone)]
pub struct Debug {
    pub finders: Vec<([f32; 2], [f32; 2], [f32; 2], f32, u32)>,
    pub grids: Vec<([[f32; 2]; 4], f32, u8)>,
}

impl Reader {
    pub fn read(&mut self, width: usize, height: usize, pixels: &[u8]) -> Vec<Reading> {
        self.stats = Stats::default();
        if let Some(d) = &mut self.debug { *d = Debug::default(); }
        let full = Picture { width, height, pixels };
        let mut halves = std::mem::take(&mut self.halves);
        let mut sizes = [(0, 0); LEVELS_MAX - 1];
        let count = self.shrink(full, &mut halves, &mut sizes);
        self.finders.clear();
        self.tried.clear();
        let level = |at: usize| Picture { width: sizes[at].0, height: sizes[at].1, pixels: &halves[at] };
        for at in 0..count {
            self.scan_level(level(at), (2 << at) as f32, 2, Effort::Quick);
        }
        self.scan_level(full, 1.0, S0, Effort::Quick);
        let mut found = self.read_all(full, Effort::Quick);
        self.stats.quick = self.finders.iter().map(|f| ((f.error * 100.0) as u32, f.hits, f.module() as u32)).collect();
        self.stats.quick.sort();
        self.stats.read_quick = !found.is_empty();
        if found.is_empty() && self.finders.iter().any(|f| f.error < CERTAIN) {
            self.scan_level(full, 1.0, S0, Effort::Thorough);
            for at in 0..count {
                self.scan_level(level(at), (2 << at) as f32, 2, Effort::Thorough);
            }
            found = self.read_all(full, Effort::Thorough);
        }
        self.halves = halves;
        found
    }

    /// Halves the picture until little is left; how often.
    fn shrink(&mut self, full: Picture<'_>, halves: &mut [Vec<u8>], sizes: &mut [(usize, usize)]) -> usize {
        let mut size = (full.width, full.height);
        for at in 0..halves.len() {
            if size.0.min(size.1) < 48 {
                return at;
            }
            let (done, rest) = halves.split_at_mut(at);
            let pixels = done.last().map_or(full.pixels, Vec::as_slice);
            size = picture::halve(Picture { width: size.0, height: size.1, pixels }, &mut rest[0], &mut self.sums);
            sizes[at] = size;
        }
        halves.len()
    }

    fn scan_level(&mut self, picture: Picture<'_>, scale: f32, step: usize, effort: Effort) {
        self.thresholds.measure(picture);
        let finders = &self.finders;
        let known = |at: Point, module: f32| {
            finders.iter().any(|f| {
                let (size, way) = (f.module(), f.middle - at * scale);
                way.dot(way) < size * size && (0.7..1.4).contains(&(module * scale / size)) && module > 2.5
            })
        };
        let widths = if scale == 1.0 { 6..W0 } else { W1..u32::MAX };
        self.scan.run(picture, &self.thresholds, step, widths, effort, &known);
        self.stats.candidates += self.scan.candidates.len();
        for candidate in &self.scan.candidates {
            if let Some(finder) = Finder::fit(picture, candidate, effort) {
                add(&mut self.finders, finder.scaled(scale));
            }
        }
    }

    fn read_all(&mut self, full: Picture<'_>, effort: Effort) -> Vec<Reading> {
        if let Some(d) = &mut self.debug {
            d.finders = self.finders.iter().map(|f| ([f.middle.x, f.middle.y], [f.u.x, f.u.y], [f.v.x, f.v.y], f.error, f.hits)).collect();
        }
        let mut found = Vec::new();
        let mut triples = std::mem::take(&mut self.triples);
        triple::triples(&self.finders, &mut triples);
        self.stats.finders = self.finders.len();
        self.stats.triples = triples.len();
        self.read_triples(full, &triples, false, &mut found);
        if found.is_empty() && effort == Effort::Thorough {
            triple::loose_triples(&self.finders, &mut triples);
            self.read_triples(full, &triples, true, &mut found);
        }
        if found.is_empty() && effort == Effort::Thorough {
            let seen = self.finders.len();
            missing::complete(full, &mut self.finders);
            if self.finders.len() > seen {
                triple::triples(&self.finders, &mut triples);
                let has_new = |t: &Triple| [t.top_left, t.top_right, t.bottom_left].iter().any(|&m| m >= seen);
                triples.retain(has_new);
                self.read_triples(full, &triples, false, &mut found);
            }
        }
        self.triples = triples;
        found
    }

    fn read_triples(&mut self, full: Picture<'_>, triples: &[Triple], loose: bool, found: &mut Vec<Reading>) {
        let mut used = vec![false; self.finders.len()];
        for triple in triples.iter().take(if loose { 12 } else { 40 }) {
            let members = [triple.top_left, triple.top_right, triple.bottom_left];
            if members.iter().any(|&m| used[m]) {
                continue;
            }
            if let Some(reading) = self.read_triple(full, triple, loose) {
                found.push(reading);
                members.iter().for_each(|&m| used[m] = true);
            }
        }
    }

    fn read_triple(&mut self, full: Picture<'_>, triple: &Triple, loose: bool) -> Option<Reading> {
        let finder = |at: usize| {
            let finder = self.finders[at];
            if loose { triple::turned(finder, triple, &self.finders) } else { finder }
        };
        let corners = Corners {
            top_left: finder(triple.top_left),
            top_right: finder(triple.top_right),
            bottom_left: finder(triple.bottom_left),
        };
        let likeliest = Version::of_arm(triple.arm);
        let reach = 1 + likeliest / 8 + i32::from(loose);
        let told = (likeliest >= 6).then(|| corners.version(full)).flatten();
        if let Some(version) = told.filter(|v| (i32::from(v.number()) - likeliest).abs() <= 2 + likeliest / 5) {
            self.stats.grids += 1;
            let grid = Grid::lay(&corners, version)?;
            let timing = grid.timing(full);
            self.stats.tried.push((version.number(), timing));
            if timing > 0.3 {
                if let Some(reading) = self.read_laid(full, &corners, grid, timing) {
                    self.stats.read.push((version.number(), timing, triple.cost));
                    return Some(reading);
                }
            }
        }
        let mut grids: Vec<(f32, Grid)> = (likeliest - reach..=likeliest + reach)
            .filter_map(|number| Grid::lay(&corners, Version::new(number)?))
            .map(|grid| (grid.timing(full), grid))
            .collect();
        grids.sort_by(|a, b| b.0.total_cmp(&a.0));
        for (timing, grid) in grids.into_iter().take(2) {
            self.stats.best_timing = self.stats.best_timing.max(timing);
            if timing < if grid.version.number() > 20 { 0.55 } else { 0.72 } {
                break;
            }
            self.stats.grids += 1;
            self.stats.tried.push((grid.version.number(), timing));
            let number = grid.version.number();
            if let Some(reading) = self.read_laid(full, &corners, grid, timing) {
                self.stats.read.push((number, timing, triple.cost));
                return Some(reading);
            }
        }
        None
    }

    fn read_laid(&mut self, full: Picture<'_>, corners: &Corners, mut grid: Grid, timing: f32) -> Option<Reading> {
        let place = [corners.top_left, corners.top_right, corners.bottom_left].map(|f| f.middle);
        let near = |a: &[Point; 3]| a.iter().zip(&place).all(|(a, b)| (*a - *b).length() < 0.7);
        if self.tried.iter().any(|(at, version)| *version == grid.version && near(at)) {
            return None;
        }
        self.tried.push((place, grid.version));
        if !grid.align(full, corners) {
            return None;
        }
        if let Some(d) = &mut self.debug {
            d.grids.push((grid.corners().map(|c| [c.x, c.y]), timing, grid.version.number()));
        }
        self.read_grid(full, &grid)
    }

    fn read_grid(&mut self, full: Picture<'_>, grid: &Grid) -> Option<Reading> {
        let mut levels = std::mem::take(&mut self.levels);
        grid.sample(full, &mut levels);
        let mut reading = None;
        for (reach, sharpen) in [(5, 0.25), (5, 0.8), (3, 0.4), (9, 0.1)] {
            self.modules.judge(grid.version, &levels, reach, sharpen);
            if !self.use_rqrr {
                let mut got = None;
                for format in Format::of(&self.modules, grid.version).into_iter().flatten() {
                    if self.symbol.read(&self.modules, grid.version, format).is_ok() {
                        if let Ok(payload) = payload::read(&self.symbol.data, grid.version) {
                            got = Some(payload.bytes);
                            break;
                        }
                    }
                }
                let Some(bytes) = got else { continue };
                reading = Some(Reading { bytes, corners: grid.corners().map(|c| (c.x, c.y)), version: grid.version.number() });
                break;
            }
            let mut bytes = Vec::new();
            if rqrr::Grid::new(&self.modules).decode_to(&mut bytes).is_ok() {
                reading = Some(Reading {
                    bytes,
                    corners: grid.corners().map(|c| (c.x, c.y)),
                    version: grid.version.number(),
                });
                break;
            }
        }
        self.levels = levels;
        reading
    }
}

/// Adds a finder pattern unless a level of the pyramid has shown it before; the better one stays.
fn add(finders: &mut Vec<Finder>, finder: Finder) {
    let module = finder.module();
    let same = |known: &&mut Finder| {
        known.inverted == finder.inverted
            && (known.middle - finder.middle).length() < 1.5 * module
            && (0.6..1.7).contains(&(known.module() / module))
    };
    match finders.iter_mut().find(same) {
        Some(known) if known.error > finder.error => *known = finder,
        Some(_) => {}
        None => finders.push(finder),
    }
}

const W0: u32 = 48;
const W1: u32 = 11;
const S0: usize = 3;
