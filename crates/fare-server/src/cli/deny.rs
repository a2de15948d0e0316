//! `fareserver deny`: whom gates refuse. A running server tells them within a second or so.

use super::{database, deed, operator};
use crate::clock;
use crate::store::{Database, DatabaseUrl, StoreError};
use clap::{Args, Subcommand};
use fare_protocol::AccountId;
use std::io::{self, Write};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct DenyArgs {
    #[command(subcommand)]
    command: DenyCommand,
}

#[derive(Debug, Subcommand)]
enum DenyCommand {
    /// Refuse an account at every gate
    Add(AccountArgs),
    /// Refuse it no longer
    Remove(AccountArgs),
}

#[derive(Debug, Args)]
struct AccountArgs {
    /// The database: a SQLite file or postgres://…
    #[arg(long, value_name = "URL", value_parser = database)]
    database: DatabaseUrl,
    /// The account: 32 hex digits
    account: AccountId,
}

pub(super) fn run(args: DenyArgs) -> anyhow::Result<ExitCode> {
    let (account, what) = match args.command {
        DenyCommand::Add(AccountArgs { database, account }) => {
            let new = Database::open_existing(&database)?.write(|tx| {
                let now = clock::now();
                let new = tx.deny(account, now)?;
                let about = account.to_string();
                tx.audit(&deed(&operator(), "deny-add", &about, ""), now)?;
                Ok::<_, StoreError>(new)
            })?;
            (account, if new { "denied" } else { "denied already" })
        }
        DenyCommand::Remove(AccountArgs { database, account }) => {
            let was = Database::open_existing(&database)?.write(|tx| {
                let was = tx.allow(account)?;
                let about = account.to_string();
                tx.audit(&deed(&operator(), "deny-remove", &about, ""), clock::now())?;
                Ok::<_, StoreError>(was)
            })?;
            let what = if was {
                "denied no longer"
            } else {
                "not denied"
            };
            (account, what)
        }
    };
    writeln!(io::stdout().lock(), "account {account}: {what}")?;
    Ok(ExitCode::SUCCESS)
}
