//! The modes of gates: what their chains say, and what they were told.

use super::sql::Row;
use super::{StoreError, Tx};
use fare_protocol::wire::FeedChange;
use fare_protocol::{
    CommandId, GateId, ModeChange, ModeCommand, ModeSource, Modes, Reason, Record, UnixMs,
};
use std::str::FromStr;

/// What is known of a gate's modes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateModes {
    /// Which gate.
    pub gate: GateId,
    /// Its newest change that has arrived; nothing while it never changed.
    pub change: Option<StoredChange>,
    /// The newest that a fire input did not make: what the gate comes back to.
    pub set: Option<StoredChange>,
    /// The newest command that is known to have been carried out.
    pub done: Option<CommandId>,
    /// The newest command to it; nothing while there was none.
    pub command: Option<ModeCommand>,
}

/// A change as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredChange {
    /// The modes from then on.
    pub modes: Modes,
    /// `staff`, `server` or `fire`.
    pub source: String,
    /// Why.
    pub reason: Reason,
    /// When, by the gate's clock.
    pub at: UnixMs,
}

impl GateModes {
    /// Whether the newest command has not been carried out, as far as is known.
    pub fn awaited(&self) -> Option<ModeCommand> {
        self.command.filter(|command| Some(command.id) > self.done)
    }
}

impl Tx<'_> {
    /// Stores a change that a gate's chain brought.
    ///
    /// # Errors
    /// Those of the database; so with everything here.
    pub fn insert_mode_change(
        &self,
        record: &Record,
        change: &ModeChange,
        now: UnixMs,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO mode_change
                       (gate, seq, at_ms, entry, exit, source, command, reason, received_ms)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        let (entry, exit) = (change.modes.entry.code(), change.modes.exit.code());
        let (source, reason) = (change.source.code(), change.reason.as_str());
        self.run(
            sql,
            &[
                &record.gate,
                &record.seq,
                &record.stamp.at,
                &entry,
                &exit,
                &source,
                &change.command.map(|command| command.0),
                &reason,
                &now,
            ],
        )?;
        Ok(())
    }

    /// Tells a gate to be in other modes.
    pub fn command_modes(&self, command: ModeCommand, now: UnixMs) -> Result<(), StoreError> {
        let sql = "INSERT INTO mode_command (gate, command, entry, exit, reason, made_ms)
                   VALUES ($1, $2, $3, $4, $5, $6)";
        let (entry, exit) = (command.modes.entry.code(), command.modes.exit.code());
        let reason = command.reason.as_str();
        let (gate, id) = (command.gate, command.id.0);
        self.run(sql, &[&gate, &id, &entry, &exit, &reason, &now])?;
        self.tell(&FeedChange::ModeCommanded(command))
    }

    /// When a gate was told this, by the server's clock.
    pub fn command_made(
        &self,
        gate: GateId,
        command: CommandId,
    ) -> Result<Option<UnixMs>, StoreError> {
        let sql = "SELECT made_ms FROM mode_command WHERE gate = $1 AND command = $2";
        let row = self.row(sql, &[&gate, &command.0])?;
        row.map(|row| row.get(0)).transpose()
    }

    /// What the gate is in, and what it was told last.
    pub fn gate_modes(&self, gate: GateId) -> Result<GateModes, StoreError> {
        Ok(GateModes {
            gate,
            change: self.newest_change(gate, None)?,
            set: self.newest_change(gate, Some(ModeSource::Fire))?,
            done: self.newest_done(gate)?,
            command: self.newest_command(gate)?,
        })
    }

    /// The newest command to each gate, for those that start or were away long.
    pub(super) fn mode_commands(&self) -> Result<Vec<FeedChange>, StoreError> {
        let gates = self.gates()?;
        let newest = gates.into_iter().map(|gate| self.newest_command(gate.id));
        let newest = newest.collect::<Result<Vec<_>, _>>()?;
        let told = newest.into_iter().flatten();
        Ok(told.map(FeedChange::ModeCommanded).collect())
    }

    /// The newest change, or the newest that was not made by `but`.
    fn newest_change(
        &self,
        gate: GateId,
        but: Option<ModeSource>,
    ) -> Result<Option<StoredChange>, StoreError> {
        let sql = "SELECT entry, exit, source, reason, at_ms FROM mode_change
                   WHERE gate = $1 AND source <> $2 ORDER BY seq DESC LIMIT 1";
        let but = but.map_or("", ModeSource::code);
        let row = self.row(sql, &[&gate, &but])?;
        row.as_ref().map(change).transpose()
    }

    fn newest_done(&self, gate: GateId) -> Result<Option<CommandId>, StoreError> {
        let sql = "SELECT command FROM mode_change WHERE gate = $1 AND command IS NOT NULL
                   ORDER BY command DESC LIMIT 1";
        let row = self.row(sql, &[&gate])?;
        row.map(|row| Ok(CommandId(row.get(0)?))).transpose()
    }

    fn newest_command(&self, gate: GateId) -> Result<Option<ModeCommand>, StoreError> {
        let sql = "SELECT entry, exit, command, reason FROM mode_command
                   WHERE gate = $1 ORDER BY command DESC LIMIT 1";
        let row = self.row(sql, &[&gate])?;
        row.as_ref().map(|row| command(row, gate)).transpose()
    }
}

fn parsed<T: FromStr>(row: &Row, at: usize, what: &'static str) -> Result<T, StoreError> {
    let text: String = row.get(at)?;
    text.parse().map_err(|_| StoreError::Corrupt(what))
}

fn modes(row: &Row) -> Result<Modes, StoreError> {
    Ok(Modes {
        entry: parsed(row, 0, "a mode")?,
        exit: parsed(row, 1, "a mode")?,
    })
}

fn change(row: &Row) -> Result<StoredChange, StoreError> {
    Ok(StoredChange {
        modes: modes(row)?,
        source: row.get(2)?,
        reason: parsed(row, 3, "a reason")?,
        at: row.get(4)?,
    })
}

fn command(row: &Row, gate: GateId) -> Result<ModeCommand, StoreError> {
    Ok(ModeCommand {
        id: CommandId(row.get(2)?),
        gate,
        modes: modes(row)?,
        reason: parsed(row, 3, "a reason")?,
    })
}
