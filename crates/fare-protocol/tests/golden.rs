//! Golden vectors: the formats' bytes must never change unseen, and a COSE library that is not
//! ours must be able to verify them. `UPDATE_GOLDEN=1` writes the vectors anew.
#![allow(clippy::unwrap_used)]

mod common;

use common::*;
use coset::{CborSerializable, CoseSign1};
use ed25519_dalek::{Signature, SigningKey, Verifier};
use fare_protocol::bundle::BundleKind;
use fare_protocol::{
    PaperCode, Picture, RideCode, SignedRecord, Signer, Voucher, paper_code, picture, product,
    ride_code,
};
use std::collections::BTreeMap;

const VECTORS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../tests/golden/vectors.json"
);

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn made() -> BTreeMap<String, String> {
    let seeds = "issuer 01x32, device 02x32, gate 03x32, server 04x32 (Ed25519 seeds)";
    let text = ride_code();
    let sealed = base45::decode(text.strip_prefix(ride_code::PREFIX).unwrap()).unwrap();
    BTreeMap::from(
        [
            ("keys", seeds.to_owned()),
            ("issuer_public_key", issuer().public().to_string()),
            ("issuer_part", hex(&issuer_part().seal(&issuer()))),
            ("ride_code", text),
            ("ride_code_sealed", hex(&sealed)),
            (
                "confirmation",
                hex(confirmation().sign(&gate_key()).bytes()),
            ),
            (
                "naming_confirmation",
                hex(naming_confirmation().sign(&gate_key()).bytes()),
            ),
            ("picture", picture().seal(&server_key())),
            ("picture_balance", picture_balance().seal(&server_key())),
            ("picture_products", picture_products().seal(&server_key())),
            ("paper_code", paper_code().seal(&server_key())),
            ("passage", hex(passage().sign(&gate_key()).bytes())),
            ("mode_change", hex(mode_change().sign(&gate_key()).bytes())),
            ("let_through", hex(let_through().sign(&gate_key()).bytes())),
            (
                "config_change",
                hex(config_change().sign(&gate_key()).bytes()),
            ),
            ("entry_voucher", hex(&entry_voucher().sign(&server_key()))),
            ("exit_voucher", hex(&exit_voucher().sign(&server_key()))),
            (
                "exit_voucher_steps",
                hex(&exit_voucher_steps().sign(&server_key())),
            ),
            ("bundle_records", hex(&bundle_part(BundleKind::Records))),
            ("bundle_answers", hex(&bundle_part(BundleKind::Answers))),
            ("feed", hex(&feed().seal(&server_key()).unwrap())),
            (
                "rider_request",
                String::from_utf8(rider_request().to_be_signed()).unwrap(),
            ),
            (
                "rider_request_signature",
                hex(&rider_request().sign(&device())),
            ),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    )
}

#[test]
fn bytes_are_the_golden_ones() {
    let made = made();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let json = serde_json::to_string_pretty(&made).unwrap();
        std::fs::write(VECTORS, json + "\n").unwrap();
    }
    let golden: BTreeMap<String, String> =
        serde_json::from_str(&std::fs::read_to_string(VECTORS).unwrap()).unwrap();
    assert_eq!(golden, made);
}

#[test]
fn a_foreign_cose_library_verifies_every_format() {
    let verify = |envelope: &[u8], key: &SigningKey| {
        let sign1 = CoseSign1::from_slice(envelope).unwrap();
        sign1
            .verify_signature(&[], |signature, message| {
                key.verifying_key()
                    .verify(message, &Signature::from_slice(signature).unwrap())
            })
            .unwrap();
        sign1
    };
    let code = base45::decode(ride_code().strip_prefix(ride_code::PREFIX).unwrap()).unwrap();
    verify(&code, &device());
    verify(confirmation().sign(&gate_key()).bytes(), &gate_key());
    verify(naming_confirmation().sign(&gate_key()).bytes(), &gate_key());
    for picture in [picture(), picture_balance(), picture_products()] {
        let sealed = picture.seal(&server_key());
        let sealed = base45::decode(sealed.strip_prefix(picture::PREFIX).unwrap()).unwrap();
        verify(&sealed, &server_key());
    }
    let sealed = paper_code().seal(&server_key());
    let sealed = base45::decode(sealed.strip_prefix(paper_code::PREFIX).unwrap()).unwrap();
    verify(&sealed, &server_key());
    verify(passage().sign(&gate_key()).bytes(), &gate_key());
    verify(mode_change().sign(&gate_key()).bytes(), &gate_key());
    verify(let_through().sign(&gate_key()).bytes(), &gate_key());
    verify(config_change().sign(&gate_key()).bytes(), &gate_key());
    verify(&entry_voucher().sign(&server_key()), &server_key());
    verify(&exit_voucher().sign(&server_key()), &server_key());
    verify(&exit_voucher_steps().sign(&server_key()), &server_key());
    verify(&bundle_part(BundleKind::Records), &gate_key());
    verify(&bundle_part(BundleKind::Answers), &server_key());
    verify(&feed().seal(&server_key()).unwrap(), &server_key());
    let issuer_part = verify(&issuer_part().seal(&issuer()), &issuer());
    assert_eq!(
        issuer_part.protected.header.key_id,
        issuer().public().id().0
    );
}

#[test]
fn a_ride_code_fits_version_10_at_level_l() {
    assert!(
        ride_code().len() <= ride_code::TEXT_LEN_MAX,
        "{} characters",
        ride_code().len()
    );
    let mut largest = issuer_part();
    largest.fare_limit.minor = i64::from(u32::MAX);
    largest.lifetime = ride_code::LIFETIME_MAX;
    let text = RideCode::make(&largest.seal(&issuer()), NOW, u32::MAX, &device());
    assert!(
        text.len() <= ride_code::TEXT_LEN_MAX,
        "{} characters",
        text.len()
    );
}

#[test]
fn a_paper_code_fits_version_8_at_level_m() {
    let mut longest = paper_code();
    longest.value = yuan(i64::from(u32::MAX));
    longest.valid_until = longest.valid_from.after(paper_code::VALID_FOR_MAX);
    let text = longest.seal(&server_key());
    assert!(
        text.len() <= paper_code::TEXT_LEN_MAX,
        "{} characters",
        text.len()
    );
    assert_eq!(PaperCode::parse(text.as_bytes()).unwrap().code(), &longest);
}

/// What version 12-L and 15-L hold in alphanumeric mode.
#[test]
fn a_picture_fits_version_12_and_the_longest_version_15_at_level_l() {
    let usual = [picture_balance(), picture_products()];
    for usual in usual.map(|picture| picture.seal(&server_key())) {
        assert!(usual.len() <= 535, "{} characters", usual.len());
    }
    let mut longest = picture();
    longest.balance = Some(yuan(i64::from(u32::MAX)));
    longest.station = "ABCDEFGHIJKLMNOP".parse().unwrap();
    longest.line = "ABCDEFGHIJKLMNOP".parse().unwrap();
    longest.valid_until = longest.entered_at.after(picture::VALID_FOR_MAX);
    let paid = longest.paid_before.as_mut().unwrap();
    paid.caps = vec![i64::from(u32::MAX); picture::PAID_LIST_MAX];
    paid.discounts = vec![(i64::from(u32::MAX), u32::MAX); picture::PAID_LIST_MAX];
    let chain = paid.chain.as_mut().unwrap();
    (chain.from, chain.last_to) = (longest.station, longest.station);
    let text = longest.seal(&server_key());
    assert!(
        text.len() <= picture::TEXT_LEN_MAX,
        "{} characters",
        text.len()
    );
    assert_eq!(Picture::parse(text.as_bytes()).unwrap().picture(), &longest);
    // Products do not fit beside so much: it says nothing of them.
    let products = Picture {
        products: vec![picture_products().products[0].clone(); product::IN_HAND_MAX],
        ..longest.clone()
    };
    assert_eq!(products.seal(&server_key()), text);
    // Beside the usual sums as many as there may be do.
    let text = Picture {
        products: products.products.clone(),
        ..picture_balance()
    };
    let text = text.seal(&server_key());
    let read = Picture::parse(text.as_bytes()).unwrap().picture().clone();
    assert_eq!(read.products, products.products);
    assert_eq!(read.balance, picture_balance().balance);
}

#[test]
fn every_format_reads_back_as_it_was_written() {
    let code = RideCode::parse(ride_code().as_bytes()).unwrap();
    assert_eq!(code.claims().issuer, issuer_part());
    assert_eq!((code.claims().made_at, code.claims().counter), (NOW, 42));
    for record in [
        confirmation(),
        naming_confirmation(),
        passage(),
        mode_change(),
        let_through(),
    ] {
        let signed = record.sign(&gate_key());
        assert_eq!(SignedRecord::parse(signed.bytes()).unwrap(), signed);
        assert_eq!(
            signed
                .clone()
                .verify(&gate_key().public())
                .unwrap()
                .record(),
            &record
        );
    }
    for voucher in [entry_voucher(), exit_voucher(), exit_voucher_steps()] {
        let sealed = voucher.sign(&server_key());
        assert_eq!(
            Voucher::parse(&sealed).unwrap(),
            (voucher, server_key().public().id())
        );
        Voucher::verify(&sealed, &believed(&server_key()), NOW).unwrap();
    }
    let signed = PaperCode::parse(paper_code().seal(&server_key()).as_bytes()).unwrap();
    let verified = signed.verify_within(&believed(&server_key()), confirmation().stamp);
    assert_eq!(verified.unwrap().code(), &paper_code());
    for picture in [picture(), picture_balance(), picture_products()] {
        let signed = Picture::parse(picture.seal(&server_key()).as_bytes()).unwrap();
        let verified = signed.verify_within(&believed(&server_key()), confirmation().stamp);
        assert_eq!(verified.unwrap().picture(), &picture);
    }
    let sealed = feed().seal(&server_key()).unwrap();
    assert_eq!(
        fare_protocol::wire::Feed::open(&sealed, &believed(&server_key()), NOW),
        Ok(feed())
    );
}
