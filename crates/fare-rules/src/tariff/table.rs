//! From a distance and a class to a fare.

use super::{LINK_M_MAX, STATIONS_MAX};
use fare_protocol::{Currency, FareStep, RiderClass};

/// Most steps of a tariff.
pub const STEPS_MAX: usize = 100;

/// Highest fare of one step, and highest addition beyond the last: with the longest way that the
/// limits allow, no sum leaves 64 bits.
pub const FARE_MINOR_MAX: i64 = 100_000_000;

const _: () = {
    let longest_m = STATIONS_MAX as i64 * LINK_M_MAX as i64;
    let dearest = FARE_MINOR_MAX * (1 + longest_m);
    assert!(
        dearest.checked_mul(100).is_some(),
        "a share of the dearest fare leaves 64 bits"
    );
};

/// Steps and classes. The steps are not empty and ascend in both fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) valid_from: String,
    pub(super) currency: Currency,
    pub(super) first: Step,
    /// The steps after the first.
    pub(super) further: Vec<Step>,
    pub(super) beyond: Beyond,
    pub(super) percent: Percent,
}

/// Up to this distance, this fare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) up_to_m: u32,
    pub(super) fare_minor: i64,
}

/// What is added after the last step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Beyond {
    pub(super) every_m: u32,
    pub(super) add_minor: i64,
}

/// Per cent of the adult fare, 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Percent {
    pub(super) adult: u32,
    pub(super) child: u32,
    pub(super) student: u32,
    pub(super) senior: u32,
    pub(super) disabled: u32,
    pub(super) staff: u32,
}

impl Table {
    pub(super) fn all_steps(&self) -> impl Iterator<Item = &Step> {
        std::iter::once(&self.first).chain(&self.further)
    }

    /// How the fare for `way` comes about; the steps sum to it.
    pub(super) fn steps(&self, way: &str, distance_m: u32, class: RiderClass) -> Vec<FareStep> {
        let mut steps = self.full(way, distance_m);
        let full = steps
            .iter()
            .fold(0, |sum: i64, step| sum.saturating_add(step.minor));
        let percent = self.percent.of(class);
        if percent < 100 {
            let less = share(full, percent).saturating_sub(full);
            let text = format!("{} pays {percent} %, rounded down", class_name(class));
            steps.push(FareStep { text, minor: less });
        }
        steps
    }

    fn full(&self, way: &str, distance_m: u32) -> Vec<FareStep> {
        let last = self.further.last().unwrap_or(&self.first);
        let enough = self.all_steps().find(|step| step.up_to_m >= distance_m);
        let step = enough.unwrap_or(last);
        let text = format!("{way}, {distance_m} m: up to {} m", step.up_to_m);
        let mut steps = vec![FareStep {
            text,
            minor: step.fare_minor,
        }];
        let beyond_m = distance_m.saturating_sub(last.up_to_m);
        if beyond_m > 0 {
            let Beyond { every_m, add_minor } = self.beyond;
            let times = beyond_m.div_ceil(every_m);
            let text = format!("{beyond_m} m beyond: {times} x {every_m} m or part of it");
            steps.push(FareStep {
                text,
                minor: add_minor.saturating_mul(times.into()),
            });
        }
        steps
    }
}

impl Percent {
    pub(super) fn of(&self, class: RiderClass) -> u32 {
        match class {
            RiderClass::Adult => self.adult,
            RiderClass::Child => self.child,
            RiderClass::Student => self.student,
            RiderClass::Senior => self.senior,
            RiderClass::Disabled => self.disabled,
            RiderClass::Staff => self.staff,
        }
    }
}

/// In favour of the rider: down to a whole minor unit.
fn share(full: i64, percent: u32) -> i64 {
    full.saturating_mul(percent.into()) / 100
}

pub(super) fn class_name(class: RiderClass) -> &'static str {
    match class {
        RiderClass::Adult => "adult",
        RiderClass::Child => "child",
        RiderClass::Student => "student",
        RiderClass::Senior => "senior",
        RiderClass::Disabled => "disabled",
        RiderClass::Staff => "staff",
    }
}
