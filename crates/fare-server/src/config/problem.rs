//! What is wrong with a configuration, where, and what to write instead.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// All that is wrong with one configuration file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// The file.
    pub file: PathBuf,
    /// What is wrong, in the file's order. Never empty.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// 1-based line; 0 when the whole file is meant.
    pub line: usize,
    /// What was got, what was expected, what to write.
    pub message: String,
}

impl ConfigError {
    pub(super) fn unreadable(file: &Path, err: &std::io::Error) -> Self {
        let message = format!("cannot read the configuration: {err}");
        let problems = vec![Problem { line: 0, message }];
        Self {
            file: file.to_owned(),
            problems,
        }
    }

    pub(super) fn toml(file: &Path, text: &str, err: &toml::de::Error) -> Self {
        let message = err.message().lines().collect::<Vec<_>>().join("; ");
        let problems = vec![Problem::at(text, err.span().unwrap_or(0..0), message)];
        Self {
            file: file.to_owned(),
            problems,
        }
    }
}

impl Problem {
    pub(super) fn at(text: &str, span: Range<usize>, message: String) -> Self {
        let before = text.get(..span.start).unwrap_or(text);
        Self {
            line: before.matches('\n').count() + 1,
            message,
        }
    }
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
                line => write!(f, "{file}:{line}: {}", problem.message)?,
            }
        }
        Ok(())
    }
}
