//! The head of a tariff, its shares by class, and where its fares stand.

use super::calendar::{Calendar, Day, Period};
use super::structure::Structure;
use super::{LINK_M_MAX, STATIONS_MAX};
use fare_protocol::{Currency, RiderClass};

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

/// What a tariff's own text says, but for its rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) valid_from: Day,
    pub(super) currency: Currency,
    pub(super) calendar: Calendar,
    pub(super) periods: Vec<Period>,
    pub(super) structure: Structure,
    pub(super) percent: Percent,
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

/// Amounts of the classes that have one of their own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ByClass(pub(super) Vec<(RiderClass, i64)>);

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

impl ByClass {
    pub(super) fn of(&self, class: RiderClass) -> Option<i64> {
        let own = self.0.iter().find(|(of, _)| *of == class);
        own.map(|(_, minor)| *minor)
    }
}

/// A class as explanations and files call it.
pub fn class_name(class: RiderClass) -> &'static str {
    class.word()
}
