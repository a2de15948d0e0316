//! `faregate log`: what happened at the gate, one line for each tap.

use crate::clock;
use crate::config::GateConfig;
use crate::journal::{JournalError, JournalView};
use crate::logbook::{
    Filter, Line, LineJson, Lines, Place, Reason, Story, Zone, account_tail, heading, start_of,
    text,
};
use anyhow::Context;
use clap::Args;
use fare_protocol::GateId;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Lines shown when neither a time nor a number was asked for.
const LAST_LINES: usize = 50;

/// How often `--follow` looks for something new.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Where a journal lies when none is named.
const DEFAULT_CONFIG: &str = "/etc/faregate/gate.toml";

/// Read the gate's log: one line for each tap, oldest first
///
/// Works on the gate, also while the daemon runs, and on journals copied from gates to another computer.
/// Nothing is changed. Without a time or --last the newest 50 lines are shown.
///
/// The columns: time, tap, direction, account (its last digits), decision, and what followed or what to
/// do. Refusal numbers are explained in docs/staff-card.md. When a journal is copied while its daemon
/// runs, copy FILE-wal with it: the newest taps are in there.
///
/// Exit status: 0 something was found, 1 nothing was found, 2 bad usage, or a journal that cannot be read.
#[derive(Debug, Args)]
pub(super) struct LogArgs {
    /// Journals copied from gates; lines of several are mixed by time
    files: Vec<PathBuf>,
    /// Read the journal of the gate with this configuration [default: /etc/faregate/gate.toml]
    #[arg(long, conflicts_with = "files")]
    config: Option<PathBuf>,
    /// Only what happened at or after TIME: 14:30, yesterday, 2026-11-29, "2026-11-29 14:30", 20m, 2h, 3d
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only what happened before TIME
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Only riders refused for this reason, by number or name (60, passback); may be repeated
    #[arg(long, value_name = "REASON")]
    reason: Vec<Reason>,
    /// Only accounts that end with these digits
    #[arg(long, value_name = "DIGITS", value_parser = account_tail)]
    account_tail: Option<String>,
    /// Only the tap with this receipt, whole or its last digits
    #[arg(long, value_name = "DIGITS")]
    receipt: Option<String>,
    /// Only riders who were refused, and codes that could not be read
    #[arg(long)]
    refused: bool,
    /// Only the newest N lines
    #[arg(long, short = 'n', value_name = "N")]
    last: Option<usize>,
    /// Go on: print what happens until interrupted
    #[arg(long, short, conflicts_with = "until")]
    follow: bool,
    /// Print one JSON object on each line
    #[arg(long)]
    json: bool,
    /// Times in UTC, not in this computer's time zone
    #[arg(long)]
    utc: bool,
    /// The whole story of one tap, with its timings; TAP stands in the second column
    #[arg(long, value_name = "TAP", conflicts_with_all = ["since", "until", "reason", "account_tail",
        "receipt", "refused", "last", "follow"])]
    explain: Option<String>,
}

pub(super) fn run(args: LogArgs) -> anyhow::Result<ExitCode> {
    match look(&args) {
        Ok(true) => Ok(ExitCode::SUCCESS),
        Ok(false) => Ok(ExitCode::FAILURE),
        // Status 1 means that there was nothing to see, and so nothing else.
        Err(err) if err.is::<JournalError>() => {
            let _lost = writeln!(io::stderr().lock(), "faregate: {err:#}");
            Ok(ExitCode::from(super::BAD_CONFIG))
        }
        Err(err) => Err(err),
    }
}

/// A journal, and whose it is.
struct Book {
    view: JournalView,
    gate: Option<GateId>,
}

impl Book {
    fn open(path: &Path) -> Result<Self, JournalError> {
        let view = JournalView::open(path)?;
        let newest = Lines::newest_record(&view)?;
        Ok(Self {
            view,
            gate: newest.map(|record| record.gate),
        })
    }
}

/// How lines are written.
struct Printer {
    zone: Zone,
    json: bool,
    names_gates: bool,
}

fn look(args: &LogArgs) -> anyhow::Result<bool> {
    let zone = if args.utc {
        Zone::utc()
    } else {
        Zone::of_system()
    };
    let filter = filter(args, &zone)?;
    let books = open(args)?;
    let printer = Printer {
        zone,
        json: args.json,
        names_gates: books.len() > 1,
    };
    let mut out = io::stdout().lock();
    if let Some(tap) = &args.explain {
        return explain(&books, tap, &printer, &mut out);
    }
    match &books[..] {
        [book] => one(book, args, &filter, &printer, &mut out),
        books => several(books, args, &filter, &printer, &mut out),
    }
}

fn filter(args: &LogArgs, zone: &Zone) -> anyhow::Result<Filter> {
    let now = clock::now();
    let time = |text: &Option<String>| {
        text.as_deref()
            .map(|text| zone.parse(text, now))
            .transpose()
    };
    Ok(Filter {
        since: time(&args.since)?,
        until: time(&args.until)?,
        reasons: args.reason.clone(),
        account_tail: args.account_tail.clone(),
        receipt: args.receipt.clone(),
        refused: args.refused,
    })
}

fn open(args: &LogArgs) -> anyhow::Result<Vec<Book>> {
    if args.files.is_empty() {
        let config = args.config.clone().unwrap_or_else(|| DEFAULT_CONFIG.into());
        let journal = GateConfig::journal_of(&config)?;
        return Ok(vec![Book::open(&journal)?]);
    }
    let opened = args.files.iter().map(|file| Book::open(file));
    Ok(opened.collect::<Result<_, _>>()?)
}

fn explain(
    books: &[Book],
    tap: &str,
    printer: &Printer,
    out: &mut impl Write,
) -> anyhow::Result<bool> {
    let mut found = false;
    for book in books {
        let Some(story) = Story::find(&book.view, tap)? else {
            continue;
        };
        found = true;
        if printer.json {
            let json = story.json(book.gate, &printer.zone);
            writeln!(out, "{}", serde_json::to_string(&json)?)?;
        } else {
            write!(out, "{}", story.text(&printer.zone))?;
        }
    }
    if !found {
        writeln!(
            io::stderr().lock(),
            "faregate: no tap {tap} here; its name stands in the second column"
        )?;
    }
    Ok(found)
}

/// The lines of one journal, as they are read.
fn one(
    book: &Book,
    args: &LogArgs,
    filter: &Filter,
    printer: &Printer,
    out: &mut impl Write,
) -> anyhow::Result<bool> {
    let view = &book.view;
    let mut found = Found {
        printer,
        book,
        any: args.follow,
    };
    if args.follow {
        found.head(out)?;
    }
    let mut place = Place::end(view)?;
    match (filter.since, args.last) {
        (Some(since), None) => place = start_of(view, since)?,
        (_, last) => {
            let most = last.unwrap_or(LAST_LINES);
            for line in newest(view, place, filter, most)?.iter().rev() {
                found.line(line, out)?;
            }
        }
    }
    let mut lines = Lines::after(view, place);
    if args.follow {
        lines = lines.holding();
    }
    loop {
        while let Some(line) = lines.next_line()? {
            if filter.wants(&line) {
                found.line(&line, out)?;
            }
        }
        if !args.follow {
            return Ok(found.any);
        }
        out.flush()?;
        std::thread::sleep(LOOK_EVERY);
    }
}

/// The lines of several journals, in the order of time.
fn several(
    books: &[Book],
    args: &LogArgs,
    filter: &Filter,
    printer: &Printer,
    out: &mut impl Write,
) -> anyhow::Result<bool> {
    if args.follow {
        return Err(super::BadUsage("--follow works on one journal".to_owned()).into());
    }
    let most = match (filter.since, args.last) {
        (Some(_), None) => usize::MAX,
        (_, last) => last.unwrap_or(LAST_LINES),
    };
    let mut all = Vec::new();
    for book in books {
        let lines = newest(&book.view, Place::LAST, filter, most)?;
        all.extend(lines.into_iter().map(|line| (book, line)));
    }
    all.sort_by_key(|(_, line)| line.at());
    let skipped = all.len().saturating_sub(most);
    let mut any = false;
    for (book, line) in all.into_iter().skip(skipped) {
        let mut found = Found { printer, book, any };
        found.line(&line, out)?;
        any = true;
    }
    Ok(any)
}

/// The newest wanted lines up to `place`, newest first.
fn newest(
    view: &JournalView,
    place: Place,
    filter: &Filter,
    most: usize,
) -> Result<Vec<Line>, JournalError> {
    let mut lines = Lines::before(view, place);
    let mut found = Vec::new();
    // Clocks are set back now and then: one older line is no end.
    let mut older = 0_usize;
    while found.len() < most && older < Lines::OLDER_MAX {
        let Some(line) = lines.next_line()? else {
            break;
        };
        older = if filter.is_before(line.at()) {
            older + 1
        } else {
            0
        };
        if filter.wants(&line) {
            found.push(line);
        }
    }
    Ok(found)
}

/// Writes what is found, under a heading.
struct Found<'a> {
    printer: &'a Printer,
    book: &'a Book,
    any: bool,
}

impl Found<'_> {
    fn line(&mut self, line: &Line, out: &mut impl Write) -> anyhow::Result<()> {
        let Printer {
            zone,
            json,
            names_gates,
        } = self.printer;
        if *json {
            let line = LineJson::new(line, self.book.gate, zone);
            writeln!(out, "{}", serde_json::to_string(&line)?)?;
        } else {
            if !self.any {
                self.head(out)?;
            }
            let gate = self.book.gate.filter(|_| *names_gates);
            writeln!(out, "{}", text(line, gate, zone))?;
        }
        self.any = true;
        Ok(())
    }

    fn head(&self, out: &mut impl Write) -> anyhow::Result<()> {
        if self.printer.json {
            return Ok(());
        }
        let record = if self.printer.names_gates {
            None
        } else {
            Lines::newest_record(&self.book.view)?
        };
        let heading = heading(record.as_ref(), &self.printer.zone, clock::now());
        writeln!(out, "{heading}").context("writing")?;
        Ok(())
    }
}
