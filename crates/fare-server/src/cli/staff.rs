//! `fareserver staff`: who may sign in at the pages, as what.

use super::{database, deed, operator};
use crate::clock::{self, rfc3339};
use crate::staff::{self, Role, Roles, password};
use crate::store::{Database, DatabaseUrl, StoreError};
use anyhow::bail;
use clap::{Args, Subcommand};
use std::io::{self, Write};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct StaffArgs {
    #[command(subcommand)]
    command: StaffCommand,
}

#[derive(Debug, Subcommand)]
enum StaffCommand {
    /// Make an account, or give one a new password and new roles; whoever is signed in as it is signed out
    Add(AddArgs),
    /// List the accounts
    List(ListArgs),
    /// End an account, and whoever is signed in as it
    Remove(RemoveArgs),
}

#[derive(Debug, Args)]
struct AddArgs {
    /// The database: a SQLite file or postgres://…
    #[arg(long, value_name = "URL", value_parser = database)]
    database: DatabaseUrl,
    /// What the person is; may be given more than once: viewer, steward, supervisor, finance, releaser
    #[arg(long, required = true, value_name = "ROLE")]
    role: Vec<Role>,
    /// Read the password from standard input: one line of 12 characters or more. Without this a new one is
    /// made and printed, once
    #[arg(long)]
    password_stdin: bool,
    /// The person's name
    #[arg(value_name = "NAME", value_parser = staff::person)]
    person: String,
}

#[derive(Debug, Args)]
struct ListArgs {
    /// The database: a SQLite file or postgres://…
    #[arg(long, value_name = "URL", value_parser = database)]
    database: DatabaseUrl,
}

#[derive(Debug, Args)]
struct RemoveArgs {
    /// The database: a SQLite file or postgres://…
    #[arg(long, value_name = "URL", value_parser = database)]
    database: DatabaseUrl,
    /// The person's name
    #[arg(value_name = "NAME", value_parser = staff::person)]
    person: String,
}

pub(super) fn run(args: StaffArgs) -> anyhow::Result<ExitCode> {
    match args.command {
        StaffCommand::Add(args) => add(&args)?,
        StaffCommand::List(args) => list(&args)?,
        StaffCommand::Remove(args) => remove(&args)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn add(args: &AddArgs) -> anyhow::Result<()> {
    let Some(roles) = Roles::of(&args.role) else {
        bail!("a person needs a role");
    };
    let (password, made) = if args.password_stdin {
        let mut line = String::new();
        io::stdin().read_line(&mut line)?;
        (line.trim_end_matches(['\r', '\n']).to_owned(), false)
    } else {
        (password::generate()?, true)
    };
    let hash = password::hash(&password)?;
    let now = clock::now();
    let operator = operator();
    let new = Database::open(&args.database)?.write(|tx| {
        let new = tx.put_staff(&args.person, &hash, &roles, now)?;
        let about = format!("{}: {roles}", args.person);
        let what = if new { "staff-add" } else { "staff-change" };
        tx.audit(&deed(&operator, what, &about, ""), now)?;
        Ok::<_, StoreError>(new)
    })?;
    let what = if new { "made" } else { "changed" };
    let mut out = io::stdout().lock();
    writeln!(out, "{}: {what}, {roles}", args.person)?;
    if made {
        writeln!(out, "password: {password}")?;
    }
    Ok(())
}

fn list(args: &ListArgs) -> anyhow::Result<()> {
    let rows = Database::open_existing(&args.database)?.read(|tx| tx.all_staff())?;
    let mut out = io::stdout().lock();
    for row in rows {
        let (person, roles, made) = (row.person, row.roles, rfc3339(row.made));
        let ended = row.ended.map(|at| format!(", ended {}", rfc3339(at)));
        let ended = ended.unwrap_or_default();
        writeln!(out, "{person:<24} {roles}, since {made}{ended}")?;
    }
    Ok(())
}

fn remove(args: &RemoveArgs) -> anyhow::Result<()> {
    let now = clock::now();
    let operator = operator();
    let was = Database::open_existing(&args.database)?.write(|tx| {
        let was = tx.end_staff(&args.person, now)?;
        if was {
            tx.audit(&deed(&operator, "staff-remove", &args.person, ""), now)?;
        }
        Ok::<_, StoreError>(was)
    })?;
    if !was {
        bail!("there is no account {}: fareserver staff list", args.person);
    }
    writeln!(io::stdout().lock(), "{}: ended", args.person)?;
    Ok(())
}
