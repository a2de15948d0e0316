//! The picture: what a rider shows at the exit of the journey that an entry voucher opened.

use super::{Intake, IntakeError, pricing};
use fare_protocol::picture::VALID_FOR_MAX;
use fare_protocol::{AccountId, PaidBefore, Picture, RecordId};

impl Intake<'_> {
    /// The picture for the journey of this entry, with what the account has paid as of now; none when it
    /// would be over already.
    pub(super) fn picture(
        &self,
        account: AccountId,
        entry: RecordId,
    ) -> Result<Option<String>, IntakeError> {
        let (tap, journey) = (
            self.tx.tap(account, entry)?,
            self.tx.journey(account, entry)?,
        );
        let (Some(tap), Some(journey)) = (tap, journey) else {
            return Ok(None);
        };
        let valid_for = self.settlement.journey_valid.min(VALID_FOR_MAX);
        let valid_until = tap.at.after(valid_for);
        if self.now >= valid_until {
            return Ok(None);
        }
        let paid_before = pricing::paid_before(self.settlement, self.tx, &tap)?;
        let paid_before = Some(paid_before).filter(PaidBefore::fits);
        let products = match paid_before {
            Some(_) => pricing::in_hand(self.settlement, self.tx, &tap)?,
            None => Vec::new(),
        };
        let currency = self.settlement.tariff_at(tap.at).currency();
        let picture = Picture {
            journey: journey.id,
            entry,
            account,
            class: tap.class(),
            station: tap.station(),
            line: tap.confirmation.location.line,
            entered_at: tap.at,
            as_of: self.now,
            valid_until,
            paid_before,
            balance: self.tx.left_to_spend(account, currency)?,
            products,
        };
        Ok(Some(picture.seal(self.settlement.signer.as_ref())))
    }
}
