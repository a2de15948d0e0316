//! The journal against real SQLite files.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod beside;
mod chain;
mod configs;
mod feed;
mod first_rides;
mod let_through;
mod modes;
mod power;
mod room;
mod sync;

use super::queue::Chore;
use super::*;
use ed25519_dalek::SigningKey;
use fare_protocol::{
    AccountId, Annulment, CodeRef, Direction, GeoPoint, LaneNo, Millis, Mode, Passage,
    PassageOutcome, PublicKey, RecordBody, RiderClass, VerifiedRecord,
};
use fare_rules::{ConfirmationDraft, Facts, PassageDraft, Used};
use tempfile::TempDir;

/// A gate with its journal in a folder of its own.
pub(crate) struct Gate {
    pub(crate) dir: TempDir,
    pub(crate) key: SigningKey,
    pub(crate) journal: JournalHandle,
}

pub(crate) fn identity(key: &SigningKey) -> GateIdentity {
    let location = Location {
        station: "PGY".parse().unwrap(),
        line: "1".parse().unwrap(),
        lane: LaneNo(3),
        point: GeoPoint::from_e7(399_078_000, 1_163_213_000).unwrap(),
    };
    let signer: Arc<dyn Signer> = Arc::new(key.clone());
    GateIdentity {
        gate: "PGY-01".parse().unwrap(),
        location,
        signer,
    }
}

impl Gate {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let key = SigningKey::from_bytes(&[3; 32]);
        let journal = Journal::open(&dir.path().join("journal"), identity(&key)).unwrap();
        Self { dir, key, journal }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("journal")
    }

    /// Closes the journal and opens it again.
    pub(crate) fn restarted(self) -> Self {
        let Self { dir, key, journal } = self;
        // The lock goes with the last handle.
        drop(journal);
        let journal = Journal::open(&dir.path().join("journal"), identity(&key)).unwrap();
        Self { dir, key, journal }
    }

    pub(crate) fn commit(&self, draft: Draft, ms: i64) -> SignedRecord {
        self.try_commit(draft, ms).unwrap().into_inner()
    }

    pub(crate) fn try_commit(
        &self,
        draft: Draft,
        ms: i64,
    ) -> Result<Committed<SignedRecord>, JournalError> {
        self.journal.commit_blocking(CommitRequest {
            draft,
            stamp: stamp(ms),
        })
    }

    /// A confirmation and its passage, numbered `n`, `n + 1`.
    pub(crate) fn ride(&self, n: u64, direction: Direction, rider: u8, ms: i64) {
        self.commit(confirmation(n, direction, rider), ms);
        self.commit(
            passage(n + 1, n, direction, rider, ms, PassageOutcome::Passed),
            ms + 1_000,
        );
    }

    pub(crate) fn facts(&self, rider: u8) -> Facts {
        self.journal.facts(account(rider), &device(rider)).unwrap()
    }

    /// Does something to the writing connection.
    pub(crate) fn execute(&self, sql: &str) {
        let chore = |reply| {
            let sql = sql.to_owned();
            self.journal
                .0
                .shared
                .queue
                .chore(Chore::Execute { sql, reply })
        };
        self.journal.answer_blocking(chore).unwrap();
    }

    /// One number from the file.
    pub(crate) fn number(&self, sql: &str) -> i64 {
        let db = schema::open_reader(&self.path()).unwrap();
        db.query_row(sql, [], |row| row.get(0)).unwrap()
    }
}

/// Checks that these envelopes are the whole chain, signed by the gate; its records.
pub(crate) fn verified(envelopes: &[Vec<u8>], key: &SigningKey) -> Vec<VerifiedRecord> {
    let mut head = records::Head::FIRST;
    let mut chain = Vec::new();
    for envelope in envelopes {
        let record = SignedRecord::parse(envelope).unwrap();
        let said = record.record();
        assert_eq!((said.seq, said.previous), (head.next, head.previous));
        head = records::Head::after(&record);
        chain.push(record.verify(&Signer::public(key)).unwrap());
    }
    chain
}

/// All envelopes in the journal at `path`, by place.
pub(crate) fn envelopes(path: &Path) -> Vec<Vec<u8>> {
    let db = schema::open_reader(path).unwrap();
    let mut query = db
        .prepare("SELECT envelope FROM records ORDER BY seq")
        .unwrap();
    let rows = query.query_map([], |row| row.get(0)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

pub(crate) fn stamp(ms: i64) -> Stamp {
    Stamp {
        at: UnixMs(ms),
        error_ms: Millis(20),
    }
}

pub(crate) fn id(n: u64) -> RecordId {
    let mut bytes = [0; 16];
    bytes[8..].copy_from_slice(&n.to_be_bytes());
    RecordId(bytes)
}

pub(crate) fn account(rider: u8) -> AccountId {
    AccountId([rider; 16])
}

pub(crate) fn device(rider: u8) -> PublicKey {
    SigningKey::from_bytes(&[rider; 32]).public()
}

pub(crate) fn confirmation(n: u64, direction: Direction, rider: u8) -> Draft {
    Draft::Confirmation(ConfirmationDraft {
        id: id(n),
        direction,
        code_ref: CodeRef([rider; 16]),
        account: account(rider),
        class: RiderClass::Adult,
        used: Used::Code {
            device_key: device(rider),
            counter: u32::try_from(n).unwrap(),
        },
        mode: Mode::Normal,
        fare_quoted: None,
        tariff: None,
        rules: 1,
        first_ride: None,
    })
}

pub(crate) fn passage(
    n: u64,
    of: u64,
    direction: Direction,
    rider: u8,
    confirmed_ms: i64,
    outcome: PassageOutcome,
) -> Draft {
    Draft::Passage(PassageDraft {
        id: id(n),
        passage: Passage {
            confirmation: id(of),
            outcome,
        },
        direction,
        account: Some(account(rider)),
        confirmed_at: UnixMs(confirmed_ms),
    })
}

pub(crate) const NOBODY: PassageOutcome = PassageOutcome::Annulled(Annulment::TimedOut);
