//! `fareserver deny`: whom gates refuse. A running server tells them within a second or so.

use super::database;
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
            let deny =
                Database::open_existing(&database)?.write(|tx| tx.deny(account, clock::now()));
            let new: Result<bool, StoreError> = deny;
            (account, if new? { "denied" } else { "denied already" })
        }
        DenyCommand::Remove(AccountArgs { database, account }) => {
            let was: Result<bool, StoreError> =
                Database::open_existing(&database)?.write(|tx| tx.allow(account));
            (
                account,
                if was? {
                    "denied no longer"
                } else {
                    "not denied"
                },
            )
        }
    };
    writeln!(io::stdout().lock(), "account {account}: {what}")?;
    Ok(ExitCode::SUCCESS)
}
