//! `fareserver fares explain`: what a journey costs by one table, step by step: also after earlier ones, with products
//! bought beforehand, and when one end is missing.

use super::{class, stored, texts};
use crate::cli::{Usage, database};
use crate::clock;
use crate::store::{Database, DatabaseUrl};
use clap::Args;
use fare_protocol::{Direction, Money, ProductId, RiderClass, StationId, TariffHash, UnixMs};
use fare_rules::tariff::Held;
use fare_rules::{End, Paid, Quote, Ride, Tariff};
use std::io::{self, Write};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    #[command(flatten)]
    which: Which,
    /// adult, child, student, senior, disabled, staff
    #[arg(long, default_value = "adult", value_parser = class)]
    class: RiderClass,
    /// When the rider enters: 2026-11-29T08:30:00+08:00; without it no rule that looks at times counts
    #[arg(long, value_name = "TIME", value_parser = clock::moment, requires = "left")]
    entered: Option<UnixMs>,
    /// When the rider leaves
    #[arg(long, value_name = "TIME", value_parser = clock::moment, requires = "entered")]
    left: Option<UnixMs>,
    /// An earlier journey of the same rider, the first one first: STATION@TIME,STATION@TIME
    #[arg(long, value_name = "JOURNEY", value_parser = journey, requires = "entered")]
    before: Vec<(End, End)>,
    /// A product of the table, bought just before the first journey
    #[arg(long, value_name = "ID", requires = "entered")]
    product: Vec<String>,
    /// What it costs when this end has no tap: exit or entry; then TO is left out
    #[arg(long, value_name = "END", value_parser = end, conflicts_with_all = ["before", "entered", "to"])]
    missing: Option<Direction>,
    /// Where the rider enters
    from: StationId,
    /// Where the rider leaves
    #[arg(required_unless_present = "missing")]
    to: Option<StationId>,
}

/// A table by its hash, or as two files.
#[derive(Debug, Args)]
struct Which {
    /// The database, with --table
    #[arg(long, value_name = "URL", value_parser = database, requires = "table")]
    database: Option<DatabaseUrl>,
    /// The table's hash
    #[arg(long, value_name = "HASH", requires = "database", conflicts_with_all = ["tariff", "stations"])]
    table: Option<TariffHash>,
    /// The fares, with --stations
    #[arg(long, value_name = "FILE", requires = "stations")]
    tariff: Option<PathBuf>,
    /// The stations
    #[arg(long, value_name = "FILE", requires = "tariff")]
    stations: Option<PathBuf>,
}

pub(super) fn run(out: &mut impl Write, args: &ExplainArgs) -> anyhow::Result<()> {
    let which = &args.which;
    let tariff = match (&which.database, which.table, &which.tariff, &which.stations) {
        (Some(file), Some(hash), None, None) => stored(&mut Database::open_existing(file)?, hash)?,
        (None, None, Some(tariff), Some(stations)) => Tariff::parse(&texts(tariff, stations)?)?,
        (_, _, _, _) => {
            let what =
                "name a table: --database PATH --table HASH, or --tariff FILE --stations FILE";
            return Err(Usage(what.to_owned()).into());
        }
    };
    let quote = match (args.missing, args.to, args.entered.zip(args.left)) {
        (Some(missing), _, _) => {
            let maximum = tariff.maximum(missing, args.class);
            let Some(quote) = maximum else {
                writeln!(
                    out,
                    "nothing is charged: [maximum] does not say what it costs"
                )?;
                return Ok(());
            };
            quote
        }
        (None, Some(to), Some((entered, left))) => {
            let end = |station, at| End { station, at };
            let ends = (end(args.from, entered), end(to, left));
            with_earlier(out, &tariff, args, ends)?
        }
        (None, Some(to), None) => tariff.quote(args.from, to, args.class)?,
        (None, None, _) => return Err(Usage("say where the rider leaves".to_owned()).into()),
    };
    print(out, &tariff, &quote)?;
    Ok(())
}

/// The journey after the earlier ones, which are printed with what they cost.
fn with_earlier(
    out: &mut impl Write,
    tariff: &Tariff,
    args: &ExplainArgs,
    (entry, exit): (End, End),
) -> anyhow::Result<Quote> {
    let money = |minor| Money::new(minor, tariff.currency()).to_string();
    let first = args.before.first().map_or(entry, |(entry, _)| *entry);
    let mut held = held(tariff, &args.product, first.at)?;
    let mut earlier: Vec<Paid> = Vec::new();
    let mut price = |entry: End, exit: End, earlier: &[Paid]| {
        if exit.at < entry.at {
            let what = format!("{} is left before it is entered", entry.station);
            return Err(anyhow::Error::from(Usage(what)));
        }
        let ride = Ride {
            class: args.class,
            class_until: None,
            entry,
            exit,
            earlier,
        };
        let full = tariff.price(&ride)?;
        let minor = full.fare.minor;
        let (covered, uses) = tariff.cover(full, (entry, exit), &held);
        for one in &uses {
            for product in held.iter_mut().filter(|product| product.id == one.product) {
                product.used = product.used.saturating_add(1);
                product.earned_minor = product.earned_minor.saturating_add(one.earned_minor);
            }
        }
        Ok((covered, Paid { entry, exit, minor }))
    };
    for (entry, exit) in &args.before {
        let (quote, paid) = price(*entry, *exit, &earlier)?;
        let (from, to) = (entry.station, exit.station);
        let at = entry.at.to_rfc3339();
        let fare = money(quote.fare.minor);
        writeln!(out, "{fare:>14}  before: {from} to {to}, {at}")?;
        earlier.push(paid);
    }
    Ok(price(entry, exit, &earlier)?.0)
}

/// Products as if they were bought at this moment.
fn held(tariff: &Tariff, products: &[String], at: UnixMs) -> anyhow::Result<Vec<Held>> {
    let numbered = (1_u8..).zip(products);
    let held = numbered.map(|(n, id)| {
        let offer = tariff.products().iter().find(|product| product.id == *id);
        let offer = offer.ok_or_else(|| {
            let known: Vec<_> = tariff
                .products()
                .iter()
                .map(|product| product.id.as_str())
                .collect();
            let known = if known.is_empty() {
                "none".to_owned()
            } else {
                known.join(", ")
            };
            Usage(format!("this table has no product {id:?}; it has {known}"))
        })?;
        Ok(Held {
            id: ProductId([n; 16]),
            offer: offer.id.clone(),
            promise: offer.promise.clone(),
            price_minor: offer.price_minor,
            from: at,
            until: UnixMs(i64::MAX),
            used: 0,
            earned_minor: 0,
            lapsed: false,
            refunded_minor: 0,
            uses_kept: None,
        })
    });
    held.collect()
}

fn print(out: &mut impl Write, tariff: &Tariff, quote: &Quote) -> io::Result<()> {
    let money = |minor| Money::new(minor, tariff.currency()).to_string();
    for step in &quote.steps {
        let (minor, text) = (money(step.minor), step.text(tariff.currency()));
        writeln!(out, "{minor:>14}  {text}")?;
    }
    let (fare, name, hash) = (money(quote.fare.minor), tariff.name(), quote.tariff);
    writeln!(out, "{fare:>14}  by {name}, {hash}")
}

/// `PGY@2026-11-29T08:30:00+08:00,GCH@2026-11-29T09:00:00+08:00`.
fn journey(text: &str) -> Result<(End, End), String> {
    let end = |text: &str| {
        let (station, at) = text.split_once('@')?;
        let station = station.parse().ok()?;
        Some(clock::moment(at).map(|at| End { station, at }))
    };
    let ends = text
        .split_once(',')
        .and_then(|(a, b)| Some((end(a)?, end(b)?)));
    match ends {
        Some((entry, exit)) => Ok((entry?, exit?)),
        None => Err(format!(
            "{text:?} is no journey; write one like PGY@2026-11-29T08:30:00+08:00,GCH@2026-11-29T09:00:00+08:00"
        )),
    }
}

fn end(text: &str) -> Result<Direction, String> {
    match text {
        "exit" => Ok(Direction::Exit),
        "entry" => Ok(Direction::Entry),
        _ => Err(format!(
            "{text:?} is no end of a journey; write exit or entry"
        )),
    }
}
