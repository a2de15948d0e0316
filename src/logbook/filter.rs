//! Which lines are wanted.

use super::{Happening, Line, TAIL_DIGITS};
use fare_protocol::UnixMs;
use fare_rules::Refusal;
use std::str::FromStr;

/// What lines must have in common. By default everything is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// At or after this.
    pub since: Option<UnixMs>,
    /// Before this.
    pub until: Option<UnixMs>,
    /// Refused for one of these reasons.
    pub reasons: Vec<Reason>,
    /// Of accounts that end so, in lower case.
    pub account_tail: Option<String>,
    /// The end of the receipt, or a refusal's name.
    pub receipt: Option<String>,
    /// Only those who were not let through.
    pub refused: bool,
}

/// A reason as people name it: `60` or `passback`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason(pub Refusal);

/// The text names no reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no reason {0:?}; write a number or a name from docs/staff-card.md, for example 60 or passback"
)]
pub struct NoReason(String);

impl FromStr for Reason {
    type Err = NoReason;

    fn from_str(text: &str) -> Result<Self, NoReason> {
        let number = text.parse::<u16>().ok();
        let means = |refusal: &Refusal| refusal.code() == text || Some(refusal.number()) == number;
        let refusal = Refusal::ALL.into_iter().find(means);
        refusal.map(Self).ok_or_else(|| NoReason(text.to_owned()))
    }
}

impl Filter {
    /// Whether this line is wanted.
    pub fn wants(&self, line: &Line) -> bool {
        let at = line.at();
        self.since.is_none_or(|since| at >= since)
            && self.until.is_none_or(|until| at < until)
            && self.wants_kind(line)
            && self.wants_account(line)
            && self.wants_tap(line)
    }

    /// Whether lines this old, and all before them, are of no use.
    pub fn is_before(&self, at: UnixMs) -> bool {
        self.since.is_some_and(|since| at < since)
    }

    fn wants_kind(&self, line: &Line) -> bool {
        let any = !self.refused && self.reasons.is_empty();
        match line {
            Line::Admitted(_) | Line::LetThrough(_) => any,
            Line::Refused(refused) => {
                let is = |reason: &Reason| Some(reason.0) == refused.refusal;
                self.reasons.is_empty() || self.reasons.iter().any(is)
            }
            Line::Happening(Happening::Unread { .. }) => self.reasons.is_empty(),
            Line::Happening(
                Happening::Note(_)
                | Happening::Unreadable { .. }
                | Happening::ModeChange { .. }
                | Happening::Config { .. },
            ) => any,
        }
    }

    fn wants_account(&self, line: &Line) -> bool {
        let Some(tail) = &self.account_tail else {
            return true;
        };
        line.account()
            .is_some_and(|account| account.ends_with(tail.as_str()))
    }

    fn wants_tap(&self, line: &Line) -> bool {
        let Some(receipt) = &self.receipt else {
            return true;
        };
        line.tap().is_some_and(|tap| tap.is_meant_by(receipt))
    }
}

/// The end of an account's number as people type it: up to four hexadecimal digits, `…` before it or
/// not.
///
/// # Errors
/// When it is something else.
pub fn account_tail(text: &str) -> Result<String, String> {
    let tail = text.trim_start_matches('…').to_ascii_lowercase();
    let digits = tail.bytes().all(|b| b.is_ascii_hexdigit());
    if tail.is_empty() || tail.len() > TAIL_DIGITS || !digits {
        return Err(format!(
            "write the last {TAIL_DIGITS} digits of the account, 0-9 and a-f, for example ab12"
        ));
    }
    Ok(tail)
}
