//! `fareserver books`: the proof of the books, and what stands in them; closing them, looking at the closes,
//! sharing revenue out among operators, and what riders may still not pay.

mod exposure;

use super::{Usage, database, deed, operator};
use crate::books::clearing::{Rule, statements};
use crate::books::keeper::{Sharing, prove, share_closes, write_statements};
use crate::books::{self, CloseError, SETTLED_MS, Verdict};
use crate::clock::{self, rfc3339};
use crate::store::{
    Books, CloseRow, Counts, Database, DatabaseUrl, Finding, ProofRow, ShareRow, StoreError,
};
use anyhow::Context;
use clap::{Args, Subcommand};
use fare_protocol::{Money, RecordHash, UnixMs};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct BooksArgs {
    #[command(subcommand)]
    command: Option<BooksCommand>,
    /// The database: a SQLite file or postgres://…
    #[arg(long, value_name = "URL", value_parser = database)]
    database: Option<DatabaseUrl>,
}

#[derive(Debug, Subcommand)]
enum BooksCommand {
    /// Close the books up to a moment: sums and a hash that carries the one of the close before
    Close(CloseArgs),
    /// Look whether everything is as it was closed; exit status 1 when something is not
    Verify(VerifyArgs),
    /// Write what each operator gets of the revenue of a time: OPERATOR.csv and OPERATOR.json
    Statements(StatementsArgs),
    /// Post to each operator's account what it gets of the closes that were not shared out yet; without a rule, list what
    /// operators got
    Share(ShareArgs),
    /// Add up what riders may still not pay, at worst, by account and by gate
    Exposure(exposure::ExposureArgs),
}

#[derive(Debug, Args)]
struct CloseArgs {
    /// The database: a SQLite file or postgres://…
    #[arg(long, value_name = "URL", value_parser = database)]
    database: DatabaseUrl,
    /// Up to before this moment, for example 2026-11-29T04:30:00+08:00; ten minutes ago when absent
    #[arg(long, value_name = "MOMENT", value_parser = clock::moment)]
    until: Option<UnixMs>,
    /// Who closes
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

#[derive(Debug, Args)]
struct VerifyArgs {
    /// The database: a SQLite file or postgres://…
    #[arg(long, value_name = "URL", value_parser = database)]
    database: DatabaseUrl,
}

#[derive(Debug, Args)]
struct StatementsArgs {
    /// The database: a SQLite file or postgres://…
    #[arg(long, value_name = "URL", value_parser = database)]
    database: DatabaseUrl,
    /// Whose lines are whose, and how a fare is shared: gate-config/clearing.toml explains it
    #[arg(long, value_name = "FILE")]
    rule: PathBuf,
    /// From this moment on
    #[arg(long, value_name = "MOMENT", value_parser = clock::moment)]
    from: UnixMs,
    /// Up to before this moment
    #[arg(long, value_name = "MOMENT", value_parser = clock::moment)]
    until: UnixMs,
    /// The folder for the files; made when absent
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

#[derive(Debug, Args)]
struct ShareArgs {
    /// The database: a SQLite file or postgres://…
    #[arg(long, value_name = "URL", value_parser = database)]
    database: DatabaseUrl,
    /// Whose lines are whose, and how a fare is shared: gate-config/clearing.toml explains it
    #[arg(long, value_name = "FILE")]
    rule: Option<PathBuf>,
    /// A folder for statements: in it one for each close
    #[arg(long, value_name = "DIR", requires = "rule")]
    out: Option<PathBuf>,
}

pub(super) fn run(args: BooksArgs) -> anyhow::Result<ExitCode> {
    match args.command {
        None => show(args.database),
        Some(BooksCommand::Close(args)) => close(args),
        Some(BooksCommand::Verify(args)) => verify(&args),
        Some(BooksCommand::Statements(args)) => state(&args),
        Some(BooksCommand::Share(args)) => share(args),
        Some(BooksCommand::Exposure(args)) => exposure::run(args),
    }
}

/// Proves the books now, whoever else does so; what was found is kept as the hourly proof's is.
fn show(url: Option<DatabaseUrl>) -> anyhow::Result<ExitCode> {
    let url = url.ok_or_else(|| Usage("name the database: --database URL".to_owned()))?;
    let mut database = Database::open_existing(&url)?;
    let last: Option<ProofRow> = database.read(|tx| tx.last_proof())?;
    let findings = prove(&mut database, clock::now())?;
    let (books, counts) = database.read(|tx| Ok::<_, StoreError>((tx.sums()?, tx.counts()?)))?;
    let mut out = io::stdout().lock();
    print(&mut out, &books, &counts)?;
    proved(&mut out, &findings, last.as_ref())?;
    Ok(if findings.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn proved(out: &mut impl Write, findings: &[Finding], last: Option<&ProofRow>) -> io::Result<()> {
    if let Some(last) = last {
        let (at, found) = (rfc3339(last.made), last.findings);
        writeln!(out, "{:<14} {found:>16}  findings at {at}", "proof before")?;
    }
    let balanced = if findings.is_empty() { "yes" } else { "no" };
    writeln!(out, "{:<14} {balanced:>16}", "balanced")?;
    findings
        .iter()
        .try_for_each(|finding| writeln!(out, "WRONG {:<13} {finding}", finding.flaw.code()))
}

fn close(args: CloseArgs) -> anyhow::Result<ExitCode> {
    let now = clock::now();
    let until = args
        .until
        .unwrap_or(UnixMs(now.0.saturating_sub(SETTLED_MS)));
    let by = args.by.unwrap_or_else(operator);
    let mut database = Database::open_existing(&args.database)?;
    let closed = database.read(|tx| books::prepare(tx, until, &by, now))?;
    database.write(|tx| {
        books::keep(tx, &closed)?;
        let about = format!("close {} up to {}", closed.nth, rfc3339(until));
        tx.audit(&deed(&by, "books-close", &about, ""), now)?;
        Ok::<_, CloseError>(())
    })?;
    line(&mut io::stdout().lock(), &closed, "closed")?;
    Ok(ExitCode::SUCCESS)
}

fn verify(args: &VerifyArgs) -> anyhow::Result<ExitCode> {
    let closes = Database::open_existing(&args.database)?.read(books::verify)?;
    let mut out = io::stdout().lock();
    let mut whole = true;
    for (close, verdict) in &closes {
        match verdict {
            Verdict::Whole => line(&mut out, close, "whole")?,
            Verdict::Differs(what) => {
                whole = false;
                line(&mut out, close, "DIFFERS")?;
                writeln!(out, "  {what}")?;
            }
        }
    }
    if closes.is_empty() {
        writeln!(out, "the books were never closed: fareserver books close")?;
    }
    Ok(if whole {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn line(out: &mut impl Write, close: &CloseRow, word: &str) -> io::Result<()> {
    let (nth, until, by) = (close.nth, rfc3339(close.until), &close.person);
    let (postings, hash) = (close.postings, RecordHash(close.hash));
    writeln!(
        out,
        "close {nth}: {word}, up to {until} by {by}, {postings} postings, hash {hash}"
    )
}

fn rule(file: &PathBuf) -> anyhow::Result<Rule> {
    let text = fs::read_to_string(file);
    let text = text.with_context(|| format!("cannot read {}", file.display()))?;
    Rule::parse(&text).map_err(|err| Usage(err.to_string()).into())
}

/// Shares out what is to be, and lists all that was.
fn share(args: ShareArgs) -> anyhow::Result<ExitCode> {
    let mut database = Database::open_existing(&args.database)?;
    if let Some(file) = &args.rule {
        let sharing = Sharing {
            rule: rule(file)?,
            statements: args.out,
        };
        let now = clock::now();
        let shared = share_closes(&mut database, &sharing, now)?;
        let about = format!("{} shares by rule {}", shared.len(), sharing.rule.hash());
        let by = operator();
        database.write(|tx| tx.audit(&deed(&by, "books-share", &about, ""), now))?;
    }
    let shares: Vec<ShareRow> = database.read(|tx| tx.shares())?;
    let mut out = io::stdout().lock();
    let mut owed = BTreeMap::new();
    for share in &shares {
        let ShareRow {
            nth,
            operator,
            part,
            ..
        } = share;
        writeln!(
            out,
            "close {nth:<6} {operator:<16} {:>16}",
            part.to_string()
        )?;
        let sum: &mut i64 = owed
            .entry((operator, part.currency.to_string()))
            .or_default();
        *sum = sum.saturating_add(part.minor);
    }
    for ((operator, currency), minor) in owed {
        let currency = currency.parse().map_err(|_| Usage(currency))?;
        let money = Money::new(minor, currency).to_string();
        writeln!(out, "in all       {operator:<16} {money:>16}")?;
    }
    Ok(ExitCode::SUCCESS)
}

fn state(args: &StatementsArgs) -> anyhow::Result<ExitCode> {
    if args.until <= args.from {
        return Err(Usage("--until must be later than --from".to_owned()).into());
    }
    let rule = rule(&args.rule)?;
    let mut database = Database::open_existing(&args.database)?;
    let time = (args.from, args.until);
    let all = database.read(|tx| statements(tx, &rule, time))?;
    write_statements(&args.out, &all)?;
    let mut out = io::stdout().lock();
    for statement in &all {
        let shares = statement.totals.iter().map(|total| {
            let share = Money::new(total.share_minor, total.currency);
            format!("{share} of {} postings", total.items)
        });
        let shares = shares.collect::<Vec<_>>().join(", ");
        let shares = if shares.is_empty() {
            "nothing"
        } else {
            &shares
        };
        writeln!(out, "{:<16} {shares}", statement.operator)?;
    }
    let revenue = all.first().map_or(&[][..], |statement| &statement.revenue);
    for revenue in revenue {
        writeln!(out, "{:<16} {revenue}", "all")?;
    }
    Ok(ExitCode::SUCCESS)
}

fn print(out: &mut impl Write, books: &Books, counts: &Counts) -> io::Result<()> {
    for sum in &books.sums {
        let money = Money::new(sum.minor, sum.currency).to_string();
        writeln!(out, "{:<14} {money:>16}", sum.account)?;
    }
    writeln!(out, "{:<14} {:>16}", "postings", books.postings)?;
    let Counts {
        journeys,
        closed,
        open,
        incomplete,
        conflicts,
        untold,
        ..
    } = counts;
    writeln!(
        out,
        "{:<14} {journeys:>16}  ({closed} closed, {open} open, {incomplete} incomplete)",
        "journeys"
    )?;
    writeln!(out, "{:<14} {conflicts:>16}", "conflicts")?;
    writeln!(
        out,
        "{:<14} {untold:>16}  (nobody can tell; exits among them are held, then voided)",
        "passages"
    )?;
    Ok(())
}
