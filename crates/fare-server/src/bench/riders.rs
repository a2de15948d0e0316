//! Riders for the benchmark: whole journeys from an entry gate to an exit gate, as signed records in
//! uploads that are made before anything is measured.

use super::{BenchError, JOURNEYS_PER_UPLOAD, RECORDS_PER_JOURNEY};
use crate::clock;
use crate::store::{Gate, StoreError, Tx};
use ed25519_dalek::SigningKey;
use fare_protocol::wire::{Envelope, UploadRecord, UploadRequest};
use fare_protocol::{
    AccountId, CodeRef, Confirmation, Direction, GateId, GeoPoint, LaneNo, Location, Millis, Mode,
    Passage, PassageOutcome, Record, RecordBody, RecordHash, RecordId, RiderClass, Seq,
    SignedRecord, Signer, Stamp, UnixMs,
};

/// How long ago the first riders entered: the last have left by now, and no journey is so old that it is closed
/// for want of an exit.
const AGO: Millis = Millis(6 * 3_600_000);

/// Pairs of an entry gate and an exit gate that upload side by side.
const PAIRS: usize = 8;

/// Journeys of each account, one an hour.
const HOURS: usize = 5;

/// Between two riders at one gate.
const RIDER_EVERY: Millis = Millis(20);

/// What one pair of gates uploads, in order: who enters, then who leaves.
pub(super) struct Pair {
    pub(super) uploads: Vec<(GateId, Vec<u8>)>,
}

pub(super) struct Riders {
    pub(super) pairs: Vec<Pair>,
    gates: Vec<Gate>,
    /// Some records, to be verified.
    sample: Vec<(SignedRecord, Gate)>,
    journeys: usize,
}

/// A gate with its chain.
struct Making {
    /// When the first rider came.
    since: UnixMs,
    id: GateId,
    location: Location,
    key: SigningKey,
    seq: Seq,
    head: RecordHash,
    number: u8,
}

impl Riders {
    /// The `nth` riders, at gates of their own.
    pub(super) fn new(journeys: usize, nth: u8) -> Result<Self, BenchError> {
        let since = clock::now().before(AGO);
        let rounds = journeys.div_ceil(JOURNEYS_PER_UPLOAD * PAIRS).max(1);
        let mut riders = Self {
            pairs: Vec::new(),
            gates: Vec::new(),
            sample: Vec::new(),
            journeys: rounds * PAIRS * JOURNEYS_PER_UPLOAD,
        };
        for pair in 0..PAIRS {
            let number = u8::try_from(2 * (usize::from(nth) * PAIRS + pair));
            let number = number.map_err(|_| BenchError::Wrong("too many gates".to_owned()))?;
            let mut entry = Making::new("PGY", number, since)?;
            let mut exit = Making::new("XDN", number + 1, since)?;
            riders.gates.extend([entry.registered(), exit.registered()]);
            let mut uploads = Vec::new();
            // All accounts travel in one hour before any travels in the next: a gate's time never goes back.
            let blocks = rounds.div_ceil(HOURS);
            let place = |round: usize| (round / blocks, round % blocks);
            for round in 0..rounds {
                let entered = (0..JOURNEYS_PER_UPLOAD)
                    .flat_map(|rider| entry.passes(Direction::Entry, place(round), rider));
                let entered: Vec<_> = entered.collect();
                let left = (0..JOURNEYS_PER_UPLOAD)
                    .flat_map(|rider| exit.passes(Direction::Exit, place(round), rider));
                let left: Vec<_> = left.collect();
                uploads.push((entry.id, body(&entered)?));
                uploads.push((exit.id, body(&left)?));
                if riders.sample.is_empty() {
                    let gate = entry.registered();
                    riders
                        .sample
                        .extend(entered.into_iter().map(|record| (record, gate)));
                }
            }
            riders.pairs.push(Pair { uploads });
        }
        Ok(riders)
    }

    pub(super) fn journeys(&self) -> usize {
        self.journeys
    }

    pub(super) fn gates(&self) -> &[Gate] {
        &self.gates
    }

    /// How many uploads, that is transactions, there are.
    pub(super) fn uploads(&self) -> usize {
        2 * self.journeys / JOURNEYS_PER_UPLOAD
    }

    pub(super) fn register(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        self.gates.iter().try_for_each(|gate| tx.put_gate(gate))
    }

    /// Signatures that one core verifies each second.
    pub(super) fn verified_per_s(&self) -> f64 {
        let start = super::start();
        let rounds = 20;
        let mut verified = 0_usize;
        for _ in 0..rounds {
            for (record, gate) in &self.sample {
                verified += usize::from(record.clone().verify(&gate.key).is_ok());
            }
        }
        verified as f64 / start.elapsed().as_secs_f64()
    }
}

impl Riders {
    /// The same when those of an upload are looked at together.
    pub(super) fn verified_together_per_s(&self) -> f64 {
        let start = super::start();
        let rounds = 20;
        let mut verified = 0_usize;
        for _ in 0..rounds {
            let records = self.sample.iter().map(|(record, _)| record.clone());
            let Some((_, gate)) = self.sample.first() else {
                break;
            };
            let all = SignedRecord::verify_all(records.collect(), &gate.key);
            verified += all.iter().filter(|one| one.is_ok()).count();
        }
        verified as f64 / start.elapsed().as_secs_f64()
    }
}

impl Making {
    fn new(station: &str, number: u8, since: UnixMs) -> Result<Self, BenchError> {
        let bad = |err: fare_protocol::IdError| BenchError::Wrong(err.to_string());
        let point = GeoPoint::from_e7(399_248_000, 1_161_719_000);
        Ok(Self {
            since,
            id: format!("{station}-{number:02}").parse().map_err(bad)?,
            location: Location {
                station: station.parse().map_err(bad)?,
                line: "1".parse().map_err(bad)?,
                lane: LaneNo(1),
                point: point.ok_or_else(|| BenchError::Wrong("no such place".to_owned()))?,
            },
            key: SigningKey::from_bytes(&[number.wrapping_add(1); 32]),
            seq: Seq::FIRST,
            head: RecordHash::NONE,
            number,
        })
    }

    fn registered(&self) -> Gate {
        Gate {
            id: self.id,
            key: Signer::public(&self.key),
            station: self.location.station,
            line: self.location.line,
        }
    }

    /// One rider's tap and passage, in this hour and this block of it. Each account travels once an hour.
    fn passes(
        &mut self,
        direction: Direction,
        (hour, block): (usize, usize),
        rider: usize,
    ) -> [SignedRecord; 2] {
        let nth = block * JOURNEYS_PER_UPLOAD + rider;
        let account = spread(&[&[self.number / 2], &nth.to_be_bytes()[..]].concat());
        let minutes = match direction {
            Direction::Entry => 1,
            Direction::Exit => 40,
        };
        let since = hour as i64 * 3_600_000 + minutes * 60_000;
        let at = self.since.0 + since + nth as i64 * i64::from(RIDER_EVERY.0);
        let code = spread(&[&account[..], &at.to_be_bytes()[..]].concat());
        let confirmation = Confirmation {
            direction,
            code_ref: CodeRef(code),
            account: AccountId(account),
            class: RiderClass::Adult,
            location: self.location,
            mode: Mode::Normal,
            fare_quoted: None,
            entry: None,
            tariff: None,
            rules: 1,
        };
        let tap = self.make(at, RecordBody::Confirmation(confirmation));
        let passage = Passage {
            confirmation: tap.record().id,
            outcome: PassageOutcome::Passed,
        };
        let passage = self.make(at + 2_000, RecordBody::Passage(passage));
        [tap, passage]
    }

    fn make(&mut self, at: i64, body: RecordBody) -> SignedRecord {
        let mut id = [self.number; 16];
        id[..8].copy_from_slice(&at.to_be_bytes());
        id[8..].copy_from_slice(&self.seq.0.to_be_bytes());
        id[8] = self.number;
        let record = Record {
            id: RecordId(id),
            gate: self.id,
            seq: self.seq,
            previous: self.head,
            stamp: Stamp {
                at: UnixMs(at),
                error_ms: Millis(50),
            },
            body,
        };
        let signed = record.sign(&self.key);
        self.seq = self.seq.next();
        self.head = signed.hash();
        signed
    }
}

/// Sixteen bytes that follow from `of` and look like any others.
fn spread(of: &[u8]) -> [u8; 16] {
    let RecordHash(hash) = RecordHash::of(of);
    let mut spread = [0; 16];
    spread.copy_from_slice(&hash[..16]);
    spread
}

fn body(records: &[SignedRecord]) -> Result<Vec<u8>, BenchError> {
    let upload = |record: &SignedRecord| UploadRecord {
        id: record.record().id,
        envelope: Envelope(record.bytes().to_vec()),
    };
    debug_assert_eq!(records.len(), JOURNEYS_PER_UPLOAD * RECORDS_PER_JOURNEY / 2);
    let request = UploadRequest {
        records: records.iter().map(upload).collect(),
    };
    serde_json::to_vec(&request).map_err(|err| BenchError::Wrong(err.to_string()))
}
