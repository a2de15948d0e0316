//! `fareserver fares explain` and `import` as somebody types them.

use crate::program::fareserver;
use std::fs;
use std::path::PathBuf;

fn config(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../gate-config");
    folder.join(name).display().to_string()
}

/// Runs it and answers the exit status, what it printed, and what it complained of.
fn run(args: &[&str]) -> (i32, String, String) {
    let output = fareserver(args);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let status = output.status.code().unwrap();
    (status, text(output.stdout), text(output.stderr))
}

/// Beijing's fares with more rules, in files of their own.
struct Table {
    folder: tempfile::TempDir,
}

impl Table {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let beijing = fs::read_to_string(config("tariff-beijing.toml")).unwrap();
        let more = "[[cap]]\nid = \"daily\"\nspan = \"day\"\nmost_minor = 700\n\
                    [maximum]\nno_exit_minor = 900\n\
                    [[product]]\nid = \"two\"\nname = \"Two rides\"\nprice_minor = 800\nvalid_days = 30\nrides = 2\n";
        fs::write(
            folder.path().join("tariff.toml"),
            format!("{beijing}\n{more}"),
        )
        .unwrap();
        Self { folder }
    }

    fn explain(&self, more: &[&str]) -> (i32, String, String) {
        let tariff = self.folder.path().join("tariff.toml");
        let (tariff, stations) = (
            tariff.display().to_string(),
            config("stations-beijing-line1.toml"),
        );
        let head = [
            "fares",
            "explain",
            "--tariff",
            &tariff,
            "--stations",
            &stations,
        ];
        run(&[&head[..], more].concat())
    }
}

const TIMES: [&str; 4] = [
    "--entered",
    "2026-11-30T09:00:00+08:00",
    "--left",
    "2026-11-30T09:40:00+08:00",
];
const BEFORE: &str = "PGY@2026-11-30T07:00:00+08:00,XDN@2026-11-30T07:40:00+08:00";

#[test]
fn a_price_after_earlier_journeys_says_what_those_cost() {
    let table = Table::new();
    let (status, out, _) =
        table.explain(&[&TIMES[..], &["--before", BEFORE, "PGY", "XDN"]].concat());
    assert_eq!(status, 0);
    let lines: Vec<&str> = out.lines().map(str::trim_start).collect();
    assert_eq!(
        lines[0],
        "CNY 5.00  before: PGY to XDN, 2026-11-29T23:00:00Z"
    );
    assert!(
        lines[1].starts_with("CNY 5.00  PGY to XDN, 18503 m"),
        "{out}"
    );
    assert!(lines[2].starts_with("CNY -3.00  "), "{out}");
    assert!(lines[3].starts_with("CNY 2.00  by "), "{out}");
    // The service day begins at 03:00 here: what was before it does not count.
    let yesterday = BEFORE.replace("T07:", "T02:");
    let (_, out, _) =
        table.explain(&[&TIMES[..], &["--before", &yesterday, "PGY", "XDN"]].concat());
    assert!(
        out.lines().last().unwrap().contains("CNY 5.00  by "),
        "{out}"
    );
}

#[test]
fn products_and_missing_ends_are_explained_too() {
    let table = Table::new();
    let (_, out, _) = table.explain(&[&TIMES[..], &["--product", "two", "PGY", "XDN"]].concat());
    assert!(
        out.lines().last().unwrap().contains("CNY 0.00  by "),
        "{out}"
    );
    let (status, out, _) = table.explain(&["--missing", "exit", "PGY"]);
    assert_eq!(status, 0);
    assert!(
        out.contains("CNY 9.00  no exit: the maximum for adult"),
        "{out}"
    );
    let (_, out, _) = table.explain(&["--missing", "entry", "PGY"]);
    assert!(out.starts_with("nothing is charged"), "{out}");
}

#[test]
fn what_cannot_be_explained_is_said_with_what_to_write() {
    let table = Table::new();
    for (more, says) in [
        (&["PGY"][..], "<TO>"),
        (&["--missing", "both", "PGY"][..], "write exit or entry"),
        (
            &["--before", "PGY", "PGY", "XDN"][..],
            "is no journey; write one like PGY@",
        ),
        (
            &[&TIMES[..], &["--product", "ten", "PGY", "XDN"]].concat()[..],
            "this table has no product \"ten\"; it has two",
        ),
    ] {
        let (status, _, err) = table.explain(more);
        assert_eq!(status, 2, "{more:?}: {err}");
        assert!(err.contains(says), "{more:?}: {err}");
    }
}

#[test]
// long: one feed, mended step by step
fn what_a_feed_comes_to_is_shown_where_it_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let sample = PathBuf::from(config("gtfs-sample"));
    for entry in fs::read_dir(&sample).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    let file = |name: &str| folder.path().join(name);
    let (feed, policy) = (
        folder.path().display().to_string(),
        file("fare_policy.toml"),
    );
    let policy = policy.display().to_string();
    let database = file("fares.sqlite3").display().to_string();
    let import = |feed: &str| {
        run(&[
            "fares",
            "import",
            "--database",
            &database,
            "--by",
            "Li",
            "--gtfs",
            feed,
            "--policy",
            &policy,
        ])
    };
    let change = |name: &str, from: &str, to: &str| {
        let text = fs::read_to_string(file(name)).unwrap();
        assert!(text.contains(from), "{name}: {from}");
        fs::write(file(name), text.replace(from, to)).unwrap();
    };
    let (status, _, err) = import("/nowhere");
    assert_eq!(
        (status, err.contains("/nowhere is no folder")),
        (2, true),
        "{err}"
    );
    change("fare_policy.toml", "\"04:00\"", "\"25:00\"");
    let (_, _, err) = import(&feed);
    assert_eq!(
        err.trim_end(),
        "fareserver: the policy, line 15: got \"25:00\"; write a time of day like 04:30"
    );
    change("fare_policy.toml", "\"25:00\"", "\"04:00\"");
    change("stops.txt", "52.6000", "152.6");
    let (_, _, err) = import(&feed);
    assert!(
        err.contains("what the feed comes to: `lat = 152.6`: lat 152.6, lon 13.4 is no place"),
        "{err}"
    );
    change("stops.txt", "152.6", "52.6");
    change(
        "fare_leg_rules.txt",
        "all,metro,,,,short,0",
        "all,metro,inner,inner,,short,0",
    );
    let (_, _, err) = import(&feed);
    let hole = "fareserver: what the feed comes to: 1 pairs of stations have no fare: SUB to SUB; add their fares";
    assert_eq!(err.trim_end(), hole);
    change(
        "fare_leg_rules.txt",
        "all,metro,inner,inner,,short,0",
        "all,metro,,,,short,0",
    );
    let (status, out, err) = import(&feed);
    assert_eq!(status, 0, "{err}");
    assert!(
        out.contains(" draft 2026-01-01 2027-12-31 gtfs-sample"),
        "{out}"
    );
}
