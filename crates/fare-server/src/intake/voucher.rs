//! What answers confirmations, to be signed.

use super::settle::Pair;
use super::{Intake, IntakeError};
use fare_protocol::{
    EntryVoucher, ExitVoucher, JourneyId, Money, RiderClass, StationId, Voucher, VoucherId,
};
use fare_rules::journey::Tap;

impl Intake<'_> {
    /// The voucher that answers an entry; none when the tariff lacks its station.
    pub(super) fn entry_voucher(
        &mut self,
        entry: &Tap,
        journey: JourneyId,
    ) -> Result<Option<Voucher>, IntakeError> {
        let Some(fare_limit) = self.dearest(entry.station(), entry.class()) else {
            return Ok(None);
        };
        let voucher = EntryVoucher {
            id: VoucherId(self.new_id()?),
            journey,
            confirmation: entry.id,
            account: entry.account(),
            station: entry.station(),
            line: entry.confirmation.location.line,
            entered_at: entry.at,
            valid_until: entry.at.after(self.settlement.journey_valid),
            fare_limit,
        };
        Ok(Some(Voucher::Entry(voucher)))
    }

    /// The voucher that answers an exit whose entry is known.
    pub(super) fn exit_voucher(
        &self,
        pair: &Pair,
        exit: &Tap,
        journey: JourneyId,
    ) -> Result<Option<Voucher>, IntakeError> {
        let entry = &pair.entry;
        let Ok(priced) = self.priced(entry, exit)? else {
            return Ok(None);
        };
        let charged = priced.price.charged;
        let voucher = ExitVoucher {
            id: VoucherId(self.new_id()?),
            journey,
            entry: entry.id,
            exit: exit.id,
            account: exit.account(),
            from: entry.station(),
            to: exit.station(),
            entered_at: entry.at,
            left_at: exit.at,
            fare: charged.fare,
            tariff: charged.tariff,
            steps: charged.steps,
        };
        Ok(Some(Voucher::Exit(voucher)))
    }

    /// The most that a journey from here can cost.
    fn dearest(&mut self, from: StationId, class: RiderClass) -> Option<Money> {
        let (settlement, now) = (self.settlement, self.now);
        let look = || {
            let tariff = settlement.tariff_at(now);
            let fares = tariff
                .stations()
                .filter_map(|to| tariff.quote(from, to.id, class).ok());
            fares.map(|quote| quote.fare).max_by_key(|fare| fare.minor)
        };
        *self.dearest.entry((from, class)).or_insert_with(look)
    }
}
