//! Which finder patterns belong to one code, which is its top left, and how many modules it has.

use super::finder::Finder;
use super::grid::Corners;

/// Modules from the middle of one finder pattern to that of the next, for versions 1 to 40.
const ARM_MODULES: (f32, f32) = (14.0, 170.0);

/// How far one pattern may lie aside for each module ahead.
const ASIDE_MAX: f32 = 0.42;

/// Finder patterns of which triples are made by place alone.
const LOOSE_MAX: usize = 10;

/// Triples kept; a picture full of codes makes far more, and few are meant.
const TRIPLES_MAX: usize = 2_000;

/// Three finder patterns that look like one code's, by their places in the list they come from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Triple {
    top_left: usize,
    top_right: usize,
    bottom_left: usize,
    /// Modules from middle to middle, estimated.
    pub arm: f32,
    /// Made by place alone: how the patterns are turned is not known.
    pub loose: bool,
    /// Smaller is likelier.
    cost: f32,
}

/// One finder pattern seen from another, along one of the other's four sides.
#[derive(Clone, Copy, Debug)]
struct Arm {
    to: usize,
    /// 0 to 3: quarter turns clockwise from `u`.
    side: usize,
    modules: f32,
    cost: f32,
}

/// Triples, likeliest first.
#[derive(Debug, Default)]
pub(super) struct Triples {
    found: Vec<Triple>,
    arms: Vec<Arm>,
}

impl Triple {
    pub(super) const fn members(&self) -> [usize; 3] {
        [self.top_left, self.top_right, self.bottom_left]
    }

    /// The finder patterns themselves.
    pub(super) fn corners(&self, finders: &[Finder]) -> Corners {
        let [top_left, top_right, bottom_left] = self.members().map(|member| finders[member]);
        let turned = |finder: Finder| {
            if self.loose {
                // As the code is turned, by the places of the three.
                let unit = |to: &Finder| (to.middle - top_left.middle) * (1.0 / self.arm);
                Finder {
                    u: unit(&top_right),
                    v: unit(&bottom_left),
                    ..finder
                }
            } else {
                finder
            }
        };
        Corners {
            top_left: turned(top_left),
            top_right: turned(top_right),
            bottom_left: turned(bottom_left),
        }
    }
}

impl Triples {
    /// Triples of patterns that are turned alike and lie straight beside one another.
    pub(super) fn by_turn(&mut self, finders: &[Finder]) {
        self.found.clear();
        for corner in 0..finders.len() {
            self.arms.clear();
            let others = (0..finders.len()).filter(|&to| to != corner);
            self.arms
                .extend(others.filter_map(|to| arm(finders, corner, to)));
            for right in &self.arms {
                let lefts = self
                    .arms
                    .iter()
                    .filter(|left| left.side == (right.side + 1) % 4);
                let room = TRIPLES_MAX.saturating_sub(self.found.len());
                self.found.extend(
                    lefts
                        .filter_map(|left| join(corner, right, left))
                        .take(room),
                );
            }
        }
        self.sort();
    }

    /// Triples by the places of their middles alone, for patterns whose own turn cannot be trusted:
    /// round ones, blurred ones, patterns beneath glare.
    pub(super) fn by_place(&mut self, finders: &[Finder]) {
        self.found.clear();
        let count = finders.len().min(LOOSE_MAX);
        for corner in 0..count {
            for right in (0..count).filter(|&other| other != corner) {
                let lefts = (0..count).filter(|&other| other != corner && other != right);
                self.found
                    .extend(lefts.filter_map(|left| loose(finders, corner, right, left)));
            }
        }
        self.sort();
    }

    /// Leaves only those with a pattern from this place in the list on.
    pub(super) fn keep_with_any_from(&mut self, first: usize) {
        self.found
            .retain(|triple| triple.members().iter().any(|&member| member >= first));
    }

    /// The likeliest so many.
    pub(super) fn likeliest(&self, count: usize) -> &[Triple] {
        &self.found[..count.min(self.found.len())]
    }

    fn sort(&mut self) {
        self.found
            .sort_unstable_by(|a, b| a.cost.total_cmp(&b.cost));
    }
}

fn arm(finders: &[Finder], corner: usize, to: usize) -> Option<Arm> {
    let (from, end) = (&finders[corner], &finders[to]);
    // Of so many pairs in a picture full of codes most end here.
    let (side, near, aside_near) = along_side(from.modules_to(end.middle));
    if from.inverted != end.inverted || aside_near > ASIDE_MAX {
        return None;
    }
    let (_, far, aside_far) = along_side(end.modules_to(from.middle));
    let size = end.module() / from.module();
    // Under a projection the geometric mean of both ends' measures is exact.
    let modules = (near * far).sqrt();
    let aside = aside_near.max(aside_far);
    if modules < ARM_MODULES.0 * 0.8
        || modules > ARM_MODULES.1 * 1.1
        || aside > ASIDE_MAX
        || !(0.4..2.5).contains(&size)
    {
        return None;
    }
    let stretch = (near / far).ln().abs();
    Some(Arm {
        to,
        side,
        modules,
        cost: aside * 2.0 + stretch + from.error + end.error,
    })
}

/// The side that a way in modules leaves by, how far it goes, and how much it strays for each step.
fn along_side((u, v): (f32, f32)) -> (usize, f32, f32) {
    if u.abs() > v.abs() {
        (if u > 0.0 { 0 } else { 2 }, u.abs(), v.abs() / u.abs())
    } else {
        (if v > 0.0 { 1 } else { 3 }, v.abs(), u.abs() / v.abs())
    }
}

fn join(corner: usize, right: &Arm, left: &Arm) -> Option<Triple> {
    let arm = (right.modules + left.modules) / 2.0;
    let unlike = (right.modules - left.modules).abs() / arm;
    (unlike < 0.3).then(|| Triple {
        top_left: corner,
        top_right: right.to,
        bottom_left: left.to,
        arm,
        loose: false,
        cost: right.cost + left.cost + 4.0 * unlike + arm / 200.0,
    })
}

fn loose(finders: &[Finder], corner: usize, right: usize, left: usize) -> Option<Triple> {
    let (from, to_right, to_left) = (&finders[corner], &finders[right], &finders[left]);
    let sizes = [from.module(), to_right.module(), to_left.module()];
    let (small, large) = sizes.iter().fold((f32::MAX, 0.0f32), |(low, high), &m| {
        (low.min(m), high.max(m))
    });
    if large > 1.8 * small
        || from.inverted != to_right.inverted
        || from.inverted != to_left.inverted
    {
        return None;
    }
    let (x, y) = (to_right.middle - from.middle, to_left.middle - from.middle);
    let (across, down) = (x.length(), y.length());
    let square = x.cross(y) / (across * down);
    let unlike = (across / down).ln().abs();
    let arm = (across + down) / (sizes[0] * 2.0 + sizes[1] + sizes[2]) * 2.0;
    if square < 0.8 || unlike > 0.5 || arm < ARM_MODULES.0 * 0.75 || arm > ARM_MODULES.1 {
        return None;
    }
    Some(Triple {
        top_left: corner,
        top_right: right,
        bottom_left: left,
        arm,
        loose: true,
        cost: (1.0 - square) * 4.0 + unlike * 2.0 + (large / small).ln() + arm / 200.0,
    })
}
