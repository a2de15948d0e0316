//! `fareserver classes`: by which fares riders ride, upon a proof and until its end. A phone hears of it with its
//! next issuer part; whose class has ended rides as an adult from then on.

use super::{Usage, database, deed};
use crate::clock::{self, rfc3339};
use crate::ids;
use crate::store::{ClassProof, Database, DatabaseUrl, StoreError};
use anyhow::{Context, anyhow};
use clap::{Args, Subcommand};
use fare_protocol::{AccountId, RiderClass, UnixMs};
use fare_rules::tariff::class_name;
use std::io::{self, Write};
use std::process::ExitCode;

/// Longest reference to a proof, in characters.
const PROOF_CHARS_MAX: usize = 80;

#[derive(Debug, Args)]
pub(super) struct ClassesArgs {
    #[command(subcommand)]
    command: ClassesCommand,
}

#[derive(Debug, Subcommand)]
enum ClassesCommand {
    /// Grant an enrolled rider a class; it takes the place of the one before
    Grant(GrantArgs),
    /// Take a rider's class back: an adult from the next issuer part on
    End(EndArgs),
    /// List what was granted to an account, or what was granted last
    List(ListArgs),
}

#[derive(Debug, Args)]
struct GrantArgs {
    /// The database: a SQLite file or postgres://…
    #[arg(long, value_name = "URL", value_parser = database)]
    database: DatabaseUrl,
    /// child, student, senior, disabled, staff
    #[arg(long, value_parser = super::fares::class)]
    class: RiderClass,
    /// What was shown, as the office's files call it: no name, and not the number of a person's document
    #[arg(long, value_name = "REFERENCE")]
    proof: String,
    /// Until when the proof counts: 2027-09-30T00:00:00+08:00
    #[arg(long, value_name = "TIME", value_parser = clock::moment)]
    until: UnixMs,
    /// Who grants it
    #[arg(long, value_name = "NAME")]
    by: String,
    /// The account: 32 hex digits
    account: AccountId,
}

#[derive(Debug, Args)]
struct EndArgs {
    /// The database: a SQLite file or postgres://…
    #[arg(long, value_name = "URL", value_parser = database)]
    database: DatabaseUrl,
    /// Who decides
    #[arg(long, value_name = "NAME")]
    by: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// The account: 32 hex digits
    account: AccountId,
}

#[derive(Debug, Args)]
struct ListArgs {
    /// The database: a SQLite file or postgres://…
    #[arg(long, value_name = "URL", value_parser = database)]
    database: DatabaseUrl,
    /// At most so many when no account is named
    #[arg(long, default_value_t = 100)]
    most: u32,
    /// The account: 32 hex digits
    account: Option<AccountId>,
}

pub(super) fn run(args: ClassesArgs) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    match args.command {
        ClassesCommand::Grant(args) => grant(&mut out, args)?,
        ClassesCommand::End(args) => {
            let now = clock::now();
            let had = Database::open_existing(&args.database)?.write(|tx| {
                let about = args.account.to_string();
                tx.audit(&deed(&args.by, "class-end", &about, &args.reason), now)?;
                tx.end_class(args.account, now)
            })?;
            let what = if had {
                "an adult from the next issuer part on"
            } else {
                "had no class"
            };
            writeln!(out, "{}: {what}", args.account)?;
        }
        ClassesCommand::List(args) => {
            let now = clock::now();
            let granted: Vec<ClassProof> =
                Database::open_existing(&args.database)?.read(|tx| match args.account {
                    Some(account) => tx.classes_of(account),
                    None => tx.newest_classes(args.most),
                })?;
            for one in &granted {
                line(&mut out, one, now)?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn grant(out: &mut impl Write, args: GrantArgs) -> anyhow::Result<()> {
    let now = clock::now();
    let chars = args.proof.chars().count();
    if !(1..=PROOF_CHARS_MAX).contains(&chars) || args.proof.chars().any(char::is_control) {
        let wanted =
            format!("--proof has {chars} characters; write 1 to {PROOF_CHARS_MAX} of one line");
        return Err(Usage(wanted).into());
    }
    if args.class == RiderClass::Adult {
        let wanted = "everybody is an adult without a proof; take a class back with `end`";
        return Err(Usage(wanted.to_owned()).into());
    }
    if args.until <= now {
        return Err(
            Usage("--until is past; a proof counts until a later moment".to_owned()).into(),
        );
    }
    let granted = ClassProof {
        id: ids::new_id(now).context("no randomness for an id")?,
        account: args.account,
        class: args.class,
        proof: args.proof,
        made: now,
        until: args.until,
        person: args.by,
        ended: None,
    };
    let enrolled = Database::open_existing(&args.database)?.write(|tx| {
        if tx.riders_among(&[granted.account])?.is_empty() {
            return Ok::<_, StoreError>(false);
        }
        tx.grant_class(&granted)?;
        let (class, until) = (class_name(granted.class), rfc3339(granted.until));
        let about = format!("{}: {class} until {until}", granted.account);
        tx.audit(
            &deed(&granted.person, "class-grant", &about, &granted.proof),
            now,
        )?;
        Ok(true)
    })?;
    if !enrolled {
        let account = granted.account;
        return Err(anyhow!(
            "no rider is enrolled with the account {account}; look at its digits"
        ));
    }
    line(out, &granted, now)
}

fn line(out: &mut impl Write, one: &ClassProof, now: UnixMs) -> anyhow::Result<()> {
    let (account, class) = (one.account, class_name(one.class));
    let (made, until) = (rfc3339(one.made), rfc3339(one.until));
    let (person, proof) = (&one.person, &one.proof);
    let end = match one.ended {
        Some(ended) => format!(", ended {}", rfc3339(ended)),
        None if one.until <= now => ", over".to_owned(),
        None => String::new(),
    };
    writeln!(
        out,
        "{account} {class:<9} {made} to {until}{end}  by {person}: {proof}"
    )?;
    Ok(())
}
