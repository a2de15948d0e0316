//! The languages of the lane's screen: one TOML file each.
//!
//! A file has everything or is refused with what it lacks, so that no rider meets an empty screen.
//! `languages/en.toml` shows every key; its refusals and hints are those of the code.

use crate::decode::Unread;
use fare_rules::Refusal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The languages that every gate has: their names and files.
const BUILT_IN: [(&str, &str); 3] = [
    ("en", include_str!("languages/en.toml")),
    ("zh", include_str!("languages/zh.toml")),
    ("ar", include_str!("languages/ar.toml")),
];

/// What the screen says in one language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Language {
    /// BCP 47 tag, for fonts, voices and the writing of amounts and times.
    pub tag: String,
    /// Which way it is written.
    pub direction: Writing,
    /// Sentences of the views.
    pub say: Say,
    /// Sentences of the refusals, by number.
    pub refusal: BTreeMap<String, String>,
    /// What to do about a code that is not read, by cause.
    pub hint: BTreeMap<String, String>,
}

/// Which way a language is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Writing {
    /// From left to right.
    Ltr,
    /// From right to left.
    Rtl,
}

/// Sentences of the views.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Say {
    /// Nothing is under way.
    pub ready: String,
    /// The record is being written.
    pub wait: String,
    /// Admitted at an entry.
    pub entry: String,
    /// Admitted at an exit; the fare stands beside it.
    pub exit: String,
    /// Admitted at an exit, and the gate does not know the fare.
    pub fare_follows: String,
    /// The fare is paid by a pass.
    pub pass: String,
    /// It is paid by a multi-ride; `{left}` stands for the journeys left after this one.
    pub multi_ride: String,
    /// A part of it is paid by a coupon.
    pub coupon: String,
    /// What is left of stored value after the fare; `{amount}` stands for it.
    pub balance: String,
    /// How old the fare's data are; `{time}` stands for the time of day.
    pub as_of: String,
    /// Nobody is admitted.
    pub closed: String,
    /// No code is needed.
    pub free_passage: String,
    /// The gate cannot work.
    pub out_of_service: String,
}

/// Why a language cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LanguageError {
    /// No such name.
    #[error(
        "the language {name:?} is not built in; write one of en, zh, ar, or the path of a .toml file"
    )]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// Not the TOML it should be.
    #[error("{0}; src/display/languages/en.toml shows every key")]
    Toml(#[from] toml::de::Error),
    /// Not every sentence is there.
    #[error("these sentences are missing: {}; src/display/languages/en.toml has all", .0.join(", "))]
    Missing(Vec<String>),
    /// Sentences for what does not exist.
    #[error("nothing is called {}: leave these sentences out", .0.join(", "))]
    Superfluous(Vec<String>),
}

impl Language {
    /// The built-in language of this name.
    ///
    /// # Errors
    /// When there is none.
    pub fn built_in(name: &str) -> Result<Self, LanguageError> {
        match BUILT_IN.iter().find(|(known, _)| *known == name) {
            Some((_, text)) => Self::parse(text),
            None => Err(LanguageError::Unknown {
                name: name.to_owned(),
            }),
        }
    }

    /// Reads and checks a language's file.
    ///
    /// # Errors
    /// Names what is wrong or missing.
    pub fn parse(text: &str) -> Result<Self, LanguageError> {
        let language: Self = toml::from_str(text)?;
        let wanted = Refusal::ALL
            .iter()
            .map(|refusal| format!("refusal.{}", refusal.number()))
            .chain(Unread::ALL.iter().map(|why| format!("hint.{}", why.code())))
            .collect::<Vec<_>>();
        let refusals = language
            .refusal
            .iter()
            .map(|(key, text)| ("refusal", key, text));
        let hints = language.hint.iter().map(|(key, text)| ("hint", key, text));
        let there = refusals
            .chain(hints)
            .filter(|(_, _, text)| !text.trim().is_empty())
            .map(|(table, key, _)| format!("{table}.{key}"))
            .collect::<Vec<_>>();
        let without = |these: &[String], those: &[String]| -> Vec<String> {
            let missing = these.iter().filter(|this| !those.contains(this));
            missing.cloned().collect()
        };
        let (missing, superfluous) = (without(&wanted, &there), without(&there, &wanted));
        if !missing.is_empty() {
            return Err(LanguageError::Missing(missing));
        }
        if !superfluous.is_empty() {
            return Err(LanguageError::Superfluous(superfluous));
        }
        Ok(language)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn built_in_languages_are_whole() {
        for (name, _) in BUILT_IN {
            let language = Language::built_in(name);
            assert_eq!(language.unwrap().tag.get(..2), Some(name));
        }
    }

    #[test]
    fn the_english_file_says_what_the_code_says() {
        let english = Language::built_in("en").unwrap();
        for refusal in Refusal::ALL {
            assert_eq!(
                english.refusal[&refusal.number().to_string()],
                refusal.rider()
            );
        }
        for why in Unread::ALL {
            assert_eq!(english.hint[why.code()], why.hint());
        }
    }

    #[test]
    fn a_file_that_lacks_a_sentence_says_which() {
        let (_, english) = BUILT_IN[0];
        let without = english.replace("62 = ", "64 = ");
        let said = Language::parse(&without).unwrap_err().to_string();
        assert!(said.contains("refusal.62"), "{said}");
        let more = english.replace("[hint]", "[hint]\nrain = \"Wait\"");
        let said = Language::parse(&more).unwrap_err().to_string();
        assert!(said.contains("hint.rain"), "{said}");
        let said = Language::built_in("fr").unwrap_err().to_string();
        assert!(said.contains("\"fr\"") && said.contains(".toml"), "{said}");
    }
}
