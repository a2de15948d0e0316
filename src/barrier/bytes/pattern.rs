//! What a turnstile is told and what its bytes mean, as the configuration writes them. Pure.

use std::str::FromStr;
use std::time::Duration;
use thiserror::Error;

/// Longest pattern or step, in bytes.
const PATTERN_BYTES_MAX: usize = 64;

/// Longest pause in a script.
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// Bytes to send, with pauses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script(pub(super) Vec<Step>);

/// Some bytes, and how long to wait after them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) bytes: Vec<u8>,
    pub(super) pause: Duration,
}

/// Bytes to recognise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Vec<Place>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Byte(u8),
    Any,
    /// Any byte, which is a number that matters.
    Number,
}

/// Why text is no script or pattern.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PatternError {
    /// There is nothing.
    #[error("it is empty; write bytes such as \"02 4F 03\"")]
    Empty,
    /// A word is not what may stand there.
    #[error("{0:?} is no byte; write two hexadecimal digits, or {also}", also = .1)]
    Word(String, &'static str),
    /// Too many.
    #[error("it is too long; write at most {PATTERN_BYTES_MAX} bytes")]
    Long,
}

impl FromStr for Script {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let mut steps: Vec<Step> = Vec::new();
        for word in text.split_whitespace() {
            let pause = word.strip_suffix("ms").and_then(|ms| ms.parse().ok());
            match (
                byte(word),
                pause.map(Duration::from_millis),
                steps.last_mut(),
            ) {
                (Some(byte), _, Some(step)) if step.pause.is_zero() => step.bytes.push(byte),
                (Some(byte), _, _) => steps.push(Step {
                    bytes: vec![byte],
                    pause: Duration::ZERO,
                }),
                (None, Some(pause), Some(step)) if pause <= PAUSE_MAX => step.pause = pause,
                (None, _, _) => {
                    let also = "a pause of at most 2000ms between bytes, such as 500ms";
                    return Err(PatternError::Word(word.to_owned(), also));
                }
            }
        }
        match steps.iter().map(|step| step.bytes.len()).sum() {
            0 => Err(PatternError::Empty),
            1..=PATTERN_BYTES_MAX => Ok(Self(steps)),
            _ => Err(PatternError::Long),
        }
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let place = |word: &str| match word {
            ".." => Ok(Place::Any),
            "nn" => Ok(Place::Number),
            word => byte(word).map(Place::Byte).ok_or_else(|| {
                let also = ".. for any byte, nn for one that is a number";
                PatternError::Word(word.to_owned(), also)
            }),
        };
        let places: Vec<_> = text
            .split_whitespace()
            .map(place)
            .collect::<Result<_, _>>()?;
        match places.len() {
            0 => Err(PatternError::Empty),
            1..=PATTERN_BYTES_MAX => Ok(Self(places)),
            _ => Err(PatternError::Long),
        }
    }
}

fn byte(word: &str) -> Option<u8> {
    let is_hex = word.len() == 2 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| u8::from_str_radix(word, 16).ok()).flatten()
}

impl Pattern {
    /// Whether it has a number that matters.
    pub fn has_number(&self) -> bool {
        self.0.contains(&Place::Number)
    }

    /// Whether some bytes could be the whole of this one and the beginning of, or the same as, that one.
    pub fn begins(&self, that: &Self) -> bool {
        let fits = |(ours, theirs): (&Place, &Place)| match (ours, theirs) {
            (Place::Byte(ours), Place::Byte(theirs)) => ours == theirs,
            (Place::Any | Place::Number, _) | (_, Place::Any | Place::Number) => true,
        };
        self.0.len() < that.0.len() && self.0.iter().zip(&that.0).all(fits)
    }

    fn wildcards(&self) -> usize {
        let is_byte = |place: &&Place| matches!(place, Place::Byte(_));
        self.0.len() - self.0.iter().filter(is_byte).count()
    }

    /// How these first bytes agree with it.
    fn compare(&self, bytes: &[u8]) -> Agreement {
        let agrees = |(place, byte): (&Place, &u8)| match place {
            Place::Byte(wanted) => wanted == byte,
            Place::Any | Place::Number => true,
        };
        if !self.0.iter().zip(bytes).all(agrees) {
            return Agreement::No;
        }
        if bytes.len() < self.0.len() {
            return Agreement::SoFar;
        }
        let number = self.0.iter().zip(bytes);
        let mut number = number.filter(|(place, _)| **place == Place::Number);
        Agreement::Whole {
            number: number.next().map(|(_, byte)| *byte),
            len: self.0.len(),
        }
    }
}

enum Agreement {
    No,
    SoFar,
    Whole { number: Option<u8>, len: usize },
}

/// What a turnstile's bytes mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// It does as it was told.
    Ack,
    /// It does not.
    Nak,
    /// It is there.
    Alive,
    /// It is there, and nothing is the matter: no obstruction, no fire, no fault.
    Idle,
    /// Somebody went through; each time that it is said.
    Passed,
    /// Somebody is going through; said again and again, it is one.
    Passing,
    /// So many have gone through, wrapping at 256: the number.
    Passages,
    /// Something stands in the way.
    Obstructed,
    /// Nothing does any longer.
    Clear,
    /// The fire alarm is on.
    Fire,
    /// It is off.
    FireOff,
    /// A fault: the number, or 1.
    Fault,
}

/// A message: what it means, and its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    /// What it means.
    pub meaning: Meaning,
    /// The byte that stood where the pattern has `nn`.
    pub number: Option<u8>,
}

/// Finds messages among bytes; what fits no pattern is passed over.
#[derive(Debug)]
pub struct Matcher {
    /// Those with fewer wildcards first.
    patterns: Vec<(Meaning, Pattern)>,
    kept: Vec<u8>,
}

impl Matcher {
    /// One for these patterns.
    pub fn new(mut patterns: Vec<(Meaning, Pattern)>) -> Self {
        patterns.sort_by_key(|(_, pattern)| pattern.wildcards());
        Self {
            patterns,
            kept: Vec::new(),
        }
    }

    /// Takes the next byte and gives the messages that are whole with it.
    pub fn push(&mut self, byte: u8) -> Vec<Said> {
        self.kept.push(byte);
        std::iter::from_fn(|| self.whole()).collect()
    }

    fn whole(&mut self) -> Option<Said> {
        while !self.kept.is_empty() {
            let mut may_become = false;
            for (meaning, pattern) in &self.patterns {
                match pattern.compare(&self.kept) {
                    Agreement::No => {}
                    Agreement::SoFar => may_become = true,
                    Agreement::Whole { number, len } => {
                        self.kept.drain(..len);
                        let meaning = *meaning;
                        return Some(Said { meaning, number });
                    }
                }
            }
            if may_become {
                return None;
            }
            self.kept.remove(0);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn matcher() -> Matcher {
        let patterns = [
            (Meaning::Fault, "02 45 nn 03"),
            (Meaning::Alive, "02 45 00 03"),
            (Meaning::Passed, "02 50 .. 03"),
            (Meaning::Ack, "06"),
        ];
        let parsed = patterns.map(|(meaning, text)| (meaning, text.parse().unwrap()));
        Matcher::new(parsed.to_vec())
    }

    fn said(bytes: &[u8]) -> Vec<(Meaning, Option<u8>)> {
        let mut matcher = matcher();
        let said = bytes.iter().flat_map(|byte| matcher.push(*byte));
        said.map(|said| (said.meaning, said.number)).collect()
    }

    #[test]
    fn messages_are_found_among_noise_and_the_exact_one_comes_first() {
        let bytes = b"\x99\x06\x02\x02\x50\x31\x03\x02\x45\x00\x03\x02\x50\x06\x02\x45\x07\x03";
        let expected = [
            (Meaning::Ack, None),
            (Meaning::Passed, None),
            (Meaning::Alive, None),
            // The message that broke off holds an acknowledgement's byte.
            (Meaning::Ack, None),
            (Meaning::Fault, Some(7)),
        ];
        assert_eq!(said(bytes), expected);
    }

    #[test]
    fn scripts_have_bytes_and_pauses() {
        let script: Script = "02 4f 03 500ms 02 43 03".parse().unwrap();
        let [first, second] = &script.0[..] else {
            panic!("{script:?}");
        };
        assert_eq!(
            (&first.bytes[..], first.pause.as_millis()),
            (&[2, 0x4f, 3][..], 500)
        );
        assert_eq!(
            (&second.bytes[..], second.pause.as_millis()),
            (&[2, 0x43, 3][..], 0)
        );
        for wrong in ["", "500ms", "02 4", "02 0x4F", "02 9000ms 03", "02 .."] {
            assert!(wrong.parse::<Script>().is_err(), "{wrong:?}");
        }
        assert!("02 4F ".repeat(33).parse::<Script>().is_err());
    }

    #[test]
    fn patterns_that_begin_others_are_known() {
        let pattern = |text: &str| text.parse::<Pattern>().unwrap();
        assert!(pattern("02 ..").begins(&pattern("02 50 03")));
        assert!(!pattern("02 51").begins(&pattern("02 50 03")));
        assert!(!pattern("02 50 03").begins(&pattern("02 50 03")));
        for wrong in ["", "2", "02 n", "02 500ms"] {
            assert!(wrong.parse::<Pattern>().is_err(), "{wrong:?}");
        }
    }
}
