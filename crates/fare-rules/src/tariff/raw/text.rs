//! One of the two texts: parsed, and errors with their lines.

use crate::tariff::{TEXT_LEN_MAX, TariffError, TariffPart, TariffProblem};
use serde::de::DeserializeOwned;
use std::ops::Range;
use toml::Spanned;

/// Longest name, in characters.
const NAME_LEN_MAX: usize = 64;

/// Longest label, in bytes.
const LABEL_LEN_MAX: usize = 24;

/// One of the texts, to say where in it something is wrong.
pub(super) struct Text<'t> {
    pub(super) part: TariffPart,
    pub(super) text: &'t str,
}

impl Text<'_> {
    pub(super) fn parse<T: DeserializeOwned>(&self) -> Result<T, TariffError> {
        if self.text.len() > TEXT_LEN_MAX {
            let problem = TariffProblem::TooLong {
                got: self.text.len(),
                max: TEXT_LEN_MAX,
            };
            return Err(self.wrong(0..0, problem));
        }
        toml::from_str(self.text).map_err(|err| {
            let problem = TariffProblem::Toml(err.message().to_owned());
            self.wrong(err.span().unwrap_or_default(), problem)
        })
    }

    pub(super) fn wrong(&self, at: Range<usize>, problem: impl Into<TariffProblem>) -> TariffError {
        let before = self.text.as_bytes().get(..at.start).unwrap_or_default();
        let line = before
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
            .saturating_add(1);
        TariffError {
            part: self.part,
            line,
            problem: problem.into(),
        }
    }

    pub(super) fn count(
        &self,
        got: usize,
        what: &'static str,
        max: usize,
    ) -> Result<(), TariffError> {
        let problem = TariffProblem::TooMany { what, got, max };
        if got > max {
            Err(self.wrong(0..0, problem))
        } else {
            Ok(())
        }
    }

    pub(super) fn in_range<N>(
        &self,
        value: &Spanned<N>,
        what: &'static str,
        min: N,
        max: N,
    ) -> Result<N, TariffError>
    where
        N: Copy + PartialOrd + Into<i64>,
    {
        let got = *value.get_ref();
        if (min..=max).contains(&got) {
            return Ok(got);
        }
        let (got, min, max) = (got.into(), min.into(), max.into());
        Err(self.wrong(
            value.span(),
            TariffProblem::OutOfRange {
                what,
                got,
                min,
                max,
            },
        ))
    }

    pub(super) fn id<I: std::str::FromStr<Err = fare_protocol::IdError>>(
        &self,
        value: &Spanned<String>,
    ) -> Result<I, TariffError> {
        value
            .get_ref()
            .parse()
            .map_err(|err: I::Err| self.wrong(value.span(), err))
    }

    pub(super) fn name(
        &self,
        value: &Spanned<String>,
        what: &'static str,
    ) -> Result<String, TariffError> {
        let name = value.get_ref();
        let length = name.chars().count();
        if (1..=NAME_LEN_MAX).contains(&length) && !name.chars().any(char::is_control) {
            Ok(name.clone())
        } else {
            Err(self.wrong(value.span(), TariffProblem::Name(what)))
        }
    }

    /// A short name that stands in explanations.
    pub(super) fn label(&self, value: &Spanned<String>) -> Result<String, TariffError> {
        let label = value.get_ref();
        let ok = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-';
        if (1..=LABEL_LEN_MAX).contains(&label.len()) && label.as_bytes().iter().all(ok) {
            Ok(label.clone())
        } else {
            Err(self.wrong(value.span(), TariffProblem::Label(label.clone())))
        }
    }

    /// One of the words of a list.
    pub(super) fn word<T: Copy>(
        &self,
        value: &Spanned<String>,
        known: &[(T, &'static str)],
    ) -> Result<T, TariffError> {
        let found = known.iter().find(|(_, word)| word == value.get_ref());
        let unknown = || {
            let words: Vec<_> = known.iter().map(|(_, word)| *word).collect();
            let problem = TariffProblem::Word {
                got: value.get_ref().clone(),
                known: words.join(", "),
            };
            self.wrong(value.span(), problem)
        };
        found.map(|(word, _)| *word).ok_or_else(unknown)
    }

    /// That something does not stand a second time.
    pub(super) fn once(&self, at: Range<usize>, what: &str, new: bool) -> Result<(), TariffError> {
        if new {
            Ok(())
        } else {
            Err(self.wrong(at, TariffProblem::Twice(what.to_owned())))
        }
    }
}
