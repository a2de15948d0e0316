//! Where a scanner's code begins and ends in the bytes that come. Pure.

use std::fmt;

/// Most bytes of a code: more than any QR code holds.
pub const LINE_BYTES_MAX: usize = 8_192;

/// How a scanner writes its codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineFormat {
    /// What comes before each code; what stands before it is disturbance. Empty: nothing.
    pub prefix: Vec<u8>,
    /// What ends a code.
    pub end: End,
    /// Each code begins with its AIM symbology identifier (ISO/IEC 15424), such as `]Q1`, which is
    /// taken off; without one it is no code.
    pub aim: bool,
    /// Most bytes between prefix and end.
    pub len_max: usize,
}

impl Default for LineFormat {
    fn default() -> Self {
        Self {
            prefix: Vec::new(),
            end: End::Newline,
            aim: false,
            len_max: 1_024,
        }
    }
}

/// What ends a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// A carriage return, a line feed, or both.
    Newline,
    /// These bytes; never empty.
    Bytes(Vec<u8>),
    /// Nothing comes any more.
    Silence,
}

/// What came of some bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Framed {
    /// A code; never empty.
    Line(Vec<u8>),
    /// Bytes that are no code.
    Dropped(Dropped),
}

/// Why bytes are no code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dropped {
    /// More than the limit came before an end.
    TooLong,
    /// It broke off in the middle.
    BrokenOff,
    /// Control characters or the like in the middle: a disturbed line, or another line speed.
    Disturbed,
    /// The prefix is missing.
    NoPrefix,
    /// The AIM identifier is missing.
    NoAim,
}

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "it is longer than len_max; check the end that the scanner writes",
            Self::BrokenOff => "it broke off; check the cable, and the end that the scanner writes",
            Self::Disturbed => "it is disturbed; check the cable, the line speed and the parity",
            Self::NoPrefix => "the prefix is missing; check `prefix` and the scanner's setting",
            Self::NoAim => "the AIM identifier is missing; check `aim` and the scanner's setting",
        })
    }
}

/// Takes bytes one by one and says when they are a code.
#[derive(Debug)]
pub struct Framer {
    format: LineFormat,
    kept: Vec<u8>,
    /// Too long already: all is passed over until the end.
    passing_over: bool,
}

impl Framer {
    /// One that waits for a first byte.
    pub fn new(format: LineFormat) -> Self {
        Self {
            format,
            kept: Vec::new(),
            passing_over: false,
        }
    }

    /// Whether nothing is under way, so that the next byte is a first one.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty() && !self.passing_over
    }

    /// Takes the next byte.
    pub fn push(&mut self, byte: u8) -> Option<Framed> {
        // What a line says that is being plugged in, and no scanner.
        if byte == 0x00 || byte == 0xff {
            return None;
        }
        self.kept.push(byte);
        let end = match &self.format.end {
            End::Newline if byte == b'\r' || byte == b'\n' => Some(1),
            End::Bytes(end) if self.kept.ends_with(end) => Some(end.len()),
            End::Newline | End::Bytes(_) | End::Silence => None,
        };
        if let Some(end) = end {
            let len = self.kept.len().saturating_sub(end);
            self.kept.truncate(len);
            return self.finish();
        }
        let end_len = match &self.format.end {
            End::Newline | End::Silence => 0,
            End::Bytes(end) => end.len(),
        };
        let most = self.format.len_max + self.format.prefix.len() + AIM_LEN + end_len;
        if self.kept.len() > most {
            self.passing_over = true;
            // Enough to know the end by.
            let keep_from = self.kept.len().saturating_sub(end_len);
            self.kept.drain(..keep_from);
        }
        None
    }

    /// No byte has come for a while.
    pub fn silence(&mut self) -> Option<Framed> {
        if self.format.end == End::Silence {
            return self.finish();
        }
        let was_empty = self.is_empty();
        let too_long = std::mem::take(&mut self.passing_over);
        self.kept.clear();
        match (was_empty, too_long) {
            (true, _) => None,
            (false, true) => Some(Framed::Dropped(Dropped::TooLong)),
            (false, false) => Some(Framed::Dropped(Dropped::BrokenOff)),
        }
    }

    /// What is kept is all of a line; nothing when it is empty, as between CR and LF.
    fn finish(&mut self) -> Option<Framed> {
        let line = std::mem::take(&mut self.kept);
        if std::mem::take(&mut self.passing_over) {
            return Some(Framed::Dropped(Dropped::TooLong));
        }
        if line.is_empty() {
            return None;
        }
        Some(match self.content(&line) {
            Ok([]) => return None,
            Ok(code) => Framed::Line(code.to_vec()),
            Err(why) => Framed::Dropped(why),
        })
    }

    fn content<'l>(&self, line: &'l [u8]) -> Result<&'l [u8], Dropped> {
        let prefix = &self.format.prefix;
        let code = if prefix.is_empty() {
            line
        } else {
            // The last one: an earlier one began a code that broke off.
            let mut places = line.windows(prefix.len());
            let at = places.rposition(|window| window == prefix);
            at.and_then(|at| line.get(at + prefix.len()..))
                .ok_or(Dropped::NoPrefix)?
        };
        let code = if self.format.aim {
            match code {
                [b']', kind, _, code @ ..] if kind.is_ascii_alphabetic() => code,
                _ => return Err(Dropped::NoAim),
            }
        } else {
            code
        };
        if code.len() > self.format.len_max {
            return Err(Dropped::TooLong);
        }
        // GS stands between the parts of codes made for goods: such a code is whole, and not ours.
        let disturbs = |byte: &u8| byte.is_ascii_control() && *byte != 0x1d;
        if code.iter().any(disturbs) {
            return Err(Dropped::Disturbed);
        }
        Ok(code)
    }
}

/// Bytes of an AIM identifier.
const AIM_LEN: usize = 3;

#[cfg(test)]
mod tests {
    use super::Dropped::{BrokenOff, Disturbed, NoAim, NoPrefix, TooLong};
    use super::*;

    fn line(text: &str) -> Framed {
        Framed::Line(text.as_bytes().to_vec())
    }

    /// What comes of these bytes, and of the silence after them.
    fn framed(format: &LineFormat, bytes: &[u8]) -> Vec<Framed> {
        let mut framer = Framer::new(format.clone());
        let mut all: Vec<_> = bytes.iter().filter_map(|byte| framer.push(*byte)).collect();
        all.extend(framer.silence());
        assert!(framer.is_empty(), "silence leaves nothing behind");
        all
    }

    #[test]
    fn a_line_ends_with_cr_lf_or_both() {
        let format = LineFormat::default();
        for end in ["\r", "\n", "\r\n", "\n\r"] {
            let text = format!("FG1:A B{end}FG1:C{end}{end}");
            let expected = [line("FG1:A B"), line("FG1:C")];
            assert_eq!(framed(&format, text.as_bytes()), expected, "{end:?}");
        }
    }

    #[test]
    fn spaces_belong_to_the_code() {
        assert_eq!(
            framed(&LineFormat::default(), b" FG1:A \n"),
            [line(" FG1:A ")]
        );
    }

    #[test]
    fn an_end_of_its_own_may_be_several_bytes_that_come_one_by_one() {
        let format = LineFormat {
            end: End::Bytes(b"##".to_vec()),
            ..LineFormat::default()
        };
        assert_eq!(framed(&format, b"A#B##C##"), [line("A#B"), line("C")]);
    }

    #[test]
    fn silence_ends_a_code_where_it_is_meant_to_and_breaks_it_off_elsewhere() {
        let silent = LineFormat {
            end: End::Silence,
            ..LineFormat::default()
        };
        assert_eq!(framed(&silent, b"FG1:A"), [line("FG1:A")]);
        assert_eq!(
            framed(&LineFormat::default(), b"FG1:A"),
            [Framed::Dropped(BrokenOff)]
        );
        assert_eq!(framed(&LineFormat::default(), b""), []);
    }

    #[test]
    fn what_a_plug_says_is_passed_over_and_disturbed_lines_are_dropped() {
        let format = LineFormat::default();
        assert_eq!(framed(&format, b"\x00\xff\x00FG1:A\n"), [line("FG1:A")]);
        assert_eq!(
            framed(&format, b"FG1\x07:A\nFG1:B\n"),
            [Framed::Dropped(Disturbed), line("FG1:B")]
        );
        assert_eq!(framed(&format, b"01\x1d21\n"), [line("01\x1d21")]);
    }

    #[test]
    fn a_prefix_is_where_the_code_begins() {
        let format = LineFormat {
            prefix: b"\x02".to_vec(),
            end: End::Bytes(b"\x03".to_vec()),
            ..LineFormat::default()
        };
        assert_eq!(
            framed(
                &format,
                b"??\x02FG1:A\x03FG1:B\x03\x02FG\x02FG1:C\x03\x02\x03"
            ),
            [line("FG1:A"), Framed::Dropped(NoPrefix), line("FG1:C"),]
        );
    }

    #[test]
    fn the_aim_identifier_is_taken_off() {
        let format = LineFormat {
            aim: true,
            ..LineFormat::default()
        };
        assert_eq!(
            framed(&format, b"]Q1FG1:A\n]C0123\nFG1:B\n]\n]Q1\n"),
            [
                line("FG1:A"),
                line("123"),
                Framed::Dropped(NoAim),
                Framed::Dropped(NoAim),
            ]
        );
    }

    #[test]
    fn a_line_that_never_ends_is_dropped_and_takes_no_memory() {
        let format = LineFormat {
            end: End::Bytes(b"\r\n".to_vec()),
            len_max: 10,
            ..LineFormat::default()
        };
        let mut framer = Framer::new(format.clone());
        for _ in 0..100_000 {
            assert_eq!(framer.push(b'x'), None);
            assert!(framer.kept.len() <= 16);
        }
        assert_eq!(framer.push(b'\r'), None);
        assert_eq!(framer.push(b'\n'), Some(Framed::Dropped(TooLong)));
        assert_eq!(
            framed(&format, b"01234567890\r\n0123456789\r\n"),
            [Framed::Dropped(TooLong), line("0123456789")]
        );
    }
}
