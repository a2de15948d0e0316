//! The barrier's part of the configuration.

use super::SerialLine;
use super::check::Checker;
use super::raw::{RawBarrier, RawBarrierKind, RawBytes, RawGpio, RawInput, RawOutput};
use crate::barrier::bytes::{Dialect, Meaning, Pattern, PatternError, Script};
use crate::barrier::gpio::{GpioLines, InputLine, OutputLine, Sensor};
use fare_protocol::Millis;
use std::collections::BTreeSet;
use std::ops::{Range, RangeInclusive};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;
use toml::Spanned;

pub(super) const DEFAULT_UNIT: u8 = 1;
pub(super) const UNIT_MAX: u8 = 247;
const MODBUS_BAUD: u32 = 115_200;

/// How often a board is looked at where nothing is said: GPIO lines cost nothing, old turnstiles are slow.
const MODBUS_POLL_MS: u32 = 20;
const BYTES_POLL_MS: u32 = 100;
const GPIO_POLL_MS: u32 = 10;

const DEFAULT_ANSWER_MS: u32 = 250;
const ANSWER_MS: RangeInclusive<u32> = 20..=2_000;
const PULSE_MS: RangeInclusive<u32> = 10..=10_000;
const DEFAULT_DEBOUNCE_MS: u32 = 10;
const DEBOUNCE_MS_MAX: u32 = 1_000;

/// The barrier's board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BarrierConfig {
    /// Which kind, and how it is reached.
    pub board: BoardConfig,
    /// How often the inputs are read.
    pub poll: Millis,
}

/// Which kind of board, and how it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BoardConfig {
    /// Modbus RTU on a serial line, 8N1.
    Modbus {
        /// The serial device.
        serial: PathBuf,
        /// Bits a second.
        baud: u32,
        /// Modbus unit id, 1 to 247.
        unit: u8,
    },
    /// Byte sequences on a serial line.
    Bytes {
        /// The serial device.
        serial: PathBuf,
        /// How it is set.
        line: SerialLine,
        /// What is said and heard.
        dialect: Box<Dialect>,
    },
    /// GPIO lines.
    Gpio(GpioLines),
}

impl Checker<'_> {
    pub(super) fn barrier(&mut self, spanned: &Spanned<RawBarrier>) -> Option<BarrierConfig> {
        let raw = spanned.get_ref();
        self.foreign_keys(raw)?;
        let (board, poll_ms) = match raw.kind {
            RawBarrierKind::Modbus => (self.modbus(raw, spanned.span()), MODBUS_POLL_MS),
            RawBarrierKind::Bytes => (self.bytes(raw, spanned.span()), BYTES_POLL_MS),
            RawBarrierKind::Gpio => (self.gpio(raw, spanned.span()), GPIO_POLL_MS),
        };
        Some(BarrierConfig {
            board: board?,
            poll: Millis(raw.poll_ms.unwrap_or(poll_ms).max(1)),
        })
    }

    /// Says so where something of another kind is written.
    fn foreign_keys(&mut self, raw: &RawBarrier) -> Option<()> {
        let (modbus, bytes, gpio) = match raw.kind {
            RawBarrierKind::Modbus => (true, false, false),
            RawBarrierKind::Bytes => (false, true, false),
            RawBarrierKind::Gpio => (false, false, true),
        };
        let keys = [
            (gpio, raw.serial.as_ref().map(Spanned::span)),
            (gpio, raw.baud.as_ref().map(Spanned::span)),
            (!bytes, raw.data_bits.as_ref().map(Spanned::span)),
            (!bytes, raw.parity.as_ref().map(Spanned::span)),
            (!modbus, raw.unit.as_ref().map(Spanned::span)),
            (!bytes, raw.bytes.as_ref().map(Spanned::span)),
            (!gpio, raw.gpio.as_ref().map(Spanned::span)),
        ];
        let foreign = keys
            .into_iter()
            .find_map(|(foreign, span)| span.filter(|_| foreign));
        match foreign {
            None => Some(()),
            Some(span) => {
                let message = "this is for another kind of barrier; leave it out, or write kind = \
                               \"modbus\", \"bytes\" or \"gpio\"";
                self.wrong(span, message.to_owned())
            }
        }
    }

    fn serial(&mut self, raw: &RawBarrier, section: Range<usize>) -> Option<PathBuf> {
        match &raw.serial {
            Some(serial) => Some(self.path(serial)),
            None => {
                let message = "the barrier's serial line is missing; write serial = \"/dev/…\"";
                self.wrong(section, message.to_owned())
            }
        }
    }

    fn modbus(&mut self, raw: &RawBarrier, section: Range<usize>) -> Option<BoardConfig> {
        let serial = self.serial(raw, section);
        let baud = self.baud(raw.baud.as_ref(), MODBUS_BAUD);
        let unit = raw.unit.as_ref();
        let number = unit.map_or(DEFAULT_UNIT, |unit| *unit.get_ref());
        if let Some(unit) = unit
            && !(1..=UNIT_MAX).contains(&number)
        {
            let message = format!("unit is {number}; Modbus units are 1 to {UNIT_MAX}");
            return self.wrong(unit.span(), message);
        }
        Some(BoardConfig::Modbus {
            serial: serial?,
            baud: baud?,
            unit: number,
        })
    }

    fn bytes(&mut self, raw: &RawBarrier, section: Range<usize>) -> Option<BoardConfig> {
        let serial = self.serial(raw, section.clone());
        let (baud, bits, parity) = (&raw.baud, &raw.data_bits, &raw.parity);
        let line = self.serial_line(baud.as_ref(), bits.as_ref(), parity.as_ref());
        let Some(bytes) = &raw.bytes else {
            let message = "the byte sequences are missing; write [barrier.bytes] with open = \"…\"";
            return self.wrong(section, message.to_owned());
        };
        let dialect = self.dialect(bytes.get_ref(), bytes.span());
        Some(BoardConfig::Bytes {
            serial: serial?,
            line: line?,
            dialect: Box::new(dialect?),
        })
    }

    fn dialect(&mut self, raw: &RawBytes, section: Range<usize>) -> Option<Dialect> {
        let open = self.parsed::<Script>(&raw.open);
        let open_all = self.maybe_parsed(raw.open_all.as_ref());
        let close = self.maybe_parsed(raw.close.as_ref());
        let poll = self.maybe_parsed(raw.poll.as_ref());
        let patterns = self.patterns(raw)?;
        let answer = raw.answer_ms.as_ref();
        let answer_ms = answer.map_or(DEFAULT_ANSWER_MS, |answer| *answer.get_ref());
        let (least, most) = (ANSWER_MS.start(), ANSWER_MS.end());
        if let Some(answer) = answer
            && !ANSWER_MS.contains(&answer_ms)
        {
            let message = format!("answer_ms is {answer_ms}; write {least} to {most}");
            return self.wrong(answer.span(), message);
        }
        let counts = |(meaning, _): &(Meaning, Pattern)| {
            [Meaning::Passed, Meaning::Passing, Meaning::Passages].contains(meaning)
        };
        if !patterns.iter().any(counts) {
            let message = "nothing tells of a passage; write passed, passing or passages";
            return self.wrong(section, message.to_owned());
        }
        Some(Dialect {
            open: open?,
            open_all: open_all?,
            close: close?,
            poll: poll?,
            patterns,
            answer: Duration::from_millis(answer_ms.into()),
        })
    }

    /// What the turnstile's bytes mean; none may be the beginning of another.
    fn patterns(&mut self, raw: &RawBytes) -> Option<Vec<(Meaning, Pattern)>> {
        let written = [
            (Meaning::Ack, &raw.ack),
            (Meaning::Nak, &raw.nak),
            (Meaning::Alive, &raw.alive),
            (Meaning::Idle, &raw.idle),
            (Meaning::Passed, &raw.passed),
            (Meaning::Passing, &raw.passing),
            (Meaning::Passages, &raw.passages),
            (Meaning::Obstructed, &raw.obstructed),
            (Meaning::Clear, &raw.clear),
            (Meaning::Fire, &raw.fire),
            (Meaning::FireOff, &raw.fire_off),
            (Meaning::Fault, &raw.fault),
        ];
        let mut patterns: Vec<(Meaning, Pattern, Range<usize>)> = Vec::new();
        for (meaning, text) in written {
            let Some(text) = text else { continue };
            let pattern = self.parsed::<Pattern>(text)?;
            if meaning == Meaning::Passages && !pattern.has_number() {
                let message = "the number of passages is missing; write nn where it stands";
                return self.wrong(text.span(), message.to_owned());
            }
            patterns.push((meaning, pattern, text.span()));
        }
        for (_, short, span) in &patterns {
            if let Some((other, ..)) = patterns.iter().find(|(_, long, _)| short.begins(long)) {
                let message = format!(
                    "the longer pattern of {other:?} can begin like this one, so the two cannot be told apart"
                );
                return self.wrong(span.clone(), message);
            }
        }
        let patterns = patterns.into_iter();
        Some(
            patterns
                .map(|(meaning, pattern, _)| (meaning, pattern))
                .collect(),
        )
    }

    fn parsed<T: FromStr<Err = PatternError>>(&mut self, text: &Spanned<String>) -> Option<T> {
        match text.get_ref().parse() {
            Ok(parsed) => Some(parsed),
            Err(err) => self.wrong(text.span(), err.to_string()),
        }
    }

    /// Nothing where nothing is written.
    fn maybe_parsed<T: FromStr<Err = PatternError>>(
        &mut self,
        text: Option<&Spanned<String>>,
    ) -> Option<Option<T>> {
        match text {
            None => Some(None),
            Some(text) => self.parsed(text).map(Some),
        }
    }

    fn gpio(&mut self, raw: &RawBarrier, section: Range<usize>) -> Option<BoardConfig> {
        let Some(gpio) = &raw.gpio else {
            let message = "the lines are missing; write [barrier.gpio] with chip, open and passed";
            return self.wrong(section, message.to_owned());
        };
        let gpio = gpio.get_ref();
        self.lines_differ(gpio)?;
        let open = self.output(&gpio.open);
        let close = match &gpio.close {
            None => Some(None),
            Some(close) => self.output(close).map(Some),
        };
        let inputs = [
            (Sensor::Passed, Some(&gpio.passed)),
            (Sensor::Tailgate, gpio.tailgate.as_ref()),
            (Sensor::Obstructed, gpio.obstructed.as_ref()),
            (Sensor::Fire, gpio.fire.as_ref()),
        ];
        let inputs = inputs.into_iter().filter_map(|(sensor, input)| {
            let input = input?;
            Some(self.input(input).map(|input| (sensor, input)))
        });
        let inputs = inputs.collect::<Option<Vec<_>>>();
        Some(BoardConfig::Gpio(GpioLines {
            chip: self.path(&gpio.chip),
            open: open?,
            close: close?,
            inputs: inputs?,
        }))
    }

    fn lines_differ(&mut self, gpio: &RawGpio) -> Option<()> {
        let inputs = [&gpio.tailgate, &gpio.obstructed, &gpio.fire];
        let lines = [
            Some(&gpio.open.line),
            gpio.close.as_ref().map(|it| &it.line),
        ]
        .into_iter()
        .chain([Some(&gpio.passed.line)])
        .chain(inputs.map(|input| input.as_ref().map(|it| &it.line)));
        let mut seen = BTreeSet::new();
        for line in lines.flatten() {
            if !seen.insert(*line.get_ref()) {
                let message = format!("line {} is written twice", line.get_ref());
                return self.wrong(line.span(), message);
            }
        }
        Some(())
    }

    pub(super) fn output(&mut self, raw: &RawOutput) -> Option<OutputLine> {
        if let Some(pulse) = &raw.pulse_ms
            && !PULSE_MS.contains(pulse.get_ref())
        {
            let (least, most) = (PULSE_MS.start(), PULSE_MS.end());
            let message = format!("pulse_ms is {}; write {least} to {most}", pulse.get_ref());
            return self.wrong(pulse.span(), message);
        }
        let pulse = raw
            .pulse_ms
            .as_ref()
            .map(|pulse| u64::from(*pulse.get_ref()));
        Some(OutputLine {
            line: *raw.line.get_ref(),
            active_low: raw.active_low,
            pulse: pulse.map(Duration::from_millis),
        })
    }

    fn input(&mut self, raw: &RawInput) -> Option<InputLine> {
        let debounce = raw.debounce_ms.as_ref();
        let debounce_ms = debounce.map_or(DEFAULT_DEBOUNCE_MS, |debounce| *debounce.get_ref());
        if let Some(debounce) = debounce
            && debounce_ms > DEBOUNCE_MS_MAX
        {
            let message = format!("debounce_ms is {debounce_ms}; write 0 to {DEBOUNCE_MS_MAX}");
            return self.wrong(debounce.span(), message);
        }
        Some(InputLine {
            line: *raw.line.get_ref(),
            active_low: raw.active_low,
            pull: raw.pull,
            debounce: Duration::from_millis(debounce_ms.into()),
        })
    }
}
