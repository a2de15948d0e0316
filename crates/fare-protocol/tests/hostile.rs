//! Hostile bytes: no decoder panics, none believes what was tampered with, and each error names
//! the field.
#![allow(clippy::unwrap_used)]

mod common;

use common::*;
use fare_protocol::bundle::{BundleKind, SignedPart};
use fare_protocol::wire::Feed;
use fare_protocol::{
    FormatError, KeySet, Millis, Problem, RideCode, SignedRecord, Signer, UnixMs, VerifyError,
    Voucher, ride_code,
};
use proptest::prelude::*;

/// Every decoder of outside bytes; answers whether any of them believed the bytes.
fn any_believes(bytes: &[u8]) -> bool {
    let code = RideCode::parse(bytes).is_ok_and(|c| c.verify(&believed(&issuer()), NOW).is_ok());
    let record = SignedRecord::parse(bytes).is_ok_and(|r| r.verify(&gate_key().public()).is_ok());
    let voucher = Voucher::parse(bytes).is_ok()
        && Voucher::verify(bytes, &believed(&server_key()), NOW).is_ok();
    let feed = Feed::open(bytes, &believed(&server_key()), NOW).is_ok();
    let records = SignedPart::parse(BundleKind::Records, bytes)
        .is_ok_and(|part| part.verify(&gate_key().public()).is_ok());
    let answers = SignedPart::parse(BundleKind::Answers, bytes)
        .is_ok_and(|part| part.verify_any(&believed(&server_key()), NOW).is_ok());
    code || record || voucher || feed || records || answers
}

fn genuine() -> Vec<Vec<u8>> {
    vec![
        ride_code().into_bytes(),
        confirmation().sign(&gate_key()).bytes().to_vec(),
        passage().sign(&gate_key()).bytes().to_vec(),
        mode_change().sign(&gate_key()).bytes().to_vec(),
        entry_voucher().sign(&server_key()),
        exit_voucher().sign(&server_key()),
        feed().seal(&server_key()).unwrap(),
        bundle_part(BundleKind::Records),
        bundle_part(BundleKind::Answers),
    ]
}

proptest! {
    #[test]
    fn random_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..700)) {
        prop_assert!(!any_believes(&bytes));
    }

    #[test]
    fn random_bytes_in_a_ride_codes_clothes_are_refused(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let text = format!("{}{}", ride_code::PREFIX, base45::encode(bytes));
        prop_assert!(!any_believes(text.as_bytes()));
    }

    #[test]
    fn one_flipped_bit_is_never_believed(which in 0..9_usize, at in any::<u32>(), bit in 0..8_u8) {
        let mut bytes = genuine().swap_remove(which);
        let at = at as usize % bytes.len();
        bytes[at] ^= 1 << bit;
        prop_assert!(!any_believes(&bytes), "format {which}, byte {at}, bit {bit}");
    }

    #[test]
    fn a_cut_anywhere_is_refused(which in 0..9_usize, at in any::<u32>()) {
        let mut bytes = genuine().swap_remove(which);
        bytes.truncate(at as usize % bytes.len());
        prop_assert!(!any_believes(&bytes));
    }

    #[test]
    fn something_appended_is_refused(which in 1..9_usize, more in 1..9_usize) {
        let mut bytes = genuine().swap_remove(which);
        bytes.resize(bytes.len() + more, 0);
        prop_assert!(!any_believes(&bytes));
    }
}

#[test]
fn genuine_ones_are_believed() {
    for (which, bytes) in genuine().iter().enumerate() {
        assert!(any_believes(bytes), "format {which}");
    }
}

fn code_with(change: impl FnOnce(&mut fare_protocol::IssuerPart)) -> Result<RideCode, FormatError> {
    let mut part = issuer_part();
    change(&mut part);
    RideCode::parse(RideCode::make(&part.seal(&issuer()), NOW, 1, &device()).as_bytes())
}

#[test]
fn errors_name_the_field() {
    let field = |result: Result<RideCode, FormatError>| result.unwrap_err().field;
    assert_eq!(field(RideCode::parse(b"HC1:6BF")), "text");
    assert_eq!(field(RideCode::parse(b"FG1:abc")), "text");
    assert_eq!(field(RideCode::parse(b"FG1:")), "the whole");
    assert_eq!(field(RideCode::parse(&[b'F'; 4_000])), "text");
    assert_eq!(
        field(code_with(|part| part.lifetime = Millis(0))),
        "lifetime"
    );
    assert_eq!(
        field(code_with(|part| part.lifetime = Millis(600_001))),
        "lifetime"
    );
    assert_eq!(
        field(code_with(|part| part.fare_limit.minor = -1)),
        "fare limit"
    );
    let text = RideCode::parse(b"FG1:abc").unwrap_err().to_string();
    assert!(
        text.starts_with("ride code: field `text` at byte 4: not base45"),
        "{text}"
    );
}

#[test]
fn a_record_is_no_voucher_and_a_voucher_no_record() {
    let record = confirmation().sign(&gate_key());
    let err = Voucher::parse(record.bytes()).unwrap_err();
    assert_eq!(
        (err.field, err.problem),
        ("kind", Problem::Unknown { got: 3, known: 5 })
    );
    let err = SignedRecord::parse(&entry_voucher().sign(&gate_key())).unwrap_err();
    assert_eq!(
        (err.field, err.problem),
        ("kind", Problem::Unknown { got: 5, known: 3 })
    );
}

#[test]
fn a_scanners_line_end_is_forgiven() {
    let typed = format!("{}\r\n", ride_code());
    assert_eq!(
        RideCode::parse(typed.as_bytes()),
        RideCode::parse(ride_code().as_bytes())
    );
}

#[test]
fn keys_are_believed_only_in_their_time() {
    let code = RideCode::parse(ride_code().as_bytes()).unwrap();
    let mut keys = believed(&issuer());
    keys.0[0].from_ms = NOW;
    keys.0[0].until_ms = NOW.after(Millis(1));
    let verify = |keys: &KeySet, now| code.verify(keys, now).map(|_| ());
    let (what, key) = ("ride code, issuer part", issuer().public().id());
    assert_eq!(verify(&keys, NOW), Ok(()));
    let not_now = Err(VerifyError::KeyNotValidNow { what, key });
    assert_eq!(verify(&keys, NOW.before(Millis(1))), not_now);
    assert_eq!(verify(&keys, NOW.after(Millis(1))), not_now);
    let unknown = Err(VerifyError::UnknownKey { what, key });
    assert_eq!(verify(&believed(&gate_key()), NOW), unknown);
    // While keys are rotated, the old and the new one are valid side by side.
    keys.0.insert(0, believed(&gate_key()).0[0]);
    assert_eq!(verify(&keys, NOW), Ok(()));
}

#[test]
fn another_devices_signature_is_refused() {
    let text = RideCode::make(&issuer_part().seal(&issuer()), NOW, 1, &gate_key());
    let code = RideCode::parse(text.as_bytes()).unwrap();
    let what = "ride code, device part";
    assert_eq!(
        code.verify(&believed(&issuer()), UnixMs(0)),
        Err(VerifyError::BadSignature { what })
    );
}
