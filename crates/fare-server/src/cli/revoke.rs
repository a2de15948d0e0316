//! `fareserver gate revoke`: a gate is believed no longer.

use super::{database, deed, operator};
use crate::clock;
use crate::store::{Database, DatabaseUrl, StoreError};
use clap::Args;
use fare_protocol::{GateId, Reason};
use std::io::{self, Write};

#[derive(Debug, Args)]
pub(super) struct RevokeArgs {
    /// The database: a SQLite file or postgres://…
    #[arg(long, value_name = "URL", value_parser = database)]
    database: DatabaseUrl,
    /// Which gate, for example PGY-01
    #[arg(value_name = "GATE")]
    gate: GateId,
    /// Why, in a few words: at most 60 bytes; the gate hears it
    #[arg(long)]
    reason: Reason,
}

/// Revokes the gate.
pub(super) fn command(args: &RevokeArgs) -> anyhow::Result<()> {
    let now = clock::now();
    let operator = operator();
    let why = args.reason.to_string();
    let new = Database::open_existing(&args.database)?.write(|tx| {
        let Some(gate) = tx.gate(args.gate)? else {
            return Ok(None);
        };
        let new = tx.revoke(&gate, args.reason, now)?;
        if new {
            let about = format!("{}, key {}", gate.id, gate.key);
            tx.audit(&deed(&operator, "gate-revoke", &about, &why), now)?;
        }
        Ok::<_, StoreError>(Some(new))
    })?;
    let gate = args.gate;
    let Some(new) = new else {
        anyhow::bail!("there is no gate {gate}: fareserver gate list");
    };
    let what = if new { "revoked" } else { "revoked already" };
    writeln!(
        io::stdout().lock(),
        "gate {gate}: {what}; what it sends from now on is refused, and it closes when it hears of it"
    )?;
    Ok(())
}
