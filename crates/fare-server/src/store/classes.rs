//! Classes that staff granted upon a proof, each until its end.

use super::sql::Row;
use super::{StoreError, Tx};
use fare_protocol::{AccountId, RiderClass, UnixMs};
use fare_rules::tariff::class_name;

/// A class that was granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassProof {
    /// Its id.
    pub id: [u8; 16],
    /// To whom.
    pub account: AccountId,
    /// Which; never adult, which everybody has.
    pub class: RiderClass,
    /// What was shown, as the office's own files call it.
    pub proof: String,
    /// When.
    pub made: UnixMs,
    /// First moment at which it counts no longer.
    pub until: UnixMs,
    /// Who granted it.
    pub person: String,
    /// When another took its place, or staff took it back.
    pub ended: Option<UnixMs>,
}

const PROOF: &str = "SELECT proof_id, account, class, proof, made_ms, until_ms, person, ended_ms
                     FROM class_proof";

impl Tx<'_> {
    /// Grants a class; it takes the place of the one that the account has.
    ///
    /// # Errors
    /// Those of the database; so with everything here.
    pub fn grant_class(&self, new: &ClassProof) -> Result<(), StoreError> {
        self.end_class(new.account, new.made)?;
        let sql =
            "INSERT INTO class_proof (account, proof_id, class, proof, made_ms, until_ms, person)
                   VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let ClassProof {
            id,
            account,
            proof,
            made,
            until,
            person,
            ..
        } = new;
        let class = class_name(new.class);
        self.run(sql, &[account, id, &class, proof, made, until, person])?;
        Ok(())
    }

    /// Takes the account's class back; answers whether it had one.
    pub fn end_class(&self, account: AccountId, now: UnixMs) -> Result<bool, StoreError> {
        let sql = "UPDATE class_proof SET ended_ms = $1
                   WHERE account = $2 AND ended_ms IS NULL AND until_ms > $1";
        Ok(self.run(sql, &[&now, &account])? > 0)
    }

    /// The class that the account has now; nothing when it rides as an adult.
    pub fn class_of(
        &self,
        account: AccountId,
        now: UnixMs,
    ) -> Result<Option<ClassProof>, StoreError> {
        let sql = format!(
            "{PROOF} WHERE account = $1 AND ended_ms IS NULL AND until_ms > $2
             ORDER BY made_ms DESC, proof_id LIMIT 1"
        );
        let row = self.row(&sql, &[&account, &now])?;
        row.as_ref().map(read_proof).transpose()
    }

    /// Everything that was granted to the account, the newest first.
    pub fn classes_of(&self, account: AccountId) -> Result<Vec<ClassProof>, StoreError> {
        let sql = format!("{PROOF} WHERE account = $1 ORDER BY made_ms DESC, proof_id");
        let rows = self.rows(&sql, &[&account])?;
        rows.iter().map(read_proof).collect()
    }

    /// What was granted last, for people.
    pub fn newest_classes(&self, most: u32) -> Result<Vec<ClassProof>, StoreError> {
        let sql = format!("{PROOF} ORDER BY made_ms DESC, proof_id LIMIT $1");
        let rows = self.rows(&sql, &[&most])?;
        rows.iter().map(read_proof).collect()
    }
}

fn read_proof(row: &Row) -> Result<ClassProof, StoreError> {
    Ok(ClassProof {
        id: row.get(0)?,
        account: row.get(1)?,
        class: super::riders::class_read(&row.get::<String>(2)?)?,
        proof: row.get(3)?,
        made: row.get(4)?,
        until: row.get(5)?,
        person: row.get(6)?,
        ended: row.get(7)?,
    })
}
