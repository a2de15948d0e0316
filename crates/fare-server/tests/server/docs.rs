//! Pages that are made from the code: `UPDATE_DOCS=1 cargo nextest run -p fare-server documented`.

use fare_server::api::problems::{self, PROBLEMS};
use fare_server::metrics;
use fare_server::openapi::{self, ROUTES};
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

/// The routes that a source makes, as `method path`.
fn routes(source: &str) -> Vec<String> {
    let mut routes = Vec::new();
    for (at, _) in source.match_indices(".route(") {
        let rest = &source[at + ".route(".len()..];
        let mut depth = 1;
        let end = rest.find(|letter| {
            depth += i32::from(letter == '(') - i32::from(letter == ')');
            depth == 0
        });
        let call = &rest[..end.unwrap()];
        let path = call.split('"').nth(1).unwrap();
        for method in ["get", "post", "delete", "put", "patch"] {
            let is_made =
                |before: char| !before.is_alphanumeric() && before != '_' && before != ':';
            let call_of = format!("{method}(");
            let made = call.match_indices(&call_of);
            if made
                .clone()
                .any(|(at, _)| call[..at].chars().next_back().is_some_and(is_made))
            {
                routes.push(format!("{method} {path}"));
            }
        }
    }
    routes
}

#[test]
fn every_route_is_described_and_nothing_else() {
    let mut files = Vec::new();
    sources(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut files,
    );
    let mut made: Vec<_> = files
        .iter()
        .flat_map(|file| routes(&fs::read_to_string(file).unwrap()))
        .collect();
    made.sort();
    made.dedup();
    let described = ROUTES
        .iter()
        .map(|route| format!("{} {}", route.method, route.path));
    let mut described: Vec<_> = described.collect();
    assert!(
        ROUTES.is_sorted_by_key(|route| (route.path, route.method)),
        "by path"
    );
    described.sort();
    assert_eq!(described, made, "look at openapi/routes.rs");
}

#[test]
fn the_description_holds_together() {
    let document = openapi::document();
    assert_eq!(document["openapi"], "3.1.0");
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let text = document.to_string();
    let mut used = std::collections::BTreeSet::new();
    for part in text.split("#/components/schemas/").skip(1) {
        let name = part.split('"').next().unwrap();
        assert!(schemas.contains_key(name), "{name} is not there");
        used.insert(name);
    }
    for name in schemas.keys() {
        assert!(used.contains(name.as_str()), "{name} is not used");
    }
    let mut ids = std::collections::BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for operation in operations.as_object().unwrap().values() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id.to_owned()), "{id} twice");
            for wanted in path.split('{').skip(1) {
                let name = wanted.split('}').next().unwrap();
                let named = operation["parameters"].as_array().unwrap().iter();
                let mut named = named.filter(|one| one["in"] == "path");
                assert!(named.any(|one| one["name"] == name), "{path}: {name}");
            }
        }
    }
}
