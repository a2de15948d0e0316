//! Paper codes: tickets for one journey, made here, printed, and verified by gates with no network. Each is an account of
//! its own that pays by stored value: what was paid for it is paid in when it is made, and its journey is charged from
//! that, never more.
//!
//! When its journey is over the account goes on the deny list, so that gates that hear of it open no more; a day after
//! the code's last day it is taken off again, for then no gate lets it in anyway. So does one that a desk paid back.

pub mod refund;
pub mod sheet;

use crate::charging::{PlatformId, top_up};
use crate::store::{Payer, StoreError, Tx};
use fare_protocol::paper_code::VALID_FOR_MAX;
use fare_protocol::{Millis, Money, PaperCode, RiderClass, UnixMs};

/// Most paper codes that are made at once.
pub const COUNT_MAX: u16 = 1_000;

/// What the paper codes of one batch are to be.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// The fares that apply.
    pub class: RiderClass,
    /// What is paid for each.
    pub value: Money,
    /// From when on they let in.
    pub valid_from: UnixMs,
    /// From when on they let nobody in any more.
    pub valid_until: UnixMs,
}

impl Wanted {
    /// How long they are to be good.
    pub fn valid_for(&self) -> Option<Millis> {
        let apart = u32::try_from(self.valid_until.since(self.valid_from)).ok();
        let apart = apart.map(Millis);
        apart.filter(|apart| apart.0 > 0 && *apart <= VALID_FOR_MAX)
    }

    /// A new one, with an account that nobody has had.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn make(&self) -> Result<PaperCode, getrandom::Error> {
        let mut random = [0; 16];
        getrandom::fill(&mut random)?;
        Ok(PaperCode {
            account: PaperCode::account(random),
            class: self.class,
            value: self.value,
            valid_from: self.valid_from,
            valid_until: self.valid_until,
        })
    }
}

/// Keeps a paper code that was made: its account, how that pays, and what was paid for it at the desk.
///
/// # Errors
/// Those of the database; then nothing of it is kept.
pub fn keep(tx: &Tx<'_>, code: &PaperCode, by: &str, now: UnixMs) -> Result<(), StoreError> {
    let account = code.account;
    tx.insert_paper_code(code, by, now)?;
    let payer = Payer {
        account,
        platform: PlatformId::StoredValue,
        agreement: None,
        policy: None,
    };
    tx.put_payer(&payer, now)?;
    top_up(tx, crate::ids::new_id(now)?, account, code.value, now)?;
    Ok(())
}
