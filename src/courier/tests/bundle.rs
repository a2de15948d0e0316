//! Bundles from a real journal to somebody with the server's key, and the answers back.

use super::*;
use crate::courier::bundle::{self, Applied, BundleError, Carrier, PartError, Which};
use crate::journal::OutboxFile;
use crate::journal::tests::confirmation;
use ed25519_dalek::SigningKey;
use fare_protocol::bundle::{BundleKind, SignedPart, part_len, prefix, seal};
use fare_protocol::wire::{Answer, AnswerOutcome, UploadRequest, UploadResponse};
use fare_protocol::{Direction, GateId, KeyEntry, PublicKey, Signer};
use std::path::Path;

const NOW: UnixMs = UnixMs(5_000);

fn server() -> SigningKey {
    SigningKey::from_bytes(&[4; 32])
}

fn servers() -> KeySet {
    let entry = |key: PublicKey, from_ms| KeyEntry {
        key,
        from_ms: UnixMs(from_ms),
        until_ms: UnixMs(9_000),
    };
    let old = SigningKey::from_bytes(&[5; 32]).public();
    let future = SigningKey::from_bytes(&[6; 32]).public();
    KeySet(vec![
        entry(old, 0),
        entry(server().public(), 1_000),
        entry(future, 8_000),
    ])
}

fn carrier<'c>(key: &'c SigningKey, servers: &'c KeySet) -> Carrier<'c> {
    Carrier {
        gate: gate_id(),
        key,
        servers,
        now: NOW,
    }
}

fn gate_id() -> GateId {
    "PGY-01".parse().unwrap()
}

/// A gate with so many confirmations that wait, and its outbox.
fn waiting(records: u64) -> (Gate, OutboxFile) {
    let gate = Gate::new();
    for n in 1..=records {
        gate.commit(confirmation(n, Direction::Entry, 7), 10_000);
    }
    let outbox = OutboxFile::open(&gate.path()).unwrap();
    (gate, outbox)
}

/// The parts of a file, taken apart by hand.
fn parts(kind: BundleKind, file: &Path) -> Vec<Vec<u8>> {
    let bytes = std::fs::read(file).unwrap();
    let mut rest = bytes.strip_prefix(&kind.magic()).unwrap();
    let mut parts = Vec::new();
    while let Some((len, more)) = rest.split_first_chunk::<4>() {
        let (part, more) = more.split_at(part_len(*len).unwrap());
        parts.push(part.to_vec());
        rest = more;
    }
    parts
}

/// What a server would answer that accepts everything: one part for each.
fn accept_all(exported: &Path, gate: &Gate, to: &Path) {
    let mut file = BundleKind::Answers.magic().to_vec();
    for part in parts(BundleKind::Records, exported) {
        let part = SignedPart::parse(BundleKind::Records, &part).unwrap();
        let part = part.verify(&gate.key.public()).unwrap();
        let request: UploadRequest =
            serde_json::from_slice(&part.open(&server()).unwrap()).unwrap();
        let accepted = |id| Answer {
            id,
            outcome: AnswerOutcome::Accepted { voucher: None },
        };
        let response = UploadResponse {
            answers: request.records.iter().map(|r| accepted(r.id)).collect(),
            server_time_ms: NOW,
        };
        file.extend(answers_part(&response, &server(), gate_id(), gate));
    }
    std::fs::write(to, file).unwrap();
}

fn answers_part(
    response: &UploadResponse,
    server: &SigningKey,
    about: GateId,
    gate: &Gate,
) -> Vec<u8> {
    let json = serde_json::to_vec(response).unwrap();
    let (kind, to) = (BundleKind::Answers, gate.key.public());
    let part = seal(kind, about, &json, server, &to, [8; 32]).unwrap();
    [&prefix(&part).unwrap()[..], &part].concat()
}

fn apply(outbox: &mut OutboxFile, gate: &Gate, file: &Path) -> Applied {
    bundle::apply(outbox, carrier(&gate.key, &servers()), file).unwrap()
}

#[test]
fn everything_that_waits_goes_there_and_back_and_twice_does_no_harm() {
    let (gate, mut outbox) = waiting(1_203);
    let (stick, ack) = (gate.dir.path().join("stick"), gate.dir.path().join("ack"));
    let done = bundle::export(
        &outbox,
        Which::Pending,
        carrier(&gate.key, &servers()),
        &stick,
    );
    let done = done.unwrap();
    assert_eq!((done.parts, done.records), (3, 1_203));
    assert_eq!(parts(BundleKind::Records, &stick).len(), 3);
    assert_eq!(outbox.counts().unwrap().pending, 1_203, "not answered yet");

    accept_all(&stick, &gate, &ack);
    let applied = apply(&mut outbox, &gate, &ack);
    assert_eq!((applied.parts, applied.done.accepted), (3, 1_203));
    assert_eq!(gate.journal.counts().unwrap().pending, 0);
    let again = apply(&mut outbox, &gate, &ack);
    assert_eq!((again.done.accepted, again.done.ignored), (0, 1_203));

    let nothing = gate.dir.path().join("nothing");
    let done = bundle::export(
        &outbox,
        Which::Pending,
        carrier(&gate.key, &servers()),
        &nothing,
    );
    assert_eq!(done.unwrap().records, 0);
    assert!(!nothing.exists());
}

#[test]
fn a_file_that_was_cut_off_counts_up_to_there() {
    let (gate, mut outbox) = waiting(501);
    let (stick, ack) = (gate.dir.path().join("stick"), gate.dir.path().join("ack"));
    bundle::export(
        &outbox,
        Which::Pending,
        carrier(&gate.key, &servers()),
        &stick,
    )
    .unwrap();
    accept_all(&stick, &gate, &ack);
    let whole = std::fs::read(&ack).unwrap();
    std::fs::write(&ack, &whole[..whole.len() - 1]).unwrap();
    let applied = apply(&mut outbox, &gate, &ack);
    assert_eq!((applied.parts, applied.done.accepted), (1, 500));
    assert!(
        matches!(applied.refused.as_slice(), [(2, PartError::Cut)]),
        "{:?}",
        applied.refused
    );
    assert_eq!(outbox.counts().unwrap().pending, 1);
}

#[test]
fn only_a_believed_server_answers_and_only_this_gate() {
    let (gate, mut outbox) = waiting(1);
    let response = UploadResponse {
        answers: vec![Answer {
            id: crate::journal::tests::id(1),
            outcome: AnswerOutcome::Accepted { voucher: None },
        }],
        server_time_ms: NOW,
    };
    let stranger = SigningKey::from_bytes(&[66; 32]);
    let file = [
        BundleKind::Answers.magic().to_vec(),
        answers_part(&response, &stranger, gate_id(), &gate),
        answers_part(&response, &server(), "PGY-02".parse().unwrap(), &gate),
    ]
    .concat();
    let ack = gate.dir.path().join("ack");
    std::fs::write(&ack, file).unwrap();
    let applied = apply(&mut outbox, &gate, &ack);
    assert!(
        matches!(
            applied.refused.as_slice(),
            [(1, PartError::Verify(_)), (2, PartError::OtherGate { .. })]
        ),
        "{:?}",
        applied.refused
    );
    assert_eq!(outbox.counts().unwrap().pending, 1);

    std::fs::write(&ack, "something else").unwrap();
    let err = bundle::apply(&mut outbox, carrier(&gate.key, &servers()), &ack).unwrap_err();
    assert!(matches!(err, BundleError::NotAnswers { .. }), "{err}");
    let nobody = KeySet(Vec::new());
    let err = bundle::export(&outbox, Which::Pending, carrier(&gate.key, &nobody), &ack);
    assert!(matches!(err.unwrap_err(), BundleError::NoServerKey));
}
