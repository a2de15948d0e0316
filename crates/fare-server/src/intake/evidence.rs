//! Passages of which a gate cannot tell: the account's next tap does, or the time for it runs out.
//! The rule is [`fare_rules::journey::Evidence`]'s; `docs/decisions/0005-unknown-passages.md` says why.

use super::{Intake, IntakeError};
use crate::config::Settlement;
use crate::store::Tx;
use fare_protocol::UnixMs;
use fare_rules::journey::{EVIDENCE_WAIT, Evidence, Tap};

/// Most passages given up in one transaction; the next one takes the rest.
const EXPIRED_MAX: u32 = 500;

/// The tap with what the account's next tap tells about it.
pub(super) fn weighed(tap: Tap, next: Option<&Tap>) -> Tap {
    let told = next.map(|next| Evidence::of_next(tap.direction(), next.direction()));
    Tap {
        evidence: if tap.is_unknown() {
            told.or(tap.evidence)
        } else {
            None
        },
        ..tap
    }
}

impl Intake<'_> {
    /// Looks again at the tap before a new one, when its gate could not tell.
    pub(super) fn weigh_again(
        &mut self,
        before: Option<Tap>,
        tap: &Tap,
    ) -> Result<(), IntakeError> {
        let Some(before) = before.filter(Tap::is_unknown) else {
            return Ok(());
        };
        let now = weighed(before, Some(tap));
        if now != before {
            self.tx.update_tap(&now, self.now)?;
            self.settle(&now)?;
        }
        Ok(())
    }
}

/// Gives up waiting for evidence about passages that the server learnt of more than
/// [`EVIDENCE_WAIT`] before `now`; answers how many. At most 500 at a time, the oldest first.
///
/// # Errors
/// When the store fails; then everything is as it was.
pub fn expire(settlement: &Settlement, tx: &Tx<'_>, now: UnixMs) -> Result<usize, IntakeError> {
    let taps = tx.untold_since(now.before(EVIDENCE_WAIT), EXPIRED_MAX)?;
    for tap in &taps {
        let tap = Tap {
            evidence: Some(Evidence::Expired),
            ..*tap
        };
        tx.update_tap(&tap, now)?;
        if let Some(gate) = tx.gate(tap.gate)? {
            Intake::new(settlement, tx, gate, now).settle(&tap)?;
        }
    }
    Ok(taps.len())
}
