//! The figures as Prometheus reads them.

use super::{BUCKETS_MS, METRICS, Metric, Metrics, Requests, Times, lock};
use crate::pay_codes::Outcome;
use crate::store::{GateEnd, Standing};
use fare_protocol::UnixMs;
use std::fmt::Write;
use std::sync::atomic::Ordering;

/// What is told beside the counters.
#[derive(Debug)]
pub struct Figures<'f> {
    /// The server's time.
    pub now: UnixMs,
    /// Which engine: `sqlite` or `postgres`.
    pub database: &'f str,
    /// What the database failed, by errors and by clashes.
    pub faults: (u64, u64),
    /// Work in line for the database.
    pub queue: usize,
    /// What the database says; nothing when it cannot be read.
    pub standing: Option<&'f Standing>,
    /// When each gate was last heard of, in the order of `standing`'s gates.
    pub heard: Vec<Option<UnixMs>>,
}

/// The page.
pub fn text(metrics: &Metrics, figures: &Figures<'_>) -> String {
    let mut page = Page {
        out: String::new(),
        known: METRICS.iter(),
        name: "",
    };
    page.server(metrics, figures);
    page.requests(metrics);
    page.records(metrics);
    if let Some(standing) = figures.standing {
        page.standing(standing, figures.now);
        page.gates(&standing.gates, figures);
    }
    page.out
}

/// Writes figures in the order of [`METRICS`].
struct Page<'m> {
    out: String,
    known: std::slice::Iter<'m, Metric>,
    name: &'static str,
}

impl Page<'_> {
    /// Begins a figure: its help and type, once. Those before it that have no value are passed over.
    fn begin(&mut self, name: &'static str) {
        let metric = self.known.find(|metric| metric.name == name);
        let Some(metric) = metric else {
            debug_assert!(false, "{name} is not in the list, or out of order");
            return;
        };
        self.name = name;
        let (help, kind) = (metric.help, metric.kind.name());
        // Writing to a string cannot fail; so with all here.
        let _ = writeln!(self.out, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn value(&mut self, ending: &str, labels: &[(&str, &str)], value: f64) {
        let _ = write!(self.out, "{}{ending}", self.name);
        for (n, (label, text)) in labels.iter().enumerate() {
            let text = text.replace('\\', "\\\\");
            let text = text.replace('"', "\\\"").replace('\n', " ");
            let before = if n == 0 { '{' } else { ',' };
            let _ = write!(self.out, "{before}{label}=\"{text}\"");
        }
        let after = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.out, "{after} {value}");
    }

    fn one(&mut self, name: &'static str, value: f64) {
        self.begin(name);
        self.value("", &[], value);
    }

    fn server(&mut self, metrics: &Metrics, figures: &Figures<'_>) {
        self.begin("fareserver_info");
        let version = env!("CARGO_PKG_VERSION");
        let labels = [("version", version), ("database", figures.database)];
        self.value("", &labels, 1.0);
        let (errors, clashes) = figures.faults;
        self.one(
            "fareserver_start_time_seconds",
            seconds(metrics.0.started.0),
        );
        let up = if figures.standing.is_some() { 1.0 } else { 0.0 };
        self.one("fareserver_database_up", up);
        self.one("fareserver_database_errors_total", count(errors));
        self.one("fareserver_database_clashes_total", count(clashes));
        self.one("fareserver_database_queue", size(figures.queue));
        self.one("fareserver_requests_open", size(*metrics.0.open.borrow()));
    }

    fn requests(&mut self, metrics: &Metrics) {
        let Requests { answered, times } = lock(&metrics.0.requests).clone();
        self.begin("fareserver_requests_total");
        for ((listener, route, method, status), requests) in &answered {
            let labels = [
                ("listener", listener.name()),
                ("route", route),
                ("method", method),
                ("status", &status.to_string()),
            ];
            self.value("", &labels, count(*requests));
        }
        self.begin("fareserver_request_seconds");
        for ((listener, route), times) in &times {
            self.histogram(&[("listener", listener.name()), ("route", route)], times);
        }
        let turned_away = metrics.0.turned_away.load(Ordering::Relaxed);
        self.one("fareserver_uploads_turned_away_total", count(turned_away));
    }

    fn histogram(&mut self, labels: &[(&str, &str)], times: &Times) {
        let mut up_to = 0;
        for (bound, within) in BUCKETS_MS.iter().zip(times.buckets) {
            up_to += within;
            let bound = (count(*bound) / 1_000.0).to_string();
            self.value(
                "_bucket",
                &[labels, &[("le", &*bound)]].concat(),
                count(up_to),
            );
        }
        let all = [labels, &[("le", "+Inf")]].concat();
        self.value("_bucket", &all, count(times.count));
        self.value("_sum", labels, times.sum.as_secs_f64());
        self.value("_count", labels, count(times.count));
    }

    fn records(&mut self, metrics: &Metrics) {
        let refused = lock(&metrics.0.refused).clone();
        self.begin("fareserver_records_total");
        for (outcome, records) in [
            ("accepted", metrics.0.accepted.load(Ordering::Relaxed)),
            ("repeated", metrics.0.repeated.load(Ordering::Relaxed)),
            ("refused", refused.values().sum()),
        ] {
            self.value("", &[("outcome", outcome)], count(records));
        }
        self.begin("fareserver_records_refused_total");
        for code in [
            "bad-signature",
            "fork",
            "malformed",
            "revoked",
            "wrong-gate",
        ] {
            let records = refused.get(code).copied().unwrap_or(0);
            self.value("", &[("code", code)], count(records));
        }
        let raised = metrics.0.conflicts.load(Ordering::Relaxed);
        self.one("fareserver_conflicts_raised_total", count(raised));
        let asks = lock(&metrics.0.asks).clone();
        self.begin("fareserver_pay_code_asks_total");
        for outcome in [Outcome::Admitted, Outcome::Refused, Outcome::Repeated] {
            let asked = asks.get(&outcome).copied().unwrap_or(0);
            self.value("", &[("outcome", outcome.code())], count(asked));
        }
    }

    fn standing(&mut self, standing: &Standing, now: UnixMs) {
        self.begin("fareserver_conflicts_open");
        for conflicts in &standing.conflicts {
            self.value("", &[("kind", &conflicts.kind)], count(conflicts.count));
        }
        let oldest = standing.conflicts.iter().map(|conflicts| conflicts.oldest);
        self.one(
            "fareserver_conflict_oldest_age_seconds",
            age(oldest.min(), now).unwrap_or(0.0),
        );
        self.one("fareserver_journeys_unpaired", count(standing.inside));
        self.one(
            "fareserver_journey_unpaired_oldest_age_seconds",
            age(standing.oldest_inside, now).unwrap_or(0.0),
        );
        self.one("fareserver_passages_untold", count(standing.untold));
        if let Some((made, findings)) = standing.proof {
            let since = age(Some(made), now).unwrap_or(0.0);
            self.one("fareserver_books_proof_age_seconds", since);
            self.one("fareserver_books_findings", count(findings));
        }
        if let Some(since) = age(standing.closed, now) {
            self.one("fareserver_books_unclosed_seconds", since);
        }
        self.one("fareserver_gates", size(standing.gates.len()));
    }

    fn gates(&mut self, gates: &[GateEnd], figures: &Figures<'_>) {
        let heard = figures.heard.iter();
        let silent = gates.iter().zip(heard).map(|(gate, heard)| {
            let came = gate.newest.map(|(_, _, came)| came);
            age((*heard).max(came), figures.now)
        });
        self.for_each("fareserver_gate_silent_seconds", gates, silent);
        let delays = gates.iter().map(|gate| {
            let newest = gate.newest?;
            Some(seconds(newest.2.since(newest.1).max(0)))
        });
        self.for_each("fareserver_gate_record_delay_seconds", gates, delays);
        let lengths = gates.iter().map(|gate| Some(count(gate.newest?.0)));
        self.for_each("fareserver_gate_chain_length", gates, lengths);
        let kept = gates.iter().map(|gate| Some(count(gate.quarantined)));
        self.for_each("fareserver_gate_quarantined_records", gates, kept);
    }

    fn for_each(
        &mut self,
        name: &'static str,
        gates: &[GateEnd],
        values: impl Iterator<Item = Option<f64>>,
    ) {
        self.begin(name);
        for (gate, value) in gates.iter().zip(values) {
            if let Some(value) = value {
                let labels = [("gate", &*gate.gate), ("station", &*gate.station)];
                self.value("", &labels, value);
            }
        }
    }
}

fn age(since: Option<UnixMs>, now: UnixMs) -> Option<f64> {
    since.map(|since| seconds(now.since(since).max(0)))
}

#[allow(
    clippy::cast_precision_loss,
    reason = "Prometheus counts in floating point"
)]
fn seconds(ms: i64) -> f64 {
    ms as f64 / 1_000.0
}

#[allow(
    clippy::cast_precision_loss,
    reason = "Prometheus counts in floating point"
)]
fn count(n: u64) -> f64 {
    n as f64
}

fn size(n: usize) -> f64 {
    count(u64::try_from(n).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::Listener;
    use super::*;
    use crate::store::StandingConflicts;
    use std::time::Duration;

    #[test]
    // long: one page, line by line
    fn every_figure_of_the_list_is_written_with_its_help_and_type() {
        let metrics = Metrics::new(UnixMs(1_000));
        let asked = (Listener::Gates, "/v1/gates/{gate}/feed".to_owned(), "GET");
        metrics.answered(asked, 200, Duration::from_millis(30));
        let standing = Standing {
            gates: vec![GateEnd {
                gate: "PGY-01".to_owned(),
                station: "PGY".to_owned(),
                newest: Some((7, UnixMs(2_000), UnixMs(5_000))),
                quarantined: 1,
            }],
            conflicts: vec![StandingConflicts {
                kind: "chain-fork".to_owned(),
                count: 1,
                oldest: UnixMs(4_000),
            }],
            inside: 2,
            oldest_inside: Some(UnixMs(3_000)),
            untold: 0,
            proof: Some((UnixMs(7_000), 2)),
            closed: Some(UnixMs(1_000)),
        };
        let figures = Figures {
            now: UnixMs(10_000),
            database: "sqlite",
            faults: (1, 2),
            queue: 3,
            standing: Some(&standing),
            heard: vec![Some(UnixMs(9_000))],
        };
        let page = text(&metrics, &figures);
        for metric in METRICS {
            let head = format!(
                "# HELP {} {}\n# TYPE {} {}\n",
                metric.name,
                metric.help,
                metric.name,
                metric.kind.name()
            );
            assert!(page.contains(&head), "{} is missing: {page}", metric.name);
        }
        for line in [
            "fareserver_database_up 1",
            "fareserver_requests_total{listener=\"gates\",route=\"/v1/gates/{gate}/feed\",method=\"GET\",status=\"200\"} 1",
            "fareserver_request_seconds_bucket{listener=\"gates\",route=\"/v1/gates/{gate}/feed\",le=\"0.025\"} 0",
            "fareserver_request_seconds_bucket{listener=\"gates\",route=\"/v1/gates/{gate}/feed\",le=\"0.1\"} 1",
            "fareserver_request_seconds_sum{listener=\"gates\",route=\"/v1/gates/{gate}/feed\"} 0.03",
            "fareserver_conflicts_open{kind=\"chain-fork\"} 1",
            "fareserver_conflict_oldest_age_seconds 6",
            "fareserver_journey_unpaired_oldest_age_seconds 7",
            "fareserver_books_proof_age_seconds 3",
            "fareserver_books_findings 2",
            "fareserver_books_unclosed_seconds 9",
            "fareserver_gate_silent_seconds{gate=\"PGY-01\",station=\"PGY\"} 1",
            "fareserver_gate_record_delay_seconds{gate=\"PGY-01\",station=\"PGY\"} 3",
            "fareserver_gate_quarantined_records{gate=\"PGY-01\",station=\"PGY\"} 1",
        ] {
            assert!(page.lines().any(|l| l == line), "no {line} in {page}");
        }
        // With no database the counters are told all the same.
        let page = text(
            &metrics,
            &Figures {
                standing: None,
                heard: vec![],
                ..figures
            },
        );
        assert!(page.contains("fareserver_database_up 0") && !page.contains("fareserver_gates"));
    }
}
