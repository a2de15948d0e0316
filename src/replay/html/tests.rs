//! Tests of the report page: that it is well formed, self-contained and escaped.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::decode::NothingRead;
use crate::replay::expect::{Expectation, Reading};
use crate::replay::outcome::{Check, Comparison, DecisionOutcome, SkippedFrame, Thumbnail};
use fare_protocol::UnixMs;
use std::time::Duration;

const HOSTILE: &str = "<script>alert('1')</script>\"&\u{0}";

/// An outcome with every kind of frame in it, its names and texts hostile.
fn outcome() -> ReplayOutcome {
    let frame = |number: i64| FrameOutcome {
        name: format!("{number}{HOSTILE}"),
        at: UnixMs(1_000 + number * 33),
        decode_ms: number as f64 + 0.25,
        codes: vec![HOSTILE.as_bytes().to_vec()],
        nothing: None,
        decision: None,
        check: None,
        thumbnail: None,
    };
    let decided = |number, label: &str| FrameOutcome {
        decision: Some(DecisionOutcome {
            label: label.to_owned(),
            number: Some(7),
            sentence: HOSTILE.to_owned(),
        }),
        ..frame(number)
    };
    let failed = FrameOutcome {
        codes: vec![],
        nothing: Some(NothingRead::Nothing),
        check: Some(Check {
            expected: Expectation {
                reading: Reading::Something,
                verdict: None,
            },
            difference: Some(format!("expected {HOSTILE}")),
        }),
        thumbnail: Some(Thumbnail {
            width: 2,
            height: 1,
            luma: vec![0, 255],
        }),
        ..frame(4)
    };
    let skipped = |name: &str, expected| SkippedFrame {
        name: name.to_owned(),
        why: HOSTILE.to_owned(),
        expected,
    };
    ReplayOutcome {
        recording: HOSTILE.to_owned(),
        frames: vec![frame(1), decided(2, "admit"), decided(3, HOSTILE), failed],
        skipped: vec![skipped("cut.png", true), skipped("frames.jsonl:3", false)],
        wall: Duration::from_millis(1_234),
        comparison: Some(Comparison {
            missing: vec![HOSTILE.to_owned()],
            unlisted: vec![],
        }),
    }
}

/// Every opening tag has its closing one in the right order.
fn assert_nested(html: &str) {
    const VOID: [&str; 3] = ["meta", "img", "!doctype"];
    let mut open = Vec::new();
    for tag in html
        .split('<')
        .skip(1)
        .filter_map(|rest| rest.split_once('>').map(|(tag, _)| tag))
    {
        let name = tag
            .trim_start_matches('/')
            .split([' ', '/'])
            .next()
            .unwrap_or_default();
        if let Some(closed) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(closed), "</{closed}> closes another tag");
        } else if !VOID.contains(&name) && !tag.ends_with('/') {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "never closed: {open:?}");
}

#[test]
fn the_page_is_nested_escaped_and_loads_nothing() {
    let html = page(&outcome());
    assert_nested(&html);
    assert!(
        !html.contains("<script") && !html.contains('\0'),
        "hostile text got through"
    );
    assert!(html.contains("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot;&amp;"));
    for outside in ["http://", "https://", "url(", "@import", "<link", "<iframe"] {
        assert!(!html.contains(outside), "{outside} in the page");
    }
    assert!(html.contains("src=\"data:image/png;base64,"));
}

#[test]
fn the_page_says_what_came_of_the_replay() {
    let html = page(&outcome());
    for said in [
        "3 of 3 differ from what was expected",
        "<b>4</b><span>in 1.2 s</span>",
        "Median 2.2 ms",
        "skipped: &lt;script",
        "the manifest names it and the recording does not have it",
        "<th scope=\"col\">Decode, ms</th>",
        "<caption>Every frame in the order played</caption>",
    ] {
        assert!(html.contains(said), "{said} is not in the page");
    }
    assert_eq!(html.matches("role=\"img\"").count(), 2, "both charts");
    assert_eq!(html.matches("<desc ").count(), 2);
}

#[test]
fn an_empty_replay_is_a_page_without_charts() {
    let html = page(&ReplayOutcome::default());
    assert_nested(&html);
    assert!(html.contains("played; nothing was expected of it") && !html.contains("<svg"));
}

#[test]
fn a_long_recording_is_listed_in_part() {
    let one = outcome().frames.remove(0);
    let frames = vec![one; FRAMES_LISTED_MAX + 1];
    let html = page(&ReplayOutcome {
        frames,
        ..ReplayOutcome::default()
    });
    assert!(html.contains("The first 5000 of 5001; <code>--json</code> has all."));
    assert_eq!(
        html.matches("<tr><th scope=\"row\">").count(),
        FRAMES_LISTED_MAX
    );
}
