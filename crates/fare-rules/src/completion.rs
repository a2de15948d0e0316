//! Where a journey ended, or began, whose other end has no tap: what points there, and how sure that is. A tariff says
//! from which confidence on a journey is completed so ([`crate::Tariff::completed`]); it then costs what it would have
//! cost with that end, and never more than the maximum fare.
//!
//! Each clue is right so often by itself:
//!
//! ```text
//! receipt    the rider's own tap on the missing side, through which the gate saw nobody go    95 %
//! next tap   the next entry, on the same service day, at another station; for a missing
//!            entry the exit before, on the same service day                                   75 %
//! habit      `same` of the account's `of` journeys from there (or to there) in the 28 days
//!            before went to (or came from) that station                           same / (of + 1), at most 90 %
//! ```
//! Clues for one station support one another: it is wrong only when all of them are. A clue for another station speaks
//! against it: the others must be wrong. So the confidence is the chance that all clues for the station's rivals are
//! wrong and not all of its own.

use fare_protocol::{Direction, Millis, StationId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How far back an account's journeys are its habits.
pub const HABIT: Millis = Millis(28 * 86_400_000);

const RECEIPT_PERCENT: u32 = 95;
const NEXT_TAP_PERCENT: u32 = 75;
const HABIT_PERCENT_MAX: u32 = 90;

/// A chance of one, as the chances here are counted.
const SURE: u64 = 1_000_000_000;

/// What points to a station.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "sign", rename_all = "kebab-case")]
pub enum Sign {
    /// The rider tapped there, and the gate saw nobody go through.
    Receipt,
    /// The rider's next entry was there; the exit before, when the entry is missing.
    NextTap,
    /// So many of the account's journeys went there, or came from there.
    Habit {
        /// Between the two stations.
        same: u32,
        /// From the one that is known, or to it.
        of: u32,
    },
}

/// One thing that points to a station.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clue {
    /// Which station.
    pub station: StationId,
    /// What points there.
    #[serde(flatten)]
    pub sign: Sign,
}

/// A missing end as the clues have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completed {
    /// Where.
    pub station: StationId,
    /// How sure that is, in per cent, 0 to 100.
    pub percent: u32,
    /// What points there; what points elsewhere is in the confidence.
    pub because: Vec<Clue>,
}

impl Sign {
    /// How often it is right by itself, in per cent.
    pub fn percent(self) -> u32 {
        match self {
            Self::Receipt => RECEIPT_PERCENT,
            Self::NextTap => NEXT_TAP_PERCENT,
            Self::Habit { same, of } => {
                let all = u64::from(of.max(same)).saturating_add(1);
                let share = u64::from(same).saturating_mul(100) / all;
                u32::try_from(share).map_or(HABIT_PERCENT_MAX, |share| share.min(HABIT_PERCENT_MAX))
            }
        }
    }

    /// For people, when this end is missing.
    pub fn sentence(self, missing: Direction) -> String {
        match (self, missing) {
            (Self::Receipt, Direction::Exit) => {
                "tapped out there, where nobody went through".to_owned()
            }
            (Self::Receipt, Direction::Entry) => {
                "tapped in there, where nobody went through".to_owned()
            }
            (Self::NextTap, Direction::Exit) => "entered there next".to_owned(),
            (Self::NextTap, Direction::Entry) => "left there before".to_owned(),
            (Self::Habit { same, of }, Direction::Exit) => {
                format!("{same} of {of} journeys from here went there")
            }
            (Self::Habit { same, of }, Direction::Entry) => {
                format!("{same} of {of} journeys to here came from there")
            }
        }
    }
}

impl Completed {
    /// The station of which the clues are surest; nothing without clues.
    pub fn from(clues: &[Clue]) -> Option<Self> {
        // The chance that all clues for a station are wrong.
        let mut doubts: BTreeMap<StationId, u64> = BTreeMap::new();
        for clue in clues {
            let wrong = u64::from(100_u32.saturating_sub(clue.sign.percent()));
            let doubt = doubts.entry(clue.station).or_insert(SURE);
            *doubt = doubt.saturating_mul(wrong) / 100;
        }
        let sure = |station: StationId| {
            doubts.iter().fold(SURE, |sure, (other, doubt)| {
                let right = SURE.saturating_sub(*doubt);
                let chance = if *other == station { right } else { *doubt };
                sure.saturating_mul(chance) / SURE
            })
        };
        let all = doubts.keys().map(|station| (*station, sure(*station)));
        let (station, chance) = all.max_by_key(|(_, chance)| *chance)?;
        let because = clues.iter().copied();
        Some(Self {
            station,
            // Rounded down, so that 79.9 is not 80.
            percent: u32::try_from(chance.saturating_mul(100) / SURE).unwrap_or(0),
            because: because.filter(|clue| clue.station == station).collect(),
        })
    }

    /// For people: `left at SUB, 93 % sure: entered there next; 8 of 10 journeys from here went there`.
    pub fn sentence(&self, missing: Direction) -> String {
        let what = match missing {
            Direction::Exit => "left",
            Direction::Entry => "entered",
        };
        let why = self.because.iter().map(|clue| clue.sign.sentence(missing));
        let why = why.collect::<Vec<_>>().join("; ");
        let (station, percent) = (self.station, self.percent);
        format!("{what} at {station}, {percent} % sure: {why}")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn clue(station: &str, sign: Sign) -> Clue {
        Clue {
            station: station.parse().unwrap(),
            sign,
        }
    }

    fn habit(same: u32, of: u32) -> Sign {
        Sign::Habit { same, of }
    }

    #[test]
    fn a_few_journeys_are_no_habit() {
        for (same, of, percent) in [
            (0, 0, 0),
            (1, 1, 50),
            (4, 5, 66),
            (5, 5, 83),
            (9, 10, 81),
            (40, 40, 90),
        ] {
            assert_eq!(habit(same, of).percent(), percent, "{same} of {of}");
        }
    }

    #[test]
    fn clues_for_one_station_add_up_and_others_speak_against_it() {
        for (clues, station, percent) in [
            (vec![clue("B", Sign::NextTap)], "B", 75),
            (
                vec![clue("B", Sign::NextTap), clue("B", habit(9, 10))],
                "B",
                95,
            ),
            (
                vec![clue("B", Sign::NextTap), clue("C", habit(9, 10))],
                "C",
                20,
            ),
            (
                vec![clue("B", habit(6, 10)), clue("C", habit(4, 10))],
                "B",
                34,
            ),
            (
                vec![clue("B", Sign::Receipt), clue("C", Sign::NextTap)],
                "B",
                23,
            ),
            (vec![clue("B", Sign::Receipt)], "B", 95),
        ] {
            let got = Completed::from(&clues).unwrap();
            assert_eq!(
                (got.station.as_str(), got.percent),
                (station, percent),
                "{clues:?}"
            );
        }
        assert_eq!(Completed::from(&[]), None);
    }

    #[test]
    fn it_says_why() {
        let clues = [clue("B", Sign::NextTap), clue("B", habit(9, 10))];
        let got = Completed::from(&clues).unwrap();
        assert_eq!(
            got.sentence(Direction::Exit),
            "left at B, 95 % sure: entered there next; 9 of 10 journeys from here went there"
        );
    }

    proptest! {
        #[test]
        fn all_stations_together_are_never_more_than_sure(
            clues in prop::collection::vec((0..4_usize, 0..40_u32, 0..40_u32), 0..6)
        ) {
            let clues: Vec<Clue> = clues
                .into_iter()
                .map(|(station, same, more)| clue(["A", "B", "C", "D"][station], habit(same, same + more)))
                .collect();
            if let Some(best) = Completed::from(&clues) {
                prop_assert!(best.percent <= 100);
                prop_assert!(!best.because.is_empty());
                // The order in which clues are found does not matter.
                let back: Vec<Clue> = clues.iter().rev().copied().collect();
                prop_assert_eq!(Completed::from(&back).unwrap().percent, best.percent);
            }
        }
    }
}
