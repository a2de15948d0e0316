//! A server in this process: its settlement, a database in a folder of its own, and gates.

use crate::fresh::Fresh;
use crate::gate::{Gate, upload};
use ed25519_dalek::SigningKey;
use fare_protocol::wire::{Answer, AnswerOutcome, TariffText, UploadRecord};
use fare_protocol::{KeyEntry, KeySet, Millis, Money, SignedRecord, Signer, UnixMs, Voucher};
use fare_rules::Tariff;
use fare_server::config::{Riders, Settlement};
use fare_server::fares::Released;
use fare_server::intake::{Intake, IntakeError, check};
use fare_server::riders::Grant;
use fare_server::store::{
    Books, ConflictView, Database, DatabaseUrl, JourneyView, News, StoreError,
};
use std::sync::Arc;

/// The server's clock in tests: some days after what the gates tell.
pub(crate) const NOW: UnixMs = UnixMs(crate::gate::MORNING + 5 * 86_400_000);

pub(crate) struct Site {
    pub(crate) settlement: Settlement,
    pub(crate) database: Database,
    pub(crate) fresh: Option<Fresh>,
}

impl Site {
    pub(crate) fn new(gates: &[&Gate]) -> Self {
        Self::new_in(super::fresh(), gates)
    }

    /// In this database, which goes when the site does.
    pub(crate) fn new_in(fresh: Fresh, gates: &[&Gate]) -> Self {
        let site = Self::at(&fresh.url, gates);
        Self {
            fresh: Some(fresh),
            ..site
        }
    }

    /// With this database.
    pub(crate) fn at(url: impl Into<DatabaseUrl>, gates: &[&Gate]) -> Self {
        let mut database = Database::open(url).unwrap();
        let register = |tx: &fare_server::store::Tx<'_>| -> Result<(), StoreError> {
            gates
                .iter()
                .try_for_each(|gate| tx.put_gate(&gate.registered()))
        };
        database.write(register).unwrap();
        Self {
            settlement: settlement(),
            database,
            fresh: None,
        }
    }

    /// Uploads records to the gate's address, whoever made them.
    pub(crate) fn send(&mut self, gate: &Gate, records: &[&SignedRecord]) -> Vec<String> {
        let uploads = records
            .iter()
            .map(|record| upload(record))
            .collect::<Vec<_>>();
        self.send_raw(gate, &uploads)
    }

    pub(crate) fn send_raw(&mut self, gate: &Gate, uploads: &[UploadRecord]) -> Vec<String> {
        let gate = gate.registered();
        let checked = uploads
            .iter()
            .map(|upload| check(upload, &gate))
            .collect::<Vec<_>>();
        let settlement = &self.settlement;
        let report = self
            .database
            .write(|tx| Intake::new(settlement, tx, gate, NOW).take(&checked))
            .map_err(|err: IntakeError| err.to_string())
            .unwrap();
        report
            .answers
            .iter()
            .map(|answer| answer.get().to_owned())
            .collect()
    }

    pub(crate) fn journeys(&mut self) -> Vec<JourneyView> {
        self.database.read(|tx| tx.journey_views(100)).unwrap()
    }

    pub(crate) fn conflicts(&mut self) -> Vec<ConflictView> {
        self.database.read(|tx| tx.conflict_views(100)).unwrap()
    }

    /// The kinds of conflict that stand, in alphabetical order.
    pub(crate) fn conflict_kinds(&mut self) -> Vec<String> {
        let mut kinds: Vec<_> = self.conflicts().into_iter().map(|c| c.kind).collect();
        kinds.sort();
        kinds
    }

    pub(crate) fn books(&mut self) -> Books {
        self.database.read(|tx| tx.books()).unwrap()
    }

    /// The sum of one kind of ledger account.
    pub(crate) fn sum(&mut self, account: &str) -> i64 {
        let books = self.books();
        assert!(books.balanced);
        books
            .sums
            .iter()
            .filter(|sum| sum.account == account)
            .map(|sum| sum.minor)
            .sum()
    }

    /// What riders have paid, what is held, what is earned.
    pub(crate) fn sums(&mut self) -> (i64, i64, i64) {
        (
            self.sum("rider"),
            self.sum("held"),
            self.sum("fare-revenue"),
        )
    }

    pub(crate) fn news(&mut self, after: u64) -> News {
        self.database.read(|tx| tx.news(after)).unwrap()
    }

    /// The voucher in an answer, its signature checked.
    pub(crate) fn voucher(&self, answer: &str) -> Option<Voucher> {
        let answer: Answer = serde_json::from_str(answer).unwrap();
        let AnswerOutcome::Accepted { voucher } = answer.outcome else {
            panic!("refused: {answer:?}")
        };
        let bytes = voucher?.0;
        let servers = forever(&*self.settlement.signer);
        Voucher::verify(&bytes, &servers, NOW).unwrap();
        Some(Voucher::parse(&bytes).unwrap().0)
    }
}

/// A key set of one key that is always valid.
pub(crate) fn forever(signer: &dyn Signer) -> KeySet {
    let (from_ms, until_ms) = (UnixMs(0), UnixMs(i64::MAX));
    KeySet(vec![KeyEntry {
        key: signer.public(),
        from_ms,
        until_ms,
    }])
}

pub(crate) fn settlement() -> Settlement {
    let tariff_text = TariffText {
        tariff: include_str!("../../../../gate-config/tariff-beijing.toml").to_owned(),
        stations: include_str!("../../../../gate-config/stations-beijing-line1.toml").to_owned(),
    };
    Settlement {
        signer: Arc::new(SigningKey::from_bytes(&[9; 32])),
        issuers: forever(&SigningKey::from_bytes(&[8; 32])),
        tariff: Arc::new(Tariff::parse(&tariff_text).unwrap()),
        tariff_text,
        released: Released::default(),
        journey_valid: Millis(14_400_000),
    }
}

/// An issuer whose key gates believe, and no wallet.
pub(crate) fn riders(settlement: &Settlement) -> Riders {
    Riders {
        listen: "127.0.0.1:0".parse().unwrap(),
        tls: None,
        wallet: None,
        grant: Arc::new(Grant {
            issuer: Arc::new(SigningKey::from_bytes(&[8; 32])),
            fare_limit: Money::new(5_000, settlement.tariff.currency()),
            code_lifetime: Millis(60_000),
            part_valid: Millis(7 * 86_400_000),
        }),
    }
}

/// Why a record was refused.
pub(crate) fn refusal(answer: &str) -> String {
    let answer: serde_json::Value = serde_json::from_str(answer).unwrap();
    assert_eq!(answer["outcome"], "refused", "{answer}");
    answer["code"].as_str().unwrap().to_owned()
}
