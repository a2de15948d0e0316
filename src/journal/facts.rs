//! What the gate knows about a credential: one read per tap.

use super::records::direction_from_sql;
use super::{JournalError, JournalHandle, lock};
use fare_protocol::wire::OpenJourney;
use fare_protocol::{AccountId, Direction, Picture, PublicKey, RecordId, UnixMs};
use fare_rules::{Ended, Facts, FirstRide};
use rusqlite::types::Type;
use rusqlite::{Connection, Row, params};
use std::str::FromStr;

impl JournalHandle {
    /// What this gate knows about an account and a device key. The fare quote stays empty: the
    /// journal knows no prices.
    ///
    /// # Errors
    /// When SQLite cannot read.
    pub fn facts(&self, account: AccountId, device: &PublicKey) -> Result<Facts, JournalError> {
        let facts = read(&lock(&self.0.facts), account, device);
        facts.map_err(|err| self.0.shared.sqlite("reading facts", err))
    }

    /// What this gate knows about an account without a device, with what the server has just told of it in place
    /// of what its feeds have left.
    ///
    /// # Errors
    /// When SQLite cannot read.
    pub fn facts_of_account(
        &self,
        account: AccountId,
        told: Option<Told>,
    ) -> Result<Facts, JournalError> {
        let facts = read_of_account(&lock(&self.0.facts), account, told);
        facts.map_err(|err| self.0.shared.sqlite("reading facts", err))
    }

    /// What this gate knows about the account of a paper code, and whether somebody left here by it.
    ///
    /// # Errors
    /// When SQLite cannot read.
    pub fn facts_of_paper_code(&self, account: AccountId) -> Result<Facts, JournalError> {
        let facts = read_of_paper_code(&lock(&self.0.facts), account);
        facts.map_err(|err| self.0.shared.sqlite("reading facts", err))
    }

    /// What this gate knows about the journey of a picture.
    ///
    /// # Errors
    /// When SQLite cannot read.
    pub fn facts_of_picture(&self, picture: &Picture) -> Result<Facts, JournalError> {
        let facts = read_of_picture(&lock(&self.0.facts), picture);
        facts.map_err(|err| self.0.shared.sqlite("reading facts", err))
    }
}

const HAS_LEFT: &str = "SELECT EXISTS (SELECT 1 FROM moves WHERE account = ?1 AND direction = 1)";

/// Reads the facts about a paper code's account, and whether its one journey ended here.
pub(super) fn read_of_paper_code(db: &Connection, account: AccountId) -> rusqlite::Result<Facts> {
    let facts = read_of_account(db, account, None)?;
    let has_left: bool = db
        .prepare_cached(HAS_LEFT)?
        .query_row(params![account.0], |row| row.get(0))?;
    Ok(Facts {
        ended: has_left.then_some(Ended::Here),
        ..facts
    })
}

const FACTS: &str = "
    SELECT (SELECT counter FROM devices WHERE key = ?2),
           EXISTS (SELECT 1 FROM denied WHERE account = ?1),
           (SELECT as_of_ms FROM feed),
           j.entry, j.station, j.line, j.entered_at_ms,
           m.confirmation, m.station, m.line, m.at_ms, m.direction,
           CASE WHEN m.news_ms IS (SELECT as_of_ms FROM feed) THEN m.entries END,
           EXISTS (SELECT 1 FROM first_rides WHERE account = ?1),
           (SELECT minor FROM first_rides_sum),
           EXISTS (SELECT 1 FROM denied_keys WHERE key = ?2)
    FROM (SELECT 1) LEFT JOIN journeys j ON j.account = ?1 LEFT JOIN moves m ON m.account = ?1";

/// What the server has said of an account just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// The account's journey without an exit.
    pub open: Option<OpenJourney>,
    /// The server's time behind it.
    pub as_of: UnixMs,
}

const FACTS_OF_PICTURE: &str = "
    SELECT EXISTS (SELECT 1 FROM denied WHERE account = ?1),
           (SELECT as_of_ms FROM feed),
           EXISTS (SELECT 1 FROM moves
                   WHERE account = ?1 AND confirmation <> ?2 AND at_ms > ?3),
           EXISTS (SELECT 1 FROM ended WHERE entry = ?2)";

/// Reads the facts about a picture: whether its journey is over, by what this gate saw itself, and by what
/// the server said.
pub(super) fn read_of_picture(db: &Connection, picture: &Picture) -> rusqlite::Result<Facts> {
    let Picture {
        account,
        entry,
        station,
        line,
        entered_at,
        ..
    } = *picture;
    let mut query = db.prepare_cached(FACTS_OF_PICTURE)?;
    query.query_row(params![account.0, entry.0, entered_at.0], |row| {
        let ended = match (row.get(2)?, row.get(3)?) {
            (true, _) => Some(Ended::Here),
            (false, true) => Some(Ended::Elsewhere),
            (false, false) => None,
        };
        Ok(Facts {
            open_journey: Some(OpenJourney {
                account,
                entry,
                station,
                line,
                entered_at_ms: entered_at,
            }),
            ended,
            last_counter: None,
            denied: row.get(0)?,
            key_denied: false,
            cache_as_of: row.get::<_, Option<i64>>(1)?.map(UnixMs),
            entries_since: 0,
            first_ride: None,
            quote: None,
        })
    })
}

/// The last time an account went through this gate.
struct Move {
    direction: Direction,
    /// The journey that an entry opened. Of an exit only its time counts.
    journey: OpenJourney,
}

/// Reads the facts about an account and a device key.
pub(super) fn read(
    db: &Connection,
    account: AccountId,
    device: &PublicKey,
) -> rusqlite::Result<Facts> {
    read_with(db, account, &device.to_bytes(), None)
}

/// Reads the facts about an account that has no device, with what the server has just told in place of what
/// its feeds have left.
pub(super) fn read_of_account(
    db: &Connection,
    account: AccountId,
    told: Option<Told>,
) -> rusqlite::Result<Facts> {
    read_with(db, account, &[], told)
}

fn read_with(
    db: &Connection,
    account: AccountId,
    device: &[u8],
    told: Option<Told>,
) -> rusqlite::Result<Facts> {
    let mut query = db.prepare_cached(FACTS)?;
    query.query_row(params![account.0, device], |row| {
        let direction: Option<i64> = row.get(11)?;
        let local = match (direction, journey(row, account, 7)?) {
            (Some(direction), Some(journey)) => Some(Move {
                direction: direction_from_sql(direction),
                journey,
            }),
            (Some(_), None) | (None, _) => None,
        };
        let cached = Told {
            open: journey(row, account, 3)?,
            as_of: UnixMs(row.get::<_, Option<i64>>(2)?.unwrap_or(i64::MIN)),
        };
        let last_counter: Option<u32> = row.get(0)?;
        let is_known = last_counter.is_some() || local.is_some() || cached.open.is_some();
        let is_first = row.get::<_, bool>(13)? || !is_known;
        let taken_minor = row.get::<_, Option<i64>>(14)?.unwrap_or(0);
        let first_ride = is_first.then_some(FirstRide {
            taken_minor,
            may_cost: None,
        });
        let Told { open, as_of } = told.unwrap_or(cached);
        Ok(Facts {
            open_journey: open_journey(open, local),
            ended: None,
            last_counter,
            denied: row.get(1)?,
            key_denied: row.get(15)?,
            cache_as_of: Some(as_of).filter(|as_of| as_of.0 != i64::MIN),
            entries_since: row.get::<_, Option<u32>>(12)?.unwrap_or(0),
            first_ride,
            quote: None,
        })
    })
}

/// Four columns from `at` on: entry, station, line, time.
fn journey(row: &Row<'_>, account: AccountId, at: usize) -> rusqlite::Result<Option<OpenJourney>> {
    let Some(entry) = row.get::<_, Option<[u8; 16]>>(at)? else {
        return Ok(None);
    };
    Ok(Some(OpenJourney {
        account,
        entry: RecordId(entry),
        station: code(row, at + 1)?,
        line: code(row, at + 2)?,
        entered_at_ms: UnixMs(row.get(at + 3)?),
    }))
}

fn code<T>(row: &Row<'_>, at: usize) -> rusqlite::Result<T>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let text = row.get_ref(at)?.as_str()?;
    text.parse()
        .map_err(|err| rusqlite::Error::FromSqlConversionFailure(at, Type::Text, Box::new(err)))
}

/// Of what the server says and what this gate saw itself, the newer counts.
fn open_journey(server: Option<OpenJourney>, local: Option<Move>) -> Option<OpenJourney> {
    let Some(Move { direction, journey }) = local else {
        return server;
    };
    if server.is_some_and(|server| server.entered_at_ms > journey.entered_at_ms) {
        return server;
    }
    match direction {
        Direction::Entry => Some(journey),
        Direction::Exit => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn journey_at(ms: i64) -> OpenJourney {
        OpenJourney {
            account: AccountId([7; 16]),
            entry: RecordId([u8::try_from(ms).unwrap(); 16]),
            station: "PGY".parse().unwrap(),
            line: "1".parse().unwrap(),
            entered_at_ms: UnixMs(ms),
        }
    }

    #[test]
    fn the_newer_of_server_and_gate_counts() {
        let (entry, exit) = (Direction::Entry, Direction::Exit);
        for (server, local, open) in [
            (None, None, None),
            (Some(10), None, Some(10)),
            (None, Some((entry, 20)), Some(20)),
            (Some(10), Some((entry, 20)), Some(20)),
            (Some(30), Some((entry, 20)), Some(30)),
            (None, Some((exit, 20)), None),
            (Some(10), Some((exit, 20)), None),
            (Some(20), Some((exit, 20)), None),
            (Some(30), Some((exit, 20)), Some(30)),
        ] {
            let seen = local.map(|(direction, ms)| Move {
                direction,
                journey: journey_at(ms),
            });
            let got = open_journey(server.map(journey_at), seen);
            assert_eq!(
                got,
                open.map(journey_at),
                "server {server:?}, here {local:?}"
            );
        }
    }
}
