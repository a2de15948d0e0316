//! Gates are told to let one person through: each opens once, soon or not at all, and nobody is charged.

use crate::ids::new_id;
use crate::store::{Deed, StoreError, Tx};
use fare_protocol::{
    CommandId, Direction, GateId, LET_THROUGH_COUNTS, LetThroughCommand, Reason, UnixMs,
};

/// Over what time people whom one of the staff lets through are counted, in ms.
const SPAN_MS: i64 = 10 * 60_000;

/// Most people whom one of the staff lets through within that time. Where more come, a mode is due.
const WITHIN_SPAN: u64 = 20;

/// Whom to let through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Where.
    pub gate: GateId,
    /// In or out.
    pub direction: Direction,
    /// Why.
    pub reason: Reason,
    /// The last digits of the receipt of whoever it is, where there is one: for the audit alone.
    pub receipt: Option<String>,
}

/// Why no gate was told.
#[derive(Debug, thiserror::Error)]
pub enum LetThroughError {
    /// It is not registered.
    #[error("there is no gate {0}; nothing was told to any: fareserver gate list")]
    NoGate(GateId),
    /// It has not done what it was told before.
    #[error(
        "gate {gate} was told to let somebody through and has not done it yet; wait until it has, or {left_s} s"
    )]
    Waits {
        /// Which.
        gate: GateId,
        /// How long it may still take, in seconds.
        left_s: u64,
    },
    /// One person does it too often.
    #[error(
        "{person} has let {WITHIN_SPAN} people through within 10 minutes; come again in {after_s} s, or have a \
         supervisor set the gate's mode"
    )]
    TooOften {
        /// Who.
        person: String,
        /// When again, in seconds.
        after_s: u64,
    },
    /// No new id could be made.
    #[error("no randomness for new ids: {0}")]
    Ids(#[from] getrandom::Error),
    /// The store failed.
    #[error("{0}")]
    Store(#[from] StoreError),
}

/// Tells the gate, in the caller's transaction, and notes it in the audit. A running server passes it on within a
/// second or so; a gate that does not hear it in time lets nobody through. `who` is whoever does it, with how.
///
/// # Errors
/// When it is not registered, busy with another, or this is too often; or the store fails.
pub fn tell(
    tx: &Tx<'_>,
    wanted: &Wanted,
    who: &Deed<'_>,
    now: UnixMs,
) -> Result<LetThroughCommand, LetThroughError> {
    let gate = wanted.gate;
    if tx.gate(gate)?.is_none() {
        return Err(LetThroughError::NoGate(gate));
    }
    if let Some(until) = tx.awaits_let_through(gate, now)? {
        let left_s = seconds(until.since(now));
        return Err(LetThroughError::Waits { gate, left_s });
    }
    let since = UnixMs(now.0.saturating_sub(SPAN_MS));
    let (count, first) = tx.let_through_by((who.issuer, who.person), since)?;
    if count >= WITHIN_SPAN {
        let first = first.unwrap_or(now);
        return Err(LetThroughError::TooOften {
            person: who.person.to_owned(),
            after_s: seconds(first.since(since)),
        });
    }
    let command = LetThroughCommand {
        id: CommandId(new_id(now)?),
        gate,
        direction: wanted.direction,
        reason: wanted.reason,
        until_ms: now.after(LET_THROUGH_COUNTS),
    };
    tx.command_let_through(command, who, now)?;
    let receipt = wanted.receipt.as_deref();
    let receipt = receipt.map_or_else(String::new, |tail| format!(", receipt …{tail}"));
    let about = format!(
        "{gate} {}{receipt}: command {}",
        command.direction, command.id
    );
    let why = command.reason.to_string();
    tx.audit(
        &Deed {
            what: "let-through",
            about: &about,
            why: &why,
            ..*who
        },
        now,
    )?;
    Ok(command)
}

/// Whole seconds, at least one.
fn seconds(ms: i64) -> u64 {
    u64::try_from(ms).unwrap_or(0).div_ceil(1_000).max(1)
}
