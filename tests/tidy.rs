//! Reads our own sources and holds them to the house's rules that no compiler checks. Each checker is
//! a function over text, tested on small strings below; each rule is one test over the repository.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const FILE_LINES_MAX: usize = 800;
const FN_LINES_MAX: usize = 60;
const ARCHITECTURE_LINES_MAX: usize = 125;

/// Parts of type and module names that say nothing about what the thing is.
const EMPTY_WORDS: [&str; 5] = ["Manager", "Helper", "Helpers", "Util", "Utils"];

/// Notes to self; written in two halves so that this file passes its own check.
const LEFTOVERS: [&str; 3] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("dbg", "!("),
];

/// Where in a file, and what is wrong there.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    line: usize,
    what: String,
}

impl Finding {
    fn new(line: usize, what: impl Into<String>) -> Self {
        Self {
            line,
            what: what.into(),
        }
    }
}

fn module_doc(text: &str) -> Vec<Finding> {
    if text.starts_with("//!") {
        return Vec::new();
    }
    vec![Finding::new(
        1,
        "does not open with `//!` saying what is here",
    )]
}

fn file_length(text: &str) -> Vec<Finding> {
    let lines = text.lines().count();
    if lines <= FILE_LINES_MAX {
        return Vec::new();
    }
    vec![Finding::new(
        lines,
        format!("{lines} lines, at most {FILE_LINES_MAX}: split the module"),
    )]
}

/// Functions over the limit without a `// long: reason` on the line before.
fn function_length(text: &str) -> Vec<Finding> {
    let lines: Vec<&str> = text.lines().collect();
    let too_long = |&(start, length): &(usize, usize)| {
        let before = start
            .checked_sub(1)
            .map_or("", |before| lines[before].trim_start());
        length > FN_LINES_MAX && before.strip_prefix("// long: ").is_none_or(str::is_empty)
    };
    let report = |(start, length)| {
        let what = format!("function of {length} lines, at most {FN_LINES_MAX}");
        Finding::new(
            start + 1,
            format!("{what}; or put `// long: reason` on the line before"),
        )
    };
    functions(&lines)
        .into_iter()
        .filter(too_long)
        .map(report)
        .collect()
}

/// First line and number of lines of each function with a body. Leans on rustfmt: a body that does not
/// fit its line ends at the first `}` that is indented as its `fn` is.
fn functions(lines: &[&str]) -> Vec<(usize, usize)> {
    let body_end = |start: usize| {
        let signature = |line: &&str| line.ends_with(['{', '}', ';']);
        let opens = start + lines[start..].iter().position(signature)?;
        if !lines[opens].ends_with('{') {
            return None;
        }
        let indent = indent_of(lines[start]);
        let closes = |line: &&str| indent_of(line) == indent && line.trim_start().starts_with('}');
        Some(opens + 1 + lines[opens + 1..].iter().position(closes)?)
    };
    (0..lines.len())
        .filter(|&start| is_function(lines[start]))
        .filter_map(|start| Some((start, body_end(start)? - start + 1)))
        .collect()
}

fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

fn is_function(line: &str) -> bool {
    let qualifier = |word: &&str| word.starts_with("pub") || ["const", "async"].contains(word);
    line.split_whitespace().find(|word| !qualifier(word)) == Some("fn")
}

fn leftovers(text: &str) -> Vec<Finding> {
    let has = |line: &str, note: &str| {
        let starts_word = |(at, _): &(usize, &str)| {
            !line[..*at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        };
        line.match_indices(note).any(|found| starts_word(&found))
    };
    let found = |(at, line): (usize, &str)| {
        let note = LEFTOVERS.into_iter().find(|note| has(line, note))?;
        Some(Finding::new(
            at + 1,
            format!("`{note}` left in: do it, or write an issue"),
        ))
    };
    text.lines().enumerate().filter_map(found).collect()
}

fn empty_names(text: &str) -> Vec<Finding> {
    let found = |(at, line): (usize, &str)| {
        let name = declared_name(line)?;
        let word = name_parts(name)
            .into_iter()
            .find(|part| EMPTY_WORDS.contains(&part.as_str()))?;
        Some(Finding::new(
            at + 1,
            format!("`{name}`: `{word}` says nothing, name what it is"),
        ))
    };
    text.lines().enumerate().filter_map(found).collect()
}

/// The name of the type, trait or module that a line declares.
/// `$1`, `$2` ... in a statement that do not appear in ascending order. They are numbers to PostgreSQL
/// and names to SQLite, which numbers them as it meets them.
fn sql_numbers(text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (mut line, mut highest) = (1, 0);
    for (n, part) in text.split('"').enumerate() {
        let inside = n % 2 == 1;
        for (at, _) in part.match_indices('$').filter(|_| inside) {
            let digits: String = part[at + 1..]
                .chars()
                .take_while(char::is_ascii_digit)
                .collect();
            let Ok(number) = digits.parse::<u32>() else {
                continue;
            };
            if number > highest + 1 {
                let what = format!(
                    "${number} stands before ${}: number them in order",
                    highest + 1
                );
                findings.push(Finding::new(line + part[..at].matches('\n').count(), what));
            }
            highest = highest.max(number);
        }
        line += part.matches('\n').count();
        highest = 0;
    }
    findings
}

fn declared_name(line: &str) -> Option<&str> {
    let mut words = line
        .split_whitespace()
        .skip_while(|word| word.starts_with("pub"));
    if !["struct", "enum", "trait", "type", "mod"].contains(&words.next()?) {
        return None;
    }
    words
        .next()?
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .next()
}

/// `LaneState` and `lane_state` are both `Lane`, `State`.
fn name_parts(name: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut starts = true;
    for c in name.chars() {
        match (c, starts || c.is_ascii_uppercase(), parts.last_mut()) {
            ('_', _, _) => {}
            (_, false, Some(part)) => part.push(c),
            _ => parts.push(c.to_ascii_uppercase().to_string()),
        }
        starts = c == '_';
    }
    parts
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below `folder` with this extension, in order.
fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![repository().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
        {
            if entry.is_dir() && !entry.ends_with("target") {
                folders.push(entry);
            } else if entry.extension().is_some_and(|e| e == extension) {
                found.push(entry);
            }
        }
    }
    found.sort();
    found
}

/// Fails with every finding of `check` in our Rust sources, as `file:line: what`.
fn check_sources(check: fn(&str) -> Vec<Finding>) {
    let sources: Vec<_> = ["src", "crates", "examples", "fuzz", "tests"]
        .iter()
        .flat_map(|f| files(f, "rs"))
        .collect();
    assert!(
        !sources.is_empty(),
        "no sources found under {}",
        repository().display()
    );
    let mut report = String::new();
    for path in sources {
        let shown = path.strip_prefix(repository()).unwrap().display();
        for Finding { line, what } in check(&fs::read_to_string(&path).unwrap()) {
            report.push_str(&format!("{shown}:{line}: {what}\n"));
        }
    }
    assert!(report.is_empty(), "\n{report}");
}

/// `name version features` of everything that is linked into a package of ours, on this platform.
fn linked_into(package: &str) -> Vec<String> {
    let tree = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--locked",
            "-p",
            package,
            "-e",
            "normal",
        ])
        .args(["--prefix", "none", "-f", "{p} {f}"])
        .current_dir(repository())
        .output()
        .unwrap();
    assert!(
        tree.status.success(),
        "{}",
        String::from_utf8_lossy(&tree.stderr)
    );
    let lines: Vec<_> = String::from_utf8(tree.stdout)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    assert!(
        lines.first().is_some_and(|line| line.starts_with(package)),
        "{lines:?}"
    );
    lines
}

fn crate_name(line: &str) -> &str {
    line.split(' ').next().unwrap_or_default()
}

#[test]
fn every_module_says_what_it_is() {
    check_sources(module_doc);
}

#[test]
fn no_file_is_too_long() {
    check_sources(file_length);
}

#[test]
fn no_function_is_too_long_without_a_reason() {
    check_sources(function_length);
}

#[test]
fn nothing_is_left_undone_in_the_sources() {
    check_sources(leftovers);
}

#[test]
fn numbered_sql_parameters_stand_in_order() {
    check_sources(sql_numbers);
}

#[test]
fn names_say_what_things_are() {
    check_sources(empty_names);
}

#[test]
fn every_gate_config_file_parses() {
    let configs = files("gate-config", "toml");
    assert!(!configs.is_empty());
    for path in configs {
        let parsed = toml::from_str::<toml::Table>(&fs::read_to_string(&path).unwrap());
        assert!(
            parsed.is_ok(),
            "{}: {}",
            path.display(),
            parsed.unwrap_err()
        );
    }
}

/// cross reads `Cross.toml` or the manifest by itself; people look for `cross.toml`.
#[test]
fn cross_is_told_the_same_in_both_places() {
    let read = |file: &str| {
        let text = fs::read_to_string(repository().join(file)).unwrap();
        toml::from_str::<toml::Table>(&text).unwrap()
    };
    let manifest = read("Cargo.toml");
    let metadata = manifest["package"]["metadata"]["cross"].as_table().unwrap();
    assert_eq!(metadata, &read("cross.toml"));
}

#[test]
fn the_map_fits_on_a_page() {
    let text = fs::read_to_string(repository().join("ARCHITECTURE.md"))
        .expect("ARCHITECTURE.md, the map of the project, cannot be read");
    let lines = text.lines().count();
    assert!(
        lines <= ARCHITECTURE_LINES_MAX,
        "ARCHITECTURE.md has {lines} lines"
    );
}

#[test]
fn the_gate_carries_nothing_of_the_server() {
    for line in linked_into("faregate") {
        let name = crate_name(&line);
        assert!(
            !["axum", "fare-server", "fare-sim", "postgres", "rcgen"].contains(&name),
            "{line}"
        );
        // One page for the lane's own screen; nothing that serves many.
        let serves = name == "hyper-util" && line.contains("server");
        assert!(!serves, "the gate serves its screen only: {line}");
    }
}

#[test]
fn the_gate_carries_no_other_decoder() {
    for line in linked_into("faregate") {
        let name = crate_name(&line);
        let peer = ["quirc", "rxing", "zbar", "zxing"]
            .into_iter()
            .find(|peer| name.starts_with(peer));
        assert_eq!(peer, None, "only the feature `peers` may bring {line}");
    }
}

#[test]
fn the_pure_crates_have_no_way_to_the_world() {
    let world = [
        "getrandom",
        "mio",
        "reqwest",
        "rusqlite",
        "tokio",
        "tracing",
        "uuid",
    ];
    for package in ["fare-decode", "fare-protocol", "fare-rules"] {
        for line in linked_into(package) {
            assert!(!world.contains(&crate_name(&line)), "{package} has {line}");
        }
    }
}

/// What the checkers find in small texts.
mod checkers {
    use super::*;

    fn lines_found(findings: Vec<Finding>) -> Vec<usize> {
        findings.into_iter().map(|finding| finding.line).collect()
    }

    /// A function of `length` lines, indented, after `before`.
    fn function(before: &str, indent: &str, length: usize) -> String {
        let body = format!("{indent}    work();\n").repeat(length - 2);
        format!("{before}{indent}pub(crate) async fn long(a: u8) -> u8 {{\n{body}{indent}}}\n")
    }

    #[test]
    fn a_module_opens_with_its_doc() {
        assert_eq!(module_doc("//! The lane.\nuse std::fmt;\n"), []);
        assert_eq!(
            lines_found(module_doc("use std::fmt;\n//! The lane.\n")),
            [1]
        );
        assert_eq!(lines_found(module_doc("// The lane.\n")), [1]);
        assert_eq!(lines_found(module_doc("")), [1]);
    }

    #[test]
    fn a_file_may_be_just_as_long_as_the_limit() {
        assert_eq!(file_length(&"x\n".repeat(FILE_LINES_MAX)), []);
        assert_eq!(
            lines_found(file_length(&"x\n".repeat(FILE_LINES_MAX + 1))),
            [801]
        );
    }

    #[test]
    fn a_function_may_be_just_as_long_as_the_limit() {
        assert_eq!(function_length(&function("", "", FN_LINES_MAX)), []);
        assert_eq!(
            lines_found(function_length(&function("", "", FN_LINES_MAX + 1))),
            [1]
        );
        assert_eq!(
            lines_found(function_length(&function("mod m {\n", "    ", 61))),
            [2]
        );
    }

    #[test]
    fn a_reason_excuses_a_long_function() {
        assert_eq!(function_length(&function("// long: a table\n", "", 90)), []);
        assert_eq!(
            lines_found(function_length(&function("// long: \n", "", 90))),
            [2]
        );
        assert_eq!(
            lines_found(function_length(&function("// a table\n", "", 90))),
            [2]
        );
    }

    #[test]
    fn a_function_is_counted_from_its_signature_to_its_own_brace() {
        let text = "trait T {\n    fn declared(\n        a: u8,\n    ) -> u8;\n    fn short() {}\n\n    \
                    fn split(\n        a: u8,\n    ) -> u8\n    where\n        u8: Copy,\n    {\n        \
                    match a {\n            _ => 1,\n        }\n    }\n}\n";
        assert_eq!(functions(&text.lines().collect::<Vec<_>>()), [(6, 10)]);
        assert!(!is_function("// fn in a comment {"));
        assert!(!is_function("let fn_name = 1;"));
        assert!(is_function("    pub(crate) const fn f() {"));
    }

    #[test]
    fn leftovers_are_found_as_words() {
        let text = format!(
            "fine\n// {}: later\nlet mas{} = 1;\n",
            LEFTOVERS[0], LEFTOVERS[0]
        );
        assert_eq!(lines_found(leftovers(&text)), [2]);
        assert_eq!(
            lines_found(leftovers(&format!("    {}x);\n", LEFTOVERS[2]))),
            [1]
        );
    }

    #[test]
    fn sql_numbers_are_read_in_each_statement() {
        let good = "f(\"a = $1 AND b = $2 OR c = $1\");\ng(\"d = $1\")";
        assert_eq!(sql_numbers(good), []);
        // In two halves, so that this file passes its own check.
        let bad = ["f(\"SET a = $", "2\n WHERE b = $1\");"].concat();
        assert_eq!(lines_found(sql_numbers(&bad)), [1]);
    }

    #[test]
    fn names_are_judged_by_their_parts() {
        assert_eq!(name_parts("LaneState"), ["Lane", "State"]);
        assert_eq!(name_parts("lane_state"), ["Lane", "State"]);
        assert_eq!(name_parts("V2"), ["V2"]);
        let bad = [
            "pub struct LaneManager {",
            "enum UtilKind {",
            "mod test_helpers;",
            "type Utils<T> = T;",
        ];
        for line in bad {
            assert_eq!(lines_found(empty_names(line)), [1], "{line}");
        }
        for line in [
            "struct Utility;",
            "let manager = Manager::new();",
            "// struct Manager",
            "impl X {",
        ] {
            assert_eq!(empty_names(line), [], "{line}");
        }
    }
}
