//! A barrier on GPIO lines of the kernel's character device: outputs that move it, contacts that see.
//!
//! What contacts and outputs mean is in `contacts`, apart from the chip. The kernel stamps each edge, so that
//! a passage shorter than the time between two looks is not missed.

mod contacts;

pub use contacts::Sensor;

use super::{BarrierBoard, BarrierError, Inputs, Motion};
use crate::clock;
use contacts::{Contact, Contacts, Output};
use gpiocdev::Request;
use gpiocdev::line::{Bias, EdgeDetection, EdgeKind, EventClock, Offset, Value};
use std::path::PathBuf;
use std::time::Duration;

/// Who has the lines, for `gpioinfo`.
const CONSUMER: &str = "faregate";

/// The lines of one barrier, on one chip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GpioLines {
    /// The chip's device.
    pub chip: PathBuf,
    /// Opens.
    pub open: OutputLine,
    /// Closes, where the barrier has an input of its own for that.
    pub close: Option<OutputLine>,
    /// The contacts.
    pub inputs: Vec<(Sensor, InputLine)>,
}

/// A line that moves the barrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputLine {
    /// Its number on the chip.
    pub line: u32,
    /// On is a low level.
    pub active_low: bool,
    /// On for so long; nothing: until the next motion.
    pub pulse: Option<Duration>,
}

/// A line that a contact is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputLine {
    /// Its number on the chip.
    pub line: u32,
    /// On is a low level.
    pub active_low: bool,
    /// The chip's own resistor.
    pub pull: Option<Pull>,
    /// How long a level must stay to count.
    pub debounce: Duration,
}

/// A resistor of the chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pull {
    /// To the supply.
    Up,
    /// To ground.
    Down,
}

/// The lines, taken from the kernel.
pub struct GpioBoard {
    outputs: Request,
    inputs: Request,
    lines: GpioLines,
    open: Output,
    close: Option<Output>,
    contacts: Contacts,
}

impl GpioBoard {
    /// Takes the lines; outputs are off.
    ///
    /// # Errors
    /// When the chip is absent or somebody else has one of the lines.
    pub fn open(lines: &GpioLines) -> Result<Self, BarrierError> {
        let failed = |source| BarrierError::Gpio {
            chip: lines.chip.clone(),
            source,
        };
        let mut outputs = Request::builder();
        outputs.on_chip(&lines.chip).with_consumer(CONSUMER);
        for output in [Some(lines.open), lines.close].into_iter().flatten() {
            outputs.with_line(output.line).as_output(Value::Inactive);
            if output.active_low {
                outputs.as_active_low();
            }
        }
        let mut inputs = Request::builder();
        inputs.on_chip(&lines.chip).with_consumer(CONSUMER);
        for (_, input) in &lines.inputs {
            inputs
                .with_line(input.line)
                .as_input()
                .with_edge_detection(EdgeDetection::BothEdges)
                .with_event_clock(EventClock::Monotonic);
            if input.active_low {
                inputs.as_active_low();
            }
            match input.pull {
                Some(Pull::Up) => inputs.with_bias(Bias::PullUp),
                Some(Pull::Down) => inputs.with_bias(Bias::PullDown),
                None => &mut inputs,
            };
        }
        let (outputs, inputs) = (
            outputs.request().map_err(failed)?,
            inputs.request().map_err(failed)?,
        );
        let mut contacts = Contacts::default();
        for (sensor, input) in &lines.inputs {
            let level = inputs.value(input.line).map_err(failed)? == Value::Active;
            contacts.add(*sensor, Contact::new(level, input.debounce));
        }
        Ok(Self {
            outputs,
            inputs,
            open: Output::new(lines.open.pulse),
            close: lines.close.map(|close| Output::new(close.pulse)),
            contacts,
            lines: lines.clone(),
        })
    }

    fn failed(&self, source: gpiocdev::Error) -> BarrierError {
        BarrierError::Gpio {
            chip: self.lines.chip.clone(),
            source,
        }
    }

    fn set(&self, line: Offset, on: bool) -> Result<(), BarrierError> {
        let value = if on { Value::Active } else { Value::Inactive };
        let set = self.outputs.set_value(line, value);
        set.map_err(|err| self.failed(err))
    }

    fn move_now(&mut self, motion: Motion) -> Result<(), BarrierError> {
        let now = clock::monotonic_ns();
        if let (Some(close), Some(line)) = (&mut self.close, self.lines.close) {
            let on = close.closes(motion, now);
            self.set(line.line, on)?;
        }
        let on = self.open.opens(motion, now);
        self.set(self.lines.open.line, on)
    }

    fn look(&mut self) -> Result<Inputs, BarrierError> {
        while self
            .inputs
            .has_edge_event()
            .map_err(|err| self.failed(err))?
        {
            let edge = self.inputs.read_edge_event();
            let edge = edge.map_err(|err| self.failed(err))?;
            let level = edge.kind == EdgeKind::Rising;
            for (sensor, input) in &self.lines.inputs {
                if input.line == edge.offset {
                    self.contacts.level(*sensor, level, edge.timestamp_ns);
                }
            }
        }
        let now = clock::monotonic_ns();
        // Edges may have been lost in a full queue; levels never lie.
        for (sensor, input) in &self.lines.inputs {
            let value = self.inputs.value(input.line);
            let level = value.map_err(|err| self.failed(err))? == Value::Active;
            self.contacts.level(*sensor, level, now);
        }
        if self.open.ends(now) {
            self.set(self.lines.open.line, false)?;
        }
        if let (Some(close), Some(line)) = (&mut self.close, self.lines.close)
            && close.ends(now)
        {
            self.set(line.line, false)?;
        }
        Ok(self.contacts.inputs(now))
    }
}

impl BarrierBoard for GpioBoard {
    async fn release(&mut self, motion: Motion) -> Result<(), BarrierError> {
        self.move_now(motion)
    }

    async fn inputs(&mut self) -> Result<Inputs, BarrierError> {
        self.look()
    }
}
