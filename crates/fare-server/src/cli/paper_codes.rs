//! `fareserver paper-codes`: tickets for one journey, to be printed, and paid back.

use super::conflicts::money;
use super::{Usage, deed, operator};
use crate::clock::{self, rfc3339};
use crate::config::{self, Overrides, Settlement};
use crate::paper_codes::refund::{self, Refund, RefundError};
use crate::paper_codes::sheet::{ON_A_SHEET, Printed, accounts as accounts_on, sheet};
use crate::paper_codes::{COUNT_MAX, Wanted, keep};
use crate::store::{Database, Print, StoreError};
use anyhow::Context;
use clap::{Args, Subcommand};
use fare_protocol::{
    AccountId, KeyEntry, KeySet, Millis, Money, PaperCode, RiderClass, Stamp, UnixMs,
};
use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const DAY_MS: u32 = 86_400_000;

#[derive(Debug, Args)]
pub(super) struct PaperCodesArgs {
    #[command(subcommand)]
    command: PaperCodesCommand,
}

#[derive(Debug, Subcommand)]
enum PaperCodesCommand {
    /// Make paper codes and write sheets of them (SVG, A4), to be printed and sold
    Print(PrintArgs),
    /// List what was printed together, the newest first
    List(ListArgs),
    /// Pay back paper codes that are brought to a desk: unused ones, and what journeys left where the tariff says so
    Refund(RefundArgs),
}

#[derive(Debug, Args)]
struct RefundArgs {
    /// The server's configuration: its tariff says how much, its database has the codes
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Sheets of which nothing was sold: all codes on them
    #[arg(long, value_name = "FILE.svg")]
    sheet: Vec<PathBuf>,
    /// All codes that were printed then, as `list` shows it, if nothing of them was sold: for sheets of before their files
    /// named the codes
    #[arg(long, value_name = "MOMENT", value_parser = clock::moment)]
    printed: Option<UnixMs>,
    /// Who pays back
    #[arg(long, value_name = "NAME")]
    by: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Texts of codes as a scanner types them (FT1:…), or accounts of 32 hex digits
    #[arg(value_name = "CODE", required_unless_present_any = ["sheet", "printed"])]
    codes: Vec<String>,
}

#[derive(Debug, Args)]
struct ListArgs {
    /// The server's configuration
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// At most so many
    #[arg(long, default_value_t = 100)]
    most: u32,
}

#[derive(Debug, Args)]
struct PrintArgs {
    /// The server's configuration: its key signs them, its database keeps them
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// How many
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u16).range(1..=i64::from(COUNT_MAX)))]
    count: u16,
    /// What each costs, and the most that its journey costs: currency and minor units, for example CNY:600
    #[arg(long, value_name = "CURRENCY:MINOR", value_parser = money)]
    value: Money,
    /// Which fares apply: adult, child, student, senior, disabled
    #[arg(long, default_value = "adult", value_parser = class)]
    class: RiderClass,
    /// For how many service days, today's the first
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=6))]
    days: u32,
    /// What stands above each code
    #[arg(long, default_value = "Metro, one journey")]
    title: String,
    /// Into which folder the sheets go; none that are there are written over
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
}

pub(super) fn run(args: PaperCodesArgs) -> anyhow::Result<ExitCode> {
    match args.command {
        PaperCodesCommand::Print(args) => {
            print(&args)?;
            Ok(ExitCode::SUCCESS)
        }
        PaperCodesCommand::List(args) => {
            list(&args)?;
            Ok(ExitCode::SUCCESS)
        }
        PaperCodesCommand::Refund(args) => refund(&args),
    }
}

fn list(args: &ListArgs) -> anyhow::Result<()> {
    let server = config::load(&args.config, Overrides::default())?;
    let mut database = Database::open_existing(&server.database)?;
    let prints: Vec<Print> = database.read(|tx| tx.prints(args.most))?;
    let mut out = io::stdout().lock();
    for print in prints {
        let (at, by, refunded) = (rfc3339(print.made), print.by, print.refunded);
        let (codes, value, class) = (print.codes, print.value, print.class);
        writeln!(
            out,
            "{at}  {codes} of {value}, {class}, by {by}; {refunded} paid back"
        )?;
    }
    Ok(())
}

/// The codes of one print; more than one in a second cannot be told apart by it.
fn printed(second: UnixMs, database: &mut Database) -> anyhow::Result<Vec<AccountId>> {
    let found: Vec<(UnixMs, AccountId)> = database.read(|tx| tx.printed_at(second))?;
    let at = rfc3339(second);
    let Some((first, _)) = found.first() else {
        return Err(Usage(format!(
            "nothing was printed at {at}: fareserver paper-codes list"
        ))
        .into());
    };
    if found.iter().any(|(made, _)| made != first) {
        let what = format!("sheets were printed twice at {at}; name the codes themselves");
        return Err(Usage(what).into());
    }
    Ok(found.into_iter().map(|(_, account)| account).collect())
}

/// Each by itself: one that is not paid back keeps none of the others.
fn refund(args: &RefundArgs) -> anyhow::Result<ExitCode> {
    let server = config::load(&args.config, Overrides::default())?;
    let now = clock::now();
    let mut database = Database::open_existing(&server.database)?;
    let accounts = brought(args, &server.settlement, &mut database, now)?;
    database.read(|tx| server.settlement.released.look(tx))?;
    let tariff = server.settlement.tariff_at(now);
    let (mut out, mut refused) = (io::stdout().lock(), false);
    for account in accounts {
        let done = database.write(|tx| {
            let done = refund::refund(tx, &tariff, account, now)?;
            let Refund { back, kept, .. } = done;
            let about = format!("{account}: {back} back, {kept} kept");
            let deed = deed(&args.by, "paper-codes-refund", &about, &args.reason);
            tx.audit(&deed, now)?;
            Ok::<_, RefundError>(done)
        });
        match done {
            Ok(Refund {
                back,
                kept,
                was_used,
            }) => {
                let what = if was_used {
                    "what its journey left"
                } else {
                    "unused"
                };
                writeln!(
                    out,
                    "{account}: {back} to be paid back ({what}), {kept} kept"
                )?;
            }
            Err(RefundError::Store(err)) => return Err(err.into()),
            Err(err) => {
                refused = true;
                writeln!(out, "{account}: NOT paid back: {err}")?;
            }
        }
    }
    Ok(if refused {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Whose codes were brought, each once.
fn brought(
    args: &RefundArgs,
    settlement: &Settlement,
    database: &mut Database,
    now: UnixMs,
) -> anyhow::Result<Vec<AccountId>> {
    let mut accounts = Vec::new();
    if let Some(second) = args.printed {
        accounts.extend(printed(second, database)?);
    }
    for file in &args.sheet {
        let svg = fs::read_to_string(file);
        let svg = svg.with_context(|| format!("cannot read {}", file.display()))?;
        let of = accounts_on(&svg);
        if of.is_empty() {
            let file = file.display();
            let what = format!(
                "{file} is no sheet that names its codes; if it is an older one, say when it was printed: --printed"
            );
            return Err(Usage(what).into());
        }
        accounts.extend(of);
    }
    for code in &args.codes {
        accounts.push(named(code, settlement, now)?);
    }
    let mut known = BTreeSet::new();
    accounts.retain(|account| known.insert(*account));
    Ok(accounts)
}

/// An account, or the one of a code that this server's key signed.
fn named(code: &str, settlement: &Settlement, now: UnixMs) -> anyhow::Result<AccountId> {
    if !PaperCode::is_claimed_by(code.as_bytes()) {
        let account = code.parse();
        let bad = |_| {
            Usage(format!(
                "{code:?} is neither a paper code nor 32 hex digits"
            ))
        };
        return Ok(account.map_err(bad)?);
    }
    let key = KeyEntry {
        key: settlement.signer.public(),
        from_ms: UnixMs(i64::MIN),
        until_ms: UnixMs(i64::MAX),
    };
    let now = Stamp {
        at: now,
        error_ms: Millis(0),
    };
    let signed = PaperCode::parse(code.as_bytes()).map_err(|err| Usage(err.to_string()))?;
    let verified = signed.verify_within(&KeySet(vec![key]), now);
    let verified = verified.map_err(|err| Usage(err.to_string()))?;
    Ok(verified.code().account)
}

/// The sheets are written before the codes count, and get their names when they do.
// long: checks, then one step after another
fn print(args: &PrintArgs) -> anyhow::Result<()> {
    let server = config::load(&args.config, Overrides::default())?;
    let now = clock::now();
    let (settlement, value) = (&server.settlement, args.value);
    let tariff = settlement.tariff_at(now);
    if value.minor <= 0 || value.currency != tariff.currency() {
        let currency = tariff.currency();
        return Err(Usage(format!("--value must be more than zero, in {currency}")).into());
    }
    let last = now.after(Millis(DAY_MS.saturating_mul(args.days.saturating_sub(1))));
    let wanted = Wanted {
        class: args.class,
        value,
        valid_from: now,
        valid_until: tariff.day_ends(last),
    };
    wanted.valid_for().context("the last day is over already")?;
    let made: Vec<Printed> = (0..args.count)
        .map(|_| {
            let code = wanted.make().context("no randomness for an account")?;
            Ok(Printed {
                code,
                text: code.seal(settlement.signer.as_ref()),
                last_day: tariff.service_day(last).to_string(),
            })
        })
        .collect::<anyhow::Result<_>>()?;
    let sheets = write(&args.out, &args.title, &made)?;
    let by = operator();
    let about = format!("{} of {value}, {}", made.len(), args.class.word());
    let kept = Database::open(server.database.clone())
        .map_err(anyhow::Error::from)
        .and_then(|mut database| {
            let work = |tx: &crate::store::Tx<'_>| -> Result<(), StoreError> {
                for printed in &made {
                    keep(tx, &printed.code, &by, now)?;
                }
                tx.audit(&deed(&by, "paper-codes-print", &about, ""), now)
            };
            Ok(database.write(work)?)
        });
    if let Err(err) = kept {
        for (part, _) in &sheets {
            // What stays there does not count.
            let _left = fs::remove_file(part);
        }
        return Err(err.context("nothing was printed"));
    }
    let mut out = io::stdout().lock();
    for (part, named) in &sheets {
        let shown = named.display();
        fs::rename(part, named).with_context(|| format!("cannot name {shown}"))?;
        writeln!(out, "{shown}")?;
    }
    let total = Money::new(
        value.minor.saturating_mul(args.count.into()),
        value.currency,
    );
    writeln!(
        out,
        "{} paper codes, {total} to be taken for them",
        made.len()
    )?;
    Ok(())
}

/// Writes the sheets under names that say that they do not count yet; answers both names of each. Whoever has such a
/// file has money, so nobody else may read it.
fn write(folder: &Path, title: &str, made: &[Printed]) -> anyhow::Result<Vec<(PathBuf, PathBuf)>> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut sheets = Vec::new();
    for (number, codes) in (1..).zip(made.chunks(ON_A_SHEET)) {
        let named = folder.join(format!("paper-codes-{number}.svg"));
        let part = named.with_extension("svg.part");
        if named.exists() {
            let shown = named.display();
            return Err(Usage(format!("{shown} is there already; name another --out")).into());
        }
        let svg = sheet(title, codes)?;
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&part)
            .with_context(|| format!("cannot write {}", part.display()))?;
        file.write_all(svg.as_bytes())
            .and_then(|()| file.sync_all())
            .with_context(|| format!("cannot write {}", part.display()))?;
        sheets.push((part, named));
    }
    Ok(sheets)
}

fn class(text: &str) -> Result<RiderClass, String> {
    let mut sold = RiderClass::ALL
        .into_iter()
        .filter(|class| *class != RiderClass::Staff);
    let found = sold.find(|class| class.word() == text);
    found.ok_or_else(|| {
        format!("{text:?} is no class; write one of adult, child, student, senior, disabled")
    })
}
