//! A gate that the server believes no longer: what it knew of riders goes, and it stays closed.
//!
//! What goes: open and ended journeys, who was refused, who went through here, counters of phones, answers
//! and vouchers of the server, diagnostic notes, and, in the next lulls, records that the server has
//! accepted. What stays: records that it has not, and the newest ones, with which the chain goes on.

use fare_protocol::wire::{FeedChange, Revocation};
use fare_protocol::{GateId, PublicKey, UnixMs};
use rusqlite::{Connection, OptionalExtension, params};

/// Where a gate's own revocation stands in a feed. One of an earlier key of this gate is not meant: it has
/// enrolled anew since.
pub(super) fn own<'c>(
    changes: &'c [FeedChange],
    gate: GateId,
    key: &PublicKey,
) -> Option<&'c Revocation> {
    changes.iter().find_map(|change| match change {
        FeedChange::GateRevoked(revocation) => {
            (revocation.gate == gate && revocation.key == *key).then_some(revocation)
        }
        FeedChange::JourneyOpened(_)
        | FeedChange::JourneyClosed { .. }
        | FeedChange::Denied { .. }
        | FeedChange::Cleared { .. }
        | FeedChange::KeyDenied { .. }
        | FeedChange::KeyCleared { .. }
        | FeedChange::ModeCommanded(_)
        | FeedChange::LetThroughCommanded(_)
        | FeedChange::ConfigCommanded(_)
        | FeedChange::Unknown(_) => None,
    })
}

/// Remembers it, and forgets what the gate knows of riders, overwriting it in the file.
pub(super) fn wipe(db: &Connection, revocation: &Revocation) -> rusqlite::Result<()> {
    db.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
    db.execute_batch(
        "DELETE FROM journeys;
         DELETE FROM ended;
         DELETE FROM denied;
         DELETE FROM denied_keys;
         DELETE FROM moves;
         DELETE FROM first_rides;
         DELETE FROM devices;
         DELETE FROM answers;
         DELETE FROM events;",
    )?;
    db.prepare_cached(
        "INSERT OR REPLACE INTO revoked (only_row, key, at_ms, reason) VALUES (1, ?1, ?2, ?3)",
    )?
    .execute(params![
        revocation.key.to_bytes(),
        revocation.at_ms.0,
        revocation.reason.as_str()
    ])?;
    Ok(())
}

/// Whether the gate with this key was told that it is believed no longer.
pub(super) fn read(
    db: &Connection,
    gate: GateId,
    key: &PublicKey,
) -> rusqlite::Result<Option<Revocation>> {
    let row = db
        .prepare_cached("SELECT key, at_ms, reason FROM revoked")?
        .query_row([], |row| {
            Ok((
                row.get::<_, [u8; 32]>(0)?,
                row.get::<_, i64>(1)?,
                row.get::<_, String>(2)?,
            ))
        })
        .optional()?;
    Ok(row.and_then(|(of, at_ms, reason)| {
        let of = PublicKey::from_bytes(&of).filter(|of| of == key)?;
        Some(Revocation {
            gate,
            key: of,
            at_ms: UnixMs(at_ms),
            reason: reason.parse().ok()?,
        })
    }))
}
