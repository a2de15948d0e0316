//! Tests of manifests and of comparing frames with them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::decode::NothingRead;
use fare_protocol::UnixMs;

fn frame(name: &str, codes: &[&[u8]], verdict: Option<&str>) -> FrameOutcome {
    let decision = verdict.map(|label| DecisionOutcome {
        label: label.to_owned(),
        number: None,
        sentence: String::new(),
    });
    FrameOutcome {
        name: name.to_owned(),
        at: UnixMs(0),
        decode_ms: 1.0,
        codes: codes.iter().map(|code| code.to_vec()).collect(),
        nothing: codes.is_empty().then_some(NothingRead::Nothing),
        decision,
        check: None,
        thumbnail: None,
    }
}

#[test]
fn a_manifest_is_read_by_its_header_in_any_order() {
    let text = "licence,expected,file,kind,set\r\n\
                CC0,\"[\"\"a,b\"\", \"\"c\"\"]\",x/1.png,qr,x\r\n\
                CC0,[],2.png,qr,\r\n\
                CC0,,3.png,qr,\r\n\
                CC0,\"[\"\"\"\"]\",4.png,qr,\r\n\
                CC0,\"[\"\"a\"\"]\",5.png,neg-scene,y\r\n";
    let manifest = Manifest::parse(text).unwrap();
    let lines = manifest.entries().iter();
    assert_eq!(
        lines
            .map(|entry| (entry.file.as_str(), entry.line, entry.set.as_str()))
            .collect::<Vec<_>>(),
        [
            ("x/1.png", 2, "x"),
            ("2.png", 3, ""),
            ("3.png", 4, ""),
            ("4.png", 5, ""),
            ("5.png", 6, "y")
        ]
    );
    let reading = |file: &str| manifest.expectation(file).unwrap().reading.clone();
    assert_eq!(
        reading("x/1.png"),
        Reading::OneOf(vec!["a,b".to_owned(), "c".to_owned()])
    );
    for file in ["2.png", "3.png", "4.png"] {
        assert_eq!(reading(file), Reading::Something, "{file}");
    }
    assert_eq!(reading("5.png"), Reading::Nothing);
    let verdicts = Manifest::parse("file,verdict\n1.png,expired\n2.png,\n").unwrap();
    let one = verdicts.expectation("1.png").unwrap();
    assert_eq!(
        (&one.reading, one.verdict.as_deref()),
        (&Reading::Unstated, Some("expired"))
    );
    assert_eq!(verdicts.expectation("2.png").unwrap().verdict, None);
}

#[test]
fn a_wrong_manifest_is_refused_with_its_line() {
    for (text, line, why) in [
        ("", 1, "the manifest is empty"),
        (
            "name,expected\n",
            1,
            "no column `file` among \"name,expected\"",
        ),
        ("file,kind\n", 1, "no column `expected` or `verdict` among"),
        (
            "file,expected\na.png\n",
            2,
            "1 fields, expected 2 as in the first line",
        ),
        ("file,expected\n\n,[]\n", 3, "the column `file` is empty"),
        (
            "file,expected\na,[]\na,[]\n",
            3,
            "a stands here a second time",
        ),
        (
            "file,expected\na,hello\n",
            2,
            "`expected` is \"hello\", expected a JSON list of texts",
        ),
        ("file,expected\na,[1]\n", 2, "invalid type: integer `1`"),
        (
            "file,expected\na,\"[]\n",
            2,
            "a quoted field is never closed",
        ),
    ] {
        let error = Manifest::parse(text).unwrap_err();
        assert!(
            error.line == line && error.why.contains(why),
            "{text:?}: {error:?}"
        );
    }
    let gone = Manifest::read(Path::new("/nowhere/manifest.csv"))
        .unwrap_err()
        .to_string();
    assert!(
        gone.starts_with("cannot read /nowhere/manifest.csv: No such file"),
        "{gone}"
    );
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m.csv");
    std::fs::write(&path, "file,expected\na\n").unwrap();
    let wrong = Manifest::read(&path).unwrap_err().to_string();
    assert!(
        wrong.ends_with("m.csv:2: 1 fields, expected 2 as in the first line"),
        "{wrong}"
    );
}

#[test]
fn frames_are_compared_by_what_was_read() {
    let none: &[&[u8]] = &[];
    for (expected, kind, codes, difference) in [
        (r#"["a"]"#, "qr", &[&b"a"[..]][..], None),
        (r#"["a", "b"]"#, "qr", &[b"b"], None),
        (r#"["b"]"#, "qr", &[b"a", b"b"], None),
        (r#"["é"]"#, "qr", &["é".as_bytes()], None),
        (r#"["é"]"#, "qr", &[b"\xe9"], None),
        (r#"["a\nb"]"#, "qr", &[b"a\r\nb\r\n"], None),
        ("[]", "qr", &[b"anything"], None),
        ("[]", "neg", none, None),
        (r#"["a"]"#, "qr", &[b"x"], Some("expected a, read x")),
        (r#"["a"]"#, "qr", &[b"aa"], Some("expected a, read aa")),
        (
            r#"["a", "b"]"#,
            "qr",
            &[b"\xff"],
            Some("expected a or another, read hex ff"),
        ),
        (
            r#"["a"]"#,
            "qr",
            none,
            Some("expected a, read nothing: no QR code was seen"),
        ),
        (
            "[]",
            "qr",
            none,
            Some("expected a code, read nothing: no QR code was seen"),
        ),
        (
            r#"["a"]"#,
            "neg-x",
            &[b"a\x1b"],
            Some("expected nothing, read a\\u{1b}"),
        ),
    ] {
        let cell = expected.replace('"', "\"\"");
        let text = format!("file,expected,kind\nf.png,\"{cell}\",{kind}\n");
        let check = Manifest::parse(&text)
            .unwrap()
            .check(&frame("f.png", codes, None))
            .unwrap();
        assert_eq!(
            check.difference.as_deref(),
            difference,
            "{expected} {kind} {codes:?}"
        );
    }
}

#[test]
fn frames_are_compared_by_verdict_and_unlisted_ones_not_at_all() {
    let manifest = Manifest::parse("file,verdict\na,expired\nb,none\nc,\n").unwrap();
    for (name, verdict, difference) in [
        ("a", Some("expired"), None),
        (
            "a",
            Some("admit"),
            Some("expected the verdict expired, got admit"),
        ),
        ("a", None, Some("expected the verdict expired, got none")),
        ("b", None, None),
        (
            "b",
            Some("admit"),
            Some("expected the verdict none, got admit"),
        ),
        ("c", Some("admit"), None),
    ] {
        let check = manifest.check(&frame(name, &[b"x"], verdict)).unwrap();
        assert_eq!(
            check.difference.as_deref(),
            difference,
            "{name} {verdict:?}"
        );
    }
    assert_eq!(manifest.check(&frame("unlisted", &[], None)), None);
}
