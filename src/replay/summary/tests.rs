//! Tests of the figures.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::decode::NothingRead;
use crate::replay::outcome::{Comparison, DecisionOutcome, FrameOutcome, SkippedFrame};
use fare_protocol::UnixMs;
use proptest::prelude::*;
use std::time::Duration;

fn frame(decode_ms: f64, nothing: Option<NothingRead>, label: Option<&str>) -> FrameOutcome {
    let decision = label.map(|label| DecisionOutcome {
        label: label.to_owned(),
        number: None,
        sentence: String::new(),
    });
    FrameOutcome {
        name: "f".to_owned(),
        at: UnixMs(0),
        decode_ms,
        codes: if nothing.is_none() {
            vec![b"x".to_vec()]
        } else {
            vec![]
        },
        nothing,
        decision,
        check: None,
        thumbnail: None,
    }
}

#[test]
fn figures_are_counted_and_printed() {
    let outcome = ReplayOutcome {
        recording: "taps".to_owned(),
        frames: vec![
            frame(10.0, None, Some("admit")),
            frame(12.0, None, Some("admit")),
            frame(14.0, None, Some("expired")),
            frame(2.0, Some(NothingRead::Nothing), None),
            frame(16.0, None, None),
        ],
        skipped: vec![SkippedFrame {
            name: "s".into(),
            why: "cut".into(),
            expected: true,
        }],
        wall: Duration::from_millis(1_500),
        comparison: Some(Comparison {
            missing: vec!["m".into()],
            unlisted: vec!["u".into()],
        }),
    };
    let summary = Summary::of(&outcome);
    let want = "taps: 5 frames, 1 skipped, in 1.5 s\n  \
                decoded     4 frames\n  \
                not read    nothing 1\n  \
                decisions   admit 2 · expired 1\n  \
                decode ms   p50 12.0 · p95 16.0 · p99 16.0 · max 16.0\n  \
                compared    0 as expected · 2 different · 1 not listed\n";
    assert_eq!(summary.to_string(), want);
    assert!(!summary.as_expected());
    let json = serde_json::to_value(&summary).unwrap();
    assert_eq!(json["decisions"]["admit"], 2);
    assert_eq!(json["decode_ms"]["p50"], 12.0);
    assert_eq!(json["compared"]["differences"], 2);
}

#[test]
fn an_empty_replay_without_a_manifest_is_as_expected() {
    let summary = Summary::of(&ReplayOutcome::default());
    assert!(summary.as_expected() && summary.decode_ms.is_none());
    assert_eq!(
        summary.to_string(),
        ": 0 frames, 0 skipped, in 0.0 s\n  decoded     0 frames\n"
    );
}

#[test]
fn percentiles_are_by_nearest_rank() {
    let spread = Spread::of((1..=200).rev().map(f64::from).collect()).unwrap();
    assert_eq!(
        spread,
        Spread {
            p50: 100.0,
            p95: 190.0,
            p99: 198.0,
            max: 200.0
        }
    );
    assert_eq!(
        Spread::of(vec![7.0]),
        Some(Spread {
            p50: 7.0,
            p95: 7.0,
            p99: 7.0,
            max: 7.0
        })
    );
    assert_eq!(Spread::of(vec![]), None);
}

proptest! {
    #[test]
    fn percentiles_are_values_in_order(values in prop::collection::vec(0.0_f64..1e6, 1..300)) {
        let spread = Spread::of(values.clone()).unwrap();
        let all = [spread.p50, spread.p95, spread.p99, spread.max];
        prop_assert!(all.is_sorted() && all.iter().all(|value| values.contains(value)));
        let not_above = values.iter().filter(|value| **value <= spread.p95).count();
        prop_assert!(not_above * 100 >= values.len() * 95);
    }
}
