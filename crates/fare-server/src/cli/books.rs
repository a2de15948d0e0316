//! `fareserver books`: do the books balance, and what stands in them.

use super::database;
use crate::store::{Books, Counts, Database, DatabaseUrl, StoreError};
use clap::Args;
use fare_protocol::Money;
use std::io::{self, Write};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct BooksArgs {
    /// The database: a SQLite file or postgres://…
    #[arg(long, value_name = "URL", value_parser = database)]
    database: DatabaseUrl,
}

pub(super) fn run(args: BooksArgs) -> anyhow::Result<ExitCode> {
    let mut database = Database::open_existing(&args.database)?;
    let (books, counts) = database.read(|tx| Ok::<_, StoreError>((tx.books()?, tx.counts()?)))?;
    print(&mut io::stdout().lock(), &books, &counts)?;
    Ok(if books.balanced {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
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
    let balanced = if books.balanced { "yes" } else { "no" };
    writeln!(out, "{:<14} {balanced:>16}", "balanced")
}
