//! What the intake knows of accounts that pay by a platform's code: the journey to be told to a gate that asks,
//! and riders whom a gate admitted although the server would not.

use super::conflicts::Found;
use super::{Intake, IntakeError, pricing};
use crate::config::Settlement;
use crate::store::{Scope, StoreError, Tx};
use fare_protocol::wire::{OpenJourney, PayCodeAnswer, PayCodeOutcome};
use fare_protocol::{AccountId, PaidBefore, UnixMs};
use fare_rules::conflict::ConflictKind;

/// Most conflicts raised in one transaction; the next one takes the rest.
const OVERRULED_MAX: u32 = 100;

/// The account's journey without an exit, with what it paid before that.
///
/// # Errors
/// When the store fails.
pub fn open_journey(
    settlement: &Settlement,
    tx: &Tx<'_>,
    account: AccountId,
) -> Result<Option<(OpenJourney, PaidBefore)>, StoreError> {
    let Some(entry) = tx.open_entry(account)? else {
        return Ok(None);
    };
    let entry = tx.tap(account, entry)?;
    let entry = entry.ok_or(StoreError::Corrupt("a journey without its entry"))?;
    let open = OpenJourney {
        account,
        entry: entry.id,
        station: entry.station(),
        line: entry.confirmation.location.line,
        entered_at_ms: entry.at,
    };
    Ok(Some((open, pricing::paid_before(settlement, tx, &entry)?)))
}

/// Raises a conflict for each rider whom a gate admitted before it heard the server's no; answers how many.
/// The fare is charged as any other: the gate's record counts.
///
/// # Errors
/// When the store fails; then everything is as it was.
pub fn look_at_overruled(
    settlement: &Settlement,
    tx: &Tx<'_>,
    now: UnixMs,
) -> Result<usize, IntakeError> {
    let asks = tx.pay_asks_overruled(OVERRULED_MAX)?;
    for ask in &asks {
        let why = match serde_json::from_str::<PayCodeAnswer>(&ask.answer)?.outcome {
            PayCodeOutcome::Refuse { reason, .. } => reason,
            PayCodeOutcome::Admit { .. } => String::new(),
        };
        let detail = format!(
            "gate {} admitted without the server's word, which is: {why}",
            ask.gate
        );
        let gate = tx.gate(ask.gate)?;
        let gate = gate.ok_or(StoreError::Corrupt("an ask without its gate"))?;
        let record = tx.tap_record(ask.account, ask.ask)?;
        let (scope, kind) = (Scope::Account(ask.account), ConflictKind::PayCodeRefused);
        let found = Found::new(scope, kind, ask.ask.to_hex());
        Intake::new(settlement, tx, gate, now).raise(found.records(detail, record, None))?;
        tx.overrule_pay_ask(ask.account, ask.ask)?;
    }
    Ok(asks.len())
}
