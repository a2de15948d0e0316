//! Rides of accounts of which the gate knew nothing at the server's newest news, and what they may cost together
//! until there is news again.
//!
//! A confirmation takes its part, and gives it back when nobody went through. The account stays one that was not known:
//! else a rider who turns round once would be known by that.

use fare_protocol::{Money, UnixMs};
use fare_rules::{ConfirmationDraft, PassageDraft};
use rusqlite::{Connection, OptionalExtension, params};

/// A confirmation takes what its ride may cost.
pub(super) fn confirmed(db: &Connection, draft: &ConfirmationDraft) -> rusqlite::Result<()> {
    let Some(Money { minor, currency }) = draft.first_ride else {
        return Ok(());
    };
    db.prepare_cached(
        "INSERT INTO first_rides (account, confirmation, minor) VALUES (?1, ?2, ?3)
         ON CONFLICT (account)
         DO UPDATE SET confirmation = excluded.confirmation, minor = excluded.minor",
    )?
    .execute(params![draft.account.0, draft.id.0, minor])?;
    db.prepare_cached(
        "INSERT INTO first_rides_sum (only_row, minor, currency) VALUES (1, ?1, ?2)
         ON CONFLICT (only_row)
         DO UPDATE SET minor = minor + excluded.minor, currency = excluded.currency",
    )?
    .execute(params![minor, currency.as_str()])?;
    Ok(())
}

/// Nobody went through.
pub(super) fn annulled(db: &Connection, draft: &PassageDraft) -> rusqlite::Result<()> {
    let Some(account) = draft.account else {
        return Ok(());
    };
    let of = params![account.0, draft.passage.confirmation.0];
    let took: Option<i64> = db
        .prepare_cached("SELECT minor FROM first_rides WHERE account = ?1 AND confirmation = ?2")?
        .query_row(of, |row| row.get(0))
        .optional()?;
    let Some(took) = took.filter(|took| *took > 0) else {
        return Ok(());
    };
    db.prepare_cached("UPDATE first_rides SET minor = 0 WHERE account = ?1 AND confirmation = ?2")?
        .execute(of)?;
    db.prepare_cached("UPDATE first_rides_sum SET minor = minor - ?1")?
        .execute([took])?;
    Ok(())
}

/// There is news: who must be refused is known, and who came in since the last is no stranger any more.
/// News that is no newer, as when a file is carried twice, says nothing.
pub(super) fn news(db: &Connection, as_of: UnixMs) -> rusqlite::Result<()> {
    let newer = "SELECT 1 WHERE ?1 > coalesce((SELECT as_of_ms FROM feed), ?1 - 1)";
    for table in ["first_rides", "first_rides_sum"] {
        db.prepare_cached(&format!("DELETE FROM {table} WHERE EXISTS ({newer})"))?
            .execute([as_of.0])?;
    }
    Ok(())
}
