//! One screen for people who ask how the gate is doing.

use super::judge::mib;
use super::{Eyes, PayCodes, Published, Report, Scanner, Server, Taps};
use crate::journal::Books;
use crate::logbook::{Zone, span};
use crate::trial::Standing;
use fare_protocol::{Mode, UnixMs};
use fare_rules::Refusal;
use std::cmp::Reverse;
use std::fmt::{Arguments, Write};

/// Reasons named in the row of the refused; all of them stand in the log.
const REASONS_MAX: usize = 3;

/// Whether colours are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// On a terminal.
    Colours,
    /// Everywhere else.
    Plain,
}

impl Paint {
    fn good(self, text: &str) -> String {
        self.with("1;32", text)
    }

    fn bad(self, text: &str) -> String {
        self.with("1;31", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        match self {
            Self::Colours => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            Self::Plain => text.to_owned(),
        }
    }
}

/// The screen.
pub fn screen(report: &Report, zone: &Zone, paint: Paint) -> String {
    let mut screen = Screen {
        out: String::new(),
        zone,
        now: report.at_ms,
    };
    screen.head(report);
    screen.verdict(report, paint);
    if let Some(daemon) = &report.daemon {
        screen.daemon(daemon, report.runs);
    }
    if let Some(config) = &report.config {
        screen.config(config);
    }
    if let Some(books) = &report.journal {
        screen.books(books);
    }
    if let Some(daemon) = &report.daemon {
        screen.lane(daemon);
    }
    screen.computer(report);
    screen.out
}

struct Screen<'z> {
    out: String,
    zone: &'z Zone,
    now: UnixMs,
}

impl Screen<'_> {
    /// Writing to a string cannot fail.
    fn say(&mut self, line: Arguments<'_>) {
        let _ = writeln!(self.out, "{line}");
    }

    fn row(&mut self, name: &str, text: &str) {
        self.say(format_args!("  {name:<10} {text}"));
    }

    /// `14:03:22 (20 s ago)`, with the day when that was another one.
    fn when(&self, at: UnixMs) -> String {
        let ago = span(self.now.since(at));
        format!("{} ({ago} ago)", self.zone.short(at))
    }

    fn head(&mut self, report: &Report) {
        let time = self.zone.short(self.now);
        match report.daemon.as_ref().map(|daemon| &daemon.gate) {
            Some(gate) => self.say(format_args!(
                "gate {} at {}, line {}, lane {}    {time}",
                gate.id, gate.station, gate.line, gate.lane.0
            )),
            None => self.say(format_args!("gate    {time}")),
        }
    }

    fn verdict(&mut self, report: &Report, paint: Paint) {
        let problems = report.problems();
        if problems.is_empty() {
            let fine = paint.good("FINE");
            self.say(format_args!("{fine}"));
        }
        for problem in problems {
            let bad = paint.bad("LOOK AFTER");
            self.say(format_args!("{bad}  {}", problem.what));
            self.say(format_args!("            {}", problem.todo));
        }
        self.say(format_args!(""));
    }

    fn daemon(&mut self, daemon: &Published, runs: bool) {
        let gate = &daemon.gate;
        let since = self.when(gate.started_ms);
        if runs {
            let text = format!(
                "faregate {}, process {}, since {since}",
                gate.version, gate.pid
            );
            self.row("runs", &text);
        } else {
            self.row(
                "stopped",
                &format!("what follows was so at {}", self.when(daemon.at_ms)),
            );
        }
        let mode = match daemon.mode {
            Mode::Normal => "normal".to_owned(),
            Mode::EntryExitExempt
            | Mode::TimeExempt
            | Mode::DateExempt
            | Mode::FareExempt
            | Mode::Closed
            | Mode::Emergency
            | Mode::Free => crate::journal::word(&daemon.mode),
        };
        self.row("mode", &format!("{mode}; lane {}", daemon.lane));
        let server = self.server(daemon.server.as_ref());
        self.row("server", &server);
    }

    fn server(&self, server: Option<&Server>) -> String {
        let Some(server) = server else {
            return "none: this gate works alone".to_owned();
        };
        let since = server
            .since_ms
            .map(|at| format!(" since {}", self.when(at)));
        let since = since.unwrap_or_default();
        match server.online {
            Some(true) => {
                let until = server.certificate_until_ms.map(|until| {
                    let days = until.since(self.now).div_euclid(86_400_000);
                    format!("; certificate good for {days} days")
                });
                format!("online{since}{}", until.unwrap_or_default())
            }
            Some(false) => {
                let why = server.reason.as_deref().unwrap_or_default();
                format!("OFFLINE{since}: {why}")
            }
            None => "not tried yet".to_owned(),
        }
    }

    fn config(&mut self, config: &Standing) {
        let mut text = match config.since_ms {
            Some(since) => format!("the server's, since {}", self.when(since)),
            None => "the gate's own file".to_owned(),
        };
        match config.trial {
            Some("tried") => text.push_str("; another is being tried"),
            Some(_) => text.push_str("; another waits until nobody is under way"),
            None => {}
        }
        if let Some(last) = &config.last {
            let (words, at) = (last.outcome.words(), self.when(last.at_ms));
            text.push_str(&format!("; the newest: {words} at {at}"));
        }
        self.row("config", &text);
    }

    fn books(&mut self, books: &Books) {
        let age = |at: Option<UnixMs>| at.map(|at| span(self.now.since(at)));
        let waiting = match age(books.oldest_waiting_ms) {
            Some(oldest) => format!("{} records wait, the oldest for {oldest}", books.waiting),
            None => "nothing waits".to_owned(),
        };
        let quarantined = books.quarantined;
        let denied = match age(books.news_as_of_ms) {
            Some(age) => {
                let phones = match books.denied_keys {
                    0 => String::new(),
                    phones => format!(" and {phones} phones"),
                };
                format!("{} accounts{phones}, {age} old", books.denied)
            }
            None => "none from the server yet".to_owned(),
        };
        let journal = format!(
            "{} records made, {} on the disk; {} notes evicted",
            books.newest_record,
            mib(books.bytes),
            books.notes_evicted
        );
        self.row(
            "outbox",
            &format!("{waiting}; {quarantined} refused by the server"),
        );
        self.row("deny list", &denied);
        if let Some(first) = books.first_rides {
            let text = format!("may cost {first} together, since that list");
            self.row("new riders", &text);
        }
        self.row("journal", &journal);
    }

    fn lane(&mut self, daemon: &Published) {
        let tariff = &daemon.tariff;
        let hash: String = tariff.hash.to_hex().chars().take(8).collect();
        self.row("tariff", &format!("{}, version {hash}", tariff.name));
        if let Some(eyes) = &daemon.eyes {
            self.row("camera", &camera(eyes));
            self.row("not read", &not_read(eyes));
        }
        if let Some(scanner) = &daemon.scanner {
            self.row("scanner", &self::scanner(*scanner));
        }
        let riders = self.riders(&daemon.taps);
        self.row("riders", &riders);
        self.row("refused", &refused(&daemon.taps));
        let PayCodes {
            yes, no, unreached, ..
        } = &daemon.taps.pay_codes;
        if yes + no + unreached > 0 {
            let said = format!(
                "{yes} accepted by the server, {no} refused, {unreached} without an answer"
            );
            self.row("pay codes", &said);
        }
        let passages = self.passages(&daemon.taps);
        self.row("passages", &passages);
        if let Some(mean) = daemon.taps.open_times.mean_ms() {
            let count = daemon.taps.open_times.count;
            self.row(
                "opening",
                &format!("{mean} ms after the frame, mean of {count}"),
            );
        }
        let barrier = if daemon.barrier.answers {
            "answers"
        } else {
            "DOES NOT ANSWER"
        };
        self.row(
            "barrier",
            &format!("{barrier}; faults: {}", daemon.barrier.faults),
        );
        let clock = &daemon.clock;
        self.row(
            "clock",
            &format!("right to {} ms, {}", clock.error_ms, clock.by),
        );
    }

    fn riders(&self, taps: &Taps) -> String {
        let mut text = format!("{} in, {} out", taps.entries, taps.exits);
        if taps.let_through > 0 {
            text.push_str(&format!(", {} let through by staff", taps.let_through));
        }
        text.push_str(&self.last(taps.last_tap_ms));
        text
    }

    fn last(&self, at: Option<UnixMs>) -> String {
        let ago = at.map(|at| format!("; last {} ago", span(self.now.since(at))));
        ago.unwrap_or_default()
    }

    fn passages(&self, taps: &Taps) -> String {
        let mut text = format!(
            "{} passed, {} annulled, {} unknown",
            taps.passed, taps.annulled, taps.unknown
        );
        for (count, what) in [(taps.unasked, "unasked"), (taps.free, "free")] {
            if count > 0 {
                text.push_str(&format!(", {count} {what}"));
            }
        }
        text.push_str(&self.last(taps.last_passage_ms));
        text
    }

    fn computer(&mut self, report: &Report) {
        let machine = &report.machine;
        let disk = machine.disk.map_or_else(
            || "not known".to_owned(),
            |disk| {
                format!(
                    "{} free of {} ({} %)",
                    mib(disk.free),
                    mib(disk.size),
                    disk.free_percent()
                )
            },
        );
        self.row("disk", &disk);
        let warmest = machine.warmest.as_ref().map_or_else(
            || "no sensor".to_owned(),
            |warmest| format!("{:.0} °C ({})", warmest.celsius, warmest.sensor),
        );
        self.row("warmest", &warmest);
    }
}

/// How many, and the most frequent reasons.
fn refused(taps: &Taps) -> String {
    let mut most: Vec<_> = taps.refused.iter().collect();
    most.sort_by_key(|(number, count)| (Reverse(**count), **number));
    let named = most.into_iter().take(REASONS_MAX).map(|(number, count)| {
        let known = Refusal::ALL
            .into_iter()
            .find(|known| known.number() == *number);
        format!("{number} {}: {count}", known.map_or("", Refusal::code))
    });
    let named: Vec<_> = named.collect();
    match taps.refused_in_all() {
        0 => "none".to_owned(),
        all => format!("{all}; {}", named.join(", ")),
    }
}

fn camera(eyes: &Eyes) -> String {
    if !eyes.coming {
        return format!("NO FRAMES; {} codes read before", eyes.read);
    }
    format!(
        "{:.1} frames a second, {:.1} looked at; {} frames with a code read",
        eyes.frames_per_s, eyes.looked_per_s, eyes.read
    )
}

fn scanner(scanner: Scanner) -> String {
    let state = if scanner.answers {
        "there"
    } else {
        "NOT THERE"
    };
    let (read, dropped) = (scanner.read, scanner.dropped);
    format!("{state}; {read} codes read, {dropped} lines dropped")
}

fn not_read(eyes: &Eyes) -> String {
    let seen = eyes.unread.iter().filter(|(_, count)| **count > 0);
    let causes: Vec<_> = seen
        .map(|(cause, count)| format!("{cause}: {count}"))
        .collect();
    let panics = match eyes.panics {
        0 => String::new(),
        panics => format!("; the decoder failed on {panics} frames"),
    };
    if causes.is_empty() {
        format!("none since the start{panics}")
    } else {
        format!("{}{panics}", causes.join(", "))
    }
}
