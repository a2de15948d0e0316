//! What somebody should look after.

use super::{Disk, Machine, Published, Report, Server, machine};
use crate::journal::Books;
use crate::logbook::span;
use crate::trial::Ended;
use fare_protocol::{ConfigOutcome, Mode, UnixMs};
use serde::Serialize;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// A certificate should have been renewed long before this is left.
const CERTIFICATE_LEFT_MIN_MS: i64 = 7 * DAY_MS;

/// A server may be away for so long before somebody should know.
const OFFLINE_MAX_MS: i64 = 5 * MINUTE_MS;

/// A record should not wait longer where there is a server.
const WAITING_MAX_MS: i64 = HOUR_MS;

/// News of the server older than this leave refused accounts unrefused.
const NEWS_AGE_MAX_MS: i64 = 24 * HOUR_MS;

/// Least room on the disk: a day of records takes some 30 MB.
const FREE_MIN: u64 = 200 * 1024 * 1024;
const FREE_MIN_PERCENT: u64 = 5;

/// Boards slow down or switch off at 80 to 85 °C.
const CELSIUS_MAX: f64 = 80.0;

/// A clock that may be further off makes codes look too old or too new.
const CLOCK_ERROR_MAX_MS: u32 = 1_000;

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// A stable name, for monitoring.
    pub code: &'static str,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub todo: &'static str,
}

fn problem(code: &'static str, what: impl Into<String>, todo: &'static str) -> Problem {
    Problem {
        code,
        what: what.into(),
        todo,
    }
}

pub(super) fn problems(report: &Report) -> Vec<Problem> {
    let mut found = Vec::new();
    running(report, &mut found);
    if report.runs {
        lane(report, &mut found);
        server(report, &mut found);
    }
    match (&report.journal, &report.journal_error) {
        (_, Some(err)) => found.push(problem(
            "journal-unreadable",
            err.clone(),
            "run this as root or as the user faregate; if it stays, call service",
        )),
        (Some(books), None) => journal(report, books, &mut found),
        (None, None) => {}
    }
    configuration(report, &mut found);
    found.extend(machine_problems(&report.machine, report.at_ms));
    found
}

fn running(report: &Report, found: &mut Vec<Problem>) {
    let todo = "systemctl start faregate; journalctl -u faregate says why it stopped";
    match &report.daemon {
        None => found.push(problem(
            "not-running",
            "the daemon has never said how it is",
            todo,
        )),
        Some(daemon) if !report.runs => {
            let ago = span(report.at_ms.since(daemon.at_ms));
            let what = format!("the daemon does not run; last seen {ago} ago");
            found.push(problem("not-running", what, todo));
        }
        Some(daemon) if daemon.is_overdue(report.at_ms) => {
            let ago = span(report.at_ms.since(daemon.at_ms));
            found.push(problem(
                "silent",
                format!("the daemon has said nothing for {ago}"),
                "systemctl restart faregate; check the disk's free space",
            ));
        }
        Some(_) => {}
    }
}

fn lane(report: &Report, found: &mut Vec<Problem>) {
    let Some(daemon) = &report.daemon else { return };
    if daemon.fire {
        found.push(problem(
            "fire-alarm",
            "the fire alarm is on, the barrier is open for everybody",
            "it ends with the alarm",
        ));
    }
    match daemon.mode {
        Mode::Closed => found.push(problem(
            "closed",
            "the gate is closed",
            "set its mode to normal to open it",
        )),
        Mode::Emergency => found.push(problem(
            "emergency",
            "the barrier is open for everybody",
            "set the gate's mode to normal once the emergency is over",
        )),
        Mode::Normal
        | Mode::EntryExitExempt
        | Mode::TimeExempt
        | Mode::DateExempt
        | Mode::FareExempt
        | Mode::Free => {}
    }
    devices(daemon, found);
    if daemon.clock.error_ms > CLOCK_ERROR_MAX_MS {
        found.push(problem(
            "clock-unsure",
            format!(
                "the clock may be {} off",
                span(daemon.clock.error_ms.into())
            ),
            "check that the gate reaches its time server",
        ));
    }
}

fn devices(daemon: &Published, found: &mut Vec<Problem>) {
    if daemon.eyes.as_ref().is_some_and(|eyes| !eyes.coming) {
        found.push(problem(
            "no-frames",
            "no frames are coming from the camera",
            "check the camera's cable and power; `journalctl -u faregate` says why",
        ));
    }
    if daemon.scanner.is_some_and(|scanner| !scanner.answers) {
        found.push(problem(
            "scanner-away",
            "the scanner is not there",
            "check the scanner's cable and power; `journalctl -u faregate` says why",
        ));
    }
    if !daemon.barrier.answers {
        found.push(problem(
            "barrier-away",
            "the barrier's board does not answer",
            "check the board's power and cable",
        ));
    }
    if daemon.lamps_answer == Some(false) {
        found.push(problem(
            "lamps-away",
            "the lamps do not obey",
            "check their cable and power; `journalctl -u faregate` says why",
        ));
    }
}

fn server(report: &Report, found: &mut Vec<Problem>) {
    let Some(server) = report
        .daemon
        .as_ref()
        .and_then(|daemon| daemon.server.as_ref())
    else {
        return;
    };
    certificate(report.at_ms, server, found);
    if let Some(reason) = &server.revoked {
        found.push(problem(
            "revoked",
            format!("the server has revoked this gate: {reason}"),
            "it stays closed; carry away what waits (`faregate outbox export`), then enrol it anew",
        ));
    }
    let (Some(false), Some(since)) = (server.online, server.since_ms) else {
        return;
    };
    let away = report.at_ms.since(since);
    if away >= OFFLINE_MAX_MS {
        let why = server.reason.as_deref().unwrap_or("no reason given");
        found.push(problem(
            "offline",
            format!("the server is away for {}: {why}", span(away)),
            "riders go through all the same; check the gate's network",
        ));
    }
}

/// A configuration that the gate could not take is for who sent it to mend.
fn configuration(report: &Report, found: &mut Vec<Problem>) {
    let last = report
        .config
        .as_ref()
        .and_then(|config| config.last.as_ref());
    let Some(Ended { outcome, why, .. }) = last else {
        return;
    };
    match outcome {
        ConfigOutcome::Refused | ConfigOutcome::RolledBack => {
            let why = why.lines().next().unwrap_or_default();
            let words = outcome.words();
            found.push(problem(
                "config-not-taken",
                format!("the server's newest configuration was {words}: {why}"),
                "the gate works by the one before; send a mended one (`faregate config show` has all)",
            ));
        }
        ConfigOutcome::Live | ConfigOutcome::SetAside => {}
    }
}

fn certificate(now: UnixMs, server: &Server, found: &mut Vec<Problem>) {
    let Some(until) = server.certificate_until_ms else {
        return;
    };
    let left = until.since(now);
    let soon = server.not_renewed.is_some() || left < CERTIFICATE_LEFT_MIN_MS;
    if !soon {
        return;
    }
    let days = left.div_euclid(DAY_MS);
    let ends = match left {
        ..=0 => "the gate's certificate has ended: the server answers no longer".to_owned(),
        _ => format!("the gate's certificate ends in {days} days"),
    };
    let why = server.not_renewed.as_ref();
    let why = why.map_or_else(String::new, |why| {
        format!("; it could not be renewed: {why}")
    });
    found.push(problem(
        "certificate",
        format!("{ends}{why}"),
        "riders go through all the same; check the network, or enrol anew: `faregate enroll --replace`",
    ));
}

fn journal(report: &Report, books: &Books, found: &mut Vec<Problem>) {
    if books.quarantined > 0 {
        found.push(problem(
            "quarantined",
            format!("the server refused {}", records(books.quarantined)),
            "`faregate outbox list` says why; mend it, then `faregate outbox retry --all`",
        ));
    }
    if books.unknown_changes > 0 {
        found.push(problem(
            "update-due",
            format!(
                "the server has told of {} things that this program does not know",
                books.unknown_changes
            ),
            "update this gate's program; until then it does without them",
        ));
    }
    let has_server = report
        .daemon
        .as_ref()
        .is_some_and(|daemon| daemon.server.is_some());
    if !has_server {
        return;
    }
    let age = |at: UnixMs| report.at_ms.since(at);
    if let Some(waits) = books
        .oldest_waiting_ms
        .map(age)
        .filter(|waits| *waits >= WAITING_MAX_MS)
    {
        found.push(problem(
            "outbox-old",
            format!(
                "{} wait for the server, the oldest for {}",
                records(books.waiting),
                span(waits)
            ),
            "nothing is lost; check the network, or carry them: `faregate outbox export`",
        ));
    }
    match books.news_as_of_ms.map(age) {
        Some(old) if old < NEWS_AGE_MAX_MS => {}
        Some(old) => found.push(problem(
            "deny-list-old",
            format!("the deny list is {} old", span(old)),
            "accounts denied since then are let in; check the gate's network",
        )),
        None => found.push(problem(
            "no-deny-list",
            "the server has never sent a deny list",
            "check the gate's network, and that the server knows this gate",
        )),
    }
}

/// What is wrong with the computer.
pub(crate) fn machine_problems(machine: &Machine, now: UnixMs) -> Vec<Problem> {
    let mut found = Vec::new();
    if !machine::is_plausible(now) {
        found.push(problem(
            "clock-wrong",
            "the clock is years behind",
            "check the time server and the clock's battery",
        ));
    }
    if let Some(disk) = machine.disk.filter(|disk| is_full(*disk)) {
        found.push(problem(
            "disk-full",
            format!("only {} are free on the disk", mib(disk.free)),
            "make room; without any the gate admits nobody",
        ));
    }
    if let Some(warmest) = machine
        .warmest
        .as_ref()
        .filter(|warmest| warmest.celsius >= CELSIUS_MAX)
    {
        found.push(problem(
            "hot",
            format!("{} is {:.0} °C hot", warmest.sensor, warmest.celsius),
            "check the fan and the cabinet's air",
        ));
    }
    found
}

fn is_full(disk: Disk) -> bool {
    disk.free < FREE_MIN || disk.free_percent() < FREE_MIN_PERCENT
}

fn records(count: u64) -> String {
    if count == 1 {
        "1 record".to_owned()
    } else {
        format!("{count} records")
    }
}

pub(crate) fn mib(bytes: u64) -> String {
    let mib = bytes / (1024 * 1024);
    if mib < 10 * 1024 {
        format!("{mib} MiB")
    } else {
        format!("{} GiB", mib / 1024)
    }
}
