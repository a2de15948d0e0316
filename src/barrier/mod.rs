//! The barrier: one small trait for boards, and the attendant that tends one board.
//!
//! The attendant polls the board's inputs, turns them into the lane's events, and puts the lane's
//! commands before everything else on the wire. A board that does not answer is reported, then
//! tried again for ever; it never ends the daemon.

mod any;
mod attendant;
pub mod bytes;
pub mod gpio;
mod modbus;

pub use any::AnyBoard;
pub use attendant::{BarrierCommand, BarrierEvent, tend};
pub use modbus::ModbusBoard;

use crate::journal::Committed;
use fare_protocol::{RecordBody, RecordId, SignedRecord};
use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

/// Leave to open the barrier. There are two ways to have one: a confirmation, or a record that staff let
/// somebody through, that the journal holds durably; or free passage for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenOrder(Option<RecordId>);

impl OpenOrder {
    /// Open for the rider of this confirmation, or for whom staff let through; no other record opens.
    pub fn after(committed: &Committed<SignedRecord>) -> Option<Self> {
        let record = committed.get().record();
        match record.body {
            RecordBody::Confirmation(_) | RecordBody::LetThrough(_) => Some(Self(Some(record.id))),
            RecordBody::Passage(_) | RecordBody::ModeChange(_) | RecordBody::Config(_) => None,
        }
    }

    /// Open for everybody: fire alarm or emergency mode.
    pub const fn free_passage() -> Self {
        Self(None)
    }

    /// How the barrier is to move.
    pub const fn motion(self) -> Motion {
        match self.0 {
            Some(_) => Motion::OpenForOne,
            None => Motion::OpenForAll,
        }
    }
}

/// How a barrier moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Motion {
    /// It opens for one rider.
    OpenForOne,
    /// It opens and stays open.
    OpenForAll,
    /// It closes.
    Close,
}

/// What a board's inputs say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Inputs {
    /// Something stands in the way.
    pub obstructed: bool,
    /// The fire alarm is on.
    pub fire: bool,
    /// Completed passages, wrapping at 65 536.
    pub passages: u16,
    /// 0, or the board's own fault number.
    pub fault: u16,
}

/// A board that moves a barrier and sees who passes.
pub trait BarrierBoard: Send {
    /// Moves the barrier.
    fn release(&mut self, motion: Motion) -> impl Future<Output = Result<(), BarrierError>> + Send;
    /// Reads all inputs.
    fn inputs(&mut self) -> impl Future<Output = Result<Inputs, BarrierError>> + Send;
}

/// Something that opens boards: again after each failure.
pub trait Connect: Send {
    /// The kind of board.
    type Board: BarrierBoard;
    /// Opens the board.
    ///
    /// # Errors
    /// When it is absent or busy.
    fn connect(&self) -> Result<Self::Board, BarrierError>;
}

/// Why a board did not do what it was told.
#[derive(Debug, thiserror::Error)]
pub enum BarrierError {
    /// The serial line cannot be opened.
    #[error("cannot open the barrier board's serial line {path}: {source}; check cable and path")]
    Open {
        /// The device.
        path: String,
        /// Why.
        source: tokio_serial::Error,
    },
    /// The line broke while a request was under way.
    #[error("the barrier board's line broke: {0}")]
    Line(#[from] tokio_modbus::Error),
    /// The board answered with a Modbus exception.
    #[error("the barrier board refused a request: {0}; check its firmware's register map")]
    Exception(#[from] tokio_modbus::ExceptionCode),
    /// No answer in time.
    #[error("the barrier board did not answer within {0:?}; check its power and cable")]
    Silent(Duration),
    /// The serial line to a turnstile broke.
    #[error("the turnstile's line broke: {0}; check its cable and power")]
    Broken(#[from] std::io::Error),
    /// A turnstile answered that it does not obey.
    #[error("the turnstile refused a command; look whether it is blocked or in a mode of its own")]
    Refused,
    /// A GPIO line cannot be had, set or read.
    #[error(
        "GPIO chip {path}: {source}; check `chip` and the lines, and with gpioinfo who else has them",
        path = chip.display()
    )]
    Gpio {
        /// The chip's device.
        chip: PathBuf,
        /// Why.
        source: gpiocdev::Error,
    },
    /// An answer with too few values.
    #[error("the barrier board answered {got} values where {expected} were asked")]
    Short {
        /// Values in the answer.
        got: usize,
        /// Values asked for.
        expected: usize,
    },
}
