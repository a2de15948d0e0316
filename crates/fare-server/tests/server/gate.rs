//! A gate that makes records as the real one does: signed, chained, in its own time.

use ed25519_dalek::SigningKey;
use fare_protocol::wire::{Envelope, UploadRecord};
use fare_protocol::{
    AccountId, CodeRef, Confirmation, Direction, GateId, GeoPoint, LaneNo, Location, Millis, Mode,
    Money, Passage, PassageOutcome, Record, RecordBody, RecordHash, RecordId, RiderClass, Seq,
    SignedRecord, Signer, Stamp, UnixMs,
};
use fare_server::store;
use std::cell::Cell;

/// 2026-11-23T08:00:00Z.
pub(crate) const MORNING: i64 = 1_795_420_800_000;

/// An account for tests.
pub(crate) fn account(number: u8) -> AccountId {
    AccountId([number; 16])
}

pub(crate) struct Gate {
    pub(crate) id: GateId,
    pub(crate) key: SigningKey,
    pub(crate) station: &'static str,
    line: &'static str,
    seq: Cell<Seq>,
    head: Cell<RecordHash>,
    made: Cell<u8>,
}

/// What a confirmation says where it matters here.
#[derive(Clone, Copy)]
pub(crate) struct Tap {
    pub(crate) direction: Direction,
    pub(crate) account: AccountId,
    pub(crate) minute: i64,
    pub(crate) quoted: Option<Money>,
    /// The entry that the exit's picture is for.
    pub(crate) names: Option<RecordId>,
    pub(crate) code: u8,
}

impl Gate {
    /// Gate `id` at `station` with an empty chain.
    pub(crate) fn new(id: &str, station: &'static str) -> Self {
        Self::on(id, station, "1")
    }

    /// The same on another line.
    pub(crate) fn on(id: &str, station: &'static str, line: &'static str) -> Self {
        let mut seed = [0; 32];
        seed[..id.len()].copy_from_slice(id.as_bytes());
        Self {
            id: id.parse().unwrap(),
            key: SigningKey::from_bytes(&seed),
            station,
            line,
            seq: Cell::new(Seq::FIRST),
            head: Cell::new(RecordHash::NONE),
            made: Cell::new(0),
        }
    }

    /// As it is registered with the server.
    pub(crate) fn registered(&self) -> store::Gate {
        store::Gate {
            id: self.id,
            key: Signer::public(&self.key),
            station: self.station.parse().unwrap(),
            line: self.line.parse().unwrap(),
        }
    }

    /// The next record of its chain.
    pub(crate) fn make(&self, minute: i64, body: RecordBody) -> SignedRecord {
        self.made.set(self.made.get() + 1);
        let mut id = [self.made.get(); 16];
        id[..self.id.as_str().len()].copy_from_slice(self.id.as_str().as_bytes());
        let record = Record {
            id: RecordId(id),
            gate: self.id,
            seq: self.seq.get(),
            previous: self.head.get(),
            stamp: Stamp {
                at: UnixMs(MORNING + minute * 60_000),
                error_ms: Millis(50),
            },
            body,
        };
        let signed = record.sign(&self.key);
        self.seq.set(self.seq.get().next());
        self.head.set(signed.hash());
        signed
    }

    /// Goes on from here as if what was made since had never been.
    pub(crate) fn rewind(&self, to: &SignedRecord) {
        self.seq.set(to.record().seq.next());
        self.head.set(to.hash());
    }

    pub(crate) fn tap(&self, tap: Tap) -> SignedRecord {
        let location = Location {
            station: self.station.parse().unwrap(),
            line: self.line.parse().unwrap(),
            lane: LaneNo(1),
            point: GeoPoint::from_e7(399_248_000, 1_161_719_000).unwrap(),
        };
        let confirmation = Confirmation {
            direction: tap.direction,
            code_ref: CodeRef([tap.code; 16]),
            account: tap.account,
            class: RiderClass::Adult,
            location,
            mode: Mode::Normal,
            fare_quoted: tap.quoted,
            entry: tap.names,
            tariff: None,
            rules: 1,
        };
        self.make(tap.minute, RecordBody::Confirmation(confirmation))
    }

    /// An entry or exit tap, each with a code of its own.
    pub(crate) fn shows(
        &self,
        direction: Direction,
        account: AccountId,
        minute: i64,
    ) -> SignedRecord {
        let code = u8::try_from(minute).unwrap();
        self.tap(Tap {
            direction,
            account,
            minute,
            quoted: None,
            names: None,
            code,
        })
    }

    /// An entry at any minute, also days later.
    pub(crate) fn entry_at(&self, account: AccountId, minute: i64) -> SignedRecord {
        self.tap(Tap {
            direction: Direction::Entry,
            account,
            minute,
            quoted: None,
            names: None,
            code: account.0[0],
        })
    }

    pub(crate) fn entry(&self, account: AccountId, minute: i64) -> SignedRecord {
        self.shows(Direction::Entry, account, minute)
    }

    pub(crate) fn exit(&self, account: AccountId, minute: i64) -> SignedRecord {
        self.shows(Direction::Exit, account, minute)
    }

    /// What followed a tap.
    pub(crate) fn passage(&self, of: &SignedRecord, outcome: PassageOutcome) -> SignedRecord {
        let minute = (of.record().stamp.at.0 - MORNING) / 60_000;
        let passage = Passage {
            confirmation: of.record().id,
            outcome,
        };
        self.make(minute, RecordBody::Passage(passage))
    }

    /// A tap and somebody going through.
    pub(crate) fn passes(
        &self,
        direction: Direction,
        account: AccountId,
        minute: i64,
    ) -> [SignedRecord; 2] {
        let tap = self.shows(direction, account, minute);
        let passage = self.passage(&tap, PassageOutcome::Passed);
        [tap, passage]
    }
}

/// A record as it is uploaded.
pub(crate) fn upload(record: &SignedRecord) -> UploadRecord {
    UploadRecord {
        id: record.record().id,
        envelope: Envelope(record.bytes().to_vec()),
    }
}
