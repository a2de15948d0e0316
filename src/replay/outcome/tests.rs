//! Tests of what is kept of a frame and how it is said.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;

fn frame(codes: &[&[u8]], nothing: Option<NothingRead>) -> FrameOutcome {
    FrameOutcome {
        name: "1.png".to_owned(),
        at: UnixMs(5),
        decode_ms: 1.25,
        codes: codes.iter().map(|code| code.to_vec()).collect(),
        nothing,
        decision: None,
        check: None,
        thumbnail: None,
    }
}

#[test]
fn contents_cannot_write_to_the_terminal() {
    for (bytes, line) in [
        (&b"FG1:A"[..], "FG1:A"),
        (b"a\r\n\x1b[2J", "a\\r\\n\\u{1b}[2J"),
        ("é\u{202e}x".as_bytes(), "é\\u{202e}x"),
        (b"\xff\x00", "hex ff00"),
        (b"", ""),
    ] {
        assert_eq!(readable(bytes), line);
    }
}

#[test]
fn a_pay_code_is_in_no_report() {
    let read = frame(&[b"280000000000000001"], None);
    let told = format!("{read} {}", read.json());
    assert!(told.contains("pay code of alipay, hidden"), "{told}");
    assert!(
        !told.contains("0000000001") && !told.contains("3238"),
        "{told}"
    );
}

#[test]
fn a_frame_is_a_line_and_a_json_object() {
    let mut read = frame(&[b"FG1:A", b"\xff"], None);
    assert_eq!(read.to_string(), "1.png  1.2 ms  FG1:A  (and 1 more)");
    assert_eq!(read.kind(), "read");
    let json = read.json();
    assert_eq!(
        json["codes"][0],
        serde_json::json!({ "text": "FG1:A", "bytes": "4647313a41" })
    );
    assert_eq!(
        json["codes"][1],
        serde_json::json!({ "text": null, "bytes": "ff" })
    );
    assert_eq!(
        (&json["t_ms"], &json["error"]),
        (&5.into(), &serde_json::Value::Null)
    );
    read.decision = Some(DecisionOutcome {
        label: "expired".to_owned(),
        number: Some(5),
        sentence: "Show a new code".to_owned(),
    });
    assert_eq!(read.kind(), "expired");
    assert!(
        read.to_string()
            .contains("  expired: Show a new code  FG1:A"),
        "{read}"
    );
    let unread = frame(&[], Some(NothingRead::Nothing));
    assert_eq!(
        (unread.kind(), unread.to_string().as_str()),
        ("nothing", "1.png  1.2 ms")
    );
    assert_eq!(unread.json()["error"], "no QR code was seen");
    assert_eq!(unread.json()["cause"], "nothing");
    let dim = NothingRead::Unread(crate::decode::Unread::TooDim);
    let dim = frame(&[], Some(dim)).to_string();
    assert_eq!(dim, "1.png  1.2 ms  not read: too-dim");
    let long = frame(&["é".repeat(49).as_bytes()], None).to_string();
    assert!(long.ends_with(&format!("  {}…", "é".repeat(48))), "{long}");
}

#[test]
fn a_seen_and_unread_code_is_a_failure_unless_the_manifest_knows_better() {
    let torn = NothingRead::Unread(crate::decode::Unread::Damaged);
    let check = |difference: Option<&str>| {
        let reading = crate::replay::expect::Reading::Nothing;
        let expected = Expectation {
            reading,
            verdict: None,
        };
        Some(Check {
            expected,
            difference: difference.map(str::to_owned),
        })
    };
    for (nothing, check, failed) in [
        (None, None, false),
        (Some(NothingRead::Nothing), None, false),
        (Some(torn.clone()), None, true),
        (
            Some(NothingRead::Panicked {
                what: String::new(),
            }),
            None,
            true,
        ),
        (Some(torn), check(None), false),
        (None, check(Some("expected nothing, read x")), true),
    ] {
        let frame = FrameOutcome {
            check,
            ..frame(&[], nothing)
        };
        assert_eq!(frame.failed(), failed, "{frame:?}");
    }
}

#[test]
fn a_thumbnail_is_small_and_the_mean_of_its_pixels() {
    let picture = |width: u32, height: u32| {
        let luma = (0..width * height).map(|at| if at % width < width / 2 { 0 } else { 200 });
        Frame::new(width, height, luma.collect(), UnixMs(0)).unwrap()
    };
    for (width, height, small) in [
        (1280, 720, (160, 90)),
        (161, 3, (81, 2)),
        (160, 100, (160, 100)),
        (1, 1, (1, 1)),
        (1, 8192, (1, 158)),
    ] {
        let thumbnail = Thumbnail::of(&picture(width, height));
        assert_eq!((thumbnail.width, thumbnail.height), small);
        assert_eq!(thumbnail.luma.len() as u32, small.0 * small.1);
    }
    let halves = Thumbnail::of(&picture(1280, 720));
    assert_eq!((halves.luma[0], halves.luma[159]), (0, 200));
}
