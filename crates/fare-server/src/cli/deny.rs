//! `fareserver deny`: whom gates refuse, by account or by phone. A running server tells them within a second or so.

use super::{Usage, database, deed, operator};
use crate::clock::{self, rfc3339};
use crate::store::{Database, DatabaseUrl, DeniedKey, StoreError, Tx};
use anyhow::anyhow;
use clap::{Args, Subcommand};
use fare_protocol::{AccountId, PublicKey, UnixMs};
use std::io::{self, Write};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct DenyArgs {
    #[command(subcommand)]
    command: DenyCommand,
}

#[derive(Debug, Subcommand)]
enum DenyCommand {
    /// Refuse an account, or the ride codes of one phone, at every gate
    Add(AddArgs),
    /// Refuse it no longer
    Remove(WhomArgs),
    /// List whom gates refuse, since when and why: phones, then the newest accounts
    List(ListArgs),
}

#[derive(Debug, Args)]
struct WhomArgs {
    /// The database: a SQLite file or postgres://…
    #[arg(long, value_name = "URL", value_parser = database)]
    database: DatabaseUrl,
    /// The account: 32 hex digits
    #[arg(required_unless_present_any = ["key", "phone_of"], conflicts_with_all = ["key", "phone_of"])]
    account: Option<AccountId>,
    /// A phone, by the key that signs its ride codes: 64 hex digits
    #[arg(long, value_name = "KEY", conflicts_with = "phone_of")]
    key: Option<PublicKey>,
    /// The phone that enrolled here for this account
    #[arg(long, value_name = "ACCOUNT")]
    phone_of: Option<AccountId>,
}

#[derive(Debug, Args)]
struct AddArgs {
    #[command(flatten)]
    whom: WhomArgs,
    /// Why, for the list and the audit
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
}

#[derive(Debug, Args)]
struct ListArgs {
    /// The database: a SQLite file or postgres://…
    #[arg(long, value_name = "URL", value_parser = database)]
    database: DatabaseUrl,
    /// At most so many accounts
    #[arg(long, default_value_t = 100)]
    most: u32,
}

/// Whom gates are to refuse or not.
#[derive(Clone, Copy, Debug)]
enum Whom {
    Account(AccountId),
    Phone(PublicKey),
}

impl WhomArgs {
    fn whom(&self, tx: &Tx<'_>) -> anyhow::Result<Whom> {
        if let Some(account) = self.account {
            return Ok(Whom::Account(account));
        }
        if let Some(key) = self.key {
            return Ok(Whom::Phone(key));
        }
        let account = self.phone_of;
        let account = account.ok_or_else(|| Usage("name an account or a phone".to_owned()))?;
        let phone = tx.phone_of(account)?;
        let phone = phone.ok_or_else(|| anyhow!("no phone enrolled here for account {account}"))?;
        Ok(Whom::Phone(phone))
    }
}

pub(super) fn run(args: DenyArgs) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    match args.command {
        DenyCommand::Add(AddArgs { whom, reason }) => {
            let mut database = Database::open_existing(&whom.database)?;
            let (about, new) = database.write(|tx| add(tx, whom.whom(tx)?, &reason))?;
            let what = if new { "denied" } else { "denied already" };
            writeln!(out, "{about}: {what}")?;
        }
        DenyCommand::Remove(whom) => {
            let mut database = Database::open_existing(&whom.database)?;
            let (about, was) = database.write(|tx| remove(tx, whom.whom(tx)?))?;
            let what = if was {
                "denied no longer"
            } else {
                "not denied"
            };
            writeln!(out, "{about}: {what}")?;
        }
        DenyCommand::List(args) => list(&mut out, &args)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn add(tx: &Tx<'_>, whom: Whom, reason: &str) -> anyhow::Result<(String, bool)> {
    let (now, by) = (clock::now(), operator());
    let (about, new) = match whom {
        Whom::Account(account) => (format!("account {account}"), tx.deny(account, now)?),
        Whom::Phone(key) => {
            let denied = DeniedKey {
                key,
                since: now,
                person: by.clone(),
                reason: reason.to_owned(),
            };
            (format!("phone {key}"), tx.deny_key(&denied)?)
        }
    };
    audit(tx, (&by, "deny-add"), (whom, reason), now)?;
    Ok((about, new))
}

fn remove(tx: &Tx<'_>, whom: Whom) -> anyhow::Result<(String, bool)> {
    let (now, by) = (clock::now(), operator());
    let (about, was) = match whom {
        Whom::Account(account) => (format!("account {account}"), tx.allow(account)?),
        Whom::Phone(key) => (format!("phone {key}"), tx.allow_key(key)?),
    };
    audit(tx, (&by, "deny-remove"), (whom, ""), now)?;
    Ok((about, was))
}

fn audit(
    tx: &Tx<'_>,
    (by, what): (&str, &str),
    (whom, why): (Whom, &str),
    now: UnixMs,
) -> Result<(), StoreError> {
    let about = match whom {
        Whom::Account(account) => account.to_string(),
        Whom::Phone(key) => format!("phone {key}"),
    };
    tx.audit(&deed(by, what, &about, why), now)
}

fn list(out: &mut impl Write, args: &ListArgs) -> anyhow::Result<()> {
    let mut database = Database::open_existing(&args.database)?;
    let (keys, accounts) = database
        .read(|tx| Ok::<_, StoreError>((tx.denied_keys()?, tx.denied_accounts(args.most)?)))?;
    for denied in keys {
        let (key, since) = (denied.key, rfc3339(denied.since));
        let (person, reason) = (denied.person, denied.reason);
        writeln!(out, "phone {key}  since {since}  by {person}  {reason}")?;
    }
    for denied in accounts {
        let (account, since, why) = (denied.account, rfc3339(denied.since), denied.why);
        writeln!(out, "account {account}  since {since}  for {why}")?;
    }
    Ok(())
}
