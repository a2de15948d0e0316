//! Pages for people that are generated from the code: `UPDATE_DOCS=1 cargo nextest run --test docs`.
#![allow(clippy::unwrap_used)]

use fare_rules::Refusal;
use faregate::decode::Unread;
use faregate::logbook::unread_advice;
use faregate::status::metrics::{Kind, METRICS};
use std::fs;
use std::path::Path;

/// Lines that fit on one printed page.
const PAGE_LINES_MAX: usize = 60;

const STAFF_CARD: &str = "\
# Staff card

For the wall beside the gate. `faregate log` shows a number for each rider who was refused; the rider's
screen shows a sentence. Find the number here. **Again** says whether the rider may simply try again.

| number | what it means | again | what to do |
|---|---|---|---|
";

const NOT_READ: &str = "
No number, and the gate does nothing? `faregate log --refused` says why a code that was held out was not
read:

| the log says | what it means, and what to say |
|---|---|
";

const LAST_RESORT: &str = "
Nobody went through in time? The tap is annulled, nothing is charged; the rider may show a new code.
Somebody must go through without a code (a dead phone, a wheelchair)? At the station's page, or at the gate
`faregate let-through --direction entry --reason '…'`: the gate opens once, and nobody is charged.
The barrier stays shut for everybody? `faregate status` says what is wrong. Fire: the barrier opens by
itself, and riders need no code.
";

const METRICS_PAGE: &str = "\
# Metrics

A gate whose configuration names a file under `metrics` in `[status]` writes these figures into it every
`every_s` seconds, whole or not at all, for the textfile collector of Prometheus's node_exporter
(`--collector.textfile.directory` names the folder that the file lies in). The folder must be one that the
gate may write to: under systemd `/run/faregate`, which `RuntimeDirectory=` of the unit makes. Everybody may
read the file; no rider can be told from it. Each figure has the label `gate`.

`faregate_published_time_seconds` stands still when the daemon hangs or is gone: alert on its age first, then
on `faregate_problems > 0`, which says the same as exit status 1 of `faregate status`. Counters begin anew when
the daemon starts.

| name | kind | labels | what it says |
|---|---|---|---|
";

/// Fails when `docs/NAME` is not `text`; writes it when asked to.
fn documented(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("docs")
        .join(name);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, text).unwrap();
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == text,
        "{} is not what the code says; run: UPDATE_DOCS=1 cargo nextest run --test docs",
        path.display()
    );
}

#[test]
fn every_metric_is_documented() {
    let mut page = METRICS_PAGE.to_owned();
    for metric in METRICS {
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let (name, labels, help) = (metric.name, metric.labels, metric.help);
        page.push_str(&format!("| `{name}` | {kind} | {labels} | {help} |\n"));
    }
    documented("metrics.md", &page);
}

#[test]
fn the_staff_card_fits_on_a_page_and_has_every_number() {
    let mut card = STAFF_CARD.to_owned();
    for refusal in Refusal::ALL {
        let again = if refusal.is_transient() { "yes" } else { "no" };
        let (number, meaning, staff) = (refusal.number(), refusal.meaning(), refusal.staff());
        card.push_str(&format!(
            "| **{number}** | {meaning} | {again} | {staff} |\n"
        ));
    }
    card.push_str(NOT_READ);
    for why in Unread::ALL {
        card.push_str(&format!("| {} | {} |\n", why.code(), unread_advice(why)));
    }
    card.push_str(LAST_RESORT);
    assert!(
        card.lines().count() <= PAGE_LINES_MAX,
        "{}",
        card.lines().count()
    );
    documented("staff-card.md", &card);
}
