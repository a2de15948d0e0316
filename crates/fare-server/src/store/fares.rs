//! Tables of fares and who released them; and the journeys that a draft is tried on.

use super::sql::Row;
use super::{StoreError, Tx};
use fare_protocol::wire::TariffText;
use fare_protocol::{AccountId, Money, RecordId, TariffHash, UnixMs};

/// How many different people must release a table before it prices journeys.
pub const RELEASES_NEEDED: usize = 2;

/// A table of fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FareTable {
    /// Over all that decides a fare.
    pub hash: TariffHash,
    /// Its name.
    pub name: String,
    /// Its texts.
    pub text: TariffText,
    /// Who imported it.
    pub person: String,
    /// When, by the server's clock.
    pub made: UnixMs,
    /// Who released it and when, the first one first.
    pub releases: Vec<(String, UnixMs)>,
}

/// A journey that was charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charged {
    /// Who paid.
    pub account: AccountId,
    /// The entry confirmation.
    pub entry: RecordId,
    /// The exit confirmation; nothing when the maximum fare was charged, or a completed one.
    pub exit: Option<RecordId>,
    /// What it cost, before products covered it.
    pub fare: Money,
}

impl FareTable {
    /// Whether enough people have released it.
    pub fn is_live(&self) -> bool {
        self.releases.len() >= RELEASES_NEEDED
    }
}

impl Tx<'_> {
    /// Keeps a table as a draft; answers whether it is a new one.
    ///
    /// # Errors
    /// Those of the database; so with everything here.
    pub fn insert_fare_table(
        &self,
        (hash, name): (TariffHash, &str),
        text: &TariffText,
        person: &str,
        now: UnixMs,
    ) -> Result<bool, StoreError> {
        let sql = "INSERT INTO fare_table (hash, name, tariff, stations, person, made_ms)
                   VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
        let (tariff, stations) = (&text.tariff, &text.stations);
        let new = self.run(sql, &[&hash, &name, tariff, stations, &person, &now])?;
        Ok(new > 0)
    }

    /// Notes that a person releases a table; answers whether that is new.
    pub fn release_fare_table(
        &self,
        hash: TariffHash,
        person: &str,
        now: UnixMs,
    ) -> Result<bool, StoreError> {
        let known = "SELECT 1 FROM fare_release WHERE hash = $1 AND lower(person) = lower($2)";
        if self.exists(known, &[&hash, &person])? {
            return Ok(false);
        }
        let sql = "INSERT INTO fare_release (hash, person, made_ms) VALUES ($1, $2, $3)";
        self.run(sql, &[&hash, &person, &now])?;
        Ok(true)
    }

    /// The table with this hash.
    pub fn fare_table(&self, hash: TariffHash) -> Result<Option<FareTable>, StoreError> {
        let sql = "SELECT hash, name, tariff, stations, person, made_ms FROM fare_table
                   WHERE hash = $1";
        let row = self.row(sql, &[&hash])?;
        row.map(|row| self.with_releases(read_table(&row)?))
            .transpose()
    }

    /// All tables, the newest first.
    pub fn fare_tables(&self) -> Result<Vec<FareTable>, StoreError> {
        let sql = "SELECT hash, name, tariff, stations, person, made_ms FROM fare_table
                   ORDER BY made_ms DESC, hash";
        let rows = self.rows(sql, &[])?;
        rows.iter()
            .map(|row| self.with_releases(read_table(row)?))
            .collect()
    }

    /// How many releases there are: another number says that tables have to be looked at again.
    pub fn releases(&self) -> Result<u64, StoreError> {
        self.only("SELECT count(*) FROM fare_release", &[])?.get(0)
    }

    /// Journeys charged, or whose exit is missing and costs something, that began from `from` up to before `until`, by account and time.
    pub fn charged_between(&self, from: UnixMs, until: UnixMs) -> Result<Vec<Charged>, StoreError> {
        let sql = "SELECT account, entry, exit,
                          fare_minor + (SELECT CAST(coalesce(sum(covered_minor), 0) AS BIGINT)
                                        FROM product_use WHERE product_use.account = journey.account
                                         AND product_use.entry = journey.entry), currency
                   FROM journey
                   WHERE entered_ms >= $1 AND entered_ms < $2 AND (state = 'closed' OR state = 'no-exit' AND fare_minor IS NOT NULL)
                   ORDER BY account, entered_ms, entry";
        let read = |row: &Row| {
            Ok(Charged {
                account: row.get(0)?,
                entry: row.get(1)?,
                exit: row.get(2)?,
                fare: Money::new(row.get(3)?, row.get(4)?),
            })
        };
        self.rows(sql, &[&from, &until])?.iter().map(read).collect()
    }

    fn with_releases(&self, table: FareTable) -> Result<FareTable, StoreError> {
        let sql = "SELECT person, made_ms FROM fare_release WHERE hash = $1
                   ORDER BY made_ms, person";
        let rows = self.rows(sql, &[&table.hash])?;
        let releases = rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?)));
        Ok(FareTable {
            releases: releases.collect::<Result<_, StoreError>>()?,
            ..table
        })
    }
}

fn read_table(row: &Row) -> Result<FareTable, StoreError> {
    Ok(FareTable {
        hash: row.get(0)?,
        name: row.get(1)?,
        text: TariffText {
            tariff: row.get(2)?,
            stations: row.get(3)?,
        },
        person: row.get(4)?,
        made: row.get(5)?,
        releases: Vec::new(),
    })
}
