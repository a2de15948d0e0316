//! Pages that are made from the code: `UPDATE_DOCS=1 cargo nextest run -p fare-server documented`.

use fare_server::api::problems::{self, PROBLEMS};
use fare_server::metrics;
use std::fs;
use std::path::{Path, PathBuf};

fn documented(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let path = path.join(name);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, text).unwrap();
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == text,
        "docs/{name} is not what the code says; \
         run `UPDATE_DOCS=1 cargo nextest run -p fare-server documented`"
    );
}

#[test]
fn metrics_are_documented() {
    documented("server-metrics.md", &metrics::markdown());
}

#[test]
fn problems_are_documented() {
    documented("problems.md", &problems::markdown());
}

/// The sources of the crate.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

/// The codes in a source: the text after the status where a problem is made.
fn codes(source: &str) -> Vec<&str> {
    let mut codes = Vec::new();
    for (at, maker) in ["::new(StatusCode::", "not_found("]
        .iter()
        .flat_map(|maker| source.match_indices(maker))
    {
        let rest = &source[at + maker.len()..];
        let first = rest
            .split(',')
            .find(|part| part.contains('"') || part.contains(';'));
        let code = first.map(str::trim).and_then(|part| part.strip_prefix('"'));
        codes.extend(code.and_then(|code| code.split('"').next()));
    }
    codes
}

#[test]
fn every_problem_in_the_sources_is_listed() {
    let mut files = Vec::new();
    sources(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut files,
    );
    let mut found = 0;
    for file in files {
        // Statuses without a problem are made there.
        let text = fs::read_to_string(&file).unwrap();
        for code in codes(&text) {
            found += 1;
            let listed = PROBLEMS.iter().any(|(listed, ..)| *listed == code);
            assert!(
                listed,
                "{}: {code} is not in api/problems.rs",
                file.display()
            );
        }
    }
    assert!(found > 20, "only {found} were found");
    assert!(PROBLEMS.is_sorted(), "by code");
}
