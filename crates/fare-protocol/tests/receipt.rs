//! Receipts: what a gate signed can be checked by anybody, and nothing else passes for it.
#![allow(clippy::unwrap_used)]

mod common;

use common::*;
use fare_protocol::Signer;
use fare_protocol::receipt::{GateKey, Receipt, ReceiptError, TEXT_LEN_MAX};

fn gates() -> Vec<GateKey> {
    let known = |gate: &str, key| GateKey {
        gate: gate.parse().unwrap(),
        key,
    };
    vec![
        known("PGY-01", issuer().public()),
        known("GMO-02", gate_key().public()),
    ]
}

#[test]
fn a_confirmation_is_a_receipt_and_a_passage_is_none() {
    let signed = confirmation().sign(&gate_key());
    let text = Receipt::text(&signed).unwrap();
    assert!(text.len() <= TEXT_LEN_MAX);
    let (record, said) = Receipt::parse(&format!(" {text}\n"))
        .unwrap()
        .verify(&gates())
        .unwrap();
    assert_eq!(record, confirmation());
    assert_eq!(said.fare_quoted, Some(yuan(500)));
    assert_eq!(Receipt::text(&passage().sign(&gate_key())), None);
    let other = format!(
        "FR1:{}",
        base45::encode(passage().sign(&gate_key()).bytes())
    );
    assert!(
        Receipt::parse(&other)
            .unwrap_err()
            .to_string()
            .contains("another record")
    );
}

#[test]
fn the_longest_record_has_room() {
    let longest = "x".repeat(TEXT_LEN_MAX - 4);
    let said = Receipt::parse(&format!("FR1:{longest}"))
        .unwrap_err()
        .to_string();
    assert!(said.contains("base45"), "{said}");
    let said = Receipt::parse(&format!("FR1:{longest}x"))
        .unwrap_err()
        .to_string();
    assert!(said.contains("length"), "{said}");
    assert!(Receipt::parse("FG1:ABC").is_err());
}

#[test]
fn another_gates_key_signs_no_receipt_of_this_gate() {
    // PGY-01's key over a record that says GMO-02.
    let text = Receipt::text(&confirmation().sign(&issuer())).unwrap();
    let forged = Receipt::parse(&text).unwrap().verify(&gates());
    assert!(matches!(forged, Err(ReceiptError::Forged(_))), "{forged:?}");
    let unknown = Receipt::parse(&text).unwrap().verify(&gates()[..1]);
    assert!(
        matches!(unknown, Err(ReceiptError::UnknownGate(_))),
        "{unknown:?}"
    );
}

#[test]
fn no_altered_receipt_is_believed() {
    let text = Receipt::text(&confirmation().sign(&gate_key())).unwrap();
    for place in 4..text.len() {
        let mut altered = text.clone().into_bytes();
        altered[place] = if altered[place] == b'7' { b'8' } else { b'7' };
        let altered = String::from_utf8(altered).unwrap();
        let believed = Receipt::parse(&altered).map(|receipt| receipt.verify(&gates()));
        assert!(!matches!(believed, Ok(Ok(_))), "changed at {place}");
    }
}
