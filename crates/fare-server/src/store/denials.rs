//! Phones that gates refuse, by the keys that sign their ride codes; and the deny list as people read it.

use super::sql::Row;
use super::{StoreError, Tx};
use fare_protocol::wire::FeedChange;
use fare_protocol::{AccountId, PublicKey, UnixMs};

/// A phone on the deny list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeniedKey {
    /// Its key.
    pub key: PublicKey,
    /// Since when, by the server's clock.
    pub since: UnixMs,
    /// Who said so.
    pub person: String,
    /// Why.
    pub reason: String,
}

/// An account on the deny list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeniedAccount {
    /// Which.
    pub account: AccountId,
    /// Since when, by the server's clock.
    pub since: UnixMs,
    /// `staff`, `debt` or `both`.
    pub why: String,
}

impl Tx<'_> {
    /// Refuses a phone's ride codes at every gate; answers whether they were not refused already.
    ///
    /// # Errors
    /// Those of the database; so with everything here.
    pub fn deny_key(&self, new: &DeniedKey) -> Result<bool, StoreError> {
        let sql = "INSERT INTO denied_key (key, since_ms, person, reason) VALUES ($1, $2, $3, $4)
                   ON CONFLICT DO NOTHING";
        let key = new.key.to_bytes();
        let is_new = self.run(sql, &[&key, &new.since, &new.person, &new.reason])? > 0;
        if is_new {
            self.tell(&FeedChange::KeyDenied { key: new.key })?;
        }
        Ok(is_new)
    }

    /// Refuses them no longer; answers whether they were refused.
    pub fn allow_key(&self, key: PublicKey) -> Result<bool, StoreError> {
        let was = self.run("DELETE FROM denied_key WHERE key = $1", &[&key.to_bytes()])? > 0;
        if was {
            self.tell(&FeedChange::KeyCleared { key })?;
        }
        Ok(was)
    }

    /// Whether a phone's ride codes are refused.
    pub fn is_key_denied(&self, key: PublicKey) -> Result<bool, StoreError> {
        self.exists(
            "SELECT 1 FROM denied_key WHERE key = $1",
            &[&key.to_bytes()],
        )
    }

    /// The key of the phone that enrolled here for an account.
    pub fn phone_of(&self, account: AccountId) -> Result<Option<PublicKey>, StoreError> {
        let sql = "SELECT device_key FROM rider WHERE account = $1";
        let Some(row) = self.row(sql, &[&account])? else {
            return Ok(None);
        };
        let key = PublicKey::from_bytes(&row.get(0)?);
        key.map(Some).ok_or(StoreError::Corrupt("a phone's key"))
    }

    /// All phones on the deny list, by key.
    pub fn denied_keys(&self) -> Result<Vec<DeniedKey>, StoreError> {
        let sql = "SELECT key, since_ms, person, reason FROM denied_key ORDER BY key";
        let read = |row: &Row| {
            let key = PublicKey::from_bytes(&row.get(0)?);
            Ok(DeniedKey {
                key: key.ok_or(StoreError::Corrupt("a phone's key"))?,
                since: row.get(1)?,
                person: row.get(2)?,
                reason: row.get(3)?,
            })
        };
        self.rows(sql, &[])?.iter().map(read).collect()
    }

    /// Accounts on the deny list, the newest first; at most so many.
    pub fn denied_accounts(&self, most: u32) -> Result<Vec<DeniedAccount>, StoreError> {
        let sql =
            "SELECT account, since_ms, why FROM denied ORDER BY since_ms DESC, account LIMIT $1";
        let read = |row: &Row| {
            Ok(DeniedAccount {
                account: row.get(0)?,
                since: row.get(1)?,
                why: row.get(2)?,
            })
        };
        self.rows(sql, &[&most])?.iter().map(read).collect()
    }
}
