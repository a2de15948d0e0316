//! Gates that are believed no longer.

use super::sql::Row;
use super::{Gate, StoreError, Tx};
use fare_protocol::wire::{FeedChange, Revocation};
use fare_protocol::{GateId, PublicKey, Reason, UnixMs};

/// What a certificate says of the gate that shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shower {
    /// Whom it names.
    pub gate: GateId,
    /// Whose key it is for, where that is one which gates make.
    pub tls_key: Option<PublicKey>,
}

impl Tx<'_> {
    /// Believes the gate with its present key no longer, and tells all gates; answers whether it was believed.
    ///
    /// # Errors
    /// Those of the database; so with everything here.
    pub fn revoke(&self, gate: &Gate, reason: Reason, now: UnixMs) -> Result<bool, StoreError> {
        let sql = "INSERT INTO revocation (gate, key, at_ms, reason) VALUES ($1, $2, $3, $4)
                   ON CONFLICT DO NOTHING";
        let key = gate.key.to_bytes();
        let new = self.run(sql, &[&gate.id, &key, &now, &reason.as_str()])? > 0;
        if new {
            self.tell(&FeedChange::GateRevoked(Revocation {
                gate: gate.id,
                key: gate.key,
                at_ms: now,
                reason,
            }))?;
        }
        Ok(new)
    }

    /// Since when and why this gate with this key is believed no longer.
    pub fn revocation(
        &self,
        gate: GateId,
        key: &PublicKey,
    ) -> Result<Option<Revocation>, StoreError> {
        let sql = "SELECT gate, key, at_ms, reason FROM revocation WHERE gate = $1 AND key = $2";
        let row = self.row(sql, &[&gate, &key.to_bytes()])?;
        row.as_ref().map(revocation).transpose()
    }

    /// Why whoever shows this certificate is believed no longer. A gate that was revoked and enrolled anew has
    /// other keys: it is the certificate for those that counts then, and no other with its name.
    pub fn revocation_of(&self, shower: &Shower) -> Result<Option<Revocation>, StoreError> {
        let newest = "SELECT gate, key, at_ms, reason FROM revocation WHERE gate = $1
                      ORDER BY at_ms DESC LIMIT 1";
        let Some(newest) = self.row(newest, &[&shower.gate])? else {
            return Ok(None);
        };
        let Some(tls_key) = shower.tls_key else {
            return revocation(&newest).map(Some);
        };
        let enrolled = "SELECT record_key FROM invitation WHERE gate = $1 AND tls_key = $2
                        ORDER BY used_ms DESC LIMIT 1";
        let enrolled = self.row(enrolled, &[&shower.gate, &tls_key.to_bytes()])?;
        let record_key = match enrolled {
            Some(row) => row.get::<Option<[u8; 32]>>(0)?,
            None => None,
        };
        match record_key.and_then(|key| PublicKey::from_bytes(&key)) {
            Some(key) => self.revocation(shower.gate, &key),
            None => revocation(&newest).map(Some),
        }
    }

    /// The gates that are believed, by id.
    pub fn believed_gates(&self) -> Result<Vec<Gate>, StoreError> {
        let mut gates = Vec::new();
        for gate in self.gates()? {
            if self.revocation(gate.id, &gate.key)?.is_none() {
                gates.push(gate);
            }
        }
        Ok(gates)
    }
}

fn revocation(row: &Row) -> Result<Revocation, StoreError> {
    let key = PublicKey::from_bytes(&row.get(1)?);
    let reason: String = row.get(3)?;
    Ok(Revocation {
        gate: row.get(0)?,
        key: key.ok_or(StoreError::Corrupt("a gate's key"))?,
        at_ms: row.get(2)?,
        reason: reason
            .parse()
            .map_err(|_| StoreError::Corrupt("a reason"))?,
    })
}
