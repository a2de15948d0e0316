//! Kinds of conflict.

/// What staff must look at; the records behind it stay as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConflictKind {
    /// An entry followed an entry.
    DoubleEntry,
    /// An exit follows no entry, or its entry has not arrived yet.
    ExitWithoutEntry,
    /// One code was shown at two gates.
    SameCode,
    /// The gate lost power during the passage; it counts as passed.
    PassageUnknown,
    /// Two passages answer one confirmation; the first one counts.
    SecondPassage,
    /// The gate showed another fare than the server found; the lower one is charged.
    QuoteDiffers,
    /// No fare could be found.
    Unpriced,
    /// A late record changed a journey that was charged; the charge was reversed.
    Repaired,
    /// A gate's record names another station than the gate is registered at.
    WrongStation,
    /// Records of a gate's chain have not arrived.
    ChainGap,
    /// Two records claim one place of a gate's chain; the first one stays.
    ChainFork,
}

impl ConflictKind {
    /// Its name, for the database and for people.
    pub const fn code(self) -> &'static str {
        match self {
            Self::DoubleEntry => "double-entry",
            Self::ExitWithoutEntry => "exit-without-entry",
            Self::SameCode => "same-code",
            Self::PassageUnknown => "passage-unknown",
            Self::SecondPassage => "second-passage",
            Self::QuoteDiffers => "quote-differs",
            Self::Unpriced => "unpriced",
            Self::Repaired => "repaired",
            Self::WrongStation => "wrong-station",
            Self::ChainGap => "chain-gap",
            Self::ChainFork => "chain-fork",
        }
    }
}
