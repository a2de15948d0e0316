//! Steps of prices: every one of them in vouchers, in English, and as the wallet's languages must say it.
//! `UPDATE_GOLDEN=1` writes the list that the wallet's tests read.
#![allow(clippy::unwrap_used)]

mod common;

use common::*;
use fare_protocol::fare_step::STEP_VALUES_MAX;
use fare_protocol::{Currency, FareReason, FareStep, Problem, Voucher};
use serde_json::{Map, Value, json};

const LIST: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../tests/golden/fare-steps.json"
);

fn step(reason: FareReason) -> FareStep {
    FareStep { reason, minor: -5 }
}

#[test]
fn every_reason_is_read_back_from_a_voucher() {
    let codes: Vec<_> = reasons().iter().map(FareReason::code).collect();
    assert_eq!(codes, FareReason::CODES, "an example of each");
    for reason in reasons() {
        assert!(reason.values().len() <= STEP_VALUES_MAX, "{reason:?}");
        let voucher = exit_voucher_with(vec![step(reason)]);
        let read = Voucher::parse(&voucher.sign(&server_key())).unwrap().0;
        assert_eq!(read, voucher);
    }
}

/// What the wallet's files must have a sentence for, with the blanks that can be filled in.
#[test]
fn the_list_for_the_wallets_languages_is_the_golden_one() {
    let made: Map<String, Value> = reasons()
        .into_iter()
        .map(|reason| {
            let values = reason.values().into_iter();
            let values: Map<String, Value> = values
                .map(|(name, value)| (name.to_owned(), json!(value)))
                .collect();
            let code = reason.code().to_owned();
            let english = step(reason).text(Currency::CNY);
            (code, json!({ "english": english, "values": values }))
        })
        .collect();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let json = serde_json::to_string_pretty(&made).unwrap();
        std::fs::write(LIST, json + "\n").unwrap();
    }
    let golden: Map<String, Value> =
        serde_json::from_str(&std::fs::read_to_string(LIST).unwrap()).unwrap();
    assert_eq!(golden, made);
}

#[test]
fn staff_read_english_with_every_value_in_it() {
    for reason in reasons() {
        let text = step(reason.clone()).text(Currency::CNY);
        assert!(!text.contains(['{', '}']), "{text}");
        assert!(text.len() > 3, "{reason:?}: {text:?}");
    }
    let flat = |period: Option<&str>| FareReason::Flat {
        from: "PGY".parse().unwrap(),
        to: "GMO".parse().unwrap(),
        period: period.map(str::to_owned),
        class: None,
    };
    let text = |reason| step(reason).text(Currency::CNY);
    assert_eq!(text(flat(None)), "PGY to GMO: the flat fare");
    assert_eq!(text(flat(Some("peak"))), "PGY to GMO: the flat fare, peak");
    let braces = FareReason::Said {
        text: "{from} {text}".to_owned(),
    };
    assert_eq!(text(braces), "{from} {text}", "a value is no sentence");
}

#[test]
fn a_step_that_nobody_knows_is_named() {
    let voucher = exit_voucher_steps().sign(&server_key());
    let at = voucher.windows(8).position(|w| w == b"distance").unwrap();
    let mut newer = voucher.clone();
    newer[at..at + 8].copy_from_slice(b"teleport");
    let err = Voucher::parse(&newer).unwrap_err();
    assert_eq!(err.field, "step, code");
    assert!(matches!(&err.problem, Problem::Text(text) if text.contains("\"teleport\"")));
    // One value more than the code has.
    let mut longer = voucher;
    longer[at - 2] += 1;
    assert_eq!(Voucher::parse(&longer).unwrap_err().field, "step");
}
