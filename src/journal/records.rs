//! One draft becomes one record: its place in the chain, its signature, and its traces in the
//! caches, all inside the caller's transaction.

use super::{CommitRequest, GateIdentity, configs, first_rides, let_through, modes};
use fare_protocol::record::RECORD_LEN_MAX;
use fare_protocol::{
    AccountId, Confirmation, Direction, Passage, PassageOutcome, Record, RecordBody, RecordHash,
    RecordId, Seq, SignedRecord, Stamp,
};
use fare_rules::{ConfirmationDraft, Draft, PassageDraft, Used};
use rusqlite::{Connection, ErrorCode, OptionalExtension, params};

/// Where the chain goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// The next record's place.
    pub(super) next: Seq,
    /// The hash that it carries.
    pub(super) previous: RecordHash,
}

/// Why one record was not written.
#[derive(Debug)]
pub(super) enum Failure {
    /// It contradicts what is there; the others of its transaction are not touched.
    Contradiction(String),
    /// SQLite failed: the whole transaction is lost.
    Sqlite(rusqlite::Error),
}

impl Head {
    /// A chain without records.
    pub(super) const FIRST: Self = Self {
        next: Seq::FIRST,
        previous: RecordHash::NONE,
    };

    /// The chain that ends with `record`.
    pub(super) fn after(record: &SignedRecord) -> Self {
        Self {
            next: record.record().seq.next(),
            previous: record.hash(),
        }
    }

    /// The chain as it is on the disk.
    pub(super) fn read(db: &Connection) -> rusqlite::Result<Self> {
        let newest = "SELECT seq, envelope FROM records ORDER BY seq DESC LIMIT 1";
        let mut query = db.prepare_cached(newest)?;
        let mut rows = query.query([])?;
        let Some(row) = rows.next()? else {
            return Ok(Self::FIRST);
        };
        let seq = Seq(u64::try_from(row.get::<_, i64>(0)?).unwrap_or(0));
        let previous = RecordHash::of(row.get_ref(1)?.as_blob()?);
        Ok(Self {
            next: seq.next(),
            previous,
        })
    }
}

/// When the newest record was made. What cannot be read of it tells no time.
pub(super) fn last_stamp(db: &Connection) -> rusqlite::Result<Option<Stamp>> {
    let newest = "SELECT envelope FROM records ORDER BY seq DESC LIMIT 1";
    let newest: Option<Vec<u8>> = db.query_row(newest, [], |row| row.get(0)).optional()?;
    let record = newest.and_then(|envelope| SignedRecord::parse(&envelope).ok());
    Ok(record.map(|record| record.record().stamp))
}

/// Writes the record that `request` asks for behind `head`.
pub(super) fn insert(
    db: &Connection,
    head: Head,
    identity: &GateIdentity,
    request: &CommitRequest,
) -> Result<SignedRecord, Failure> {
    let record = sign(head, identity, request);
    let len = record.bytes().len();
    if len > RECORD_LEN_MAX {
        // The server would refuse it for good; the rider is better told now.
        let detail = format!("it is {len} bytes long, {RECORD_LEN_MAX} at most");
        return Err(Failure::Contradiction(detail));
    }
    let seq = seq_sql(record.record().seq);
    let id = record.record().id.0;
    let now_ms = request.stamp.at.0;
    let confirmation = match &request.draft {
        Draft::Confirmation(_) | Draft::LetThrough(_) | Draft::ModeChange(_) | Draft::Config(_) => {
            None
        }
        Draft::Passage(passage) => Some(passage.passage.confirmation.0),
    };
    db.prepare_cached(
        "INSERT INTO records (seq, id, confirmation, at_ms, envelope)
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![seq, id, confirmation, now_ms, record.bytes()])?;
    match &request.draft {
        Draft::Confirmation(draft) => confirmed(db, draft, now_ms)?,
        Draft::LetThrough(draft) => let_through::opens(db, draft, now_ms)?,
        Draft::Passage(draft) => passed(db, draft, identity)?,
        Draft::ModeChange(draft) => modes::changed(db, &draft.change, now_ms)?,
        Draft::Config(draft) => configs::changed(db, &draft.change)?,
    }
    Ok(record)
}

fn sign(head: Head, identity: &GateIdentity, request: &CommitRequest) -> SignedRecord {
    let (id, body) = match &request.draft {
        Draft::Confirmation(draft) => (
            draft.id,
            RecordBody::Confirmation(confirmation(draft, identity)),
        ),
        Draft::LetThrough(draft) => (draft.id, RecordBody::LetThrough(draft.what)),
        Draft::Passage(draft) => (draft.id, RecordBody::Passage(draft.passage)),
        Draft::ModeChange(draft) => (draft.id, RecordBody::ModeChange(draft.change)),
        Draft::Config(draft) => (draft.id, RecordBody::Config(draft.change)),
    };
    let Head {
        next: seq,
        previous,
    } = head;
    let gate = identity.gate;
    Record {
        id,
        gate,
        seq,
        previous,
        stamp: request.stamp,
        body,
    }
    .sign(identity.signer.as_ref())
}

fn confirmation(draft: &ConfirmationDraft, identity: &GateIdentity) -> Confirmation {
    Confirmation {
        direction: draft.direction,
        code_ref: draft.code_ref,
        account: draft.account,
        class: draft.class,
        location: identity.location,
        mode: draft.mode,
        fare_quoted: draft.fare_quoted,
        tariff: draft.tariff,
        rules: draft.rules,
        entry: draft.used.entry(),
    }
}

/// A confirmation waits for its passage and uses up a ride code's counter.
fn confirmed(db: &Connection, draft: &ConfirmationDraft, now_ms: i64) -> rusqlite::Result<()> {
    waits_for_passage(db, draft.id, draft.direction, Some(draft.account), now_ms)?;
    first_rides::confirmed(db, draft)?;
    let (device_key, counter) = match draft.used {
        Used::Code {
            device_key,
            counter,
        } => (device_key, counter),
        // A picture or a paper code is used up by the passage: nobody may have gone through.
        // A pay code is its platform's to use up.
        Used::Picture { .. } | Used::PaperCode | Used::PayCode { .. } => return Ok(()),
    };
    db.prepare_cached(
        "INSERT INTO devices (key, counter, seen_ms) VALUES (?1, ?2, ?3) ON CONFLICT (key)
         DO UPDATE SET counter = max(counter, excluded.counter), seen_ms = excluded.seen_ms",
    )?
    .execute(params![device_key.to_bytes(), counter, now_ms])?;
    Ok(())
}

/// From now on a passage is awaited.
pub(super) fn waits_for_passage(
    db: &Connection,
    id: RecordId,
    direction: Direction,
    account: Option<AccountId>,
    now_ms: i64,
) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO unfinished (confirmation, direction, account, at_ms) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![
        id.0,
        direction_sql(direction),
        account.map(|account| account.0),
        now_ms
    ])?;
    Ok(())
}

/// A passage ends the waiting of its confirmation; when somebody went through, or may have, this
/// gate knows it before the server does.
fn passed(db: &Connection, draft: &PassageDraft, identity: &GateIdentity) -> Result<(), Failure> {
    let Passage {
        confirmation,
        outcome,
    } = draft.passage;
    let waited = db
        .prepare_cached("DELETE FROM unfinished WHERE confirmation = ?1")?
        .execute([confirmation.0])?;
    if waited == 0 {
        let detail = format!("no confirmation {confirmation} waits for a passage");
        return Err(Failure::Contradiction(detail));
    }
    match outcome {
        PassageOutcome::Passed | PassageOutcome::Unknown => Ok(moved(db, draft, identity)?),
        PassageOutcome::Annulled(_) => Ok(first_rides::annulled(db, draft)?),
    }
}

fn moved(db: &Connection, draft: &PassageDraft, identity: &GateIdentity) -> rusqlite::Result<()> {
    // Whom staff let through is nobody that this gate knows.
    let Some(account) = draft.account else {
        return Ok(());
    };
    db.prepare_cached(
        "INSERT INTO moves (account, direction, confirmation, station, line, at_ms, entries, news_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, (SELECT as_of_ms FROM feed)) ON CONFLICT (account)
         DO UPDATE SET direction = excluded.direction, confirmation = excluded.confirmation,
             station = excluded.station, line = excluded.line, at_ms = excluded.at_ms,
             entries = excluded.entries + CASE WHEN news_ms IS excluded.news_ms THEN entries ELSE 0 END,
             news_ms = excluded.news_ms",

    )?
    .execute(params![
        account.0,
        direction_sql(draft.direction),
        draft.passage.confirmation.0,
        identity.location.station.as_str(),
        identity.location.line.as_str(),
        draft.confirmed_at.0,
        i64::from(draft.direction == Direction::Entry),
    ])?;
    Ok(())
}

/// A place in the chain as SQLite keeps it. The ends of both ranges are out of any gate's reach.
pub(super) fn seq_sql(seq: Seq) -> i64 {
    i64::try_from(seq.0).unwrap_or(i64::MAX)
}

/// A direction as the tables keep it.
pub(super) fn direction_sql(direction: Direction) -> i64 {
    match direction {
        Direction::Entry => 0,
        Direction::Exit => 1,
    }
}

/// A direction from the tables, which hold no third one.
pub(super) fn direction_from_sql(direction: i64) -> Direction {
    if direction == 0 {
        Direction::Entry
    } else {
        Direction::Exit
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(err: rusqlite::Error) -> Self {
        match err.sqlite_error_code() {
            Some(ErrorCode::ConstraintViolation) => Self::Contradiction(err.to_string()),
            Some(_) | None => Self::Sqlite(err),
        }
    }
}
