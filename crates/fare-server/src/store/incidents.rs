//! Incidents: those that staff told of, and those that gates' own records of their modes show.

use super::sql::Row;
use super::{StoreError, Tx};
use fare_protocol::{AccountId, Direction, GateId, Mode, RecordId, StationId, UnixMs};
use fare_rules::incident;
use fare_rules::journey::Tap;

/// A time in which riders could not leave as they should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// Where riders entered whom it concerns; everywhere when there is none.
    pub station: Option<StationId>,
    /// From when on.
    pub from: UnixMs,
    /// Until when.
    pub until: UnixMs,
    /// Who says so.
    pub person: String,
    /// What happened.
    pub reason: String,
}

/// A time in which riders passed a gate without a tap, as the gate's records of its modes have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModeWindow {
    /// Which gate.
    pub gate: GateId,
    /// Where it stands.
    pub station: StationId,
    /// In which mode it was.
    pub mode: String,
    /// From when on, by its clock.
    pub from: UnixMs,
    /// Until when; nothing while its next change has not arrived.
    pub until: Option<UnixMs>,
    /// `staff`, `server` or `fire`.
    pub source: String,
    /// Why.
    pub reason: String,
}

/// What a window ends with.
const NEXT: &str = "(SELECT later.at_ms FROM mode_change AS later
                     WHERE later.gate = mode_change.gate AND later.seq > mode_change.seq
                     ORDER BY later.seq LIMIT 1)";

impl Tx<'_> {
    /// Keeps an incident.
    ///
    /// # Errors
    /// Those of the database; so with everything here.
    pub fn insert_incident(
        &self,
        id: [u8; 16],
        incident: &Incident,
        now: UnixMs,
    ) -> Result<(), StoreError> {
        let sql =
            "INSERT INTO incident (incident, station, from_ms, until_ms, person, reason, made_ms)
                   VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let Incident {
            station,
            from,
            until,
            person,
            reason,
        } = incident;
        self.run(sql, &[&id, station, from, until, person, reason, &now])?;
        Ok(())
    }

    /// All incidents that staff told of, the newest first.
    pub fn incidents(&self) -> Result<Vec<Incident>, StoreError> {
        let sql = "SELECT station, from_ms, until_ms, person, reason FROM incident
                   ORDER BY from_ms DESC";
        self.rows(sql, &[])?.iter().map(read_incident).collect()
    }

    /// Those that were told of since `made`.
    pub fn incidents_told_since(&self, made: UnixMs) -> Result<Vec<Incident>, StoreError> {
        let sql = "SELECT station, from_ms, until_ms, person, reason FROM incident
                   WHERE made_ms >= $1 ORDER BY made_ms";
        self.rows(sql, &[&made])?
            .iter()
            .map(read_incident)
            .collect()
    }

    /// Times in which riders passed a gate in this direction without a tap and that touch the time from
    /// `from` up to before `until`, the latest first.
    pub fn mode_windows(
        &self,
        direction: Direction,
        (from, until): (UnixMs, UnixMs),
    ) -> Result<Vec<ModeWindow>, StoreError> {
        let (window, exempt) = window(direction);
        let sql = format!(
            "{window} WHERE {exempt} AND mode_change.at_ms < $1
             AND ({NEXT} IS NULL OR {NEXT} > $2) ORDER BY mode_change.at_ms DESC, mode_change.gate"
        );
        let rows = self.rows(&sql, &[&until, &from])?;
        rows.iter().map(read_window).collect()
    }

    /// Those of which the server learnt since `received`.
    pub fn mode_windows_since(
        &self,
        direction: Direction,
        received: UnixMs,
    ) -> Result<Vec<ModeWindow>, StoreError> {
        let (window, exempt) = window(direction);
        let sql = format!("{window} WHERE {exempt} AND mode_change.received_ms >= $1");
        let rows = self.rows(&sql, &[&received])?;
        rows.iter().map(read_window).collect()
    }

    /// Whether an incident was on between `from` and `until`: for who entered at `station`, or, when that is not
    /// known, anywhere. Those that staff told of count, and those that gates' modes in this direction show.
    pub fn is_spared(
        &self,
        station: Option<StationId>,
        direction: Direction,
        (from, until): (UnixMs, UnixMs),
    ) -> Result<bool, StoreError> {
        let told = match station {
            Some(station) => {
                let sql = "SELECT 1 FROM incident WHERE until_ms > $1 AND from_ms < $2
                           AND (station IS NULL OR station = $3)";
                self.exists(sql, &[&from, &until, &station])?
            }
            None => {
                let sql = "SELECT 1 FROM incident WHERE until_ms > $1 AND from_ms < $2";
                self.exists(sql, &[&from, &until])?
            }
        };
        if told {
            return Ok(true);
        }
        let (window, exempt) = window(direction);
        let sql = format!(
            "{window} WHERE {exempt} AND mode_change.at_ms < $1
             AND ({NEXT} IS NULL OR {NEXT} > $2) LIMIT 1"
        );
        self.exists(&sql, &[&until, &from])
    }

    /// Whether the account's own tap in this direction, between two moments, came to nothing by the gate's fault.
    pub fn had_fault(
        &self,
        account: AccountId,
        direction: Direction,
        (from, until): (UnixMs, UnixMs),
    ) -> Result<bool, StoreError> {
        let taps = self.taps_without_place(account, direction, (from, until))?;
        let fault = |tap: &Tap| tap.passage.is_some_and(incident::came_to_nothing);
        Ok(taps.iter().any(fault))
    }

    /// Journeys that cost the maximum fare and were open at some moment from `from` up to before `until`, after
    /// one of them; at most `most`, by account and entry.
    pub fn maximum_between(
        &self,
        (from, until): (UnixMs, UnixMs),
        after: (AccountId, RecordId),
        most: u32,
    ) -> Result<Vec<(AccountId, RecordId)>, StoreError> {
        let sql = "SELECT account, entry FROM journey
                   WHERE state = 'no-exit' AND fare_minor > 0 AND entered_ms < $1 AND due_ms > $2
                     AND (account, entry) > ($3, $4)
                   ORDER BY account, entry LIMIT $5";
        let rows = self.rows(sql, &[&until, &from, &after.0, &after.1, &most])?;
        rows.iter()
            .map(|row| Ok((row.get(0)?, row.get(1)?)))
            .collect()
    }

    /// Up to when what came was looked through for incidents; and from now on up to `now`.
    pub fn incident_mark(&self, now: UnixMs) -> Result<UnixMs, StoreError> {
        let known = "SELECT made_ms FROM incident_mark WHERE name = 'looked'";
        let before = self.row(known, &[])?.map(|row| row.get(0)).transpose()?;
        let sql = "INSERT INTO incident_mark (name, made_ms) VALUES ('looked', $1)
                   ON CONFLICT (name) DO UPDATE SET made_ms = $1";
        self.run(sql, &[&now])?;
        Ok(before.unwrap_or(UnixMs(i64::MIN)))
    }

    /// Has an exit that follows no entry looked at at `due`; one that is known already stays as it is.
    pub fn insert_exit_alone(&self, exit: &Tap, due: UnixMs) -> Result<(), StoreError> {
        let sql = "INSERT INTO exit_alone (account, exit, due_ms) VALUES ($1, $2, $3)
                   ON CONFLICT DO NOTHING";
        self.run(sql, &[&exit.account(), &exit.id, &due])?;
        Ok(())
    }

    /// Exits that are to be looked at, at most so many.
    pub fn exits_alone(
        &self,
        now: UnixMs,
        most: u32,
    ) -> Result<Vec<(AccountId, RecordId)>, StoreError> {
        let sql =
            "SELECT account, exit FROM exit_alone WHERE due_ms <= $1 ORDER BY due_ms LIMIT $2";
        let rows = self.rows(sql, &[&now, &most])?;
        rows.iter()
            .map(|row| Ok((row.get(0)?, row.get(1)?)))
            .collect()
    }

    /// Exits between two moments of which this person has decided, when nothing has overtaken that.
    pub fn exits_decided_by(
        &self,
        person: &str,
        (from, until): (UnixMs, UnixMs),
    ) -> Result<Vec<(AccountId, RecordId)>, StoreError> {
        let sql = "SELECT conflict_end.account, conflict_end.tap FROM conflict_end
                   JOIN tap ON tap.account = conflict_end.account AND tap.id = conflict_end.tap
                   WHERE person = $1 AND conflict_end.entry IS NULL AND tap.at_ms >= $2 AND tap.at_ms < $3
                     AND NOT EXISTS (SELECT 1 FROM conflict_overtaken
                                     WHERE conflict_overtaken.conflict = conflict_end.conflict)
                   ORDER BY conflict_end.account, conflict_end.tap";
        let rows = self.rows(sql, &[&person, &from, &until])?;
        rows.iter()
            .map(|row| Ok((row.get(0)?, row.get(1)?)))
            .collect()
    }

    /// Has it looked at again later, or never.
    pub fn put_off_exit_alone(
        &self,
        (account, exit): (AccountId, RecordId),
        due: Option<UnixMs>,
    ) -> Result<(), StoreError> {
        match due {
            Some(due) => {
                let sql = "UPDATE exit_alone SET due_ms = $1 WHERE account = $2 AND exit = $3";
                self.run(sql, &[&due, &account, &exit])?;
            }
            None => {
                let sql = "DELETE FROM exit_alone WHERE account = $1 AND exit = $2";
                self.run(sql, &[&account, &exit])?;
            }
        }
        Ok(())
    }
}

/// The beginning of a statement about windows, and its condition on the mode.
fn window(direction: Direction) -> (String, String) {
    let column = match direction {
        Direction::Entry => "mode_change.entry",
        Direction::Exit => "mode_change.exit",
    };
    let modes: Vec<_> = incident::modes().map(Mode::code).collect();
    let window = format!(
        "SELECT mode_change.gate, gate.station, {column}, mode_change.at_ms, {NEXT}, mode_change.source,
                mode_change.reason
         FROM mode_change JOIN gate ON gate.gate = mode_change.gate"
    );
    (window, format!("{column} IN ('{}')", modes.join("', '")))
}

fn read_window(row: &Row) -> Result<ModeWindow, StoreError> {
    Ok(ModeWindow {
        gate: row.get(0)?,
        station: row.get(1)?,
        mode: row.get(2)?,
        from: row.get(3)?,
        until: row.get(4)?,
        source: row.get(5)?,
        reason: row.get(6)?,
    })
}

fn read_incident(row: &Row) -> Result<Incident, StoreError> {
    Ok(Incident {
        station: row.get(0)?,
        from: row.get(1)?,
        until: row.get(2)?,
        person: row.get(3)?,
        reason: row.get(4)?,
    })
}
