//! The part of the configuration about payment platforms' codes.

use super::check::Checker;
use super::raw::{RawPattern, RawPayCodes, RawWithoutServer};
use fare_protocol::pay_code::{PayCodeLetters, PayCodePattern, Prefix};
use fare_protocol::{Millis, PayCodePatterns};
use fare_rules::{PayCodePolicy, WithoutServer};
use std::ops::RangeInclusive;
use toml::Spanned;

/// A rider waits no longer than a blink, and the server gets a chance at all.
const ANSWER_MS: RangeInclusive<u32> = 50..=2_000;

/// What a lane can let through in an hour.
const PER_HOUR: RangeInclusive<u16> = 1..=3_600;

/// Pay codes at a gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayCodesConfig {
    /// How they look.
    pub patterns: PayCodePatterns,
    /// How the lane treats them.
    pub policy: PayCodePolicy,
}

impl Checker<'_> {
    pub(super) fn pay_codes(
        &mut self,
        spanned: &Spanned<RawPayCodes>,
        has_server: bool,
    ) -> Option<PayCodesConfig> {
        let raw = spanned.get_ref();
        if !has_server {
            let message = "pay codes need the server; write [server], or leave [pay_codes] out";
            return self.wrong(spanned.span(), message.to_owned());
        }
        let answer_ms = raw.answer_ms.as_ref().map_or(300, |ms| *ms.get_ref());
        if let Some(at) = &raw.answer_ms
            && !ANSWER_MS.contains(&answer_ms)
        {
            let (least, most) = (ANSWER_MS.start(), ANSWER_MS.end());
            let message = format!("answer_ms is {answer_ms}; write {least} to {most}");
            return self.wrong(at.span(), message);
        }
        let without_server = self.without_server(spanned)?;
        let patterns = match &raw.pattern {
            Some(patterns) => self.pay_patterns(patterns, spanned)?,
            None => PayCodePatterns::default(),
        };
        Some(PayCodesConfig {
            patterns,
            policy: PayCodePolicy {
                deadline: Millis(answer_ms),
                without_server,
            },
        })
    }

    fn without_server(&mut self, spanned: &Spanned<RawPayCodes>) -> Option<WithoutServer> {
        let raw = spanned.get_ref();
        match (raw.without_server, &raw.admit_per_hour) {
            (RawWithoutServer::Refuse, None) => Some(WithoutServer::Refuse),
            (RawWithoutServer::Refuse, Some(at)) => {
                let message = "admit_per_hour belongs to without_server = \"admit\"; leave it out";
                self.wrong(at.span(), message.to_owned())
            }
            (RawWithoutServer::Admit, Some(at)) if PER_HOUR.contains(at.get_ref()) => {
                let per_hour = *at.get_ref();
                Some(WithoutServer::Admit { per_hour })
            }
            (RawWithoutServer::Admit, at) => {
                let span = at.as_ref().map_or(spanned.span(), Spanned::span);
                let message =
                    "to admit without the server needs a limit; write admit_per_hour, 1 to 3600";
                self.wrong(span, message.to_owned())
            }
        }
    }

    fn pay_patterns(
        &mut self,
        raw: &[Spanned<RawPattern>],
        section: &Spanned<RawPayCodes>,
    ) -> Option<PayCodePatterns> {
        let patterns: Vec<_> = raw
            .iter()
            .map(|pattern| self.pay_pattern(pattern))
            .collect();
        match PayCodePatterns::new(patterns.into_iter().collect::<Option<_>>()?) {
            Ok(patterns) => Some(patterns),
            Err(err) => self.wrong(section.span(), err.to_string()),
        }
    }

    fn pay_pattern(&mut self, spanned: &Spanned<RawPattern>) -> Option<PayCodePattern> {
        let raw = spanned.get_ref();
        let platform = match raw.platform.get_ref().parse() {
            Ok(platform) => platform,
            Err(err) => return self.wrong(raw.platform.span(), format!("{err}")),
        };
        let mut prefixes = Vec::new();
        for text in &raw.prefixes {
            match text.get_ref().parse::<Prefix>() {
                Ok(prefix) => prefixes.push(prefix),
                Err(err) => return self.wrong(text.span(), err.to_string()),
            }
        }
        let letters = raw.letters.unwrap_or(PayCodeLetters::Digits);
        let [from, to] = raw.length;
        match PayCodePattern::new(platform, letters, from..=to, prefixes) {
            Ok(pattern) => Some(pattern),
            Err(err) => self.wrong(spanned.span(), err.to_string()),
        }
    }
}
