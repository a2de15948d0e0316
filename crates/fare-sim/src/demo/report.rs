//! What the demo prints: one line a journey, then whether all of it was right.

use super::Plan;
use super::console::{Journey, State};
use super::travel::Travelled;
use fare_protocol::{Currency, Money, RiderClass, StationId};
use std::io::{self, Write};
use std::path::PathBuf;

/// A journey and what it should have cost.
#[derive(Clone, Debug)]
pub(super) struct Charged {
    pub(super) number: usize,
    pub(super) class: RiderClass,
    pub(super) travelled: Travelled,
    pub(super) journey: Journey,
    pub(super) expected: Money,
}

/// What was expected of all journeys.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    pub(super) journeys: usize,
    pub(super) from: StationId,
    pub(super) to: StationId,
}

/// How somebody who watches can walk through too.
#[derive(Clone, Debug)]
pub(super) struct Walkers {
    pub(super) wallet: String,
    /// A screenshot saved here is held to the entry gate.
    pub(super) entry: PathBuf,
    /// The same at the exit gate.
    pub(super) exit: PathBuf,
}

/// Says what is about to be seen.
pub(super) fn print_intro(
    out: &mut impl Write,
    page: &str,
    screens: &[String; 2],
    plan: &Plan,
) -> io::Result<()> {
    let Plan {
        journeys,
        from,
        to,
        optics,
        ..
    } = plan;
    writeln!(
        out,
        "{journeys} journeys from {from} to {to}; cameras {} at {} frames a second; live page {page}",
        optics.size, optics.fps
    )?;
    print_screens(out, screens)
}

/// Says how to go on from here.
pub(super) fn print_stay(
    out: &mut impl Write,
    page: &str,
    screens: &[String; 2],
    walkers: Option<Walkers>,
) -> io::Result<()> {
    writeln!(out, "\nriders keep coming; live page {page}; Ctrl-C ends")?;
    print_screens(out, screens)?;
    if let Some(Walkers {
        wallet,
        entry,
        exit,
    }) = walkers
    {
        let (entry, exit) = (entry.display(), exit.display());
        writeln!(
            out,
            "ride along: open the wallet {wallet} in a browser on this machine, and save a screenshot of its code\n\
             within half a minute as {entry} to enter, later as {exit} to leave\n"
        )?;
    }
    print_head(out)
}

fn print_screens(out: &mut impl Write, [entry, exit]: &[String; 2]) -> io::Result<()> {
    writeln!(out, "the gates' screens: entry {entry}, exit {exit}\n")
}

/// Prints the head of the table.
pub(super) fn print_head(out: &mut impl Write) -> io::Result<()> {
    let (taps, exit) = ("tap-to-open entry", "exit");
    writeln!(
        out,
        "   #  account  class     from  to          fare  {taps:>17} {exit:>8}"
    )?;
    out.flush()
}

/// Prints one finished journey.
pub(super) fn print_row(out: &mut impl Write, row: &Charged) -> io::Result<()> {
    let Journey {
        account,
        from,
        to,
        fare,
        ..
    } = &row.journey;
    let to = to.as_deref().unwrap_or("-");
    let fare = fare.map_or_else(|| "-".to_owned(), |fare| fare.to_string());
    let class = format!("{:?}", row.class).to_lowercase();
    let [entry, exit] = [row.travelled.entry, row.travelled.exit].map(|tap| match tap.tries {
        1 => format!("{} ms", tap.tap_to_open_ms),
        tries => format!("{} ms ×{tries}", tap.tap_to_open_ms),
    });
    writeln!(
        out,
        "{:>4}  {account:<8} {class:<9} {from:<5} {to:<5} {fare:>10}  {entry:>17} {exit:>8}",
        row.number
    )?;
    out.flush()
}

/// Prints the summary. `faults` are what was not as it should be, in sentences.
pub(super) fn print_summary(
    out: &mut impl Write,
    rows: &[Charged],
    state: &State,
    faults: &[String],
) -> io::Result<()> {
    let paid = || rows.iter().filter_map(|row| row.journey.fare);
    let fares = Money {
        minor: paid().map(|fare| fare.minor).sum(),
        currency: paid().next().map_or(Currency::CNY, |fare| fare.currency),
    };
    let taps = || {
        rows.iter()
            .flat_map(|row| [row.travelled.entry, row.travelled.exit])
    };
    let mut opened_ms: Vec<i64> = taps().map(|tap| tap.tap_to_open_ms).collect();
    opened_ms.sort_unstable();
    let median = opened_ms
        .get(opened_ms.len() / 2)
        .copied()
        .unwrap_or_default();
    let slowest = opened_ms.last().copied().unwrap_or_default();
    let again: u32 = taps().map(|tap| tap.tries - 1).sum();
    let balanced = if state.books.balanced { "yes" } else { "NO" };
    writeln!(out)?;
    writeln!(out, "journeys        {}", rows.len())?;
    writeln!(out, "fares           {fares}")?;
    writeln!(
        out,
        "books balanced  {balanced} ({} postings)",
        state.books.postings
    )?;
    writeln!(
        out,
        "tap-to-open     median {median} ms, slowest {slowest} ms"
    )?;
    writeln!(out, "codes renewed   {again}")?;
    for fault in faults {
        writeln!(out, "WRONG: {fault}")?;
    }
    out.flush()
}

/// What is not as it should be, in sentences; empty when every journey was charged once and right.
pub(super) fn faults(rows: &[Charged], state: &State, expected: Expected) -> Vec<String> {
    let mut faults: Vec<String> = rows
        .iter()
        .flat_map(|row| faults_of(row, state, expected))
        .collect();
    let mut count = |what: &str, got: u64| {
        if got != expected.journeys as u64 {
            faults.push(format!(
                "the server has {got} {what}, and not {}",
                expected.journeys
            ));
        }
    };
    count("journeys", state.counts.journeys);
    count("charged journeys", state.counts.closed);
    let due: i64 = rows.iter().map(|row| row.expected.minor).sum();
    let earned = state.books.revenue_minor();
    if earned != due {
        faults.push(format!(
            "the books show {earned} minor units earned, and not {due}"
        ));
    }
    if state.counts.conflicts > 0 {
        faults.push(format!(
            "the server shows {} conflicts",
            state.counts.conflicts
        ));
    }
    if !state.books.balanced {
        faults.push("the books do not balance".to_owned());
    }
    faults
}

fn faults_of(row: &Charged, state: &State, expected: Expected) -> Vec<String> {
    let Journey {
        account,
        from,
        to,
        fare,
        ..
    } = &row.journey;
    let mut faults = Vec::new();
    if *fare != Some(row.expected) {
        let got = fare.map_or_else(|| "nothing".to_owned(), |fare| fare.to_string());
        faults.push(format!(
            "account {account} paid {got}, and not {}",
            row.expected
        ));
    }
    let to = to.as_deref().unwrap_or("nowhere");
    if from != expected.from.as_str() || to != expected.to.as_str() {
        faults.push(format!(
            "account {account} is said to have gone from {from} to {to}"
        ));
    }
    let times = state
        .journeys
        .iter()
        .filter(|journey| journey.account == *account)
        .count();
    if times > 1 {
        faults.push(format!("account {account} has {times} journeys, and not 1"));
    }
    faults
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::demo::travel::Let;
    use serde_json::json;

    const SIX: Money = Money {
        minor: 600,
        currency: Currency::CNY,
    };

    fn journey(account: &str, fare_minor: i64) -> serde_json::Value {
        json!({"account": account, "state": "closed", "from": "PGY", "to": "GMO",
            "fare": {"minor": fare_minor, "currency": "CNY"}})
    }

    fn state(journeys: &[serde_json::Value], revenue_minor: i64) -> State {
        let count = journeys.len();
        let state = json!({
            "counts": {"journeys": count, "closed": count, "conflicts": 0},
            "journeys": journeys,
            "books": {"balanced": true, "postings": 2 * count,
                "sums": [{"account": "rider", "minor": revenue_minor},
                    {"account": "fare-revenue", "minor": -revenue_minor}]},
        });
        serde_json::from_value(state).unwrap()
    }

    fn rows(state: &State) -> Vec<Charged> {
        let tap = Let {
            tap_to_open_ms: 80,
            tries: 1,
        };
        let row = |(n, journey): (usize, &Journey)| Charged {
            number: n + 1,
            class: RiderClass::Adult,
            travelled: Travelled {
                rider: n as u64,
                entry: tap,
                exit: tap,
            },
            journey: journey.clone(),
            expected: SIX,
        };
        state.journeys.iter().enumerate().map(row).collect()
    }

    fn judge(state: &State, rows: &[Charged], journeys: usize) -> Vec<String> {
        let (from, to) = ("PGY".parse().unwrap(), "GMO".parse().unwrap());
        faults(rows, state, Expected { journeys, from, to })
    }

    #[test]
    fn nothing_is_said_when_all_was_charged_once_and_right() {
        let state = state(&[journey("…0001", 600), journey("…0002", 600)], 1200);
        assert_eq!(judge(&state, &rows(&state), 2), Vec::<String>::new());
    }

    #[test]
    fn a_wrong_fare_is_told() {
        let state = state(&[journey("…0001", 500)], 500);
        let said = judge(&state, &rows(&state), 1).join("; ");
        assert!(
            said.contains("account …0001 paid CNY 5.00, and not CNY 6.00"),
            "{said}"
        );
        assert!(
            said.contains("500 minor units earned, and not 600"),
            "{said}"
        );
    }

    #[test]
    fn a_journey_too_many_is_told() {
        let state = state(&[journey("…0001", 600), journey("…0001", 600)], 1200);
        let said = judge(&state, &rows(&state)[..1], 1).join("; ");
        assert!(
            said.contains("account …0001 has 2 journeys, and not 1"),
            "{said}"
        );
        assert!(
            said.contains("the server has 2 charged journeys, and not 1"),
            "{said}"
        );
        assert!(
            said.contains("1200 minor units earned, and not 600"),
            "{said}"
        );
    }

    #[test]
    fn books_conflicts_and_places_are_looked_at() {
        let mut state = state(&[journey("…0001", 600)], 600);
        state.books.balanced = false;
        state.counts.conflicts = 1;
        state.journeys[0].to = None;
        let said = judge(&state, &rows(&state), 1).join("; ");
        assert!(said.contains("gone from PGY to nowhere"), "{said}");
        assert!(said.contains("1 conflicts"), "{said}");
        assert!(said.contains("do not balance"), "{said}");
    }

    #[test]
    fn a_row_shows_fare_and_both_taps() {
        let state = state(&[journey("…0001", 600)], 600);
        let mut row = rows(&state).remove(0);
        row.travelled.exit.tries = 2;
        let mut out = Vec::new();
        print_row(&mut out, &row).unwrap();
        let line = String::from_utf8(out).unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        let expected = [
            "1", "…0001", "adult", "PGY", "GMO", "CNY", "6.00", "80", "ms", "80", "ms", "×2",
        ];
        assert_eq!(words, expected);
    }
}
