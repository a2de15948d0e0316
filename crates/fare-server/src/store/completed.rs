//! What the missing ends of journeys are taken to be, and what points there.

use super::sql::Row;
use super::taps::read_tap;
use super::{StoreError, Tx};
use fare_protocol::{AccountId, Direction, RecordId, StationId, UnixMs};
use fare_rules::completion::{Clue, Completed, Sign};
use fare_rules::journey::Tap;

impl Tx<'_> {
    /// Notes what the other end of a journey is taken to be of which only `tap` is known; nothing when it is not told
    /// any more.
    ///
    /// # Errors
    /// Those of the database; so with everything here.
    pub fn note_completed(
        &self,
        (account, tap): (AccountId, RecordId),
        missing: Direction,
        completed: Option<&Completed>,
        now: UnixMs,
    ) -> Result<(), StoreError> {
        let Some(completed) = completed else {
            let sql = "DELETE FROM completed WHERE account = $1 AND tap = $2";
            self.run(sql, &[&account, &tap])?;
            return Ok(());
        };
        let sql =
            "INSERT INTO completed (account, tap, missing, station, percent, because, made_ms)
                   VALUES ($1, $2, $3, $4, $5, $6, $7)
                   ON CONFLICT (account, tap) DO UPDATE
                   SET station = $4, percent = $5, because = $6, made_ms = $7";
        let because = serde_json::to_string(&completed.because);
        let because = because.map_err(|_| StoreError::Corrupt("clues to a missing end"))?;
        let (station, percent) = (completed.station, i64::from(completed.percent));
        let missing = missing.code();
        self.run(
            sql,
            &[&account, &tap, &missing, &station, &percent, &because, &now],
        )?;
        Ok(())
    }

    /// What the other end of this tap's journey is taken to be.
    pub fn completed(
        &self,
        account: AccountId,
        tap: RecordId,
    ) -> Result<Option<Completed>, StoreError> {
        let sql = "SELECT station, percent, because FROM completed WHERE account = $1 AND tap = $2";
        let row = self.row(sql, &[&account, &tap])?;
        Ok(row
            .map(|row| read_completed(&row, 0))
            .transpose()?
            .flatten())
    }

    /// The account's taps in this direction between two moments through which nobody went.
    pub fn taps_without_place(
        &self,
        account: AccountId,
        direction: Direction,
        (from, until): (UnixMs, UnixMs),
    ) -> Result<Vec<Tap>, StoreError> {
        let sql = "SELECT envelope, passage, evidence, at_ms FROM tap
                   WHERE account = $1 AND at_ms >= $2 AND at_ms < $3 AND has_place = 0
                   ORDER BY at_ms, place";
        let taps = self.rows(sql, &[&account, &from, &until])?;
        let taps: Vec<Tap> = taps.iter().map(read_tap).collect::<Result<_, _>>()?;
        let wanted = taps.into_iter().filter(|tap| tap.direction() == direction);
        Ok(wanted.collect())
    }

    /// Where the account's journeys went that began at this station in this time, when the exit is missing; or where
    /// those came from that ended there, when the entry is.
    pub fn habits(
        &self,
        account: AccountId,
        (station, missing): (StationId, Direction),
        (from, until): (UnixMs, UnixMs),
    ) -> Result<Vec<Clue>, StoreError> {
        let sql = match missing {
            Direction::Exit => {
                "SELECT exit_station, count(*) FROM journey
                 WHERE account = $1 AND entered_ms >= $2 AND entered_ms < $3
                   AND state = 'closed' AND station = $4
                 GROUP BY exit_station ORDER BY exit_station"
            }
            Direction::Entry => {
                "SELECT station, count(*) FROM journey
                 WHERE account = $1 AND entered_ms >= $2 AND entered_ms < $3
                   AND state = 'closed' AND exit_station = $4
                 GROUP BY station ORDER BY station"
            }
        };
        let rows = self.rows(sql, &[&account, &from, &until, &station])?;
        let counts = rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?)));
        let counts: Vec<(StationId, u64)> = counts.collect::<Result<_, StoreError>>()?;
        let small = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        let of = small(counts.iter().map(|(_, count)| count).sum());
        let clues = counts.into_iter().map(|(station, same)| Clue {
            station,
            sign: Sign::Habit {
                same: small(same),
                of,
            },
        });
        Ok(clues.collect())
    }
}

/// The three columns from `at` on; nothing when they are null.
pub(super) fn read_completed(row: &Row, at: usize) -> Result<Option<Completed>, StoreError> {
    let Some(station) = row.get::<Option<StationId>>(at)? else {
        return Ok(None);
    };
    let (percent, because): (i64, String) = (row.get(at + 1)?, row.get(at + 2)?);
    Ok(Some(Completed {
        station,
        percent: u32::try_from(percent).map_err(|_| StoreError::Corrupt("a confidence"))?,
        because: serde_json::from_str(&because)
            .map_err(|_| StoreError::Corrupt("clues to a missing end"))?,
    }))
}
