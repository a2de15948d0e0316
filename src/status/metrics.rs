//! The same figures for Prometheus, as text that node_exporter's textfile collector reads.
//!
//! The list below is what `docs/metrics.md` is made from; a test holds text and list together.

use super::{Eyes, OPEN_BUCKETS_MS, OpenTimes, Published, Report};
use crate::decode::Unread;
use crate::journal::Books;
use fare_protocol::UnixMs;
use fare_rules::Refusal;
use std::fmt::Write;

/// How a figure behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, until the daemon starts again.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts by size.
    Histogram,
}

/// One figure that is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// How it behaves.
    pub kind: Kind,
    /// Its labels beside `gate`.
    pub labels: &'static str,
    /// What it says.
    pub help: &'static str,
}

const fn counter(name: &'static str, labels: &'static str, help: &'static str) -> Metric {
    Metric {
        name,
        kind: Kind::Counter,
        labels,
        help,
    }
}

const fn gauge(name: &'static str, labels: &'static str, help: &'static str) -> Metric {
    Metric {
        name,
        kind: Kind::Gauge,
        labels,
        help,
    }
}

/// All of them, in the order in which they are written.
pub const METRICS: &[Metric] = &[
    gauge(
        "faregate_info",
        "station, line, lane, version",
        "Always 1; its labels say which gate and program.",
    ),
    gauge(
        "faregate_start_time_seconds",
        "",
        "When the daemon started, in Unix seconds.",
    ),
    gauge(
        "faregate_published_time_seconds",
        "",
        "When these figures were written, in Unix seconds: an old time means that the daemon hangs or is gone.",
    ),
    gauge(
        "faregate_mode",
        "mode",
        "1 for the mode in which the gate works.",
    ),
    gauge("faregate_fire_alarm", "", "1 while the fire alarm is on."),
    gauge(
        "faregate_problems",
        "",
        "How many things `faregate status` would say somebody should look after.",
    ),
    counter(
        "faregate_taps_total",
        "verdict, direction",
        "Riders admitted in and out, let through by staff, and refused.",
    ),
    counter(
        "faregate_refusals_total",
        "number, code",
        "Riders refused, by reason (docs/staff-card.md).",
    ),
    counter(
        "faregate_passages_total",
        "outcome",
        "What followed: passed, annulled, unknown, unasked, free.",
    ),
    gauge(
        "faregate_last_tap_time_seconds",
        "",
        "The last tap, in Unix seconds; absent before the first.",
    ),
    gauge(
        "faregate_last_passage_time_seconds",
        "",
        "The last passage, in Unix seconds; absent before the first.",
    ),
    Metric {
        name: "faregate_tap_to_open_seconds",
        kind: Kind::Histogram,
        labels: "le",
        help: "From the frame with the code to the open barrier.",
    },
    counter(
        "faregate_pay_codes_total",
        "answer",
        "Pay codes that the server was asked about: yes, no, unreached.",
    ),
    Metric {
        name: "faregate_pay_code_answer_seconds",
        kind: Kind::Histogram,
        labels: "le",
        help: "From asking the server about a pay code to its answer, late ones included.",
    },
    gauge(
        "faregate_frames_coming",
        "",
        "1 while the camera brings frames; absent at a gate without one.",
    ),
    counter(
        "faregate_frames_total",
        "",
        "Frames that the camera brought.",
    ),
    counter(
        "faregate_frames_looked_at_total",
        "",
        "Frames that the decoder looked at; the others were overtaken by newer ones.",
    ),
    counter(
        "faregate_frames_read_total",
        "",
        "Frames in which a code was read.",
    ),
    counter(
        "faregate_unread_total",
        "cause",
        "Codes that were held out and not read.",
    ),
    counter(
        "faregate_decoder_panics_total",
        "",
        "Frames on which the decoder failed.",
    ),
    gauge(
        "faregate_scanner_answers",
        "",
        "1 while the scanner's device is open; absent at a gate without one.",
    ),
    counter(
        "faregate_scanner_read_total",
        "",
        "Codes that the scanner read.",
    ),
    counter(
        "faregate_scanner_dropped_total",
        "",
        "Lines of the scanner that were no code: too long, broken off, disturbed.",
    ),
    gauge(
        "faregate_barrier_answers",
        "",
        "1 while the barrier's board answers.",
    ),
    counter(
        "faregate_barrier_faults_total",
        "",
        "Commands that the barrier did not obey.",
    ),
    gauge(
        "faregate_server_online",
        "",
        "1 when the last attempts to reach the server succeeded; absent at a gate that works alone.",
    ),
    gauge(
        "faregate_outbox_records",
        "",
        "Records that wait for the server.",
    ),
    gauge(
        "faregate_outbox_oldest_age_seconds",
        "",
        "How long the oldest of them has waited; 0 when none waits.",
    ),
    gauge(
        "faregate_quarantined_records",
        "",
        "Records that the server refused for good.",
    ),
    gauge("faregate_denied_accounts", "", "Accounts on the deny list."),
    gauge("faregate_denied_phones", "", "Phones on the deny list."),
    gauge(
        "faregate_deny_list_age_seconds",
        "",
        "How old the server's news are; absent before the first.",
    ),
    gauge(
        "faregate_first_rides_minor",
        "currency",
        "What first rides since the server's news may cost together, in minor units; absent without any.",
    ),
    gauge(
        "faregate_unknown_changes",
        "",
        "Changes in the server's feed that this program does not know: it wants an update.",
    ),
    gauge(
        "faregate_records",
        "",
        "Records that the gate has ever made.",
    ),
    gauge(
        "faregate_journal_bytes",
        "",
        "The journal's size on the disk, with its write-ahead log.",
    ),
    gauge(
        "faregate_disk_free_bytes",
        "",
        "Room left on the journal's disk.",
    ),
    counter(
        "faregate_notes_dropped_total",
        "",
        "Diagnostic notes that were never written.",
    ),
    gauge(
        "faregate_notes_evicted",
        "",
        "Diagnostic notes that made room for others, ever.",
    ),
    gauge(
        "faregate_clock_error_seconds",
        "",
        "Bound of the clock's error, either way.",
    ),
    gauge(
        "faregate_temperature_celsius",
        "sensor",
        "The warmest sensor; absent where there is none.",
    ),
];

/// The text of a report; nothing before the daemon has published.
pub fn text(report: &Report) -> String {
    let Some(daemon) = &report.daemon else {
        return String::new();
    };
    let mut page = Page {
        out: String::new(),
        gate: daemon.gate.id.to_string(),
        known: METRICS.iter(),
        name: "",
    };
    page.identity(report, daemon);
    page.riders(daemon);
    page.eyes(daemon);
    page.devices(daemon);
    if let Some(books) = &report.journal {
        page.books(books, report.at_ms);
    }
    page.rest(report, daemon);
    page.out
}

/// Writes figures in the order of [`METRICS`].
struct Page<'m> {
    out: String,
    gate: String,
    known: std::slice::Iter<'m, Metric>,
    name: &'static str,
}

impl Page<'_> {
    /// Begins a figure: its help and type, once. Those before it that have no value are passed over.
    fn begin(&mut self, name: &'static str) {
        let metric = self.known.find(|metric| metric.name == name);
        let Some(Metric { kind, help, .. }) = metric else {
            debug_assert!(false, "{name} is not in the list, or out of order");
            return;
        };
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        self.name = name;
        let _ = writeln!(self.out, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// One value. Writing to a string cannot fail.
    fn value(&mut self, ending: &str, labels: &[(&str, &str)], value: f64) {
        let _ = write!(self.out, "{}{ending}{{gate=\"{}\"", self.name, self.gate);
        for (label, text) in labels {
            let text = text
                .replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('\n', " ");
            let _ = write!(self.out, ",{label}=\"{text}\"");
        }
        let _ = writeln!(self.out, "}} {value}");
    }

    fn one(&mut self, name: &'static str, value: f64) {
        self.begin(name);
        self.value("", &[], value);
    }

    fn maybe(&mut self, name: &'static str, value: Option<f64>) {
        if let Some(value) = value {
            self.one(name, value);
        }
    }

    fn identity(&mut self, report: &Report, daemon: &Published) {
        let gate = &daemon.gate;
        let lane = gate.lane.0.to_string();
        self.begin("faregate_info");
        let labels = [
            ("station", gate.station.as_str()),
            ("line", gate.line.as_str()),
            ("lane", &lane),
            ("version", &gate.version),
        ];
        self.value("", &labels, 1.0);
        self.one("faregate_start_time_seconds", seconds(gate.started_ms.0));
        self.one("faregate_published_time_seconds", seconds(daemon.at_ms.0));
        self.begin("faregate_mode");
        self.value("", &[("mode", &crate::journal::word(&daemon.mode))], 1.0);
        self.one("faregate_fire_alarm", flag(daemon.fire));
        self.one("faregate_problems", count_of(report.problems().len()));
    }

    fn riders(&mut self, daemon: &Published) {
        let taps = &daemon.taps;
        self.begin("faregate_taps_total");
        for (verdict, direction, taps) in [
            ("admitted", "entry", taps.entries),
            ("admitted", "exit", taps.exits),
            ("let-through", "", taps.let_through),
            ("refused", "", taps.refused_in_all()),
        ] {
            self.value(
                "",
                &[("verdict", verdict), ("direction", direction)],
                count(taps),
            );
        }
        self.begin("faregate_refusals_total");
        for refusal in Refusal::ALL {
            let number = refusal.number();
            let refused = taps.refused.get(&number).copied().unwrap_or(0);
            let labels = [("number", &*number.to_string()), ("code", refusal.code())];
            self.value("", &labels, count(refused));
        }
        self.begin("faregate_passages_total");
        for (outcome, passages) in [
            ("passed", taps.passed),
            ("annulled", taps.annulled),
            ("unknown", taps.unknown),
            ("unasked", taps.unasked),
            ("free", taps.free),
        ] {
            self.value("", &[("outcome", outcome)], count(passages));
        }
        let time = |at: Option<UnixMs>| at.map(|at| seconds(at.0));
        self.maybe("faregate_last_tap_time_seconds", time(taps.last_tap_ms));
        self.maybe(
            "faregate_last_passage_time_seconds",
            time(taps.last_passage_ms),
        );
        self.times("faregate_tap_to_open_seconds", &taps.open_times);
        let pay_codes = &taps.pay_codes;
        self.begin("faregate_pay_codes_total");
        for (answer, codes) in [
            ("yes", pay_codes.yes),
            ("no", pay_codes.no),
            ("unreached", pay_codes.unreached),
        ] {
            self.value("", &[("answer", answer)], count(codes));
        }
        self.times("faregate_pay_code_answer_seconds", &pay_codes.times);
    }

    fn times(&mut self, name: &'static str, times: &OpenTimes) {
        self.begin(name);
        for (bound, within) in OPEN_BUCKETS_MS.into_iter().zip(times.within) {
            let bound = seconds(bound.into()).to_string();
            self.value("_bucket", &[("le", &bound)], count(within));
        }
        self.value("_bucket", &[("le", "+Inf")], count(times.count));
        self.value("_sum", &[], count(times.sum_ms) / 1_000.0);
        self.value("_count", &[], count(times.count));
    }

    fn eyes(&mut self, daemon: &Published) {
        let nothing = Eyes::default();
        let eyes = daemon.eyes.as_ref().unwrap_or(&nothing);
        let coming = daemon.eyes.as_ref().map(|eyes| flag(eyes.coming));
        self.maybe("faregate_frames_coming", coming);
        self.one("faregate_frames_total", count(eyes.frames));
        self.one("faregate_frames_looked_at_total", count(eyes.looked_at));
        self.one("faregate_frames_read_total", count(eyes.read));
        self.begin("faregate_unread_total");
        for why in Unread::ALL {
            let unread = eyes.unread.get(why.code()).copied().unwrap_or(0);
            self.value("", &[("cause", why.code())], count(unread));
        }
        self.one("faregate_decoder_panics_total", count(eyes.panics));
        let scanner = daemon.scanner.as_ref();
        let there = scanner.map(|scanner| flag(scanner.answers));
        self.maybe("faregate_scanner_answers", there);
        self.one(
            "faregate_scanner_read_total",
            count(scanner.map_or(0, |scanner| scanner.read)),
        );
        self.one(
            "faregate_scanner_dropped_total",
            count(scanner.map_or(0, |scanner| scanner.dropped)),
        );
    }

    fn devices(&mut self, daemon: &Published) {
        self.one("faregate_barrier_answers", flag(daemon.barrier.answers));
        self.one(
            "faregate_barrier_faults_total",
            count(daemon.barrier.faults),
        );
        let online = daemon
            .server
            .as_ref()
            .map(|server| flag(server.online == Some(true)));
        self.maybe("faregate_server_online", online);
    }

    fn books(&mut self, books: &Books, now: UnixMs) {
        let age = |at: UnixMs| seconds(now.since(at).max(0));
        self.one("faregate_outbox_records", count(books.waiting));
        let oldest = books.oldest_waiting_ms.map_or(0.0, age);
        self.one("faregate_outbox_oldest_age_seconds", oldest);
        self.one("faregate_quarantined_records", count(books.quarantined));
        self.one("faregate_denied_accounts", count(books.denied));
        self.one("faregate_denied_phones", count(books.denied_keys));
        self.maybe(
            "faregate_deny_list_age_seconds",
            books.news_as_of_ms.map(age),
        );
        if let Some(first) = books.first_rides {
            self.begin("faregate_first_rides_minor");
            let currency = first.currency.to_string();
            self.value("", &[("currency", &currency)], money(first.minor));
        }
        self.one("faregate_unknown_changes", count(books.unknown_changes));
        self.one("faregate_records", count(books.newest_record));
        self.one("faregate_journal_bytes", count(books.bytes));
    }

    fn rest(&mut self, report: &Report, daemon: &Published) {
        let machine = &report.machine;
        self.maybe(
            "faregate_disk_free_bytes",
            machine.disk.map(|disk| count(disk.free)),
        );
        self.one("faregate_notes_dropped_total", count(daemon.notes_dropped));
        let evicted = report
            .journal
            .as_ref()
            .map(|books| count(books.notes_evicted));
        self.maybe("faregate_notes_evicted", evicted);
        self.one(
            "faregate_clock_error_seconds",
            seconds(daemon.clock.error_ms.into()),
        );
        if let Some(warmest) = &machine.warmest {
            self.begin("faregate_temperature_celsius");
            self.value("", &[("sensor", &warmest.sensor)], warmest.celsius);
        }
    }
}

fn flag(on: bool) -> f64 {
    f64::from(u8::from(on))
}

#[allow(
    clippy::cast_precision_loss,
    reason = "Prometheus knows no other numbers"
)]
fn count(number: u64) -> f64 {
    number as f64
}

fn count_of(number: usize) -> f64 {
    count(u64::try_from(number).unwrap_or(u64::MAX))
}

#[allow(
    clippy::cast_precision_loss,
    reason = "Prometheus knows no other numbers"
)]
fn money(minor: i64) -> f64 {
    minor as f64
}

#[allow(
    clippy::cast_precision_loss,
    reason = "Prometheus knows no other numbers"
)]
fn seconds(ms: i64) -> f64 {
    ms as f64 / 1_000.0
}
