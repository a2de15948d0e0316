//! The scanner's part of the configuration.

use super::check::Checker;
use super::raw::{Parity, RawScanner, RawScannerKind};
use crate::scanner::{End, LINE_BYTES_MAX, LineFormat};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;
use toml::Spanned;

/// Line speeds, in bits a second.
pub(super) const BAUD: RangeInclusive<u32> = 300..=4_000_000;

/// What RS-232 scanners are delivered with; USB lines do not mind.
const DEFAULT_BAUD: u32 = 9_600;

/// Within a code the bytes follow one another; USB and a busy box may hold some back for so long.
const DEFAULT_SILENCE_MS: u32 = 200;

/// Shorter is less than a byte at the slowest lines, longer holds up the rider.
const SILENCE_MS: RangeInclusive<u32> = 20..=2_000;

/// Longest prefix or suffix, in bytes.
const MARK_BYTES_MAX: usize = 16;

/// A scanner that reads codes by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScannerConfig {
    /// The device's path.
    pub device: PathBuf,
    /// How it is attached.
    pub kind: ScannerKind,
    /// How it writes its codes.
    pub format: LineFormat,
    /// After so long without a byte a code has broken off, or is whole where nothing else ends it.
    pub silence: Duration,
}

/// How a scanner is attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScannerKind {
    /// A serial line.
    Serial(SerialLine),
    /// It types, as a keyboard.
    Keyboard {
        /// Nobody else hears its keys.
        grab: bool,
    },
}

/// How a serial line is set; one stop bit, no flow control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SerialLine {
    /// Bits a second.
    pub baud: u32,
    /// Seven data bits, and not eight.
    pub seven_bits: bool,
    /// The parity bit.
    pub parity: Parity,
}

impl Checker<'_> {
    pub(super) fn scanner(&mut self, raw: &RawScanner) -> Option<ScannerConfig> {
        let kind = match raw.kind {
            RawScannerKind::Serial => self.serial_scanner(raw),
            RawScannerKind::Keyboard => self.keyboard_scanner(raw),
        };
        let format = self.line_format(raw);
        let silence = raw.silence_ms.as_ref();
        let silence_ms = silence.map_or(DEFAULT_SILENCE_MS, |silence| *silence.get_ref());
        if let Some(silence) = silence
            && !SILENCE_MS.contains(&silence_ms)
        {
            let (least, most) = (SILENCE_MS.start(), SILENCE_MS.end());
            let message = format!("silence_ms is {silence_ms}; write {least} to {most}");
            return self.wrong(silence.span(), message);
        }
        Some(ScannerConfig {
            device: self.path(&raw.device),
            kind: kind?,
            format: format?,
            silence: Duration::from_millis(silence_ms.into()),
        })
    }

    fn serial_scanner(&mut self, raw: &RawScanner) -> Option<ScannerKind> {
        if let Some(grab) = &raw.grab {
            let message = "grab is for kind = \"keyboard\"; leave it out".to_owned();
            return self.wrong(grab.span(), message);
        }
        let (baud, bits, parity) = (&raw.baud, &raw.data_bits, &raw.parity);
        let line = self.serial_line(baud.as_ref(), bits.as_ref(), parity.as_ref());
        line.map(ScannerKind::Serial)
    }

    /// The settings of a line of RS-232.
    pub(super) fn serial_line(
        &mut self,
        baud: Option<&Spanned<u32>>,
        data_bits: Option<&Spanned<u8>>,
        parity: Option<&Spanned<Parity>>,
    ) -> Option<SerialLine> {
        let baud = self.baud(baud, DEFAULT_BAUD)?;
        let seven_bits = match data_bits.map(|bits| (*bits.get_ref(), bits.span())) {
            None | Some((8, _)) => false,
            Some((7, _)) => true,
            Some((other, span)) => {
                return self.wrong(span, format!("data_bits is {other}; write 7 or 8"));
            }
        };
        Some(SerialLine {
            baud,
            seven_bits,
            parity: parity.map_or(Parity::None, |parity| *parity.get_ref()),
        })
    }

    pub(super) fn baud(&mut self, raw: Option<&Spanned<u32>>, default: u32) -> Option<u32> {
        let Some(raw) = raw else { return Some(default) };
        let baud = *raw.get_ref();
        if BAUD.contains(&baud) {
            return Some(baud);
        }
        let (least, most) = (BAUD.start(), BAUD.end());
        self.wrong(
            raw.span(),
            format!("baud is {baud}; write {least} to {most}"),
        )
    }

    fn keyboard_scanner(&mut self, raw: &RawScanner) -> Option<ScannerKind> {
        let serial_only = [
            raw.baud.as_ref().map(Spanned::span),
            raw.data_bits.as_ref().map(Spanned::span),
            raw.parity.as_ref().map(Spanned::span),
        ];
        if let Some(span) = serial_only.into_iter().flatten().next() {
            let message = "this is for kind = \"serial\"; leave it out".to_owned();
            return self.wrong(span, message);
        }
        Some(ScannerKind::Keyboard {
            grab: raw.grab.as_ref().is_none_or(|grab| *grab.get_ref()),
        })
    }

    fn line_format(&mut self, raw: &RawScanner) -> Option<LineFormat> {
        for (name, mark) in [("prefix", &raw.prefix), ("suffix", &raw.suffix)] {
            if let Some(mark) = mark
                && mark.get_ref().len() > MARK_BYTES_MAX
            {
                let message = format!("{name} is too long; write at most {MARK_BYTES_MAX} bytes");
                return self.wrong(mark.span(), message);
            }
        }
        let default = LineFormat::default();
        let len_max = raw.len_max.as_ref();
        if let Some(len) = len_max
            && !(1..=LINE_BYTES_MAX).contains(len.get_ref())
        {
            let message = format!("len_max is {}; write 1 to {LINE_BYTES_MAX}", len.get_ref());
            return self.wrong(len.span(), message);
        }
        let bytes = |mark: &Option<Spanned<String>>| {
            let mark = mark.as_ref()?;
            Some(mark.get_ref().clone().into_bytes())
        };
        Some(LineFormat {
            prefix: bytes(&raw.prefix).unwrap_or_default(),
            end: match bytes(&raw.suffix) {
                None => End::Newline,
                Some(end) if end.is_empty() => End::Silence,
                Some(end) if [b"\r".as_slice(), b"\n", b"\r\n"].contains(&end.as_slice()) => {
                    End::Newline
                }
                Some(end) => End::Bytes(end),
            },
            aim: raw.aim,
            len_max: len_max.map_or(default.len_max, |len| *len.get_ref()),
        })
    }
}
