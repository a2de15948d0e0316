//! What the demo prints: one line a journey, then whether all of it was right.

use super::Plan;
use super::console::{Journey, State};
use super::travel::Travelled;
use fare_protocol::{Currency, Money, RiderClass, StationId};
use std::io::{self, Write};

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

/// Says what is about to be seen.
pub(super) fn print_intro(out: &mut impl Write, page: &str, plan: &Plan) -> io::Result<()> {
    let Plan {
        journeys,
        from,
        to,
        optics,
        ..
    } = plan;
    writeln!(
        out,
        "{journeys} journeys from {from} to {to}; cameras {} at {} frames a second; live page {page}\n",
        optics.size, optics.fps
    )
}

/// Says how to go on from here.
pub(super) fn print_stay(out: &mut impl Write, page: &str) -> io::Result<()> {
    writeln!(out, "\nriders keep coming; live page {page}; Ctrl-C ends\n")?;
    print_head(out)
}

/// Prints the head of the table.
pub(super) fn print_head(out: &mut impl Write) -> io::Result<()> {
    let head = [
        "#",
        "account",
        "class",
        "from",
        "to",
        "fare",
        "tap to open in",
        "out",
    ];
    let [n, account, class, from, to, fare, entry, exit] = head;
    writeln!(
        out,
        "{n:>4}  {account:<8} {class:<9} {from:<5} {to:<5} {fare:>10}  {entry:>14} {exit:>7}"
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
    let taps = [row.travelled.entry, row.travelled.exit].map(|tap| {
        let again = if tap.tries > 1 {
            format!(" ×{}", tap.tries)
        } else {
            String::new()
        };
        format!("{} ms{again}", tap.tap_to_open_ms)
    });
    let [entry, exit] = &taps;
    writeln!(
        out,
        "{:>4}  {account:<8} {class:<9} {from:<5} {to:<5} {fare:>10}  {entry:>14} {exit:>7}",
        row.number
    )?;
    out.flush()
}

/// Prints the summary. What was not as it should be, in sentences; empty when all was right.
pub(super) fn print_summary(
    out: &mut impl Write,
    rows: &[Charged],
    state: &State,
    faults: &[String],
) -> io::Result<()> {
    let fares: i64 = rows
        .iter()
        .filter_map(|row| row.journey.fare)
        .map(|fare| fare.minor)
        .sum();
    let currency = rows
        .iter()
        .filter_map(|row| row.journey.fare)
        .map(|fare| fare.currency)
        .next();
    let fares = Money {
        minor: fares,
        currency: currency.unwrap_or(Currency::CNY),
    };
    let taps = rows
        .iter()
        .flat_map(|row| [row.travelled.entry, row.travelled.exit]);
    let mut taps: Vec<i64> = taps.map(|tap| tap.tap_to_open_ms).collect();
    taps.sort_unstable();
    let median = taps.get(taps.len() / 2).copied().unwrap_or_default();
    let slowest = taps.last().copied().unwrap_or_default();
    let tries: u32 = rows
        .iter()
        .map(|row| row.travelled.entry.tries + row.travelled.exit.tries)
        .sum();
    let again = tries.saturating_sub(2 * u32::try_from(rows.len()).unwrap_or(u32::MAX));
    let books = if state.books.balanced { "yes" } else { "NO" };
    writeln!(out)?;
    writeln!(out, "journeys         {}", rows.len())?;
    writeln!(out, "fares            {fares}")?;
    writeln!(
        out,
        "books balanced   {books} ({} postings)",
        state.books.postings
    )?;
    writeln!(
        out,
        "tap to open      median {median} ms, slowest {slowest} ms"
    )?;
    writeln!(out, "codes shown again {again}")?;
    for fault in faults {
        writeln!(out, "WRONG: {fault}")?;
    }
    out.flush()
}

/// What is not as it should be.
pub(super) fn faults(rows: &[Charged], state: &State, expected: Expected) -> Vec<String> {
    let mut faults = Vec::new();
    for row in rows {
        let Journey {
            account,
            from,
            to,
            fare,
            ..
        } = &row.journey;
        if *fare != Some(row.expected) {
            let got = fare.map_or_else(|| "nothing".to_owned(), |fare| fare.to_string());
            faults.push(format!(
                "account {account} paid {got}, and not {}",
                row.expected
            ));
        }
        if from != expected.from.as_str() || to.as_deref() != Some(expected.to.as_str()) {
            faults.push(format!(
                "account {account} is said to have gone from {from} to {to:?}"
            ));
        }
        let times = state
            .journeys
            .iter()
            .filter(|journey| journey.account == *account)
            .count();
        if times != 1 {
            faults.push(format!("account {account} has {times} journeys, and not 1"));
        }
    }
    let counted = |what: &str, got: u64| {
        (got != expected.journeys as u64).then(|| {
            format!(
                "the server counts {got} {what}, and not {}",
                expected.journeys
            )
        })
    };
    faults.extend(counted("journeys", state.counts.journeys));
    faults.extend(counted("charged journeys", state.counts.closed));
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
