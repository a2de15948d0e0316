//! How pay codes look: which platform a text is a code of.

use super::{PAY_CODE_LEN_MAX, PayCode, PayPlatform};
use serde::Deserialize;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// Most patterns of one gate.
const PATTERNS_MAX: usize = 16;

/// Most prefixes of one pattern.
const PREFIXES_MAX: usize = 32;

/// Longest prefix.
const PREFIX_LEN_MAX: usize = 16;

/// What a platform's codes consist of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PayCodeLetters {
    /// Digits alone.
    Digits,
    /// Base64, as EMVCo's consumer-presented codes.
    Base64,
}

/// What codes begin with: one text, or all of one length from one to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefix {
    from: String,
    to: String,
}

/// How the codes of one platform look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayCodePattern {
    platform: PayPlatform,
    letters: PayCodeLetters,
    len: RangeInclusive<usize>,
    prefixes: Vec<Prefix>,
}

/// The patterns of a gate; the first that fits tells the platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayCodePatterns(Vec<PayCodePattern>);

/// Why something is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// A length.
    #[error(
        "codes of {from} to {to} characters; write two numbers from 1 to {PAY_CODE_LEN_MAX}, the smaller first"
    )]
    Len {
        /// The shortest.
        from: usize,
        /// The longest.
        to: usize,
    },
    /// A prefix.
    #[error(
        "prefix {0:?}; write 1 to {PREFIX_LEN_MAX} letters or digits, or a range of equally long ones like \"25-30\""
    )]
    Prefix(String),
    /// No prefix, or too many: any number would be a pay code.
    #[error(
        "{0} prefixes; write 1 to {PREFIXES_MAX}, so that not every number is taken for a pay code"
    )]
    Prefixes(usize),
    /// Too many patterns.
    #[error("{0} patterns; write {PATTERNS_MAX} at most")]
    Patterns(usize),
}

impl FromStr for Prefix {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let bad = || PatternError::Prefix(text.chars().take(40).collect());
        let (from, to) = text.split_once('-').unwrap_or((text, text));
        let fits = |part: &str| {
            let letters = part.bytes().all(|b| b.is_ascii_alphanumeric());
            letters && (1..=PREFIX_LEN_MAX).contains(&part.len())
        };
        if !fits(from) || !fits(to) || from.len() != to.len() || from > to {
            return Err(bad());
        }
        Ok(Self {
            from: from.to_owned(),
            to: to.to_owned(),
        })
    }
}

impl Prefix {
    fn begins(&self, code: &str) -> bool {
        let head = code.get(..self.from.len());
        head.is_some_and(|head| self.from.as_str() <= head && head <= self.to.as_str())
    }
}

impl PayCodePattern {
    /// Codes of this platform, so long, that begin so.
    ///
    /// # Errors
    /// When lengths or prefixes make no sense.
    pub fn new(
        platform: PayPlatform,
        letters: PayCodeLetters,
        len: RangeInclusive<usize>,
        prefixes: Vec<Prefix>,
    ) -> Result<Self, PatternError> {
        let (from, to) = (*len.start(), *len.end());
        if from == 0 || from > to || to > PAY_CODE_LEN_MAX {
            return Err(PatternError::Len { from, to });
        }
        if prefixes.is_empty() || prefixes.len() > PREFIXES_MAX {
            return Err(PatternError::Prefixes(prefixes.len()));
        }
        Ok(Self {
            platform,
            letters,
            len,
            prefixes,
        })
    }

    fn fits(&self, code: &str) -> bool {
        let letter = |b: u8| match self.letters {
            PayCodeLetters::Digits => b.is_ascii_digit(),
            PayCodeLetters::Base64 => b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='),
        };
        self.len.contains(&code.len())
            && code.bytes().all(letter)
            && self.prefixes.iter().any(|prefix| prefix.begins(code))
    }
}

impl PayCodePatterns {
    /// These, in this order.
    ///
    /// # Errors
    /// When there are too many.
    pub fn new(patterns: Vec<PayCodePattern>) -> Result<Self, PatternError> {
        if patterns.len() > PATTERNS_MAX {
            return Err(PatternError::Patterns(patterns.len()));
        }
        Ok(Self(patterns))
    }

    /// The pay code that was scanned, if it looks like one.
    pub fn recognise(&self, scanned: &[u8]) -> Option<PayCode> {
        let text = std::str::from_utf8(scanned).ok()?;
        let pattern = self.0.iter().find(|pattern| pattern.fits(text))?;
        PayCode::new(pattern.platform.clone(), text).ok()
    }
}

/// Alipay's codes have 16 to 24 digits and begin with 25 to 30, WeChat's have 18 and begin with 10 to 15.
impl Default for PayCodePatterns {
    fn default() -> Self {
        let of = |name: &str, len: RangeInclusive<usize>, from: &str, to: &str| PayCodePattern {
            platform: PayPlatform(name.to_owned()),
            letters: PayCodeLetters::Digits,
            len,
            prefixes: vec![Prefix {
                from: from.to_owned(),
                to: to.to_owned(),
            }],
        };
        Self(vec![
            of("alipay", 16..=24, "25", "30"),
            of("wechat", 18..=18, "10", "15"),
        ])
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn platform(patterns: &PayCodePatterns, text: &str) -> Option<String> {
        let code = patterns.recognise(text.as_bytes())?;
        assert_eq!(code.reveal(), text);
        Some(code.platform().to_string())
    }

    #[test]
    fn the_two_platforms_are_told_apart() {
        let patterns = PayCodePatterns::default();
        let alipay = Some("alipay".to_owned());
        let wechat = Some("wechat".to_owned());
        for (text, expected) in [
            ("2512345678901234", &alipay),
            ("301234567890123456789012", &alipay),
            ("280000000000000001", &alipay),
            ("100000000000000000", &wechat),
            ("159999999999999999", &wechat),
            // Too short, too long, another beginning, other letters.
            ("251234567890123", &None),
            ("3012345678901234567890123", &None),
            ("2412345678901234", &None),
            ("3112345678901234", &None),
            ("10000000000000000", &None),
            ("1000000000000000000", &None),
            ("160000000000000000", &None),
            ("28000000000000000a", &None),
            ("２８0000000000000001", &None),
            ("", &None),
            ("FG1:280000000000000001", &None),
        ] {
            assert_eq!(&platform(&patterns, text), expected, "{text}");
        }
    }

    #[test]
    fn other_platforms_are_a_matter_of_configuration() {
        let pattern = |name: &str, letters, len, prefix: &str| {
            let prefixes = vec![prefix.parse().unwrap()];
            PayCodePattern::new(name.parse().unwrap(), letters, len, prefixes).unwrap()
        };
        let patterns = PayCodePatterns::new(vec![
            pattern("unionpay", PayCodeLetters::Digits, 19..=19, "62"),
            pattern("emv", PayCodeLetters::Base64, 20..=512, "hQVDUFYwM"),
        ])
        .unwrap();
        let unionpay = platform(&patterns, "6212345678901234567");
        assert_eq!(unionpay.as_deref(), Some("unionpay"));
        // 85 05 "CPV01", then an application template.
        let emv = platform(&patterns, "hQVDUFYwMWETTwegAAAAVVVVUAhQcm9kdWN0MQ==");
        assert_eq!(emv.as_deref(), Some("emv"));
        assert_eq!(platform(&patterns, "280000000000000001"), None);
    }

    #[test]
    fn what_is_no_pattern_says_what_to_write() {
        for bad in [
            "",
            "-",
            "25-",
            "30-25",
            "25-3",
            "2 5",
            "é",
            "12345678901234567",
        ] {
            let err = bad.parse::<Prefix>().unwrap_err().to_string();
            assert!(err.contains("write 1 to 16"), "{err}");
        }
        let new = |len, prefixes| {
            PayCodePattern::new("a".parse().unwrap(), PayCodeLetters::Digits, len, prefixes)
        };
        let one = || vec!["62".parse().unwrap()];
        assert!(matches!(new(0..=4, one()), Err(PatternError::Len { .. })));
        #[allow(clippy::reversed_empty_ranges, reason = "that is what is wrong")]
        let reversed = new(9..=4, one());
        assert!(matches!(reversed, Err(PatternError::Len { .. })));
        assert!(matches!(new(1..=513, one()), Err(PatternError::Len { .. })));
        assert_eq!(new(1..=4, vec![]), Err(PatternError::Prefixes(0)));
        let many = vec![new(1..=4, one()).unwrap(); 17];
        assert_eq!(PayCodePatterns::new(many), Err(PatternError::Patterns(17)));
    }

    proptest! {
        #[test]
        fn hostile_bytes_are_no_trouble(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            if let Some(code) = PayCodePatterns::default().recognise(&bytes) {
                prop_assert_eq!(code.reveal().as_bytes(), &bytes[..]);
            }
        }

        #[test]
        fn every_code_of_a_range_is_recognised(n in 0..10_u64.pow(16), head in 25..=30_u8) {
            let text = format!("{head}{n:016}");
            prop_assert_eq!(platform(&PayCodePatterns::default(), &text), Some("alipay".to_owned()));
        }
    }
}
