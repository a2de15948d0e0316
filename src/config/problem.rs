//! What is wrong with a configuration, where, and what to write instead.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// 1-based line; 0 when the whole file is meant.
    pub line: usize,
    /// 1-based column in characters; 0 when the whole file is meant.
    pub column: usize,
    /// What was got, what was expected, what to write.
    pub message: String,
}

/// All that is wrong with one configuration file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// The file.
    pub file: PathBuf,
    /// What is wrong, in the file's order. Never empty.
    pub problems: Vec<Problem>,
}

impl ConfigError {
    pub(crate) fn unreadable(file: &Path, err: &std::io::Error) -> Self {
        let message = format!("cannot read the configuration: {err}");
        Self {
            file: file.to_owned(),
            problems: vec![Problem {
                line: 0,
                column: 0,
                message,
            }],
        }
    }

    pub(super) fn toml(file: &Path, text: &str, err: &toml::de::Error) -> Self {
        let message = one_line(err.message());
        let problem = Problem::at(text, err.span().unwrap_or(0..0), message);
        Self {
            file: file.to_owned(),
            problems: vec![problem],
        }
    }
}

impl Problem {
    pub(super) fn at(text: &str, span: Range<usize>, message: String) -> Self {
        let before = text.get(..span.start).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .chars()
            .count()
            + 1;
        Self {
            line,
            column,
            message,
        }
    }
}

fn one_line(message: &str) -> String {
    message
        .lines()
        .map(str::trim)
        .collect::<Vec<_>>()
        .join("; ")
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        for (n, problem) in self.problems.iter().enumerate() {
            if n > 0 {
                writeln!(f)?;
            }
            match problem.line {
                0 => write!(f, "{file}: {}", problem.message)?,
                line => write!(f, "{file}:{line}:{}: {}", problem.column, problem.message)?,
            }
        }
        Ok(())
    }
}
