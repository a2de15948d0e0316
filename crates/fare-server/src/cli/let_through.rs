//! `fareserver gate let-through`: a gate opens once, for one person.

use super::modes::Way;
use super::{database, deed, operator};
use crate::clock;
use crate::let_through::{self, Wanted};
use crate::store::{Database, DatabaseUrl};
use clap::Args;
use fare_protocol::{GateId, Reason};
use std::io::{self, Write};

#[derive(Debug, Args)]
pub(super) struct LetThroughArgs {
    /// The database: a SQLite file or postgres://…
    #[arg(long, value_name = "URL", value_parser = database)]
    database: DatabaseUrl,
    /// Which gate, for example PGY-01
    #[arg(value_name = "GATE")]
    gate: GateId,
    /// Which way
    #[arg(long, value_enum)]
    direction: Way,
    /// Why, in a few words: at most 60 bytes
    #[arg(long)]
    reason: Reason,
}

/// Tells the gate.
pub(super) fn command(args: &LetThroughArgs) -> anyhow::Result<()> {
    let now = clock::now();
    let wanted = Wanted {
        gate: args.gate,
        direction: args.direction.into(),
        reason: args.reason,
        receipt: None,
    };
    let operator = operator();
    let who = deed(&operator, "let-through", "", "");
    let told = Database::open_existing(&args.database)?
        .write(|tx| let_through::tell(tx, &wanted, &who, now))?;
    let (gate, until) = (told.gate, told.until_ms.to_rfc3339());
    writeln!(
        io::stdout().lock(),
        "gate {gate}: told to open once, until {until}"
    )?;
    Ok(())
}
