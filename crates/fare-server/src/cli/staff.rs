//! `fareserver staff`: who may sign in at the pages, as what.

use super::{database, deed, operator};
use crate::clock::{self, rfc3339};
use crate::staff::{self, Role, Roles, password, token};
use crate::store::{Database, DatabaseUrl, Deed, SessionRow, StoreError};
use anyhow::bail;
use clap::{Args, Subcommand};
use fare_protocol::UnixMs;
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
    /// Begin a session for somebody whom an identity provider knows, and print its cookie: docs/sign-in.md
    SignIn(SignInArgs),
    /// End all sessions of somebody whom an identity provider knows
    SignOut(SignOutArgs),
}

#[derive(Debug, Args)]
struct SignInArgs {
    /// The database: a SQLite file or postgres://…
    #[arg(long, value_name = "URL", value_parser = database)]
    database: DatabaseUrl,
    /// Who knows the person: the `iss` of the ID token
    #[arg(long, value_name = "URL", value_parser = issuer)]
    issuer: String,
    /// What the person is; may be given more than once: viewer, steward, supervisor, finance, releaser
    #[arg(long, required = true, value_name = "ROLE")]
    role: Vec<Role>,
    /// How long the session lasts
    #[arg(long, value_name = "HOURS", default_value_t = 12, value_parser = clap::value_parser!(i64).range(1..=24))]
    hours: i64,
    /// For pages at a loopback address without TLS
    #[arg(long)]
    plain: bool,
    /// The person's name there, which stands in the audit: the `preferred_username` or the `sub` of the ID token
    #[arg(value_name = "SUBJECT", value_parser = staff::person)]
    subject: String,
}

#[derive(Debug, Args)]
struct SignOutArgs {
    /// The database: a SQLite file or postgres://…
    #[arg(long, value_name = "URL", value_parser = database)]
    database: DatabaseUrl,
    /// Who knows the person: the `iss` of the ID token
    #[arg(long, value_name = "URL", value_parser = issuer)]
    issuer: String,
    /// The person's name there
    #[arg(value_name = "SUBJECT", value_parser = staff::person)]
    subject: String,
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
        StaffCommand::SignIn(args) => sign_in(&args)?,
        StaffCommand::SignOut(args) => sign_out(&args)?,
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

/// Longest name of an identity provider, in characters.
const ISSUER_CHARS_MAX: usize = 200;

/// The value of `--issuer`: never the name of the accounts that are kept here.
fn issuer(text: &str) -> Result<String, String> {
    let plain = |letter: char| letter.is_ascii_graphic();
    let fits = text.len() <= ISSUER_CHARS_MAX && text.chars().all(plain);
    if fits && text.starts_with("https://") {
        return Ok(text.to_owned());
    }
    Err(format!(
        "{text:?} is no issuer; write its https:// URL, of {ISSUER_CHARS_MAX} characters at most"
    ))
}

fn sign_in(args: &SignInArgs) -> anyhow::Result<()> {
    let Some(roles) = Roles::of(&args.role) else {
        bail!("a person needs a role");
    };
    let (secret, now) = (token::generate()?, clock::now());
    let session = SessionRow {
        issuer: args.issuer.clone(),
        subject: args.subject.clone(),
        roles,
        until: UnixMs(now.0.saturating_add(args.hours.saturating_mul(3_600_000))),
    };
    let about = format!("{}, by {}", session.roles, operator());
    let deed = Deed {
        issuer: &args.issuer,
        ..deed(&args.subject, "sign-in", &about, "")
    };
    Database::open_existing(&args.database)?.write(|tx| {
        tx.insert_session(&token::hash(secret.as_bytes()), &session, now)?;
        tx.audit(&deed, now)
    })?;
    let cookie = token::cookie(&secret, !args.plain, args.hours.saturating_mul(3_600));
    writeln!(io::stdout().lock(), "{cookie}")?;
    Ok(())
}

fn sign_out(args: &SignOutArgs) -> anyhow::Result<()> {
    let about = format!("by {}", operator());
    let deed = Deed {
        issuer: &args.issuer,
        ..deed(&args.subject, "sign-out", &about, "")
    };
    let ended = Database::open_existing(&args.database)?.write(|tx| {
        let ended = tx.end_sessions(&args.issuer, &args.subject)?;
        if ended > 0 {
            tx.audit(&deed, clock::now())?;
        }
        Ok::<_, StoreError>(ended)
    })?;
    if ended == 0 {
        bail!("nobody is signed in as {} of {}", args.subject, args.issuer);
    }
    writeln!(io::stdout().lock(), "{}: signed out", args.subject)?;
    Ok(())
}
