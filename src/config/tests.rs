//! Tests of the configuration: what is right loads, what is wrong says where and what to write.
#![allow(clippy::unwrap_used)]

use super::*;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;

pub(crate) const ENTRY: &str = include_str!("../../gate-config/entry.toml");
const PUBLIC_KEY: &str = "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c";

/// A folder with the example configuration and everything that it names.
pub(crate) fn folder(config: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
    fs::create_dir(dir.path().join("keys")).unwrap();
    write("gate.toml", config);
    let keys = format!(r#"[{{"key": "{PUBLIC_KEY}", "from_ms": 0, "until_ms": 4102444800000}}]"#);
    write("keys/issuers.json", &keys);
    write("keys/servers.json", &keys);
    write("keys/gate.key", &"07".repeat(32));
    for pem in ["keys/ca.pem", "keys/gate.pem", "keys/gate-tls.key"] {
        write(pem, "not looked into here");
    }
    write(
        "tariff-beijing.toml",
        include_str!("../../gate-config/tariff-beijing.toml"),
    );
    let stations = include_str!("../../gate-config/stations-beijing-line1.toml");
    write("stations-beijing-line1.toml", stations);
    let key = dir.path().join("keys/gate.key");
    fs::set_permissions(key, fs::Permissions::from_mode(0o600)).unwrap();
    dir
}

fn problems(config: &str) -> Vec<String> {
    let dir = folder(config);
    let err = GateConfig::load(&dir.path().join("gate.toml"))
        .unwrap_err()
        .to_string();
    let place = format!("{}/", dir.path().display());
    err.lines().map(|line| line.replace(&place, "")).collect()
}

fn changed(from: &str, to: &str) -> Vec<String> {
    assert!(ENTRY.contains(from), "{from} is not in the example");
    problems(&ENTRY.replace(from, to))
}

#[test]
fn the_examples_load() {
    for example in [ENTRY, include_str!("../../gate-config/exit.toml")] {
        let dir = folder(example);
        let config = GateConfig::load(&dir.path().join("gate.toml")).unwrap();
        let at = config
            .tariff
            .station(config.location.station)
            .unwrap()
            .point;
        let far = at.lat_e7.abs_diff(config.location.point.lat_e7)
            + at.lon_e7.abs_diff(config.location.point.lon_e7);
        assert!(
            far < 100_000,
            "the gate stands more than a kilometre from its station"
        );
    }
}

#[test]
// long: a table of mistakes
fn each_problem_has_its_line_and_what_to_write() {
    let cases = [
        (
            ("role = ", "rolle = "),
            "gate.toml:5:1: unknown field `rolle`, expected one of `gate`,",
        ),
        (
            ("\"entry\"", "\"entrance\""),
            "gate.toml:5:8: unknown variant `entrance`, expected one of",
        ),
        (
            ("\"PGY-01\"", "\"gate 1\""),
            "gate.toml:4:8: gate id \"gate 1\" is not 1 to 16 char",
        ),
        (
            ("station = \"PGY\"", "station = \"XYZ\""),
            "gate.toml:8:11: station XYZ is not in the",
        ),
        (
            ("latitude = 39.9248", "latitude = 139.9"),
            "gate.toml:7:1: latitude must lie in -90",
        ),
        (
            ("keys/gate.key", "keys/none.key"),
            "gate.toml:15:15: cannot read the gate's signing k",
        ),
        (
            ("keys/gate.key", "keys/ca.pem"),
            "gate.toml:15:15: others may read the signing key; r",
        ),
        (
            ("keys/issuers.json", "keys/ca.pem"),
            "gate.toml:16:11: the issuers' public keys keys/",
        ),
        (
            ("source = \"camera\"", "source = \"y4m\""),
            "gate.toml:23:1: this source needs a path;",
        ),
        (
            ("unit = 1 ", "unit = 0 "),
            "gate.toml:33:8: unit is 0; Modbus units are 1 to 247",
        ),
        (
            ("https://", "http://"),
            "gate.toml:57:7: the server's address must begin with https",
        ),
        (
            ("error_max_ms = 30000 ", "error_max_ms = 30 "),
            "gate.toml:51:16: error_max_ms is 30; write 500 to 3600000",
        ),
        (
            ("beyond = \"time-exempt\"", "beyond = \"closed\""),
            "gate.toml:52:10: unknown variant `closed`, expected `time-exempt` or `refuse`",
        ),
        (
            ("drift_ppm = 100 ", "drift_ppm = 0 "),
            "gate.toml:53:13: drift_ppm is 0; write 1 to 1000",
        ),
        (
            ("# system_error_ms = 50 ", "system_error_ms = 30001 "),
            "gate.toml:54:19: system_error_ms is 30001, over error_max_ms",
        ),
        (
            ("grace_ms = 5000 ", "grace_ms = -1 "),
            "gate.toml:42:12: invalid value: integer `-1`",
        ),
    ];
    for ((from, to), expected) in cases {
        let problems = changed(from, to);
        assert!(
            problems[0].starts_with(expected),
            "{from} -> {to}: {problems:#?}"
        );
    }
}

#[test]
fn all_problems_are_named_at_once_in_the_files_order() {
    let config = ENTRY
        .replace("\"PGY-01\"", "\"\"")
        .replace("fps = 30", "fps = 0");
    let problems = problems(&config.replace("keys/ca.pem", "keys/nobody.pem"));
    let lines: Vec<_> = problems
        .iter()
        .map(|p| p.split(':').nth(1).unwrap())
        .collect();
    assert_eq!(lines, ["4", "28", "58"], "{problems:#?}");
}

#[test]
fn what_is_about_money_or_people_has_no_default() {
    for key in [
        "grace_ms",
        "passage_timeout_ms",
        "exit_without_entry",
        "cache_fresh_ms",
        "error_max_ms",
        "beyond",
    ] {
        let line = ENTRY.lines().find(|line| line.starts_with(key)).unwrap();
        let problems = changed(line, "");
        assert!(
            problems[0].contains(&format!("missing field `{key}`")),
            "{problems:#?}"
        );
    }
}

#[test]
fn a_gate_without_a_server_works_alone() {
    let (alone, _) = ENTRY.split_once("[server]").unwrap();
    let dir = folder(alone);
    assert_eq!(
        GateConfig::load(&dir.path().join("gate.toml"))
            .unwrap()
            .server,
        None
    );
}

#[test]
fn a_missing_file_is_named() {
    let err = GateConfig::load(Path::new("/nowhere/gate.toml"))
        .unwrap_err()
        .to_string();
    assert!(
        err.starts_with("/nowhere/gate.toml: cannot read the configuration:"),
        "{err}"
    );
}

#[test]
fn a_screen_is_for_this_box_only_and_its_languages_are_looked_through() {
    let with = |listen: &str, languages: &str| {
        let section = format!("\n[display]\nlisten = \"{listen}\"\nlanguages = {languages}\n");
        format!("{ENTRY}{section}")
    };
    let dir = folder(&with("127.0.0.1:8088", "[\"zh\", \"en\"]"));
    let config = GateConfig::load(&dir.path().join("gate.toml")).unwrap();
    let tags: Vec<_> = config
        .display
        .unwrap()
        .look
        .languages
        .into_iter()
        .map(|language| language.tag)
        .collect();
    assert_eq!(tags, ["zh-CN", "en"]);
    for (listen, languages, said) in [
        ("0.0.0.0:8088", "[\"en\"]", "a browser on this box"),
        ("localhost", "[\"en\"]", "a browser on this box"),
        ("127.0.0.1:8088", "[]", "at least one language"),
        ("127.0.0.1:8088", "[\"fr\"]", "\"fr\" is not built in"),
        (
            "127.0.0.1:8088",
            "[\"fr.toml\"]",
            "cannot read the language",
        ),
    ] {
        let problems = problems(&with(listen, languages));
        assert!(problems.join(" ").contains(said), "{problems:?}");
    }
}

fn with_scanner(lines: &str) -> String {
    format!("{ENTRY}\n[scanner]\n{lines}\n")
}

#[test]
fn a_scanner_stands_beside_the_camera_or_in_its_place() {
    let serial = "kind = \"serial\"\ndevice = \"/dev/ttyACM0\"\nsuffix = \"\\u0003\"";
    let both = with_scanner(serial);
    let dir = folder(&both);
    let config = GateConfig::load(&dir.path().join("gate.toml")).unwrap();
    let scanner = config.scanner.unwrap();
    assert_eq!(scanner.format.end, crate::scanner::End::Bytes(vec![3]));
    assert!(config.frames.is_some());

    let (before, rest) = both.split_once("[frames]").unwrap();
    let (_, after) = rest.split_once("[barrier]").unwrap();
    let dir = folder(&format!("{before}[barrier]{after}"));
    let config = GateConfig::load(&dir.path().join("gate.toml")).unwrap();
    assert!(config.frames.is_none() && config.scanner.is_some());

    let (neither, _) = after.split_once("[scanner]").unwrap();
    let problems = problems(&format!("{before}[barrier]{neither}"));
    assert!(problems[0].contains("write [frames] for a camera, or [scanner]"));
}

#[test]
fn what_does_not_fit_a_scanner_is_said() {
    let device = "device = \"/dev/input/event3\"";
    for (lines, said) in [
        ("kind = \"usb\"", "expected `serial` or `keyboard`"),
        ("kind = \"serial\"\nbaud = 96", "baud is 96; write 300 to"),
        (
            "kind = \"serial\"\ndata_bits = 6",
            "data_bits is 6; write 7 or 8",
        ),
        ("kind = \"serial\"\ngrab = true", "for kind = \"keyboard\""),
        ("kind = \"keyboard\"\nbaud = 9600", "for kind = \"serial\""),
        (
            "kind = \"keyboard\"\nlen_max = 0",
            "len_max is 0; write 1 to",
        ),
        (
            "kind = \"keyboard\"\nsilence_ms = 5",
            "silence_ms is 5; write 20",
        ),
        (
            "kind = \"serial\"\nprefix = \"12345678901234567\"",
            "prefix is too long; write at most 16",
        ),
    ] {
        let problems = problems(&with_scanner(&format!("{device}\n{lines}")));
        assert!(problems.join(" ").contains(said), "{lines}: {problems:?}");
    }
}

fn with_barrier(lines: &str) -> String {
    let (before, rest) = ENTRY.split_once("[barrier]").unwrap();
    let (_, after) = rest.split_once("[journal]").unwrap();
    format!("{before}[barrier]\n{lines}\n[journal]{after}")
}

const TURNSTILE: &str =
    "kind = \"bytes\"\nserial = \"/dev/ttyS1\"\n[barrier.bytes]\nopen = \"02 4F 03\"\n";
const GPIO: &str =
    "kind = \"gpio\"\n[barrier.gpio]\nchip = \"/dev/gpiochip0\"\nopen = { line = 17 }\n";

#[test]
fn barriers_of_other_kinds_load() {
    use crate::barrier::gpio::Sensor;
    let turnstile = format!("{TURNSTILE}passed = \"02 50 .. 03\"\nack = \"06\"");
    let gpio = format!(
        "{GPIO}passed = {{ line = 22, active_low = true, pull = \"up\" }}\nfire = {{ line = 23 }}"
    );
    for (lines, poll) in [(turnstile, 100), (gpio, 10)] {
        let dir = folder(&with_barrier(&lines));
        let config = GateConfig::load(&dir.path().join("gate.toml")).unwrap();
        assert_eq!(config.barrier.poll, Millis(poll));
        match config.barrier.board {
            BoardConfig::Bytes { dialect, line, .. } => {
                assert_eq!((dialect.patterns.len(), line.baud), (2, 9_600));
            }
            BoardConfig::Gpio(lines) => {
                let sensors: Vec<_> = lines.inputs.iter().map(|(sensor, _)| *sensor).collect();
                assert_eq!(sensors, [Sensor::Passed, Sensor::Fire]);
            }
            BoardConfig::Modbus { .. } => panic!("modbus"),
        }
    }
}

#[test]
// long: a table of mistakes
fn what_does_not_fit_a_barrier_is_said() {
    let serial = "serial = \"/dev/ttyS1\"";
    let passed = "passed = \"02 50 03\"";
    for (lines, said) in [
        ("unit = 1".to_owned(), "serial line is missing"),
        (
            format!("kind = \"bytes\"\n{serial}"),
            "write [barrier.bytes]",
        ),
        ("kind = \"gpio\"".to_owned(), "write [barrier.gpio]"),
        (
            format!("kind = \"gpio\"\n{serial}"),
            "another kind of barrier",
        ),
        (
            format!("{serial}\nparity = \"even\""),
            "another kind of barrier",
        ),
        (TURNSTILE.to_owned(), "nothing tells of a passage"),
        (
            format!("{TURNSTILE}{passed}\nack = \"6\""),
            "\"6\" is no byte; write two hexadecimal digits, or ..",
        ),
        (
            format!("{TURNSTILE}{passed}\nclose = \"02 9999ms 03\""),
            "or a pause of at most 2000ms",
        ),
        (
            format!("{TURNSTILE}{passed}\nalive = \"02 50\""),
            "the longer pattern of Passed can begin like this one",
        ),
        (
            format!("{TURNSTILE}passages = \"02 43 .. 03\""),
            "write nn where it stands",
        ),
        (
            format!("{TURNSTILE}{passed}\nanswer_ms = 5"),
            "answer_ms is 5; write 20 to 2000",
        ),
        (GPIO.to_owned(), "missing field `passed`"),
        (
            format!("{GPIO}passed = {{ line = 17 }}"),
            "line 17 is written twice",
        ),
        (
            format!("{GPIO}passed = {{ line = 18, debounce_ms = 5000 }}"),
            "debounce_ms is 5000; write 0 to 1000",
        ),
        (
            format!("{GPIO}passed = {{ line = 18 }}\nclose = {{ line = 19, pulse_ms = 1 }}"),
            "pulse_ms is 1; write 10 to 10000",
        ),
    ] {
        let problems = problems(&with_barrier(&lines));
        assert!(problems.join(" ").contains(said), "{lines}: {problems:?}");
    }
}

#[test]
fn what_does_not_fit_lamps_and_voice_is_said() {
    for (lines, said) in [
        (
            "[lamps]\nkind = \"gpio\"\nchip = \"/dev/gpiochip0\"",
            "there is no lamp",
        ),
        ("[lamps]\nkind = \"gpio\"\ngreen = 1", "the chip is missing"),
        (
            "[lamps]\nkind = \"modbus\"\ngreen = 1",
            "the serial line is missing",
        ),
        (
            "[lamps]\nkind = \"gpio\"\nchip = \"/dev/gpiochip0\"\ngreen = 1\nred = 1",
            "1 is written twice",
        ),
        (
            "[lamps]\nkind = \"modbus\"\nchip = \"/dev/gpiochip0\"\ngreen = 1",
            "chip and active_low are for kind = \"gpio\"",
        ),
        (
            "[voice]\nfolder = \"keys\"\nlanguages = [\"en\"]",
            "put the sentences there",
        ),
        (
            "[voice]\nfolder = \"keys\"\nlanguages = []",
            "at least one language",
        ),
        (
            "[voice]\nfolder = \".\"\nlanguages = [\"keys\"]\nplayer = []",
            "write a program",
        ),
    ] {
        let problems = problems(&format!("{ENTRY}\n{lines}\n"));
        assert!(problems.join(" ").contains(said), "{lines}: {problems:?}");
    }
}

#[test]
fn first_rides_are_limited_no_less_as_the_news_grows_older() {
    let with = |limits: [&str; 2]| {
        let steps = [(600_000, limits[0]), (86_400_000, limits[1])].map(|(after, limit)| {
            format!("[[alone]]\nafter_ms = {after}\nentries_max = 3\n{limit}\n")
        });
        ENTRY.replace("\n[clock]\n", &format!("\n{}[clock]\n", steps.concat()))
    };
    let limit = |minor: u32| format!("first_rides_max_minor = {minor}");
    let dir = folder(&with(["", &limit(5_000)]));
    let config = GateConfig::load(&dir.path().join("gate.toml")).unwrap();
    let limits = config.policy.alone.iter().flatten();
    let limits: Vec<_> = limits.map(|step| step.first_rides_minor).collect();
    assert_eq!(limits, [None, Some(5_000)]);
    for steps in [[&*limit(5_000), ""], [&limit(5_000), &limit(5_001)]] {
        let got = problems(&with(steps)).join("\n");
        let said = "older news must not allow more: write first_rides_max_minor, 5000 at most";
        assert!(got.contains(said), "{got}");
    }
}

#[test]
fn a_gate_that_is_alone_tightens_as_its_news_grows_older() {
    let with = |steps: &[(u32, u16)]| {
        let steps = steps.iter().map(|(after, entries)| {
            format!("[[alone]]\nafter_ms = {after}\nentries_max = {entries}\n")
        });
        ENTRY.replace(
            "\n[clock]\n",
            &format!("\n{}[clock]\n", steps.collect::<String>()),
        )
    };
    let dir = folder(&with(&[(600_000, 6), (86_400_000, 1)]));
    let config = GateConfig::load(&dir.path().join("gate.toml")).unwrap();
    let steps = config.policy.alone.iter().flatten();
    let steps: Vec<_> = steps.map(|step| (step.after.0, step.entries)).collect();
    assert_eq!(steps, [(600_000, 6), (86_400_000, 1)]);
    for (steps, message) in [
        (&[(59_999, 6)][..], "after_ms is 59999; write 60000 or more"),
        (&[(600_000, 6), (600_000, 1)], "write 600001 or more"),
        (&[(600_000, 1), (700_000, 2)], "entries_max grows"),
        (&[(600_000, 1); 5], "write at most 4"),
    ] {
        let got = problems(&with(steps)).join("\n");
        assert!(got.contains(message), "{got}");
    }
}
