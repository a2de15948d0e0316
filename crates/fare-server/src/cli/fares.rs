//! `fareserver fares`: tables of fares from draft to release, what a journey costs and why, and what a
//! draft would have made of real days.

mod explain;

use super::{Usage, database, deed};
use crate::clock;
use crate::fares::{self, Account, Difference, FaresError, Replay};
use crate::gtfs;
use crate::store::{Database, DatabaseUrl, FareTable, RELEASES_NEEDED};
use anyhow::Context;
use clap::{Args, Subcommand};
use fare_protocol::wire::TariffText;
use fare_protocol::{Money, RiderClass, TariffHash};
use fare_rules::tariff::{Day, TariffPart, TariffProblem};
use fare_rules::{Tariff, TariffError};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct FaresArgs {
    #[command(subcommand)]
    command: FaresCommand,
}

#[derive(Debug, Subcommand)]
enum FaresCommand {
    /// List the tables: drafts, and those that are live
    List(ListArgs),
    /// Check a table and keep it as a draft
    Import(ImportArgs),
    /// Show how two tables differ; exit status 1 when they do
    Diff(DiffArgs),
    /// Release a table; it is live once two different people have
    Release(ReleaseArgs),
    /// Show what a journey costs, step by step
    Explain(explain::ExplainArgs),
    /// Price real days again by a draft, and show who would pay more
    Replay(ReplayArgs),
}

#[derive(Debug, Args)]
struct ListArgs {
    /// The database: a SQLite file or postgres://…
    #[arg(long, value_name = "URL", value_parser = database)]
    database: DatabaseUrl,
}

#[derive(Debug, Args)]
struct ImportArgs {
    /// The database: a SQLite file or postgres://…
    #[arg(long, value_name = "URL", value_parser = database)]
    database: DatabaseUrl,
    /// Who imports it
    #[arg(long, value_name = "NAME")]
    by: String,
    /// The fares, with --stations
    #[arg(
        long,
        value_name = "FILE",
        requires = "stations",
        required_unless_present = "gtfs"
    )]
    tariff: Option<PathBuf>,
    /// The stations
    #[arg(long, value_name = "FILE", requires = "tariff")]
    stations: Option<PathBuf>,
    /// A folder with a GTFS feed that has Fares v2, with --policy
    #[arg(long, value_name = "DIR", requires = "policy", conflicts_with_all = ["tariff", "stations"])]
    gtfs: Option<PathBuf>,
    /// What GTFS does not say: a tariff's text without fares
    #[arg(long, value_name = "FILE", requires = "gtfs")]
    policy: Option<PathBuf>,
    /// Whose network of the feed the gates are, where fares depend on it
    #[arg(long, value_name = "ID", requires = "gtfs")]
    network: Option<String>,
    /// By which fare medium of the feed riders ride, where fares depend on it
    #[arg(long, value_name = "ID", requires = "gtfs")]
    medium: Option<String>,
    /// Which class a rider category of the feed is that has another name: youth=student; =none to leave it out
    #[arg(long, value_name = "CATEGORY=CLASS", value_parser = category, requires = "gtfs")]
    class: Vec<(String, Option<RiderClass>)>,
}

#[derive(Debug, Args)]
struct DiffArgs {
    /// The database: a SQLite file or postgres://…
    #[arg(long, value_name = "URL", value_parser = database)]
    database: DatabaseUrl,
    /// Show at most so many pairs of stations
    #[arg(long, default_value_t = 20)]
    most: usize,
    /// The hash of the one
    first: TariffHash,
    /// The hash of the other
    second: TariffHash,
}

#[derive(Debug, Args)]
struct ReleaseArgs {
    /// The database: a SQLite file or postgres://…
    #[arg(long, value_name = "URL", value_parser = database)]
    database: DatabaseUrl,
    /// Who releases it: where there are accounts of staff, one that is releaser
    #[arg(long, value_name = "NAME")]
    by: String,
    /// Its hash, as `list` and `import` show it
    table: TariffHash,
}

#[derive(Debug, Args)]
struct ReplayArgs {
    /// The database: a SQLite file or postgres://…
    #[arg(long, value_name = "URL", value_parser = database)]
    database: DatabaseUrl,
    /// The draft's hash
    #[arg(long, value_name = "HASH")]
    table: TariffHash,
    /// The first service day: 2026-11-01
    #[arg(long, value_name = "DAY", value_parser = day)]
    from: Day,
    /// The last service day
    #[arg(long, value_name = "DAY", value_parser = day)]
    to: Day,
    /// Show at most so many accounts
    #[arg(long, default_value_t = 20)]
    most: usize,
}

pub(super) fn run(args: FaresArgs) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    match args.command {
        FaresCommand::List(args) => {
            let mut database = Database::open_existing(&args.database)?;
            for table in database.read(|tx| tx.fare_tables())? {
                line(&mut out, &table)?;
            }
        }
        FaresCommand::Import(args) => import(&mut out, &args)?,
        FaresCommand::Diff(args) => return diff(&mut out, &args),
        FaresCommand::Release(args) => {
            let (table, by) = (args.table, args.by.as_str());
            let mut database = Database::open_existing(&args.database)?;
            let table = database.write(|tx| {
                let now = clock::now();
                let released = fares::release_by_command(tx, table, by, now)?;
                tx.audit(&deed(by, "fares-release", &table.to_string(), ""), now)?;
                Ok::<_, FaresError>(released)
            })?;
            line(&mut out, &table)?;
        }
        FaresCommand::Explain(args) => explain::run(&mut out, &args)?,
        FaresCommand::Replay(args) => replay(&mut out, &args)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn line(out: &mut impl Write, table: &FareTable) -> anyhow::Result<()> {
    let tariff = Tariff::parse(&table.text)?;
    let state = if table.is_live() { "live" } else { "draft" };
    let (hash, name, from) = (table.hash, &table.name, tariff.valid_from());
    let until = tariff
        .valid_until()
        .map_or("-".to_owned(), |day| day.to_string());
    writeln!(out, "{hash} {state:<5} {from} {until:<10} {name}")?;
    let (by, at) = (&table.person, clock::rfc3339(table.made));
    writeln!(out, "  imported by {by} at {at}")?;
    for (person, at) in &table.releases {
        writeln!(out, "  released by {person} at {}", clock::rfc3339(*at))?;
    }
    let missing = RELEASES_NEEDED.saturating_sub(table.releases.len());
    if missing > 0 {
        writeln!(out, "  not live: to be released by {missing} more")?;
    }
    Ok(())
}

fn texts(tariff: &PathBuf, stations: &PathBuf) -> anyhow::Result<TariffText> {
    let read = |file: &PathBuf| {
        fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
    };
    Ok(TariffText {
        tariff: read(tariff)?,
        stations: read(stations)?,
    })
}

fn import(out: &mut impl Write, args: &ImportArgs) -> anyhow::Result<()> {
    let text = match (&args.tariff, &args.stations, &args.gtfs, &args.policy) {
        (Some(tariff), Some(stations), None, None) => texts(tariff, stations)?,
        (None, None, Some(folder), Some(policy)) => {
            let choice = gtfs::Choice {
                network: args.network.clone(),
                medium: args.medium.clone(),
                classes: args.class.iter().cloned().collect(),
            };
            feed(folder, policy, &choice)?
        }
        (_, _, _, _) => {
            let what = "name a table: --tariff FILE --stations FILE, or --gtfs DIR --policy FILE";
            return Err(Usage(what.to_owned()).into());
        }
    };
    let mut database = Database::open(&args.database)?;
    let (table, new) = database.write(|tx| {
        let now = clock::now();
        let (table, new) = fares::import(tx, &text, &args.by, now)?;
        if new {
            let about = table.hash.to_string();
            tx.audit(&deed(&args.by, "fares-import", &about, ""), now)?;
        }
        Ok::<_, FaresError>((table, new))
    })?;
    if !new {
        writeln!(
            out,
            "this table is known already: the same fares have the same hash"
        )?;
    }
    line(out, &table)
}

/// A feed's texts with a policy; files that it does not have are empty.
fn feed(folder: &Path, policy: &Path, choice: &gtfs::Choice) -> anyhow::Result<TariffText> {
    let read = |file: &Path| {
        fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
    };
    if !folder.is_dir() {
        let what = format!(
            "{} is no folder; --gtfs takes the folder of an unpacked feed",
            folder.display()
        );
        return Err(Usage(what).into());
    }
    let mut files = gtfs::Files::new();
    let of_network = choice.network.iter().flat_map(|_| gtfs::FILES_OF_NETWORK);
    for name in gtfs::FILES.into_iter().chain(of_network) {
        let file = folder.join(name);
        if file.exists() {
            files.insert(name.to_owned(), read(&file)?);
        }
    }
    let policy = read(policy)?;
    let text = gtfs::convert(&files, &policy, choice)?;
    Tariff::parse(&text).map_err(|err| made_from_feed(&err, &policy, &text))?;
    Ok(text)
}

/// What is wrong with a line that the policy does not have is shown with that line.
fn made_from_feed(err: &TariffError, policy: &str, text: &TariffText) -> anyhow::Error {
    let of_policy = policy.trim_end().lines().count();
    let (whole, own) = match err.part {
        TariffPart::Tariff => (&text.tariff, of_policy),
        TariffPart::Stations => (&text.stations, 0),
    };
    if let TariffProblem::Holes { .. }
    | TariffProblem::TooLong { .. }
    | TariffProblem::TooMany { .. } = err.problem
    {
        return anyhow::anyhow!("what the feed comes to: {}", err.problem);
    }
    let line = whole
        .lines()
        .nth(err.line.saturating_sub(1))
        .unwrap_or_default();
    if err.line > own {
        anyhow::anyhow!("what the feed comes to: `{line}`: {}", err.problem)
    } else {
        anyhow::anyhow!("the policy, line {}: {}", err.line, err.problem)
    }
}

fn stored(database: &mut Database, hash: TariffHash) -> anyhow::Result<Tariff> {
    let table = database.read(|tx| tx.fare_table(hash))?;
    Ok(Tariff::parse(
        &table.ok_or(FaresError::NoTable(hash))?.text,
    )?)
}

fn diff(out: &mut impl Write, args: &DiffArgs) -> anyhow::Result<ExitCode> {
    let mut database = Database::open_existing(&args.database)?;
    let first = stored(&mut database, args.first)?;
    let second = stored(&mut database, args.second)?;
    let Difference {
        only_first,
        only_second,
        pairs,
    } = fares::difference(&first, &second);
    only_first
        .iter()
        .try_for_each(|line| writeln!(out, "- {line}"))?;
    only_second
        .iter()
        .try_for_each(|line| writeln!(out, "+ {line}"))?;
    writeln!(out, "{} fares between stations differ", pairs.len())?;
    for (from, to, class, before, after) in pairs.iter().take(args.most) {
        let (before, after) = (
            Money::new(*before, first.currency()),
            Money::new(*after, second.currency()),
        );
        let class = class_word(*class);
        writeln!(out, "  {from} to {to}, {class}: {before} -> {after}")?;
    }
    Ok(if only_first.is_empty() && only_second.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn replay(out: &mut impl Write, args: &ReplayArgs) -> anyhow::Result<()> {
    if args.to < args.from {
        let what = format!("--to {} is before --from {}", args.to, args.from);
        return Err(Usage(what).into());
    }
    let mut database = Database::open_existing(&args.database)?;
    let draft = stored(&mut database, args.table)?;
    let (from, until) = (
        draft.day_begins(args.from),
        draft.day_begins(args.to.next()),
    );
    let replay = database.read(|tx| fares::replay(tx, &draft, from, until))?;
    let money = |minor| Money::new(minor, draft.currency());
    let Replay {
        journeys,
        unpriced,
        decided,
        paid_minor,
        would_minor,
        accounts,
    } = &replay;
    let (dearer, cheaper): (Vec<&Account>, Vec<&Account>) =
        accounts.iter().partition(|account| account.more() > 0);
    let difference = money(would_minor.saturating_sub(*paid_minor));
    writeln!(
        out,
        "journeys         {journeys:>14}  ({unpriced} more have no fare, people decided about {decided})"
    )?;
    writeln!(
        out,
        "paid             {:>14}",
        money(*paid_minor).to_string()
    )?;
    writeln!(
        out,
        "by the draft     {:>14}",
        money(*would_minor).to_string()
    )?;
    writeln!(out, "difference       {:>14}", difference.to_string())?;
    writeln!(out, "would pay more   {:>14}  accounts", dearer.len())?;
    writeln!(out, "would pay less   {:>14}  accounts", cheaper.len())?;
    for account in dearer.iter().take(args.most) {
        let (paid, would) = (money(account.paid_minor), money(account.would_minor));
        writeln!(out, "  {} paid {paid}, would pay {would}", account.account)?;
    }
    Ok(())
}

/// `2026-11-01`.
fn day(text: &str) -> Result<Day, String> {
    let bad = || format!("{text:?} is no day; write one like 2026-11-01");
    let mut parts = text.splitn(3, '-').map(str::parse::<i64>);
    let (Some(Ok(year)), Some(Ok(month)), Some(Ok(day))) =
        (parts.next(), parts.next(), parts.next())
    else {
        return Err(bad());
    };
    let small = |n: i64| u8::try_from(n).map_err(|_| bad());
    Day::of(year, small(month)?, small(day)?).ok_or_else(bad)
}

pub(super) fn class(text: &str) -> Result<RiderClass, String> {
    let found = RiderClass::ALL
        .into_iter()
        .find(|class| class_word(*class) == text);
    found.ok_or_else(|| {
        let words = RiderClass::ALL.map(class_word).join(", ");
        format!("{text:?} is no class; write one of {words}")
    })
}

/// `youth=student`, `visitor=none`.
fn category(text: &str) -> Result<(String, Option<RiderClass>), String> {
    let (category, name) = text
        .split_once('=')
        .ok_or_else(|| format!("{text:?} is not like youth=student"))?;
    let of = if name == "none" {
        None
    } else {
        Some(class(name)?)
    };
    Ok((category.to_owned(), of))
}

fn class_word(class: RiderClass) -> &'static str {
    fare_rules::tariff::class_name(class)
}
