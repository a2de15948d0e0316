//! `faregate decode`, `replay` and `config check` as a tester meets them: the real binary over
//! recordings that `fare-sim` renders.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Site, change, foreign_keys, program};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// A recording of eleven frames, with a gate that believes its issuer.
struct Recording {
    _dir: TempDir,
    folder: PathBuf,
    config: PathBuf,
}

impl Recording {
    fn render() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("recording");
        let mut render = program("fare-sim");
        render
            .args(["frames", "--seed", "7", "--count", "11", "--out"])
            .arg(&folder);
        assert!(render.status().unwrap().success());
        let config = folder.join("gate/PGY-01.toml");
        Self {
            _dir: dir,
            folder,
            config,
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn replay(&self) -> Command {
        replay(&self.folder, &self.config)
    }
}

fn replay(recording: &Path, config: &Path) -> Command {
    let mut replay = program("faregate");
    replay
        .arg("replay")
        .arg(recording)
        .arg("--config")
        .arg(config);
    replay
}

fn text(output: &Output) -> (String, Option<i32>) {
    let all = [output.stdout.as_slice(), &output.stderr].concat();
    (String::from_utf8(all).unwrap(), output.status.code())
}

#[test]
fn a_recording_comes_out_as_its_manifest_says() {
    let recording = Recording::render();
    let (junit, report) = (recording.file("out.xml"), recording.file("out.html"));
    let mut replay = recording.replay();
    replay.arg("--expect").arg(recording.file("manifest.csv"));
    replay
        .arg("--junit")
        .arg(&junit)
        .arg("--report")
        .arg(&report);
    let (out, status) = text(&replay.output().unwrap());
    assert_eq!(status, Some(0), "{out}");
    assert!(
        out.contains("admit 10") && out.contains("11 as expected"),
        "{out}"
    );
    assert!(
        fs::read_to_string(junit)
            .unwrap()
            .contains(r#"tests="11" failures="0""#)
    );
    let report = fs::read_to_string(report).unwrap();
    assert!(report.contains("<svg") && !report.contains("<script src") && report.contains("admit"));
}

#[test]
fn a_difference_is_named_and_exits_1() {
    let recording = Recording::render();
    let manifest = fs::read_to_string(recording.file("manifest.csv")).unwrap();
    let wrong = recording.file("wrong.csv");
    fs::write(&wrong, manifest.replacen(",admit", ",denied", 1)).unwrap();
    let junit = recording.file("out.xml");
    let mut replay = recording.replay();
    replay.arg("--expect").arg(wrong).arg("--junit").arg(&junit);
    let (out, status) = text(&replay.output().unwrap());
    assert_eq!(status, Some(1), "{out}");
    assert!(out.contains("differs: 000001.png: "), "{out}");
    assert!(
        fs::read_to_string(junit)
            .unwrap()
            .contains(r#"failures="1""#)
    );
}

#[test]
fn an_issuer_nobody_believes_opens_nothing() {
    let recording = Recording::render();
    let keys = serde_json::to_string(&foreign_keys()).unwrap();
    fs::write(recording.file("gate/keys/issuers.json"), keys).unwrap();
    let output = recording.replay().arg("--json").output().unwrap();
    let (out, status) = text(&output);
    assert_eq!(status, Some(0), "{out}");
    let summary: serde_json::Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    let decisions = &summary["summary"]["decisions"];
    assert_eq!(
        *decisions,
        serde_json::json!({ "unknown-issuer-key": 10 }),
        "{out}"
    );
}

#[test]
fn the_same_codes_at_an_exit_have_no_entry_to_go_with() {
    let recording = Recording::render();
    change(&recording.config, "role = \"entry\"", "role = \"exit\"");
    change(&recording.config, "\"refuse\"", "\"admit\"");
    let (out, status) = text(&recording.replay().output().unwrap());
    assert_eq!(status, Some(0), "{out}");
    assert!(
        out.contains("admit: exit") && out.contains("admit 10"),
        "{out}"
    );
}

#[test]
fn what_is_broken_in_a_recording_is_named_counted_and_skipped() {
    let recording = Recording::render();
    let frame = fs::read(recording.file("000002.png")).unwrap();
    fs::write(recording.file("000002.png"), &frame[..frame.len() / 2]).unwrap();
    fs::write(recording.file("000003.png"), "not a picture").unwrap();
    fs::remove_file(recording.file("000004.png")).unwrap();
    let (out, status) = text(&recording.replay().output().unwrap());
    assert_eq!(status, Some(0), "{out}");
    for skipped in [
        "000002.png: skipped",
        "000003.png: skipped",
        "000004.png: skipped",
    ] {
        assert!(out.contains(skipped), "{skipped} is not in {out}");
    }
    assert!(
        out.contains("8 frames, 3 skipped") && out.contains("admit 7"),
        "{out}"
    );
}

#[test]
fn a_truncated_stream_from_a_pipe_is_played_to_its_last_whole_frame() {
    let recording = Recording::render();
    let mut render = program("fare-sim");
    render.args(["y4m", "--seed", "7", "--size", "640x480"]);
    render.args(["--count", "1", "--gap-frames", "10"]);
    let stream = render.output().unwrap().stdout;
    let stream = &stream[..stream.len() - 1_000];
    let mut child = replay(Path::new("-"), &recording.config)
        .args(["--start-ms", "1780000000000"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), stream).unwrap();
    let (out, status) = text(&child.wait_with_output().unwrap());
    assert_eq!(status, Some(0), "{out}");
    assert!(
        out.contains(": skipped: ") && out.contains(", 1 skipped"),
        "{out}"
    );
    assert!(out.contains("admit 1"), "{out}");
}

#[test]
fn a_picture_on_which_rqrr_panics_is_read_like_the_rest() {
    let site = Site::new(1);
    let pictures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pictures/replay");
    let mut replay = replay(&pictures, &site.entry(None).config);
    replay.arg("--expect").arg(pictures.join("manifest.csv"));
    let (out, status) = text(&replay.output().unwrap());
    assert_eq!(status, Some(0), "{out}");
    assert!(
        out.contains("5 as expected") && !out.contains("panic "),
        "{out}"
    );
}

#[test]
fn decode_says_what_is_in_each_picture() {
    let recording = Recording::render();
    let mut decode = program("faregate");
    decode
        .args(["decode", "--json"])
        .args([1, 10].map(|n| recording.file(&format!("{n:06}.png"))));
    let (out, status) = text(&decode.output().unwrap());
    assert_eq!(
        status,
        Some(1),
        "an empty frame is a picture without a code: {out}"
    );
    let lines: Vec<serde_json::Value> = out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(
        lines[0]["text"].as_str().unwrap().starts_with("FG1:"),
        "{out}"
    );
    assert!(
        lines[0]["bytes"].as_str().unwrap().starts_with("4647313a"),
        "{out}"
    );
    assert!(lines[0]["ms"].as_f64().unwrap() > 0.0, "{out}");
    assert_eq!(lines[1]["error"], "no QR code was seen", "{out}");
}

#[test]
fn a_bad_configuration_exits_2_before_anything_is_touched() {
    let site = Site::new(1);
    let gate = site.entry(None);
    let config = &gate.config;
    change(config, "station = \"PGY\"", "station = \"XXX\"");
    let place = format!(
        "{}:5:11: station XXX is not in the station table",
        config.display()
    );
    for words in [&["config", "check"][..], &["run", "--config"]] {
        let (out, status) = text(
            &program("faregate")
                .args(words)
                .arg(config)
                .output()
                .unwrap(),
        );
        assert_eq!(status, Some(2), "{out}");
        assert!(out.contains(&place), "{out}");
    }
    assert!(!gate.journal.exists(), "the journal was made");
    let good = site.exit(None).config;
    let checked = program("faregate")
        .args(["config", "check"])
        .arg(good)
        .output()
        .unwrap();
    let (out, status) = text(&checked);
    assert_eq!(status, Some(0), "{out}");
    assert!(out.contains(": ok, gate GMO-01 at station GMO"), "{out}");
}
