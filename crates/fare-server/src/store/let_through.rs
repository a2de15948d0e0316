//! Whom gates let through because staff said so: what their chains say, and what they were told.

use super::sql::Row;
use super::taps::outcome_read;
use super::{Deed, StoreError, Tx};
use fare_protocol::wire::FeedChange;
use fare_protocol::{
    Direction, GateId, LetThrough, LetThroughCommand, PassageOutcome, Record, RecordId, StationId,
    UnixMs,
};

/// Somebody whom staff let through, or wanted to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Helped {
    /// Where.
    pub gate: GateId,
    /// In or out.
    pub direction: Direction,
    /// When the command was made, by the server's clock; by the gate's when somebody at the gate did it.
    pub at: UnixMs,
    /// By whom of the staff; nothing when somebody at the gate did it.
    pub told: Option<HelpedBy>,
    /// Why.
    pub reason: String,
    /// The gate's record; nothing while none has come.
    pub record: Option<RecordId>,
    /// What the gate told of the passage; nothing while it has not.
    pub passage: Option<PassageOutcome>,
}

/// Who told a gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HelpedBy {
    /// The person's name.
    pub person: String,
    /// `page` or `command`.
    pub via: String,
    /// First moment at which the gate does it no longer.
    pub until: UnixMs,
}

impl Tx<'_> {
    /// Stores that a gate let somebody through, as its chain has it.
    ///
    /// # Errors
    /// Those of the database; so with everything here.
    pub fn insert_let_through(
        &self,
        record: &Record,
        said: &LetThrough,
        now: UnixMs,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO let_through
                       (gate, seq, id, at_ms, direction, command, reason, received_ms)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let command = said.by.command().map(|command| command.0);
        self.run(
            sql,
            &[
                &record.gate,
                &record.seq,
                &record.id,
                &record.stamp.at,
                &said.direction.code(),
                &command,
                &said.reason.as_str(),
                &now,
            ],
        )?;
        Ok(())
    }

    /// Tells a gate to open once, for one person.
    pub fn command_let_through(
        &self,
        command: LetThroughCommand,
        deed: &Deed<'_>,
        now: UnixMs,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO let_through_command
                       (gate, command, direction, reason, issuer, person, via, made_ms, until_ms)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        self.run(
            sql,
            &[
                &command.gate,
                &command.id.0,
                &command.direction.code(),
                &command.reason.as_str(),
                &deed.issuer,
                &deed.person,
                &deed.via.code(),
                &now,
                &command.until_ms,
            ],
        )?;
        self.tell(&FeedChange::LetThroughCommanded(command))
    }

    /// Until when the gate may still do what it was told and is not known to have done.
    pub fn awaits_let_through(
        &self,
        gate: GateId,
        now: UnixMs,
    ) -> Result<Option<UnixMs>, StoreError> {
        let sql = "SELECT max(until_ms) FROM let_through_command
                   WHERE gate = $1 AND until_ms > $2 AND NOT EXISTS
                       (SELECT 1 FROM let_through WHERE let_through.gate = let_through_command.gate
                        AND let_through.command = let_through_command.command)";
        self.only(sql, &[&gate, &now])?.get(0)
    }

    /// How many this person has let through since then, and when the first of them was.
    pub fn let_through_by(
        &self,
        (issuer, person): (&str, &str),
        since: UnixMs,
    ) -> Result<(u64, Option<UnixMs>), StoreError> {
        let sql = "SELECT count(*), min(made_ms) FROM let_through_command
                   WHERE issuer = $1 AND person = $2 AND made_ms > $3";
        let row = self.only(sql, &[&issuer, &person, &since])?;
        Ok((row.get(0)?, row.get(1)?))
    }

    /// Whom staff let through at a station since then, the newest first, at most `most`: those whom gates were
    /// told about, and those whom somebody at a gate let through.
    pub fn let_through_at(
        &self,
        station: StationId,
        since: UnixMs,
        most: u32,
    ) -> Result<Vec<Helped>, StoreError> {
        let told = "SELECT c.gate, c.direction, c.made_ms, c.reason, l.id, p.outcome,
                           c.person, c.via, c.until_ms
                    FROM let_through_command c JOIN gate ON gate.gate = c.gate
                    LEFT JOIN let_through l ON l.gate = c.gate AND l.command = c.command
                    LEFT JOIN passage p ON p.gate = c.gate AND p.confirmation = l.id
                    WHERE gate.station = $1 AND c.made_ms >= $2
                    ORDER BY c.made_ms DESC, c.command DESC LIMIT $3";
        let at_gate = "SELECT l.gate, l.direction, l.at_ms, l.reason, l.id, p.outcome
                       FROM let_through l JOIN gate ON gate.gate = l.gate
                       LEFT JOIN passage p ON p.gate = l.gate AND p.confirmation = l.id
                       WHERE gate.station = $1 AND l.at_ms >= $2 AND l.command IS NULL
                       ORDER BY l.at_ms DESC, l.seq DESC LIMIT $3";
        let mut all = Vec::new();
        for row in self.rows(told, &[&station, &since, &most])? {
            let told = HelpedBy {
                person: row.get(6)?,
                via: row.get(7)?,
                until: row.get(8)?,
            };
            all.push(helped(&row, Some(told))?);
        }
        for row in self.rows(at_gate, &[&station, &since, &most])? {
            all.push(helped(&row, None)?);
        }
        all.sort_by_key(|helped| std::cmp::Reverse(helped.at));
        all.truncate(usize::try_from(most).unwrap_or(usize::MAX));
        Ok(all)
    }
}

fn helped(row: &Row, told: Option<HelpedBy>) -> Result<Helped, StoreError> {
    Ok(Helped {
        gate: row.get(0)?,
        direction: direction(row, 1)?,
        at: row.get(2)?,
        reason: row.get(3)?,
        record: row.get(4)?,
        passage: outcome_read(row, 5)?,
        told,
    })
}

fn direction(row: &Row, at: usize) -> Result<Direction, StoreError> {
    let code: String = row.get(at)?;
    Direction::from_code(&code).ok_or(StoreError::Corrupt("a direction"))
}
