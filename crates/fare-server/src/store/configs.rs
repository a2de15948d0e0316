//! Configurations of gates: which they were told to work by, and what their chains say became of them.
//!
//! The feed's own table names a gate and a command; the text is put in when that gate asks. Others hear nothing of
//! it: a city's gates would otherwise each read all configurations of all.

use super::sql::Row;
use super::{News, StoreError, Tx};
use fare_protocol::wire::FeedChange;
use fare_protocol::{
    CommandId, ConfigChange, ConfigCommand, ConfigHash, ConfigOutcome, GateId, Millis, Reason,
    Record, UnixMs,
};

/// A configuration that a gate was told to work by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentConfig {
    /// The command.
    pub command: ConfigCommand,
    /// Who sent it.
    pub person: String,
    /// When, by the server's clock.
    pub made: UnixMs,
    /// What the gate made of it; nothing while it has not said.
    pub outcome: Option<ConfigEnd>,
}

/// What a gate made of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigEnd {
    /// What became of it.
    pub outcome: ConfigOutcome,
    /// Why, where it is not in force.
    pub why: String,
    /// When, by the gate's clock.
    pub at: UnixMs,
    /// The configuration that was in force then.
    pub in_force: ConfigHash,
}

impl Tx<'_> {
    /// Stores what a gate's chain says of a configuration.
    ///
    /// # Errors
    /// Those of the database; so with everything here.
    pub fn insert_config_change(
        &self,
        record: &Record,
        said: &ConfigChange,
        now: UnixMs,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO config_change
                       (gate, seq, at_ms, command, outcome, in_force, why, received_ms)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        self.run(
            sql,
            &[
                &record.gate,
                &record.seq,
                &record.stamp.at,
                &said.command.0,
                &said.outcome.code(),
                &said.in_force.0,
                &said.why.as_str(),
                &now,
            ],
        )?;
        Ok(())
    }

    /// Tells a gate to work by another configuration.
    pub fn command_config(
        &self,
        command: &ConfigCommand,
        person: &str,
        now: UnixMs,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO config_command
                       (gate, command, toml, prove_ms, reason, person, made_ms)
                   VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let prove_ms = i64::from(command.prove_ms.0);
        self.run(
            sql,
            &[
                &command.gate,
                &command.id.0,
                &command.toml.as_str(),
                &prove_ms,
                &command.reason.as_str(),
                &person,
                &now,
            ],
        )?;
        // Its text stays where it is.
        self.tell(&FeedChange::ConfigCommanded(Box::new(ConfigCommand {
            toml: String::new(),
            ..command.clone()
        })))
    }

    /// The newest configuration that the gate was told to work by; nothing while there was none.
    pub fn sent_config(&self, gate: GateId) -> Result<Option<SentConfig>, StoreError> {
        let sql = "SELECT command, toml, prove_ms, reason, person, made_ms FROM config_command
                   WHERE gate = $1 ORDER BY command DESC LIMIT 1";
        let row = self.row(sql, &[&gate])?;
        row.as_ref().map(|row| self.sent(row, gate)).transpose()
    }

    /// The news for one gate: what all hear, and its own newest configuration when that is new.
    pub fn news_for(&self, gate: GateId, after: u64) -> Result<News, StoreError> {
        let mut news = self.news(after)?;
        // A gate that enrolled since has a newer one from there.
        let enrolled = "SELECT max(used_ms) FROM invitation WHERE gate = $1";
        let enrolled: Option<UnixMs> = self.only(enrolled, &[&gate])?.get(0)?;
        if news.snapshot || news.configs.contains(&gate) {
            let sent = self.sent_config(gate)?;
            let sent = sent.filter(|sent| Some(sent.made) > enrolled);
            let command = sent.map(|sent| FeedChange::ConfigCommanded(Box::new(sent.command)));
            news.changes.extend(command);
        }
        Ok(news)
    }

    fn sent(&self, row: &Row, gate: GateId) -> Result<SentConfig, StoreError> {
        let command = CommandId(row.get(0)?);
        let prove_ms: i64 = row.get(2)?;
        let reason: String = row.get(3)?;
        let reason = reason.parse::<Reason>();
        Ok(SentConfig {
            command: ConfigCommand {
                id: command,
                gate,
                toml: row.get(1)?,
                prove_ms: Millis(u32::try_from(prove_ms).unwrap_or(u32::MAX)),
                reason: reason.map_err(|_| StoreError::Corrupt("a reason"))?,
            },
            person: row.get(4)?,
            made: row.get(5)?,
            outcome: self.config_end(gate, command)?,
        })
    }

    fn config_end(
        &self,
        gate: GateId,
        command: CommandId,
    ) -> Result<Option<ConfigEnd>, StoreError> {
        let sql = "SELECT outcome, why, at_ms, in_force FROM config_change
                   WHERE gate = $1 AND command = $2 ORDER BY seq DESC LIMIT 1";
        let row = self.row(sql, &[&gate, &command.0])?;
        let end = |row: &Row| {
            let outcome: String = row.get(0)?;
            let outcome = ConfigOutcome::from_code(&outcome);
            Ok(ConfigEnd {
                outcome: outcome.ok_or(StoreError::Corrupt("an outcome"))?,
                why: row.get(1)?,
                at: row.get(2)?,
                in_force: ConfigHash(row.get(3)?),
            })
        };
        row.as_ref().map(end).transpose()
    }
}
