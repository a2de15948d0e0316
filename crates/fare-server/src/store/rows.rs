//! Small conversions between columns and our types.

use super::StoreError;
use rusqlite::OptionalExtension;
use std::str::FromStr;

/// A text column as the type that it spells.
pub(super) fn parsed<T: FromStr>(text: &str, what: &'static str) -> Result<T, StoreError> {
    text.parse().map_err(|_| StoreError::Corrupt(what))
}

/// One row or none.
pub(super) fn optional<T>(row: rusqlite::Result<T>) -> Result<Option<T>, StoreError> {
    Ok(row.optional()?)
}

/// A chain place as SQLite counts: 64 bits with a sign. Greater ones, which no gate reaches, are
/// refused before they get here.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A count or chain place from SQLite.
pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
