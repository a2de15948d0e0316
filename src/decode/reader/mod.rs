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
use grid::{Corners, Grid};
use modules::Modules;
use picture::Picture;
use scan::{Effort, Scan};
use symbol::{Format, Symbol};
use threshold::Thresholds;
use triple::Triple;
use version::Version;

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
        self.find(full, &mut halves, Effort::Quick);
        let mut found = self.read_all(full, Effort::Quick);
        if found.is_empty() && self.level_max > 0 && !self.finders.is_empty() {
            self.find(full, &mut halves, Effort::Thorough);
            found = self.read_all(full, Effort::Thorough);
            if let Some(d) = &mut self.debug {
                d.finders = self.finders.iter().map(|f| ([f.middle.x, f.middle.y], [f.u.x, f.u.y], [f.v.x, f.v.y], f.error, f.hits)).collect();
            }
        }
        self.halves = halves;
        found
    }

    fn find(&mut self, full: Picture<'_>, halves: &mut [Vec<u8>; LEVELS_MAX - 1], effort: Effort) {
        self.finders.clear();
        self.scan_level(full, 1.0, 3, effort);
        let mut size = (full.width, full.height);
        let mut scale = 1.0;
        let (mut source, mut rest) = (None::<&[u8]>, &mut halves[..]);
        while let Some((half, others)) = rest.split_first_mut() {
            if size.0.min(size.1) < 48 {
                break;
            }
            let above = Picture { width: size.0, height: size.1, pixels: source.unwrap_or(full.pixels) };
            size = picture::halve(above, half);
            scale *= 2.0;
            let half: &[u8] = half;
            let picture = Picture { width: size.0, height: size.1, pixels: half };
            self.scan_level(picture, scale, 2, effort);
            source = Some(half);
            rest = others;
        }
    }

    fn scan_level(&mut self, picture: Picture<'_>, scale: f32, step: usize, effort: Effort) {
        self.thresholds.measure(picture);
        self.scan.run(picture, &self.thresholds, step, effort);
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
