//! The figures, in the order in which they are written.

/// How a figure behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, until the server starts again.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts by size.
    Histogram,
}

impl Kind {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// One figure that is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// How it behaves.
    pub kind: Kind,
    /// Its labels.
    pub labels: &'static str,
    /// What it says.
    pub help: &'static str,
}

const fn metric(
    kind: Kind,
    name: &'static str,
    labels: &'static str,
    help: &'static str,
) -> Metric {
    Metric {
        name,
        kind,
        labels,
        help,
    }
}

/// All of them.
pub const METRICS: &[Metric] = &[
    metric(
        Kind::Gauge,
        "fareserver_info",
        "version, database",
        "Always 1; its labels say which program, and SQLite or PostgreSQL.",
    ),
    metric(
        Kind::Gauge,
        "fareserver_start_time_seconds",
        "",
        "When the server started, in Unix seconds.",
    ),
    metric(
        Kind::Gauge,
        "fareserver_database_up",
        "",
        "1 when the figures below that come from the database could be read now; when 0 they are absent.",
    ),
    metric(
        Kind::Counter,
        "fareserver_database_errors_total",
        "",
        "Statements and transactions that the database failed.",
    ),
    metric(
        Kind::Counter,
        "fareserver_database_clashes_total",
        "",
        "Transactions that others' work was in the way of; they are done again.",
    ),
    metric(
        Kind::Gauge,
        "fareserver_database_queue",
        "",
        "Pieces of work that stand in line for the database.",
    ),
    metric(
        Kind::Gauge,
        "fareserver_requests_open",
        "",
        "Requests under way, waiting feeds included.",
    ),
    metric(
        Kind::Counter,
        "fareserver_requests_total",
        "listener, route, method, status",
        "Requests answered. The route `other` is what matches none, and the wallet's files.",
    ),
    metric(
        Kind::Histogram,
        "fareserver_request_seconds",
        "listener, route, le",
        "Until an answer began. Feeds wait for news up to 30 s, on purpose.",
    ),
    metric(
        Kind::Counter,
        "fareserver_uploads_turned_away_total",
        "",
        "Uploads answered with 429 because too many were under way; their gates come again.",
    ),
    metric(
        Kind::Counter,
        "fareserver_records_total",
        "outcome",
        "Records that gates uploaded: accepted, repeated (answered before), refused.",
    ),
    metric(
        Kind::Counter,
        "fareserver_records_refused_total",
        "code",
        "Those refused, by reason; their gate puts them into quarantine.",
    ),
    metric(
        Kind::Counter,
        "fareserver_conflicts_raised_total",
        "",
        "Conflicts that uploads raised.",
    ),
    metric(
        Kind::Counter,
        "fareserver_pay_code_asks_total",
        "outcome",
        "Pay codes that gates asked about: admitted, refused, repeated (answered before).",
    ),
    metric(
        Kind::Gauge,
        "fareserver_conflicts_open",
        "kind",
        "Conflicts that stand and wait for a person.",
    ),
    metric(
        Kind::Gauge,
        "fareserver_conflict_oldest_age_seconds",
        "",
        "How long the oldest of them has stood; 0 when there is none.",
    ),
    metric(
        Kind::Gauge,
        "fareserver_journeys_unpaired",
        "",
        "Entries whose exit has not come: riders inside.",
    ),
    metric(
        Kind::Gauge,
        "fareserver_journey_unpaired_oldest_age_seconds",
        "",
        "How long ago the oldest of them entered; 0 when there is none.",
    ),
    metric(
        Kind::Gauge,
        "fareserver_passages_untold",
        "",
        "Passages of which neither their gate nor a later tap has told yet.",
    ),
    metric(
        Kind::Gauge,
        "fareserver_books_proof_age_seconds",
        "",
        "Since the books were last added up and compared, which is done every hour; absent when they never were.",
    ),
    metric(
        Kind::Gauge,
        "fareserver_books_findings",
        "",
        "What that proof found wrong, at most 20 of each kind: `fareserver books` says what.",
    ),
    metric(
        Kind::Gauge,
        "fareserver_books_unclosed_seconds",
        "",
        "Since the moment up to which the books are closed, which is done every service day; absent when they never were.",
    ),
    metric(Kind::Gauge, "fareserver_gates", "", "Registered gates."),
    metric(
        Kind::Gauge,
        "fareserver_gate_silent_seconds",
        "gate, station",
        "Since the gate was last heard of; absent for one that never was.",
    ),
    metric(
        Kind::Gauge,
        "fareserver_gate_record_delay_seconds",
        "gate, station",
        "How long the gate's newest stored record waited in its outbox before it came; absent when there is none.",
    ),
    metric(
        Kind::Gauge,
        "fareserver_gate_chain_length",
        "gate, station",
        "The highest place of the gate's chain that is stored.",
    ),
    metric(
        Kind::Gauge,
        "fareserver_gate_quarantined_records",
        "gate, station",
        "Records refused as forks of the gate's chain, which the server keeps aside.",
    ),
];

const PAGE: &str = "\
# Metrics of the server

`fareserver run` tells these figures at `GET /metrics` of the address `status_listen`, in Prometheus' text
format. That address may only be a loopback or a private one, which riders cannot reach; beside it stand
`/healthz` (the process answers) and `/readyz` (the database answers too, can be written as far as was tried last, and
its schema is the one that this program knows). No rider can be told from any of them. Counters begin anew when the server starts. With several
servers on one database each counts its own requests; what comes from the database is the same for all.

Alert on `fareserver_database_up == 0`, on `fareserver_database_errors_total` that grows, on a gate whose
`fareserver_gate_silent_seconds` is above 90, on `fareserver_gate_quarantined_records > 0`, on
`fareserver_books_findings > 0`, on `fareserver_books_proof_age_seconds` above 7200, on `fareserver_books_unclosed_seconds`
above 100000, and on `fareserver_conflict_oldest_age_seconds` beyond the time in which staff should have decided.

| name | kind | labels | what it says |
|---|---|---|---|
";

/// `docs/server-metrics.md`.
pub fn markdown() -> String {
    let mut page = PAGE.to_owned();
    for metric in METRICS {
        let Metric {
            name, labels, help, ..
        } = metric;
        let kind = metric.kind.name();
        page.push_str(&format!("| `{name}` | {kind} | {labels} | {help} |\n"));
    }
    page
}
