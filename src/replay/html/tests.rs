//! Tests of the report page.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::decode::{Decoded, NothingRead, QrContent};
use crate::frame::{Frame, FrameName};
use crate::replay::Collector;
use crate::replay::outcome::DecisionOutcome;
use fare_protocol::UnixMs;
use std::time::Duration;

fn decoded(read: Result<Vec<QrContent>, NothingRead>) -> Decoded {
    Decoded { read, elapsed: Duration::from_millis(7) }
}

fn outcome() -> ReplayOutcome {
    let mut collector = Collector::new("<script>alert(1)</script>", None);
    let frame = Frame::new(320, 240, vec![128; 320 * 240], UnixMs(1_000)).unwrap();
    let failed = NothingRead::Undecodable { found: 1, first_error: "\"<b>\"".to_owned() };
    collector.frame(&FrameName::File("a&b.png".to_owned()), &frame, decoded(Err(failed)), None);
    let label = "expired".to_owned();
    let decision = DecisionOutcome { label, number: Some(42), sentence: "Too old".to_owned() };
    let code = QrContent { bytes: b"x".to_vec(), corners: [(0, 0); 4], area_px: 1, version: 1 };
    let frame = frame.at(UnixMs(1_033));
    collector.frame(&FrameName::Number(2), &frame, decoded(Ok(vec![code])), Some(decision));
    collector.finish(Duration::from_millis(20))
}

#[test]
fn the_page_stands_alone_and_runs_nothing() {
    let page = page(&outcome());
    for forbidden in ["<script", "http://", "https://", "url(", "<b>\"", "a&b"] {
        assert!(!page.contains(forbidden), "{forbidden} is in the page");
    }
    assert!(page.contains("&lt;script&gt;alert(1)"));
}

#[test]
fn the_page_shows_failures_charts_and_decisions() {
    let page = page(&outcome());
    let expected = [
        "data:image/png;base64,iVBOR",
        "<b>a&amp;b.png</b> 1 QR code was seen",
        "<td>expired (42)</td><td>Too old</td>",
        "<h2>Decode latency</h2><svg",
        "<h2>Decisions over time</h2><svg",
    ];
    for expected in expected {
        assert!(page.contains(expected), "{expected} is not in the page");
    }
}

#[test]
fn an_empty_replay_has_a_page_too() {
    let page = page(&Collector::new("nothing", None).finish(Duration::ZERO));
    assert!(page.contains("<h1>Replay of nothing</h1>") && page.ends_with("</html>\n"));
}
