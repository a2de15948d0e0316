//! Hostile bytes: no decoder panics, none believes what was tampered with, and each error names
//! the field.
#![allow(clippy::unwrap_used)]

mod common;

use common::*;
use fare_protocol::bundle::{BundleKind, SignedPart};
use fare_protocol::wire::{Feed, FeedChange};
use fare_protocol::{
    FormatError, InHand, KeySet, Millis, PaperCode, Picture, Problem, RideCode, SignedRecord,
    Signer, UnixMs, VerifyError, Voucher, paper_code, picture, product, ride_code,
};
use proptest::prelude::*;
use serde_json::{Value, json};

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
    let picture = Picture::parse(bytes).is_ok_and(|picture| {
        let now = confirmation().stamp;
        picture.verify_within(&believed(&server_key()), now).is_ok()
    });
    let paper = PaperCode::parse(bytes).is_ok_and(|paper| {
        let now = confirmation().stamp;
        paper.verify_within(&believed(&server_key()), now).is_ok()
    });
    paper || picture || code || record || voucher || feed || records || answers
}

/// How many there are of [`genuine`].
const GENUINE: usize = 17;

fn genuine() -> Vec<Vec<u8>> {
    vec![
        ride_code().into_bytes(),
        picture().seal(&server_key()).into_bytes(),
        picture_balance().seal(&server_key()).into_bytes(),
        picture_products().seal(&server_key()).into_bytes(),
        paper_code().seal(&server_key()).into_bytes(),
        confirmation().sign(&gate_key()).bytes().to_vec(),
        passage().sign(&gate_key()).bytes().to_vec(),
        naming_confirmation().sign(&gate_key()).bytes().to_vec(),
        mode_change().sign(&gate_key()).bytes().to_vec(),
        let_through().sign(&gate_key()).bytes().to_vec(),
        config_change().sign(&gate_key()).bytes().to_vec(),
        entry_voucher().sign(&server_key()),
        exit_voucher().sign(&server_key()),
        exit_voucher_steps().sign(&server_key()),
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
    fn random_bytes_in_a_codes_clothes_are_refused(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        for prefix in [ride_code::PREFIX, picture::PREFIX, paper_code::PREFIX] {
            let text = format!("{}{}", prefix, base45::encode(&bytes));
            prop_assert!(!any_believes(text.as_bytes()));
        }
    }

    #[test]
    fn one_flipped_bit_is_never_believed(which in 0..GENUINE, at in any::<u32>(), bit in 0..8_u8) {
        let mut bytes = genuine().swap_remove(which);
        let at = at as usize % bytes.len();
        bytes[at] ^= 1 << bit;
        prop_assert!(!any_believes(&bytes), "format {which}, byte {at}, bit {bit}");
    }

    #[test]
    fn a_cut_anywhere_is_refused(which in 0..GENUINE, at in any::<u32>()) {
        let mut bytes = genuine().swap_remove(which);
        bytes.truncate(at as usize % bytes.len());
        prop_assert!(!any_believes(&bytes));
    }

    #[test]
    fn something_appended_is_refused(which in 2..GENUINE, more in 1..9_usize) {
        let mut bytes = genuine().swap_remove(which);
        bytes.resize(bytes.len() + more, 0);
        prop_assert!(!any_believes(&bytes));
    }
}

#[test]
fn genuine_ones_are_believed() {
    assert_eq!(genuine().len(), GENUINE);
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

/// A feed with `change` as its second change.
fn feed_with(change: Value) -> serde_json::Result<Feed> {
    let mut json = serde_json::to_value(feed()).unwrap();
    json["changes"].as_array_mut().unwrap().insert(1, change);
    serde_json::from_value(json)
}

#[test]
fn a_newer_servers_change_is_named_and_the_others_are_read() {
    let newer = json!({"change": "lift-moved", "lift": 7, "doors": [1, {"open": true}]});
    let sealed = feed_with(newer).unwrap().seal(&server_key()).unwrap();
    let opened = Feed::open(&sealed, &believed(&server_key()), NOW).unwrap();
    let names = opened.changes.iter().map(FeedChange::name);
    let (unknown, known): (Vec<_>, Vec<_>) =
        names.partition(|name| !FeedChange::NAMES.contains(name));
    assert_eq!(unknown, ["lift-moved"]);
    assert_eq!(known.len(), feed().changes.len());
    // The signature is over all of it: nothing is left out on the way.
    assert!(Feed::open(&sealed, &believed(&gate_key()), NOW).is_err());
}

#[test]
fn a_known_change_that_is_made_otherwise_is_no_unknown_one() {
    for name in FeedChange::NAMES {
        assert!(
            feed_with(json!({"change": name, "lift": 7})).is_err(),
            "{name}"
        );
    }
    assert!(feed_with(json!({"account": "00"})).is_err(), "no name");
    assert!(feed_with(json!({"change": 7})).is_err());
    for change in feed().changes {
        let written = serde_json::to_value(&change).unwrap();
        assert_eq!(written["change"], change.name());
        assert!(FeedChange::NAMES.contains(&change.name()));
    }
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
fn a_paper_code_names_the_field_that_is_wrong() {
    let with = |change: fn(&mut PaperCode)| {
        let mut code = paper_code();
        change(&mut code);
        PaperCode::parse(code.seal(&server_key()).as_bytes())
    };
    let field = |change: fn(&mut PaperCode)| with(change).unwrap_err().field;
    assert_eq!(field(|code| code.account = ACCOUNT), "account");
    assert_eq!(field(|code| code.value = yuan(0)), "value");
    assert_eq!(field(|code| code.value = yuan(-1)), "value");
    assert_eq!(
        field(|code| code.valid_until = code.valid_from),
        "valid for"
    );
    let for_ever = |code: &mut PaperCode| {
        let most = paper_code::VALID_FOR_MAX;
        code.valid_until = code.valid_from.after(Millis(most.0 + 1));
    };
    assert_eq!(field(for_ever), "valid for");
    assert!(with(|code| code.class = fare_protocol::RiderClass::Child).is_ok());
    let picture = picture().seal(&server_key()).replace("FP1:", "FT1:");
    let err = PaperCode::parse(picture.as_bytes()).unwrap_err();
    assert!(err.field == "text" || err.field == "kind", "{err}");
}

fn picture_with(change: impl FnOnce(&mut Picture)) -> Result<Picture, FormatError> {
    let mut picture = picture();
    change(&mut picture);
    Picture::parse(picture.seal(&server_key()).as_bytes()).map(|read| read.picture().clone())
}

#[test]
fn a_picture_names_the_field_that_is_wrong() {
    let field = |result: Result<Picture, FormatError>| result.unwrap_err().field;
    for wrong in [-1, 0, 86_400_001] {
        let until = picture().entered_at.0 + wrong;
        let result = picture_with(|picture| picture.valid_until = UnixMs(until));
        assert_eq!(field(result), "valid for");
    }
    let many = vec![1; picture::PAID_LIST_MAX + 1];
    let result = picture_with(|p| p.paid_before.as_mut().unwrap().caps = many);
    assert_eq!(field(result), "caps");
    assert_eq!(
        field(Picture::parse(b"FG1:").map(|p| p.picture().clone())),
        "text"
    );
    let code = RideCode::parse(picture().seal(&server_key()).as_bytes());
    assert_eq!(code.unwrap_err().field, "text");
    assert_eq!(
        picture_with(|p| p.paid_before = None).unwrap().paid_before,
        None
    );
}

#[test]
fn a_picture_with_products_names_the_field_that_is_wrong() {
    let field = |change: fn(&mut InHand)| {
        let wrong = picture_with(|picture| {
            picture.products = picture_products().products;
            change(&mut picture.products[1]);
        });
        wrong.unwrap_err().field
    };
    assert_eq!(field(|product| product.used = 10), "product, used");
    assert_eq!(
        field(|product| product.offer = "x".repeat(25)),
        "product, offer"
    );
    assert_eq!(
        field(|product| product.zones = vec!["z".to_owned(); 9]),
        "product, zones"
    );
    let many = vec![picture_products().products[2].clone(); product::IN_HAND_MAX + 1];
    let err = picture_with(|picture| picture.products = many).unwrap_err();
    assert_eq!(err.field, "products");
}

#[test]
fn a_picture_is_no_voucher_and_another_servers_is_not_believed() {
    let text = picture().seal(&server_key());
    let sealed = base45::decode(text.strip_prefix(picture::PREFIX).unwrap()).unwrap();
    let err = Voucher::parse(&sealed).unwrap_err();
    assert_eq!(
        (err.field, err.problem),
        ("kind", Problem::Unknown { got: 11, known: 5 })
    );
    let signed = Picture::parse(text.as_bytes()).unwrap();
    let (what, key) = ("picture", server_key().public().id());
    assert_eq!(
        signed.verify_within(&believed(&gate_key()), confirmation().stamp),
        Err(VerifyError::UnknownKey { what, key })
    );
}

#[test]
fn an_entry_names_no_other_entry() {
    let mut record = naming_confirmation();
    if let fare_protocol::RecordBody::Confirmation(said) = &mut record.body {
        said.direction = fare_protocol::Direction::Entry;
    }
    let err = SignedRecord::parse(record.sign(&gate_key()).bytes()).unwrap_err();
    assert_eq!((err.what, err.field), ("confirmation", "entry"));
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
