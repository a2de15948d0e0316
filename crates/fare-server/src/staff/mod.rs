//! Staff: who they are and what they may do.
//!
//! Accounts are made by `fareserver staff add`. A session stands for somebody who signed in, by whoever
//! knows them: this server ([`LOCAL`]) or, in front of it, an identity provider that writes sessions with
//! its own name as issuer. What staff do is noted in the same transaction as the deed
//! ([`crate::store::Tx::audit`]), and never changed.

pub mod password;
pub mod token;

use std::fmt;
use std::str::FromStr;

/// The issuer of accounts that this server keeps itself.
pub const LOCAL: &str = "local";

/// Longest name of a person, in characters.
pub const PERSON_CHARS_MAX: usize = 80;

/// What somebody is at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Looks and changes nothing.
    Viewer,
    /// Stands beside the gates: finds riders, lets them through.
    Steward,
    /// Answers for a station: sets the modes of gates, decides about conflicts.
    Supervisor,
    /// Decides about money.
    Finance,
    /// Releases tables of fares.
    Releaser,
}

/// What can be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum May {
    /// See gates, journeys and conflicts; accounts are masked.
    Look,
    /// See the taps of one rider.
    FindRiders,
    /// Open a gate for one person.
    LetThrough,
    /// Set the modes of gates.
    SetModes,
    /// Decide about conflicts.
    Decide,
    /// Release tables of fares.
    Release,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 5] = [
        Self::Viewer,
        Self::Steward,
        Self::Supervisor,
        Self::Finance,
        Self::Releaser,
    ];

    /// Its name.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Steward => "steward",
            Self::Supervisor => "supervisor",
            Self::Finance => "finance",
            Self::Releaser => "releaser",
        }
    }

    const fn may(self, what: May) -> bool {
        match what {
            May::Look => true,
            May::FindRiders => matches!(self, Self::Steward | Self::Supervisor | Self::Finance),
            May::LetThrough => matches!(self, Self::Steward | Self::Supervisor),
            May::SetModes => matches!(self, Self::Supervisor),
            May::Decide => matches!(self, Self::Supervisor | Self::Finance),
            May::Release => matches!(self, Self::Releaser),
        }
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|role| role.code() == text);
        known.ok_or_else(|| {
            let codes = Self::ALL.map(Self::code).join(", ");
            format!("{text:?} is no role; write one of {codes}")
        })
    }
}

impl May {
    /// The roles of which one is needed.
    pub fn roles(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |role| role.may(self))
    }
}

/// The roles of one person; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roles(Vec<Role>);

impl Roles {
    /// These, each once; nothing when there is none.
    pub fn of(roles: &[Role]) -> Option<Self> {
        let mut roles = roles.to_vec();
        roles.sort();
        roles.dedup();
        (!roles.is_empty()).then_some(Self(roles))
    }

    /// Whether one of them may.
    pub fn may(&self, what: May) -> bool {
        self.0.iter().any(|role| role.may(what))
    }

    /// Their names.
    pub fn codes(&self) -> Vec<&'static str> {
        self.0.iter().map(|role| role.code()).collect()
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.codes().join(" "))
    }
}

impl FromStr for Roles {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let roles = text.split_whitespace().map(str::parse);
        let roles = roles.collect::<Result<Vec<_>, String>>()?;
        Self::of(&roles).ok_or_else(|| "no role".to_owned())
    }
}

/// A person's name as it is kept: without blanks at its ends.
///
/// # Errors
/// When nothing is left, or too much.
pub fn person(text: &str) -> Result<String, String> {
    let person = text.trim();
    let got = person.chars().count();
    if (1..=PERSON_CHARS_MAX).contains(&got) && !person.chars().any(char::is_control) {
        Ok(person.to_owned())
    } else {
        Err(format!(
            "a name is 1 to {PERSON_CHARS_MAX} characters of one line, got {got}"
        ))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn roles_are_read_as_they_are_written_and_each_may_its_own() {
        let roles: Roles = "supervisor viewer supervisor".parse().unwrap();
        assert_eq!(roles.to_string(), "viewer supervisor");
        assert_eq!(roles.to_string().parse::<Roles>().unwrap(), roles);
        for wrong in ["", "king", "viewer,steward"] {
            assert!(wrong.parse::<Roles>().is_err(), "{wrong}");
        }
        let needed = |may: May| may.roles().map(Role::code).collect::<Vec<_>>().join(" ");
        assert_eq!(
            needed(May::Look),
            "viewer steward supervisor finance releaser"
        );
        assert_eq!(needed(May::FindRiders), "steward supervisor finance");
        assert_eq!(needed(May::LetThrough), "steward supervisor");
        assert_eq!(needed(May::SetModes), "supervisor");
        assert_eq!(needed(May::Decide), "supervisor finance");
        assert_eq!(needed(May::Release), "releaser");
    }

    #[test]
    fn a_person_has_a_name() {
        assert_eq!(person(" Wang Li ").unwrap(), "Wang Li");
        for wrong in ["", "  ", "a\nb", &"x".repeat(81)] {
            assert!(person(wrong).is_err(), "{wrong:?}");
        }
    }
}
