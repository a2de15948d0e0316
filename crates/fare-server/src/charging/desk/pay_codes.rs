//! Charging by the code that a rider showed at the gate. It is kept sealed until the charge is paid or declined.

use super::super::error::ChargeError;
use super::super::ids_failed;
use super::super::platform::{Decline, DeclineReason, OrderNo, Outcome, PlatformId, Secret};
use super::{Desk, Done, hear};
use crate::ids;
use crate::store::{ChargeRow, TryRow, Tx, Way};
use fare_protocol::{AccountId, Millis, UnixMs};
use fare_rules::charging::ChargeState;

/// How long a charge waits for its code: gates whose riders were admitted without the server's word tell it as
/// soon as they can, for ten minutes.
const CODE_WAIT: Millis = Millis(900_000);

/// Between two looks for it.
const LOOK_AGAIN: Millis = Millis(60_000);

impl Desk {
    /// The code of an account, while it is kept and can be opened.
    pub(super) fn opened(&self, account: AccountId, sealed: Option<&[u8]>) -> Option<Secret> {
        let opened = self.seal.as_ref()?.open(account, sealed?);
        let logged =
            opened.inspect_err(|err| tracing::error!(%account, %err, "no code to charge by"));
        logged.ok()
    }

    /// Nothing to charge by: a new charge waits a while for its code, then it is a debt.
    pub(super) async fn without_code(
        &self,
        row: &ChargeRow,
        platform: PlatformId,
        now: UnixMs,
        done: &mut Done,
    ) -> Result<(), ChargeError> {
        match row.charge.state {
            ChargeState::Due if now.since(row.made) < i64::from(CODE_WAIT.0) => {
                let mut row = *row;
                row.next = Some(now.after(LOOK_AGAIN));
                let work = move |tx: &Tx<'_>| tx.update_charge(&row);
                return Ok(self.store.write(work).await?);
            }
            ChargeState::Due => {}
            ChargeState::Debt | ChargeState::Sent | ChargeState::Paid | ChargeState::Differs => {
                return self.put_off(row, now).await;
            }
        }
        let no = OrderNo::of(ids::new_id(now).map_err(|_| ids_failed())?);
        let (account, charge, rules) = (row.charge.account, row.id, self.rules.clone());
        let work = move |tx: &Tx<'_>| {
            let new = TryRow {
                order: no.clone(),
                platform,
                way: Way::PayCode,
                state: "sent".to_owned(),
                reference: None,
                paid: None,
                why: None,
                sent: now,
            };
            // No platform hears of it: there is nothing to ask it with.
            let outcome = Outcome::Declined(Decline {
                reason: DeclineReason::Means,
                code: "the code is not known here".to_owned(),
            });
            match hear::begin(tx, account, charge, &new, now)? {
                true => hear(tx, &rules, &no, &outcome, now),
                false => Ok(None),
            }
        };
        let heard = self.store.write(work).await?;
        done.count(heard.as_ref());
        Ok(())
    }
}
