//! Enrolled riders: their phones' keys, the vouchers kept for them, and what they say is missing.

use super::completed::read_completed;
use super::sql::{Bind, Row};
use super::views::fare;
use super::{Scope, StoreError, Tx};
use fare_protocol::{
    AccountId, ConflictId, Money, PublicKey, RecordId, RiderClass, StationId, UnixMs,
};
use fare_rules::completion::Completed;
use fare_rules::conflict::ConflictKind;
use fare_rules::tariff::class_name;
use std::collections::HashSet;

/// A rider as enrolled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RiderRow {
    /// Who pays; made here, and nothing is known of the person.
    pub account: AccountId,
    /// The key that the phone keeps.
    pub device_key: PublicKey,
    /// Which fares apply where staff have granted none: adult.
    pub class: RiderClass,
}

/// Which of the two a kept voucher is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum VoucherKind {
    /// A journey was opened.
    Entry,
    /// A journey was closed and priced.
    Exit,
}

/// A voucher kept for a rider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptVoucher {
    /// Its place among the account's, from 1.
    pub number: u64,
    /// Whether it answers an entry or an exit.
    pub kind: VoucherKind,
    /// The entry of its journey.
    pub entry: RecordId,
    /// As the server signed it.
    pub envelope: Vec<u8>,
    /// The text of the picture for the exit, beside an entry voucher.
    pub picture: Option<String>,
}

/// One of a rider's own journeys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnJourney {
    /// The entry confirmation, which names it.
    pub entry: RecordId,
    /// How far it has come: the names of [`fare_rules::journey::Journey`].
    pub state: String,
    /// Station of entry.
    pub from: StationId,
    /// By the entry gate's clock.
    pub entered_at: UnixMs,
    /// Station of exit.
    pub to: Option<StationId>,
    /// By the exit gate's clock.
    pub left_at: Option<UnixMs>,
    /// What is held or charged.
    pub fare: Option<Money>,
    /// The newest exit voucher, when there is one.
    pub exit_voucher: Option<Vec<u8>>,
    /// Where a missing exit is taken to have been.
    pub completed: Option<Completed>,
    /// What the rider said of a missing exit.
    pub correction: Option<Correction>,
}

/// What a rider said of a missing exit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correction {
    /// Where the rider left.
    pub station: StationId,
    /// When, as far as the rider knows.
    pub left: UnixMs,
    /// Evidence in the rider's own words.
    pub note: String,
    /// When the server got it.
    pub sent: UnixMs,
    /// The conflict that staff decide.
    pub conflict: ConflictId,
    /// How that ended: `cleared`, `keep` or `charge`; nothing while it stands.
    pub how: Option<String>,
}

const OWN: &str = "
    SELECT journey.entry, state, journey.station, entered_ms, exit_station, journey.left_ms,
           journey.fare_minor, journey.currency,
           (SELECT envelope FROM rider_voucher
             WHERE rider_voucher.account = journey.account AND rider_voucher.entry = journey.entry
               AND kind = 'exit' ORDER BY number DESC LIMIT 1),
           correction.station, correction.left_ms, note, sent_ms, correction.conflict, how,
           completed.station, completed.percent, completed.because
    FROM journey
    LEFT JOIN correction ON correction.account = journey.account AND correction.entry = journey.entry
    LEFT JOIN conflict_end ON conflict_end.conflict = correction.conflict
    LEFT JOIN completed ON completed.account = journey.account AND completed.tap = journey.entry
              AND journey.state = 'no-exit' AND journey.fare_minor IS NOT NULL";

impl Tx<'_> {
    /// Enrols a phone's key with a new account, or answers the rider who has it already.
    ///
    /// # Errors
    /// Those of the database; so with everything here.
    pub fn enrol(&self, new: &RiderRow, now: UnixMs) -> Result<(RiderRow, bool), StoreError> {
        if let Some(known) = self.rider_of(&new.device_key)? {
            return Ok((known, false));
        }
        let (key, class) = (new.device_key.to_bytes(), class_name(new.class));
        let sql = "INSERT INTO rider_key (device_key, account) VALUES ($1, $2)";
        self.run(sql, &[&key, &new.account])?;
        let sql = "INSERT INTO rider (account, device_key, class, enrolled_ms)
                   VALUES ($1, $2, $3, $4)";
        self.run(sql, &[&new.account, &key, &class, &now])?;
        Ok((*new, true))
    }

    /// The rider whose phone has this key.
    pub fn rider_of(&self, key: &PublicKey) -> Result<Option<RiderRow>, StoreError> {
        // One after the other, and not joined: keys are not kept beside the accounts that they name.
        let sql = "SELECT account FROM rider_key WHERE device_key = $1";
        let Some(row) = self.row(sql, &[&key.to_bytes()])? else {
            return Ok(None);
        };
        let account: AccountId = row.get(0)?;
        let class = self.only("SELECT class FROM rider WHERE account = $1", &[&account])?;
        Ok(Some(RiderRow {
            account,
            device_key: *key,
            class: class_read(&class.get::<String>(0)?)?,
        }))
    }

    /// Which of these accounts were enrolled here.
    pub fn riders_among(&self, accounts: &[AccountId]) -> Result<HashSet<AccountId>, StoreError> {
        let sql = "SELECT account FROM rider WHERE account = $1";
        let asked: Vec<_> = accounts
            .iter()
            .map(|account| vec![account.value()])
            .collect();
        let found = self.each(sql, &asked)?;
        let found = accounts
            .iter()
            .zip(found)
            .filter(|(_, rows)| !rows.is_empty());
        Ok(found.map(|(account, _)| *account).collect())
    }

    /// Whether gates refuse the account.
    pub fn is_denied(&self, account: AccountId) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM denied WHERE account = $1";
        self.exists(sql, &[&account])
    }

    /// Keeps a voucher for its rider, who was enrolled here, and the picture that goes with an entry.
    pub fn keep_voucher(
        &self,
        account: AccountId,
        (kind, entry): (VoucherKind, RecordId),
        (envelope, picture): (&[u8], Option<&str>),
        now: UnixMs,
    ) -> Result<(), StoreError> {
        let last = "SELECT coalesce(max(number), 0) FROM rider_voucher WHERE account = $1";
        let number = self
            .only(last, &[&account])?
            .get::<u64>(0)?
            .saturating_add(1);
        let sql = "INSERT INTO rider_voucher
                       (account, number, entry, kind, envelope, picture, made_ms)
                   VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let kind = kind.code();
        self.run(
            sql,
            &[&account, &number, &entry, &kind, &envelope, &picture, &now],
        )?;
        Ok(())
    }

    /// The newest exit voucher kept for the journey of this entry.
    pub fn last_exit_voucher(
        &self,
        account: AccountId,
        entry: RecordId,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "SELECT envelope FROM rider_voucher
                   WHERE account = $1 AND entry = $2 AND kind = 'exit'
                   ORDER BY number DESC LIMIT 1";
        let row = self.row(sql, &[&account, &entry])?;
        row.map(|row| row.get(0)).transpose()
    }

    /// The account's vouchers after this place, oldest first, at most `most`.
    pub fn vouchers_after(
        &self,
        account: AccountId,
        after: u64,
        most: u32,
    ) -> Result<Vec<KeptVoucher>, StoreError> {
        let sql = "SELECT number, kind, entry, envelope, picture FROM rider_voucher
                   WHERE account = $1 AND number > $2 ORDER BY number LIMIT $3";
        let kept = |row: Row| {
            Ok(KeptVoucher {
                number: row.get(0)?,
                kind: VoucherKind::read(&row.get::<String>(1)?),
                entry: row.get(2)?,
                envelope: row.get(3)?,
                picture: row.get(4)?,
            })
        };
        let rows = self.rows(sql, &[&account, &after, &most])?;
        rows.into_iter().map(kept).collect()
    }

    /// The account's newest journeys that began before `before`, newest first, at most `most`.
    /// Entries through which nobody went are left out.
    pub fn own_journeys(
        &self,
        account: AccountId,
        before: UnixMs,
        most: u32,
    ) -> Result<Vec<OwnJourney>, StoreError> {
        let sql = format!(
            "{OWN} WHERE journey.account = $1 AND entered_ms < $2 AND state <> 'annulled'
             ORDER BY entered_ms DESC, journey.entry DESC LIMIT $3"
        );
        let rows = self.rows(&sql, &[&account, &before, &most])?;
        rows.iter().map(own).collect()
    }

    /// One of the account's own journeys.
    pub fn own_journey(
        &self,
        account: AccountId,
        entry: RecordId,
    ) -> Result<Option<OwnJourney>, StoreError> {
        let sql = format!("{OWN} WHERE journey.account = $1 AND journey.entry = $2");
        let row = self.row(&sql, &[&account, &entry])?;
        row.as_ref().map(own).transpose()
    }

    /// The account's exits that follow no entry, and what was decided of them; newest first, at most `most`.
    pub fn own_exits(&self, account: AccountId, most: u32) -> Result<Vec<OwnExit>, StoreError> {
        let sql = "SELECT subject, how, fare_minor, currency
                   FROM conflict LEFT JOIN conflict_end ON conflict_end.conflict = conflict.conflict
                   WHERE scope = $1 AND kind = $2 AND coalesce(how, '') <> 'cleared'
                     AND NOT EXISTS (SELECT 1 FROM conflict_overtaken
                                     WHERE conflict_overtaken.conflict = conflict.conflict)
                   ORDER BY raised_ms DESC, subject LIMIT $3";
        let (scope, kind) = (Scope::Account(account), ConflictKind::ExitWithoutEntry);
        let mut exits = Vec::new();
        for row in self.rows(sql, &[&scope.key(), &kind.code(), &most])? {
            let exit = row.get::<String>(0)?.parse::<RecordId>();
            let exit = exit.map_err(|_| StoreError::Corrupt("an exit's id"))?;
            let Some(tap) = self.tap(account, exit)? else {
                continue;
            };
            let fare: Option<i64> = row.get(2)?;
            exits.push(OwnExit {
                exit,
                station: tap.station(),
                left: tap.at,
                class: tap.class(),
                is_decided: row.get::<Option<String>>(1)?.is_some(),
                fare: match fare {
                    Some(minor) => Some(Money::new(minor, row.get(3)?)),
                    None => None,
                },
            });
        }
        Ok(exits)
    }

    /// Keeps what a rider says of a missing exit. The database refuses a second one.
    pub fn insert_correction(
        &self,
        account: AccountId,
        entry: RecordId,
        said: &Correction,
    ) -> Result<(), StoreError> {
        let sql =
            "INSERT INTO correction (account, entry, station, left_ms, note, sent_ms, conflict)
                   VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let Correction {
            station,
            left,
            note,
            sent,
            conflict,
            ..
        } = said;
        self.run(
            sql,
            &[&account, &entry, station, left, note, sent, conflict],
        )?;
        Ok(())
    }
}

/// An exit that follows no entry, as its rider sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnExit {
    /// The exit confirmation.
    pub exit: RecordId,
    /// Where.
    pub station: StationId,
    /// When, by the gate's clock.
    pub left: UnixMs,
    /// The fares that apply.
    pub class: RiderClass,
    /// Whether the tariff or a person has decided about it.
    pub is_decided: bool,
    /// What it costs by that.
    pub fare: Option<Money>,
}

impl VoucherKind {
    /// Its name, for the database and for phones.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Entry => "entry",
            Self::Exit => "exit",
        }
    }

    /// The column allows these two alone.
    fn read(text: &str) -> Self {
        if text == Self::Exit.code() {
            Self::Exit
        } else {
            Self::Entry
        }
    }
}

pub(super) fn class_read(text: &str) -> Result<RiderClass, StoreError> {
    let mut all = RiderClass::ALL.into_iter();
    let found = all.find(|class| class_name(*class) == text);
    found.ok_or(StoreError::Corrupt("a rider's class"))
}

fn own(row: &Row) -> Result<OwnJourney, StoreError> {
    let correction = match row.get::<Option<StationId>>(9)? {
        Some(station) => Some(Correction {
            station,
            left: row.get(10)?,
            note: row.get(11)?,
            sent: row.get(12)?,
            conflict: row.get(13)?,
            how: row.get(14)?,
        }),
        None => None,
    };
    Ok(OwnJourney {
        entry: row.get(0)?,
        state: row.get(1)?,
        from: row.get(2)?,
        entered_at: row.get(3)?,
        to: row.get(4)?,
        left_at: row.get(5)?,
        fare: fare(row, 6)?,
        exit_voucher: row.get(8)?,
        completed: read_completed(row, 15)?,
        correction,
    })
}
