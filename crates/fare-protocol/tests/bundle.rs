//! Bundles: only the reader they are sealed for gets at the contents, and only whole.
#![allow(clippy::unwrap_used)]

#[allow(dead_code, reason = "each test crate uses its own part of it")]
mod common;

use common::*;
use fare_protocol::bundle::{self, BundleKind, PART_LEN_MAX, SealError, SignedPart};
use fare_protocol::{GateId, Signer, VerifyError};
use proptest::prelude::*;

fn gate() -> GateId {
    "PGY-01".parse().unwrap()
}

fn records(json: &[u8]) -> Vec<u8> {
    let to = server_key().public();
    bundle::seal(BundleKind::Records, gate(), json, &gate_key(), &to, [7; 32]).unwrap()
}

proptest! {
    #[test]
    fn what_was_sealed_comes_out(json in proptest::collection::vec(any::<u8>(), 0..3_000)) {
        let part = SignedPart::parse(BundleKind::Records, &records(&json)).unwrap();
        prop_assert_eq!(part.gate(), gate());
        prop_assert_eq!(part.key(), gate_key().public().id());
        let part = part.verify(&gate_key().public()).unwrap();
        prop_assert_eq!(part.open(&server_key()).unwrap(), json);
    }
}

#[test]
fn the_contents_do_not_show() {
    let part = records(b"a-secret-account");
    let shows = part.windows(6).any(|bytes| bytes == b"secret");
    assert!(!shows);
}

#[test]
fn nobody_else_opens_it() {
    let part = SignedPart::parse(BundleKind::Records, &records(b"x")).unwrap();
    let part = part.verify(&gate_key().public()).unwrap();
    assert_eq!(
        part.open(&issuer()),
        Err(SealError::OtherRecipient {
            got: server_key().public().id(),
            own: issuer().public().id()
        })
    );
}

#[test]
fn it_is_believed_from_its_writer_alone() {
    let parsed = || SignedPart::parse(BundleKind::Answers, &bundle_part(BundleKind::Answers));
    assert!(
        parsed()
            .unwrap()
            .verify_any(&believed(&server_key()), NOW)
            .is_ok()
    );
    let err = parsed()
        .unwrap()
        .verify_any(&believed(&issuer()), NOW)
        .unwrap_err();
    assert!(matches!(err, VerifyError::UnknownKey { .. }), "{err}");
    let err = parsed().unwrap().verify(&gate_key().public()).unwrap_err();
    assert!(matches!(err, VerifyError::UnknownKey { .. }), "{err}");
}

#[test]
fn one_kind_is_not_taken_for_the_other() {
    let err =
        SignedPart::parse(BundleKind::Records, &bundle_part(BundleKind::Answers)).unwrap_err();
    assert_eq!(err.field, "kind");
}

#[test]
fn another_gate_cannot_pass_it_off_as_its_own() {
    // Signs the sealed bytes of PGY-01 anew under another id: the seal is bound to the gate.
    let mut part = records(b"x");
    let at = part
        .windows(6)
        .position(|bytes| bytes == b"PGY-01")
        .unwrap();
    part[at + 5] = b'2';
    let parsed = SignedPart::parse(BundleKind::Records, &part).unwrap();
    assert_eq!(parsed.gate(), "PGY-02".parse().unwrap());
    let err = parsed.verify(&gate_key().public()).unwrap_err();
    assert!(matches!(err, VerifyError::BadSignature { .. }), "{err}");
}

#[test]
fn lengths_have_a_limit_both_ways() {
    let part = records(b"x");
    let prefix = bundle::prefix(&part).unwrap();
    assert_eq!(bundle::part_len(prefix).unwrap(), part.len());
    assert!(bundle::part_len([0xff; 4]).is_err());
    let long = vec![0; PART_LEN_MAX];
    let to = server_key().public();
    let sealed = bundle::seal(
        BundleKind::Records,
        gate(),
        &long,
        &gate_key(),
        &to,
        [7; 32],
    );
    assert!(matches!(sealed, Err(SealError::TooLong { .. })));
}
