//! The real `fare-sim`: what scripts and whole-system tests rely on.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};

fn fare_sim(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fare-sim"));
    command.args(args);
    command
}

fn output(args: &[&str]) -> Output {
    fare_sim(args).output().unwrap()
}

/// A `fare-sim` that takes commands and prints events.
struct Talker {
    child: Child,
    commands: ChildStdin,
    events: BufReader<ChildStdout>,
}

impl Talker {
    fn start(args: &[&str]) -> Self {
        let mut child = fare_sim(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let commands = child.stdin.take().unwrap();
        let events = BufReader::new(child.stdout.take().unwrap());
        Self {
            child,
            commands,
            events,
        }
    }

    fn say(&mut self, line: &str) {
        writeln!(self.commands, "{line}").unwrap();
    }

    fn event(&mut self) -> Value {
        let mut line = String::new();
        self.events.read_line(&mut line).unwrap();
        let event: Value = serde_json::from_str(&line).expect(&line);
        assert!(
            event["t_ms"].as_i64().unwrap() > 1_700_000_000_000,
            "{line}"
        );
        event
    }

    fn terminate(mut self) -> Option<i32> {
        let kill = format!("kill -TERM {}", self.child.id());
        assert!(
            Command::new("sh")
                .args(["-c", &kill])
                .status()
                .unwrap()
                .success()
        );
        self.child.wait().unwrap().code()
    }
}

#[test]
fn a_board_tells_what_happens_and_obeys() {
    let dir = tempfile::tempdir().unwrap();
    let (link, log) = (dir.path().join("board"), dir.path().join("events"));
    let (link_arg, log_arg) = (link.to_str().unwrap(), log.to_str().unwrap());
    let args = ["board", "--link", link_arg, "--events", log_arg];
    let quick = ["--passage-after-ms", "10", "--beam-ms", "10"];
    let mut board = Talker::start(&[args.as_slice(), quick.as_slice()].concat());
    assert_eq!(board.event()["event"], "ready");
    let mut line = File::options().read(true).write(true).open(&link).unwrap();
    line.write_all(b"\x01\x05\x00\x00\xFF\x00\x8C\x3A").unwrap();
    for event in ["opened", "passed", "closed"] {
        assert_eq!(board.event()["event"], event);
    }
    board.say("no such thing");
    board.say("fire on");
    let fire = board.event();
    assert_eq!(
        (&fire["event"], &fire["on"]),
        (&"fire".into(), &true.into())
    );
    assert_eq!(board.event()["event"], "opened");
    assert_eq!(board.terminate(), Some(0));
    assert!(link.symlink_metadata().is_err(), "the link is still there");
    assert_eq!(std::fs::read_to_string(log).unwrap().lines().count(), 6);
}

#[test]
fn riders_show_their_codes_when_told() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("camera");
    let camera = format!("PGY-01={}", pipe.display());
    let mut riders = Talker::start(&[
        "riders", "--camera", &camera, "--size", "640x480", "--fps", "100",
    ]);
    // A gate: reads for as long as there is something.
    let gate = std::thread::spawn(move || {
        let mut pipe = loop {
            match File::open(&pipe) {
                Ok(pipe) => break pipe,
                Err(_) => std::thread::yield_now(),
            }
        };
        std::io::copy(&mut pipe, &mut std::io::sink()).unwrap()
    });
    assert_eq!(riders.event()["event"], "watched");
    for rider in [7, 8] {
        riders.say(&format!("show PGY-01 {rider}"));
        let shown = riders.event();
        assert_eq!(
            (&shown["event"], &shown["gate"]),
            (&"shown".into(), &"PGY-01".into())
        );
        assert_eq!(shown["rider"], rider);
        riders.say("leave PGY-01");
    }
    assert_eq!(riders.terminate(), Some(0));
    assert!(gate.join().unwrap() > 640 * 480);
}

#[test]
fn a_recording_follows_from_its_seed() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str| {
        let out = dir.path().join(name);
        let args = [
            "frames", "--seed", "4", "--count", "10", "--size", "640x480", "--out",
        ];
        let done = fare_sim(&args).arg(&out).output().unwrap();
        assert!(
            done.status.success(),
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
        let file = |file: &str| std::fs::read(out.join(file)).unwrap();
        [
            "frames.jsonl",
            "manifest.csv",
            "gate/PGY-01.toml",
            "000001.png",
            "000010.png",
        ]
        .map(file)
    };
    let first = write("first");
    assert_eq!(first, write("second"));
    let manifest = String::from_utf8(first[1].clone()).unwrap();
    assert_eq!(
        manifest.lines().next(),
        Some("file,set,kind,expected,n_codes,width,height,cause,how,verdict")
    );
    assert_eq!(
        manifest
            .lines()
            .filter(|row| row.ends_with(",admit"))
            .count(),
        9
    );
    assert_eq!(
        manifest.lines().last(),
        Some("000010.png,empty-640x480,neg,\"[]\",0,640,480,,\"\",")
    );
}

/// The lines of a CSV file without its head, cut at commas outside quotes.
fn rows(path: &Path) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(path).unwrap();
    let cut = |line: &str| {
        let mut quoted = false;
        line.split(|c: char| {
            quoted ^= c == '"';
            c == ',' && !quoted
        })
        .map(str::to_owned)
        .collect()
    };
    text.lines().skip(1).map(cut).collect()
}

#[test]
fn causes_and_two_phones_are_sets_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["--cause", "too-far,not-qr", "--two-phones", "--count", "2"];
    let done = fare_sim(&["frames", "--size", "640x480"])
        .args(args)
        .arg("--out")
        .arg(dir.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{said}");
    let rows = rows(&dir.path().join("manifest.csv"));
    let column = |n: usize| rows.iter().map(|row| row[n].as_str()).collect::<Vec<_>>();
    let sets = [
        "too-far",
        "too-far",
        "not-qr",
        "not-qr",
        "two-phones",
        "two-phones",
    ];
    assert_eq!(column(1), sets);
    assert_eq!(
        column(7),
        ["too-far", "too-far", "not-qr", "not-qr", "", ""]
    );
    assert_eq!(column(4)[4..], ["2", "2"]);
}

#[test]
fn approaches_say_from_which_frame_on_they_are_readable() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["--size", "640x480", "--count", "2", "--idle", "3"];
    let done = fare_sim(&["approaches", "--out"])
        .arg(dir.path())
        .args(args)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{said}");
    assert!(dir.path().join("gate/PGY-01.toml").exists());
    assert!(dir.path().join("idle/000003.png").exists());
    assert!(!dir.path().join("idle/000004.png").exists());
    let presentations = rows(&dir.path().join("manifest.csv"));
    assert_eq!(presentations.len(), 2);
    for presentation in presentations {
        let [folder, text, frames, first, readable] = presentation.as_slice() else {
            panic!("not five columns: {presentation:?}");
        };
        let recording = dir.path().join(folder);
        assert!(recording.join(format!("{frames:0>6}.png")).exists());
        let frames = rows(&recording.join("manifest.csv"));
        let shown: Vec<_> = frames.iter().filter(|row| row[3].contains(text)).collect();
        assert_eq!(shown.len(), readable.parse::<usize>().unwrap());
        assert_eq!(shown[0][0], format!("{first:0>6}.png"));
    }
}

#[test]
fn a_stream_has_a_header_and_whole_frames() {
    let stream = output(&[
        "y4m",
        "--count",
        "1",
        "--gap-frames",
        "2",
        "--size",
        "64x64",
    ])
    .stdout;
    let header = b"YUV4MPEG2 W64 H64 F30:1 Ip A1:1 Cmono\n";
    assert!(stream.starts_with(header));
    assert_eq!(
        (stream.len() - header.len()) % ("FRAME\n".len() + 64 * 64),
        0
    );
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let mut child = fare_sim(&["y4m", "--size", "640x480"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdout
        .take()
        .unwrap()
        .read_exact(&mut [0; 100])
        .unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn bad_usage_is_2_and_failure_is_1() {
    let said = |args: &[&str]| {
        let output = output(args);
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (code, message) = said(&["frames", "--size", "7x7", "--out", "x"]);
    assert_eq!(code, Some(2));
    assert!(message.contains("WIDTHxHEIGHT"), "{message}");
    let (code, message) = said(&["frames", "--cause", "rain", "--out", "x"]);
    assert_eq!(code, Some(2));
    assert!(message.contains("too-near"), "{message}");
    assert!(!Path::new("x").exists());
    let (code, message) = said(&["board", "--link", "/nowhere/board"]);
    assert_eq!(code, Some(1));
    assert!(
        message.starts_with("fare-sim: cannot make the link /nowhere/board"),
        "{message}"
    );
}
