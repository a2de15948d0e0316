//! Contacts and outputs of a barrier on GPIO lines, apart from the chip. Pure: times in nanoseconds of one
//! clock that never goes back.

use super::super::{Inputs, Motion};
use std::time::Duration;

/// A contact that bounces: a level counts once it has stayed for the debounce time.
#[derive(Clone, Debug)]
pub(super) struct Contact {
    debounce_ns: u64,
    stable: bool,
    raw: bool,
    since_ns: u64,
}

impl Contact {
    /// A contact that has this level at the start.
    pub(super) fn new(level: bool, debounce: Duration) -> Self {
        Self {
            debounce_ns: nanoseconds(debounce),
            stable: level,
            raw: level,
            since_ns: 0,
        }
    }

    /// The level has been this since `at`. The answer: whether the contact had become on before.
    fn level(&mut self, level: bool, at: u64) -> bool {
        let became_on = self.settle(at);
        if level != self.raw {
            (self.raw, self.since_ns) = (level, at);
        }
        became_on
    }

    /// Nothing has changed until `now`. The answer: whether the contact has become on.
    fn settle(&mut self, now: u64) -> bool {
        let stays = now.saturating_sub(self.since_ns) >= self.debounce_ns;
        if self.raw == self.stable || !stays {
            return false;
        }
        self.stable = self.raw;
        self.stable
    }
}

/// What a contact tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sensor {
    /// Somebody went through.
    Passed,
    /// Somebody followed without a code.
    Tailgate,
    /// Something stands in the way.
    Obstructed,
    /// The fire alarm.
    Fire,
}

/// All contacts, and what they have told.
#[derive(Clone, Debug, Default)]
pub(super) struct Contacts {
    contacts: Vec<(Sensor, Contact)>,
    passages: u16,
}

impl Contacts {
    /// One more contact.
    pub(super) fn add(&mut self, sensor: Sensor, contact: Contact) {
        self.contacts.push((sensor, contact));
    }

    /// The level of a sensor has been this since `at`.
    pub(super) fn level(&mut self, sensor: Sensor, level: bool, at: u64) {
        let found = self.contacts.iter_mut().find(|(it, _)| *it == sensor);
        let became_on = found.is_some_and(|(_, contact)| contact.level(level, at));
        self.count(sensor, became_on);
    }

    /// What they say at `now`.
    pub(super) fn inputs(&mut self, now: u64) -> Inputs {
        for place in 0..self.contacts.len() {
            if let Some((sensor, contact)) = self.contacts.get_mut(place) {
                let (sensor, became_on) = (*sensor, contact.settle(now));
                self.count(sensor, became_on);
            }
        }
        let is_on = |sensor| {
            let mut contacts = self.contacts.iter();
            contacts.any(|(it, contact)| *it == sensor && contact.stable)
        };
        Inputs {
            obstructed: is_on(Sensor::Obstructed),
            fire: is_on(Sensor::Fire),
            passages: self.passages,
            fault: 0,
        }
    }

    fn count(&mut self, sensor: Sensor, became_on: bool) {
        match sensor {
            // One who follows is a passage that nobody was admitted for: the lane notes it as unasked.
            Sensor::Passed | Sensor::Tailgate => {
                self.passages = self.passages.wrapping_add(became_on.into());
            }
            Sensor::Obstructed | Sensor::Fire => {}
        }
    }
}

/// An output that moves the barrier: held, or pulsed.
#[derive(Clone, Debug)]
pub(super) struct Output {
    pulse_ns: Option<u64>,
    off_at: Option<u64>,
}

impl Output {
    /// One that is held for so long, or until it is told otherwise.
    pub(super) fn new(pulse: Option<Duration>) -> Self {
        Self {
            pulse_ns: pulse.map(nanoseconds),
            off_at: None,
        }
    }

    /// The level for a motion of the output that opens.
    pub(super) fn opens(&mut self, motion: Motion, now: u64) -> bool {
        self.off_at = None;
        match motion {
            Motion::OpenForOne => {
                self.off_at = self.pulse_ns.map(|pulse| now.saturating_add(pulse));
                true
            }
            // A pulse lets one through.
            Motion::OpenForAll => true,
            Motion::Close => false,
        }
    }

    /// The level for a motion of the output that closes.
    pub(super) fn closes(&mut self, motion: Motion, now: u64) -> bool {
        self.off_at = None;
        match motion {
            Motion::OpenForOne | Motion::OpenForAll => false,
            Motion::Close => {
                self.off_at = self.pulse_ns.map(|pulse| now.saturating_add(pulse));
                true
            }
        }
    }

    /// Whether a pulse ends now.
    pub(super) fn ends(&mut self, now: u64) -> bool {
        let ends = self.off_at.is_some_and(|at| at <= now);
        if ends {
            self.off_at = None;
        }
        ends
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn contacts(sensor: Sensor, level: bool) -> Contacts {
        let mut contacts = Contacts::default();
        contacts.add(sensor, Contact::new(level, Duration::from_millis(10)));
        contacts
    }

    #[test]
    fn a_contact_that_bounces_counts_once_when_it_has_settled() {
        let mut contacts = contacts(Sensor::Passed, false);
        for (ms, level) in [
            (100, true),
            (101, false),
            (103, true),
            (104, false),
            (106, true),
        ] {
            contacts.level(Sensor::Passed, level, ms * MS);
        }
        assert_eq!(contacts.inputs(115 * MS).passages, 0);
        assert_eq!(contacts.inputs(116 * MS).passages, 1);
        assert_eq!(contacts.inputs(500 * MS).passages, 1);
    }

    #[test]
    fn a_pulse_between_two_looks_counts_and_a_spike_does_not() {
        let mut contacts = contacts(Sensor::Passed, false);
        contacts.level(Sensor::Passed, true, 100 * MS);
        contacts.level(Sensor::Passed, false, 115 * MS);
        contacts.level(Sensor::Passed, true, 200 * MS);
        contacts.level(Sensor::Passed, false, 203 * MS);
        assert_eq!(contacts.inputs(300 * MS).passages, 1);
    }

    #[test]
    fn what_is_on_at_the_start_is_no_passage_but_is_a_fire() {
        assert_eq!(contacts(Sensor::Passed, true).inputs(999 * MS).passages, 0);
        assert!(contacts(Sensor::Fire, true).inputs(0).fire);
        assert!(contacts(Sensor::Obstructed, true).inputs(0).obstructed);
    }

    #[test]
    fn one_who_follows_is_a_passage_too() {
        let mut both = contacts(Sensor::Passed, false);
        both.add(Sensor::Tailgate, Contact::new(false, Duration::ZERO));
        both.level(Sensor::Passed, true, 100 * MS);
        both.level(Sensor::Tailgate, true, 120 * MS);
        assert_eq!(both.inputs(130 * MS).passages, 2);
    }

    #[test]
    fn a_pulse_ends_and_what_is_open_for_all_stays() {
        let mut output = Output::new(Some(Duration::from_millis(500)));
        assert!(output.opens(Motion::OpenForOne, 0));
        assert!(!output.ends(499 * MS));
        assert!(output.ends(500 * MS));
        assert!(!output.ends(900 * MS), "once");
        assert!(output.opens(Motion::OpenForOne, 1_000 * MS));
        assert!(output.opens(Motion::OpenForAll, 1_100 * MS));
        assert!(!output.ends(9_000 * MS));
        assert!(!output.opens(Motion::Close, 9_000 * MS));
        let mut held = Output::new(None);
        assert!(held.opens(Motion::OpenForOne, 0));
        assert!(!held.ends(u64::MAX));
        let mut closing = Output::new(Some(Duration::from_millis(100)));
        assert!(!closing.closes(Motion::OpenForOne, 0));
        assert!(closing.closes(Motion::Close, 0) && closing.ends(100 * MS));
    }
}
