//! What a barrier board does, apart from bytes and time: the leaves, the beam, a rider or nobody.

use fare_protocol::{Millis, UnixMs};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

/// How a rider behaves at this board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Habits {
    /// From opening until the rider breaks the beam.
    pub passage_after: Millis,
    /// How long the rider stands in the beam.
    pub beam: Millis,
    /// At every so manieth opening nobody passes.
    pub annul_every: Option<NonZeroU32>,
}

/// Something a bystander could have seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum BoardEvent {
    /// The serial line is there, for the first time or again.
    Ready,
    /// The leaves are fully open.
    Opened,
    /// Somebody went through.
    Passed,
    /// The leaves are closed.
    Closed,
    /// The fire input changed.
    Fire {
        /// Alarm.
        on: bool,
    },
    /// The way is blocked, or free again.
    Obstructed {
        /// Blocked.
        on: bool,
    },
}

/// What a tester can do to a board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoardCommand {
    /// Raise or clear the fire input.
    Fire(bool),
    /// Put something in the way, or take it away.
    Obstruct(bool),
    /// The next rider does not pass.
    Hold,
}

/// A board between two events.
#[derive(Clone, Debug)]
pub(super) struct BoardState {
    habits: Habits,
    open: bool,
    /// Wants to close but may not yet.
    closing: bool,
    beam: bool,
    obstructed: bool,
    fire: bool,
    passages: u16,
    openings: u32,
    hold_next: bool,
    /// When the rider takes the next step.
    rider: Option<UnixMs>,
}

/// The four discrete inputs, by address.
pub(super) const DISCRETE_INPUTS: u16 = 4;
/// The two input registers, by address.
pub(super) const INPUT_REGISTERS: u16 = 2;

impl BoardState {
    pub(super) const fn new(habits: Habits) -> Self {
        Self {
            habits,
            open: false,
            closing: false,
            beam: false,
            obstructed: false,
            fire: false,
            passages: 0,
            openings: 0,
            hold_next: false,
            rider: None,
        }
    }

    /// Coil 0: released and not yet closed again.
    pub(super) const fn released(&self) -> bool {
        self.open && !self.closing
    }

    /// Discrete inputs 0 to 3: beam, obstructed, fire, fully open.
    pub(super) const fn inputs(&self) -> [bool; DISCRETE_INPUTS as usize] {
        [self.beam, self.obstructed, self.fire, self.open]
    }

    /// Input registers 0 and 1: passages and status.
    pub(super) const fn registers(&self) -> [u16; INPUT_REGISTERS as usize] {
        [self.passages, 0]
    }

    /// When [`Self::tick`] has something to do.
    pub(super) const fn deadline(&self) -> Option<UnixMs> {
        self.rider
    }

    /// Coil 0 was written.
    pub(super) fn write_release(&mut self, on: bool, now: UnixMs) -> Vec<BoardEvent> {
        if on {
            self.release(now)
        } else {
            // Somebody in the beam is let through first.
            self.rider = self.rider.filter(|_| self.beam);
            self.closing = self.open;
            self.close_if_possible()
        }
    }

    pub(super) fn command(&mut self, command: BoardCommand) -> Vec<BoardEvent> {
        let mut events = Vec::new();
        match command {
            BoardCommand::Hold => self.hold_next = true,
            BoardCommand::Fire(on) if on != self.fire => {
                self.fire = on;
                events.push(BoardEvent::Fire { on });
                // The alarm's contact opens the leaves by hardware.
                if on {
                    events.extend(self.open());
                } else {
                    self.closing = self.open && self.rider.is_none();
                }
            }
            BoardCommand::Obstruct(on) if on != self.obstructed => {
                self.obstructed = on;
                events.push(BoardEvent::Obstructed { on });
            }
            BoardCommand::Fire(_) | BoardCommand::Obstruct(_) => {}
        }
        events.extend(self.close_if_possible());
        events
    }

    /// Time has gone on.
    pub(super) fn tick(&mut self, now: UnixMs) -> Vec<BoardEvent> {
        let Some(due) = self.rider.filter(|due| *due <= now) else {
            return Vec::new();
        };
        if !self.beam {
            self.beam = true;
            self.rider = Some(due.after(self.habits.beam));
            return Vec::new();
        }
        self.beam = false;
        self.rider = None;
        self.passages = self.passages.wrapping_add(1);
        self.closing = true;
        let mut events = vec![BoardEvent::Passed];
        events.extend(self.close_if_possible());
        events
    }

    fn release(&mut self, now: UnixMs) -> Vec<BoardEvent> {
        if self.rider.is_none() {
            self.openings = self.openings.wrapping_add(1);
            let skipped = self
                .habits
                .annul_every
                .is_some_and(|every| self.openings.is_multiple_of(every.get()));
            let nobody = skipped || std::mem::take(&mut self.hold_next);
            self.rider = (!nobody).then(|| now.after(self.habits.passage_after));
        }
        self.closing = false;
        self.open()
    }

    fn open(&mut self) -> Vec<BoardEvent> {
        let was_open = std::mem::replace(&mut self.open, true);
        if was_open {
            Vec::new()
        } else {
            vec![BoardEvent::Opened]
        }
    }

    fn close_if_possible(&mut self) -> Vec<BoardEvent> {
        if !self.closing || self.beam || self.obstructed || self.fire {
            return Vec::new();
        }
        self.closing = false;
        self.open = false;
        vec![BoardEvent::Closed]
    }
}

impl std::str::FromStr for BoardCommand {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["fire", "on"] => Ok(Self::Fire(true)),
            ["fire", "off"] => Ok(Self::Fire(false)),
            ["obstruct", "on"] => Ok(Self::Obstruct(true)),
            ["obstruct", "off"] => Ok(Self::Obstruct(false)),
            ["hold"] => Ok(Self::Hold),
            _ => Err(format!(
                "board command {text:?} is none of: fire on, fire off, obstruct on, obstruct off, \
                 hold"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use BoardEvent::{Closed, Fire, Obstructed, Opened, Passed};

    fn board(annul_every: Option<u32>) -> BoardState {
        BoardState::new(Habits {
            passage_after: Millis(300),
            beam: Millis(100),
            annul_every: annul_every.and_then(NonZeroU32::new),
        })
    }

    fn at(ms: i64) -> UnixMs {
        UnixMs(ms)
    }

    #[test]
    fn a_rider_breaks_the_beam_passes_and_the_board_closes() {
        let mut board = board(None);
        assert_eq!(board.write_release(true, at(0)), [Opened]);
        assert_eq!(
            (board.released(), board.inputs()),
            (true, [false, false, false, true])
        );
        assert_eq!(
            (board.deadline(), board.tick(at(299))),
            (Some(at(300)), vec![])
        );
        assert_eq!((board.tick(at(301)), board.inputs()[0]), (vec![], true));
        assert_eq!(
            (board.deadline(), board.tick(at(399))),
            (Some(at(400)), vec![])
        );
        assert_eq!(board.tick(at(400)), [Passed, Closed]);
        assert_eq!(
            (board.registers(), board.inputs(), board.released()),
            ([1, 0], [false; 4], false)
        );
        assert_eq!(board.deadline(), None);
    }

    #[test]
    fn every_nth_opening_stays_open_until_the_gate_closes_it() {
        let mut board = board(Some(2));
        board.write_release(true, at(0));
        board.tick(at(300));
        board.tick(at(400));
        assert_eq!(board.write_release(true, at(1000)), [Opened]);
        assert_eq!(board.deadline(), None);
        assert_eq!(board.write_release(false, at(9000)), [Closed]);
        assert_eq!(board.registers()[0], 1);
    }

    #[test]
    fn a_held_rider_does_not_pass_but_the_one_after_does() {
        let mut board = board(None);
        board.command(BoardCommand::Hold);
        board.write_release(true, at(0));
        assert_eq!(board.deadline(), None);
        assert_eq!(board.write_release(true, at(50)), []);
        assert_eq!(board.deadline(), Some(at(350)));
    }

    #[test]
    fn closing_waits_for_whoever_is_in_the_beam() {
        let mut board = board(None);
        board.write_release(true, at(0));
        board.tick(at(300));
        assert_eq!(board.write_release(false, at(310)), []);
        assert!(!board.released());
        assert_eq!(board.tick(at(400)), [Passed, Closed]);
    }

    #[test]
    fn closing_before_anybody_came_is_at_once_and_counts_nobody() {
        let mut board = board(None);
        board.write_release(true, at(0));
        assert_eq!(board.write_release(false, at(100)), [Closed]);
        assert_eq!((board.tick(at(9999)), board.registers()[0]), (vec![], 0));
        assert_eq!(board.write_release(false, at(200)), []);
    }

    #[test]
    fn an_obstruction_keeps_the_leaves_open() {
        let mut board = board(None);
        board.write_release(true, at(0));
        assert_eq!(
            board.command(BoardCommand::Obstruct(true)),
            [Obstructed { on: true }]
        );
        board.tick(at(300));
        assert_eq!(board.tick(at(400)), [Passed]);
        assert_eq!(board.inputs(), [false, true, false, true]);
        assert_eq!(
            board.command(BoardCommand::Obstruct(false)),
            [Obstructed { on: false }, Closed]
        );
    }

    #[test]
    fn fire_opens_without_the_gate_and_outlasts_its_close() {
        let mut board = board(None);
        assert_eq!(
            board.command(BoardCommand::Fire(true)),
            [Fire { on: true }, Opened]
        );
        assert_eq!(board.command(BoardCommand::Fire(true)), []);
        assert_eq!(board.write_release(false, at(0)), []);
        assert_eq!(
            board.command(BoardCommand::Fire(false)),
            [Fire { on: false }, Closed]
        );
    }

    #[test]
    fn the_counter_wraps() {
        let mut board = board(None);
        board.passages = u16::MAX;
        board.write_release(true, at(0));
        board.tick(at(300));
        board.tick(at(400));
        assert_eq!(board.registers()[0], 0);
    }

    #[test]
    fn commands_are_read_as_typed() {
        assert_eq!("fire on".parse(), Ok(BoardCommand::Fire(true)));
        assert_eq!(
            " obstruct   off ".parse(),
            Ok(BoardCommand::Obstruct(false))
        );
        assert_eq!("hold".parse(), Ok(BoardCommand::Hold));
        assert!(
            "fire"
                .parse::<BoardCommand>()
                .unwrap_err()
                .contains("fire on")
        );
    }
}
