//! The server: the real intake over the real store, restarted at bad moments.

use super::RuleBroken;
use super::shop::ON_SALE;
use ed25519_dalek::SigningKey;
use fare_protocol::wire::{Answer, AnswerOutcome, Feed, TariffText};
use fare_protocol::{GateId, KeyEntry, KeySet, Millis, PublicKey, RecordId, Signer, UnixMs};
use fare_rules::Tariff;
use fare_server::config::Settlement;
use fare_server::fares::Released;
use fare_server::intake::{Intake, IntakeError, Rows, expire};
use fare_server::store::{Database, Gate, StoreError, Tx};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How many writes go by between two looks at all of the books, once they are long.
const LOOK_EVERY: u64 = 100;

/// Up to so many postings all of the books are looked at after each write.
const POSTINGS_LOOKED_AT: u64 = 1_000;

pub(super) struct Server {
    pub(super) database: Database,
    pub(super) settlement: Settlement,
    pub(super) up: bool,
    pub(super) repeats: u64,
    file: PathBuf,
    first: BTreeMap<(GateId, RecordId), String>,
    writes: u64,
    postings: u64,
}

/// What happens to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Luck {
    Good,
    /// It fails at the end of the transaction, which is undone.
    Undone,
    /// It is committed, and the server dies before it answers.
    Unanswered,
}

#[derive(serde::Serialize)]
struct Answers<'r> {
    answers: &'r [Box<serde_json::value::RawValue>],
    server_time_ms: UnixMs,
}

impl Server {
    pub(super) fn new(folder: &Path, gates: &[Gate]) -> Result<Self, RuleBroken> {
        let file = folder.join("fares.sqlite3");
        let mut database = Database::open(&file)?;
        let register = |tx: &Tx<'_>| -> Result<(), StoreError> {
            gates.iter().try_for_each(|g| tx.put_gate(g))
        };
        database.write(register)?;
        Ok(Self {
            database,
            settlement: settlement()?,
            up: true,
            repeats: 0,
            file,
            first: BTreeMap::new(),
            writes: 0,
            postings: 0,
        })
    }

    pub(super) fn tariff(&self) -> &Tariff {
        &self.settlement.tariff
    }

    pub(super) fn restart(&mut self) -> Result<(), RuleBroken> {
        self.database = Database::open(&self.file)?;
        Ok(())
    }

    /// Takes a body that came to `gate`'s address; nothing when the gate gets no answer with one.
    pub(super) fn take(
        &mut self,
        gate: &Gate,
        body: &[u8],
        now: UnixMs,
        luck: Luck,
    ) -> Result<Option<Vec<u8>>, RuleBroken> {
        // A body that was cut is answered with 400: nothing of it was taken.
        let Ok(rows) = Rows::read(body) else {
            return Ok(None);
        };
        let (settlement, checked) = (&self.settlement, rows.check(gate));
        let undone = Cell::new(false);
        let report = self.database.write(|tx| {
            let report = Intake::new(settlement, tx, *gate, now).take(&checked)?;
            undone.set(luck == Luck::Undone);
            match luck {
                Luck::Undone => Err(IntakeError::Store(StoreError::Gone)),
                Luck::Good | Luck::Unanswered => Ok(report),
            }
        });
        if undone.get() {
            self.restart()?;
            return Ok(None);
        }
        let report = report?;
        for answer in &report.answers {
            self.answered_once(gate.id, answer.get())?;
        }
        self.look_at_books()?;
        if luck == Luck::Unanswered {
            self.restart()?;
            return Ok(None);
        }
        let answers = Answers {
            answers: &report.answers,
            server_time_ms: now,
        };
        let body = serde_json::to_vec(&answers);
        Ok(Some(body.map_err(|err| {
            RuleBroken::Simulation(format!("an answer: {err}"))
        })?))
    }

    /// Rules 3 and 6: a repeat gets the first answer, and no good record is refused.
    fn answered_once(&mut self, gate: GateId, json: &str) -> Result<(), RuleBroken> {
        let answer: Answer = serde_json::from_str(json)
            .map_err(|err| RuleBroken::Simulation(format!("an answer: {err}")))?;
        if let AnswerOutcome::Refused { reason, .. } = answer.outcome {
            return Err(RuleBroken::Lost(format!("gate {gate}: refused: {reason}")));
        }
        match self.first.get(&(gate, answer.id)) {
            None => {
                self.first.insert((gate, answer.id), json.to_owned());
                Ok(())
            }
            Some(first) if first == json => {
                self.repeats += 1;
                Ok(())
            }
            Some(first) => Err(RuleBroken::Once(format!(
                "{first} was answered, then {json}"
            ))),
        }
    }

    /// Rule 4: the books balance after each write.
    fn look_at_books(&mut self) -> Result<(), RuleBroken> {
        self.writes += 1;
        if self.postings > POSTINGS_LOOKED_AT && !self.writes.is_multiple_of(LOOK_EVERY) {
            return Ok(());
        }
        let books = self.database.read(|tx| tx.books())?;
        self.postings = books.postings;
        let sum: i64 = books.sums.iter().map(|sum| sum.minor).sum();
        if !books.balanced || sum != 0 {
            return Err(RuleBroken::Money(format!("the books: {books:?}")));
        }
        Ok(())
    }

    /// Gives up waiting for evidence, as the server does from time to time.
    pub(super) fn expire(&mut self, now: UnixMs) -> Result<(), RuleBroken> {
        let settlement = &self.settlement;
        while self.database.write(|tx| expire(settlement, tx, now))? > 0 {}
        self.look_at_books()
    }

    /// The news since `cursor`.
    pub(super) fn feed(&mut self, cursor: u64, now: UnixMs) -> Result<Feed, RuleBroken> {
        let news = self.database.read(|tx| tx.news(cursor))?;
        Ok(Feed {
            as_of_ms: now,
            cursor: news.cursor,
            snapshot: news.snapshot,
            issuers: None,
            tariff: None,
            changes: news.changes,
        })
    }
}

/// Beside Beijing's rules, which an hour's journeys hardly reach: a cap that they do, and an interchange.
const MORE: &str = r#"
[[cap]]
id = "daily"
span = "day"
most_minor = 900
[[transfer]]
id = "interchange"
within_min = 10
measured = "exit-to-entry"
most = 2
one_journey = true
"#;

fn settlement() -> Result<Settlement, RuleBroken> {
    let tariff_text = TariffText {
        tariff: [
            include_str!("../../../../gate-config/tariff-beijing.toml"),
            MORE,
            ON_SALE,
        ]
        .concat(),
        stations: include_str!("../../../../gate-config/stations-beijing-line1.toml").to_owned(),
    };
    let tariff = Tariff::parse(&tariff_text);
    let tariff = tariff.map_err(|err| RuleBroken::Simulation(format!("the tariff: {err}")))?;
    Ok(Settlement {
        signer: Arc::new(signer()),
        issuers: issuers(),
        tariff: Arc::new(tariff),
        released: Released::default(),
        tariff_text,
        journey_valid: Millis(4 * 3_600_000),
    })
}

/// The server's own key.
pub(super) fn signer() -> SigningKey {
    SigningKey::from_bytes(&[9; 32])
}

/// Whose pictures and paper codes gates believe.
pub(super) fn servers() -> KeySet {
    always(signer().public())
}

/// Who issues the riders' codes.
pub(super) fn issuer() -> SigningKey {
    SigningKey::from_bytes(&[8; 32])
}

pub(super) fn issuers() -> KeySet {
    always(issuer().public())
}

fn always(key: PublicKey) -> KeySet {
    KeySet(vec![KeyEntry {
        key,
        from_ms: UnixMs(0),
        until_ms: UnixMs(i64::MAX),
    }])
}
