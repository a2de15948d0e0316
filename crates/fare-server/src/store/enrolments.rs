//! Invitations: who may become a gate, once.

use super::{Gate, StoreError, Tx};
use fare_protocol::enrol::Secret;
use fare_protocol::{GateId, LineId, PublicKey, StationId, UnixMs};

/// A gate that is to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Its id.
    pub gate: GateId,
    /// Where it is to stand.
    pub station: StationId,
    /// On which line.
    pub line: LineId,
    /// Its configuration, as its own program reads it.
    pub config: String,
}

/// What became of a gate that showed a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The gate is registered with its key; so it is when it asks again with the same keys.
    Enrolled(Invitation),
    /// Nobody was invited with this secret.
    Unknown,
    /// The time is over.
    TooLate,
    /// Other keys came before.
    Used,
    /// The gate is believed with this key no longer.
    Revoked,
}

impl Tx<'_> {
    /// Invites a gate; invitations of the same gate that nobody used are void.
    ///
    /// # Errors
    /// Those of the database; so with everything here.
    pub fn invite(
        &self,
        secret: &Secret,
        gate: &Invitation,
        now: UnixMs,
        until: UnixMs,
    ) -> Result<(), StoreError> {
        let void = "DELETE FROM invitation WHERE gate = $1 AND used_ms IS NULL";
        self.run(void, &[&gate.gate])?;
        let sql = "INSERT INTO invitation
                       (secret_hash, gate, station, line, config, made_ms, until_ms)
                   VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let (hash, config) = (secret.hash(), gate.config.as_str());
        self.run(
            sql,
            &[
                &hash,
                &gate.gate,
                &gate.station,
                &gate.line,
                &config,
                &now,
                &until,
            ],
        )?;
        Ok(())
    }

    /// Registers the gate that shows this secret.
    pub fn enrol_gate(
        &self,
        secret: &Secret,
        record_key: &PublicKey,
        tls_key: &PublicKey,
        now: UnixMs,
    ) -> Result<Shown, StoreError> {
        let sql = "SELECT gate, station, line, config, until_ms, record_key, tls_key
                   FROM invitation WHERE secret_hash = $1";
        let hash = secret.hash();
        let Some(row) = self.row(sql, &[&hash])? else {
            return Ok(Shown::Unknown);
        };
        if now >= row.get::<UnixMs>(4)? {
            return Ok(Shown::TooLate);
        }
        let invitation = Invitation {
            gate: row.get(0)?,
            station: row.get(1)?,
            line: row.get(2)?,
            config: row.get(3)?,
        };
        if self.revocation(invitation.gate, record_key)?.is_some() {
            return Ok(Shown::Revoked);
        }
        let (record, tls) = (record_key.to_bytes(), tls_key.to_bytes());
        let used = (
            row.get::<Option<[u8; 32]>>(5)?,
            row.get::<Option<[u8; 32]>>(6)?,
        );
        match used {
            (None, None) => {}
            (Some(before), Some(tls_before)) if (before, tls_before) == (record, tls) => {
                return Ok(Shown::Enrolled(invitation));
            }
            (Some(_), _) | (None, Some(_)) => return Ok(Shown::Used),
        }
        let sql = "UPDATE invitation SET used_ms = $1, record_key = $2, tls_key = $3
                   WHERE secret_hash = $4";
        self.run(sql, &[&now, &record, &tls, &hash])?;
        self.put_gate(&Gate {
            id: invitation.gate,
            key: *record_key,
            station: invitation.station,
            line: invitation.line,
        })?;
        Ok(Shown::Enrolled(invitation))
    }
}
