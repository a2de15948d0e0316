//! What the rider sees at the gate: a page for the lane's screen, served to the browser on this box.
//!
//! ```text
//! lane's effects -> Panel -> Screen (the newest counts) -> server-sent events -> page
//! ```
//! The page is in `page/`, its sentences are in `languages/`. Nothing here can hold up the lane: a
//! [`Panel`] only replaces what is to be shown, and who looks at it, or nobody, is no affair of its.

mod language;
mod screen;
mod serve;
mod symbol;

pub use language::{Language, LanguageError};
pub use screen::{Panel, Screen, View};
pub(crate) use serve::serve;
pub use symbol::Symbol;

use serde::Serialize;
use std::net::SocketAddr;

/// The lane's screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisplayConfig {
    /// Where its page is served: a loopback address.
    pub listen: SocketAddr,
    /// How the page looks and sounds.
    pub look: Look,
}

/// How the page looks and sounds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Look {
    /// What it speaks, the first first; never empty.
    pub languages: Vec<Language>,
    /// All languages at once, or one after the other.
    pub together: bool,
    /// Where the rider walks, seen from the screen.
    pub arrow: Arrow,
    /// Whether it makes sounds.
    pub sounds: bool,
    /// Whether it shows each admitted rider the receipt.
    pub receipts: bool,
}

/// Where the rider walks, seen from the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arrow {
    /// Straight on.
    #[default]
    Up,
    /// To the left.
    Left,
    /// To the right.
    Right,
    /// Towards the reader: the screen hangs above the lane.
    Down,
}
