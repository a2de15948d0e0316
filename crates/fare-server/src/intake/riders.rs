//! The vouchers that enrolled riders' phones are told. Gates get theirs in the answer to a record; a
//! phone asks later, and is also told of an exit that could only be paired when more had come. They
//! are kept at a batch's end, so that it is asked once which accounts are enrolled here.

use super::answers::Signed;
use super::settle::Pair;
use super::{Intake, IntakeError};
use crate::store::VoucherKind;
use fare_protocol::wire::Envelope;
use fare_protocol::{AccountId, RecordId, Voucher};
use fare_rules::journey::Tap;

/// What may be news to a phone.
pub(super) enum News {
    /// A voucher was made for a gate.
    Made {
        account: AccountId,
        kind: VoucherKind,
        entry: RecordId,
        /// Which of the batch's accepted records it answers.
        taken: usize,
    },
    /// A journey is charged; its rider may lack the voucher.
    Charged(Pair),
}

impl News {
    fn account(&self) -> AccountId {
        match self {
            Self::Made { account, .. } => *account,
            Self::Charged(pair) => pair.entry.account(),
        }
    }
}

impl Intake<'_> {
    /// Remembers the voucher, if `there_is` one, that answers `tap`, whose record is accepted next; `entry` names
    /// the journey.
    pub(super) fn made(
        &mut self,
        tap: &Tap,
        (kind, entry): (VoucherKind, RecordId),
        there_is: bool,
    ) {
        self.news.extend(there_is.then(|| News::Made {
            account: tap.account(),
            kind,
            entry,
            taken: self.taken.len(),
        }));
    }

    /// Remembers journeys that are charged.
    pub(super) fn charged(&mut self, pairs: Vec<Pair>) {
        self.news.extend(pairs.into_iter().map(News::Charged));
    }

    /// Keeps the vouchers of the riders who were enrolled here.
    pub(super) fn keep_vouchers(&mut self, signed: &[Signed]) -> Result<(), IntakeError> {
        let news = std::mem::take(&mut self.news);
        let mut accounts: Vec<_> = news.iter().map(News::account).collect();
        accounts.sort_unstable();
        accounts.dedup();
        let riders = self.tx.riders_among(&accounts)?;
        let theirs = news
            .into_iter()
            .filter(|news| riders.contains(&news.account()));
        for news in theirs {
            match news {
                News::Made {
                    account,
                    kind,
                    entry,
                    taken,
                } => {
                    let voucher = signed.get(taken).and_then(|signed| signed.voucher.as_ref());
                    let Some(Envelope(bytes)) = voucher else {
                        continue;
                    };
                    let picture = match kind {
                        VoucherKind::Entry => self.picture(account, entry)?,
                        VoucherKind::Exit => None,
                    };
                    let kept = (bytes.as_slice(), picture.as_deref());
                    self.tx
                        .keep_voucher(account, (kind, entry), kept, self.now)?;
                }
                News::Charged(pair) => self.keep_exit(&pair)?,
            }
        }
        Ok(())
    }

    /// Makes and keeps the exit voucher of a journey, unless its rider has it.
    fn keep_exit(&self, pair: &Pair) -> Result<(), IntakeError> {
        let (account, entry) = (pair.entry.account(), pair.entry.id);
        let last = self.tx.last_exit_voucher(account, entry)?;
        if last.is_some_and(|last| tells_of(&last, pair)) {
            return Ok(());
        }
        let exit = self.tx.tap(account, pair.charge.exit)?;
        let journey = self.tx.journey(account, entry)?;
        let (Some(exit), Some(journey)) = (exit, journey) else {
            return Ok(());
        };
        if let Some(voucher) = self.exit_voucher(pair, &exit, journey.id)? {
            let bytes = voucher.sign(self.settlement.signer.as_ref());
            let about = (VoucherKind::Exit, entry);
            let kept = (bytes.as_slice(), None);
            self.tx.keep_voucher(account, about, kept, self.now)?;
        }
        Ok(())
    }
}

/// Whether the voucher is about the exit that the pair is charged for.
fn tells_of(voucher: &[u8], pair: &Pair) -> bool {
    match Voucher::parse(voucher) {
        Ok((Voucher::Exit(voucher), _)) => voucher.exit == pair.charge.exit,
        Ok((Voucher::Entry(_), _)) | Err(_) => false,
    }
}
