//! Staff: accounts, sessions, and what they did.

use super::sql::Row;
use super::{StoreError, Tx};
use crate::staff::{LOCAL, Roles};
use fare_protocol::UnixMs;
use serde::Serialize;

/// How long answers to staff's requests are kept for repeats.
const ANSWERS_KEPT_MS: i64 = 86_400_000;

/// An account that this server keeps itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaffRow {
    /// The name that staff know.
    pub person: String,
    /// The hash of the password, as a PHC string.
    pub password: String,
    /// What the person may do.
    pub roles: Roles,
    /// Since when.
    pub made: UnixMs,
    /// When it was ended.
    pub ended: Option<UnixMs>,
}

/// Somebody who signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// Who knows the person: [`LOCAL`], or an identity provider.
    pub issuer: String,
    /// As whom.
    pub subject: String,
    /// What the person may do.
    pub roles: Roles,
    /// First moment at which it counts no longer.
    pub until: UnixMs,
}

/// By which way staff did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// A page of the console.
    Page,
    /// The command line.
    Command,
}

impl Via {
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Command => "command",
        }
    }
}

/// Something that staff do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deed<'d> {
    /// Who knows the person.
    pub issuer: &'d str,
    /// Who.
    pub person: &'d str,
    /// How.
    pub via: Via,
    /// What, as a stable word: `sign-in`, `gate-mode` and so on.
    pub what: &'d str,
    /// To what; accounts are masked.
    pub about: &'d str,
    /// For what reason; empty where none is asked for.
    pub why: &'d str,
}

/// Something that staff did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Done {
    /// When, by the server's clock.
    pub at_ms: UnixMs,
    /// Who knows the person.
    pub issuer: String,
    /// Who.
    pub person: String,
    /// `page` or `command`.
    pub via: String,
    /// What.
    pub what: String,
    /// To what.
    pub about: String,
    /// For what reason.
    pub why: String,
}

impl Tx<'_> {
    /// Notes something that staff do, in the same transaction as the deed itself.
    ///
    /// # Errors
    /// Those of the database, or that no id can be made; so with everything here.
    pub fn audit(&self, deed: &Deed<'_>, now: UnixMs) -> Result<(), StoreError> {
        let id = crate::ids::new_id(now)?;
        let sql = "INSERT INTO audit (audit, at_ms, issuer, person, via, what, about, why)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let Deed {
            issuer,
            person,
            via,
            what,
            about,
            why,
        } = deed;
        self.run(
            sql,
            &[&id, &now, issuer, person, &via.code(), what, about, why],
        )?;
        Ok(())
    }

    /// What staff did from `from` up to before `until`, the oldest first, at most `most`: by everybody,
    /// or by one person.
    pub fn audits(
        &self,
        (from, until): (UnixMs, UnixMs),
        person: Option<&str>,
        most: u32,
    ) -> Result<Vec<Done>, StoreError> {
        let sql = "SELECT at_ms, issuer, person, via, what, about, why FROM audit
                   WHERE at_ms >= $1 AND at_ms < $2 AND (person = $3 OR $4 = 1)
                   ORDER BY at_ms DESC, audit DESC LIMIT $5";
        let everybody = person.is_none();
        let person = person.unwrap_or_default();
        let done = |row: &Row| {
            Ok(Done {
                at_ms: row.get(0)?,
                issuer: row.get(1)?,
                person: row.get(2)?,
                via: row.get(3)?,
                what: row.get(4)?,
                about: row.get(5)?,
                why: row.get(6)?,
            })
        };
        let rows = self.rows(sql, &[&from, &until, &person, &everybody, &most])?;
        rows.iter().rev().map(done).collect()
    }

    /// Makes an account, or gives one that is there, or was, a new password and new roles; answers whether
    /// it is a new one. Whoever is signed in as this person is signed out.
    pub fn put_staff(
        &self,
        person: &str,
        password: &str,
        roles: &Roles,
        now: UnixMs,
    ) -> Result<bool, StoreError> {
        let known = self.staff(person)?.is_some();
        let sql = "INSERT INTO staff (person, password, roles, made_ms) VALUES ($1, $2, $3, $4)
                   ON CONFLICT (person) DO UPDATE SET password = $2, roles = $3, ended_ms = NULL";
        self.run(sql, &[&person, &password, &roles.to_string(), &now])?;
        self.end_sessions(LOCAL, person)?;
        Ok(!known)
    }

    /// Ends an account and its sessions; answers whether it was there.
    pub fn end_staff(&self, person: &str, now: UnixMs) -> Result<bool, StoreError> {
        let sql = "UPDATE staff SET ended_ms = $1 WHERE person = $2 AND ended_ms IS NULL";
        let was = self.run(sql, &[&now, &person])? > 0;
        self.end_sessions(LOCAL, person)?;
        Ok(was)
    }

    /// The account of this person.
    pub fn staff(&self, person: &str) -> Result<Option<StaffRow>, StoreError> {
        let sql = "SELECT person, password, roles, made_ms, ended_ms FROM staff WHERE person = $1";
        self.row(sql, &[&person])?.as_ref().map(staff).transpose()
    }

    /// All accounts, by person.
    pub fn all_staff(&self) -> Result<Vec<StaffRow>, StoreError> {
        let sql = "SELECT person, password, roles, made_ms, ended_ms FROM staff ORDER BY person";
        self.rows(sql, &[])?.iter().map(staff).collect()
    }

    /// Somebody has signed in; `token` is the hash of what the browser holds.
    pub fn insert_session(
        &self,
        token: &[u8; 32],
        session: &SessionRow,
        now: UnixMs,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO staff_session (token, issuer, subject, roles, made_ms, until_ms)
                   VALUES ($1, $2, $3, $4, $5, $6)";
        let SessionRow {
            issuer,
            subject,
            roles,
            until,
        } = session;
        let roles = roles.to_string();
        self.run(sql, &[token, issuer, subject, &roles, &now, until])?;
        Ok(())
    }

    /// The session of this token, when it counts at `now`.
    pub fn session(&self, token: &[u8; 32], now: UnixMs) -> Result<Option<SessionRow>, StoreError> {
        let sql = "SELECT issuer, subject, roles, until_ms FROM staff_session
                   WHERE token = $1 AND until_ms > $2";
        let session = |row: Row| {
            Ok(SessionRow {
                issuer: row.get(0)?,
                subject: row.get(1)?,
                roles: roles(&row, 2)?,
                until: row.get(3)?,
            })
        };
        self.row(sql, &[token, &now])?.map(session).transpose()
    }

    /// Somebody signs out.
    pub fn end_session(&self, token: &[u8; 32]) -> Result<(), StoreError> {
        self.run("DELETE FROM staff_session WHERE token = $1", &[token])?;
        Ok(())
    }

    /// Ends all sessions of somebody; answers how many.
    pub fn end_sessions(&self, issuer: &str, subject: &str) -> Result<u64, StoreError> {
        let sql = "DELETE FROM staff_session WHERE issuer = $1 AND subject = $2";
        self.run(sql, &[&issuer, &subject])
    }

    /// Forgets sessions that are over, and answers that nobody will ask for again.
    pub fn forget_sessions(&self, now: UnixMs) -> Result<(), StoreError> {
        self.run("DELETE FROM staff_session WHERE until_ms <= $1", &[&now])?;
        let before = UnixMs(now.0.saturating_sub(ANSWERS_KEPT_MS));
        self.run("DELETE FROM staff_answer WHERE made_ms < $1", &[&before])?;
        Ok(())
    }

    /// What was answered to a request of this person's with this key, and the hash of the request.
    pub fn staff_answer(
        &self,
        person: &str,
        key: &str,
    ) -> Result<Option<([u8; 32], String)>, StoreError> {
        let sql = "SELECT request, answer FROM staff_answer WHERE person = $1 AND key = $2";
        let row = self.row(sql, &[&person, &key])?;
        row.map(|row| Ok((row.get(0)?, row.get(1)?))).transpose()
    }

    /// Keeps the answer to a request for repeats.
    pub fn keep_staff_answer(
        &self,
        (person, key): (&str, &str),
        request: &[u8; 32],
        answer: &str,
        now: UnixMs,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO staff_answer (person, key, request, answer, made_ms)
                   VALUES ($1, $2, $3, $4, $5)";
        self.run(sql, &[&person, &key, request, &answer, &now])?;
        Ok(())
    }
}

fn staff(row: &Row) -> Result<StaffRow, StoreError> {
    Ok(StaffRow {
        person: row.get(0)?,
        password: row.get(1)?,
        roles: roles(row, 2)?,
        made: row.get(3)?,
        ended: row.get(4)?,
    })
}

fn roles(row: &Row, n: usize) -> Result<Roles, StoreError> {
    let text: String = row.get(n)?;
    text.parse().map_err(|_| StoreError::Corrupt("roles"))
}
