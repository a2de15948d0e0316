//! Tests of the JUnit report.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::decode::NothingRead;
use crate::replay::expect::{Expectation, Reading};
use crate::replay::outcome::{Check, Comparison};
use fare_protocol::UnixMs;
use std::time::Duration;

fn frame(name: &str, check: Option<Check>) -> FrameOutcome {
    FrameOutcome {
        name: name.to_owned(),
        at: UnixMs(0),
        decode_ms: 12.5,
        codes: vec![],
        nothing: Some(NothingRead::Nothing),
        decision: None,
        check,
        thumbnail: None,
    }
}

fn check(difference: Option<&str>) -> Option<Check> {
    let expected = Expectation {
        reading: Reading::Something,
        verdict: None,
    };
    let difference = difference.map(str::to_owned);
    Some(Check {
        expected,
        difference,
    })
}

fn skipped(name: &str, expected: bool) -> SkippedFrame {
    SkippedFrame {
        name: name.to_owned(),
        why: "no <PNG>".to_owned(),
        expected,
    }
}

#[test]
fn every_frame_is_a_case_and_every_difference_a_failure() {
    let outcome = ReplayOutcome {
        recording: "a & b".to_owned(),
        frames: vec![
            frame("good.png", check(None)),
            frame("bad.png", check(Some("expected \"x\"\n\u{1b}"))),
            frame("unlisted.png", None),
        ],
        skipped: vec![skipped("cut.png", true), skipped("frames.jsonl:2", false)],
        wall: Duration::from_millis(2_500),
        comparison: Some(Comparison {
            missing: vec!["gone.png".to_owned()],
            unlisted: vec!["unlisted.png".to_owned()],
        }),
    };
    let mut xml = String::new();
    write(&outcome, &mut xml).unwrap();
    let counts = r#"tests="6" failures="3" errors="0" skipped="1" time="2.500""#;
    let lines = [
        r#"<?xml version="1.0" encoding="UTF-8"?>"#.to_owned(),
        format!(r#"<testsuites name="faregate replay" {counts}>"#),
        format!(r#"  <testsuite name="a &amp; b" {counts}>"#),
        r#"    <testcase classname="a &amp; b" name="good.png" time="0.012500"/>"#.to_owned(),
        r#"    <testcase classname="a &amp; b" name="bad.png" time="0.012500">"#.to_owned(),
    ];
    assert!(xml.starts_with(&lines.join("\n")), "{xml}");
    for part in [
        "<failure type=\"difference\" message=\"expected &quot;x&quot;&#10;\u{fffd}\">",
        "name=\"unlisted.png\" time=\"0.012500\"/>",
        "<failure type=\"difference\" message=\"skipped: no &lt;PNG&gt;\">",
        "<skipped message=\"no &lt;PNG&gt;\"/>",
        "name=\"gone.png\" time=\"0.000000\">",
    ] {
        assert!(xml.contains(part), "{part} is not in\n{xml}");
    }
    assert_eq!(xml.matches("<testcase ").count(), 6);
    assert_eq!(xml.matches("<failure ").count(), 3);
    assert!(xml.ends_with("  </testsuite>\n</testsuites>\n"));
}

#[test]
fn text_is_escaped_for_content_and_attributes() {
    let hostile = "<a b='c' d=\"e\">&amp;\t\n\u{0}\u{8}\u{ffff}é🚇";
    let safe =
        "&lt;a b=&#39;c&#39; d=&quot;e&quot;&gt;&amp;amp;&#9;&#10;\u{fffd}\u{fffd}\u{fffd}é🚇";
    assert_eq!(Xml(hostile).to_string(), safe);
}
