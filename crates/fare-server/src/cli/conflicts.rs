//! `fareserver conflicts`: what staff must look at, and their decisions.

use super::{database, deed};
use crate::clock::{self, rfc3339};
use crate::inbox::{CaseView, EndView, Ruling, RulingError, resolve};
use crate::store::{Database, DatabaseUrl};
use clap::{Args, Subcommand};
use fare_protocol::{ConflictId, Currency, Money};
use fare_rules::conflict::Decision;
use std::io::{self, Write};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct ConflictsArgs {
    #[command(subcommand)]
    command: ConflictsCommand,
}

#[derive(Debug, Subcommand)]
enum ConflictsCommand {
    /// List the conflicts that stand, newest first
    List(ListArgs),
    /// Show one with its records and what is proposed
    Show(ShowArgs),
    /// Decide one, once; the decision is booked
    Resolve(ResolveArgs),
}

#[derive(Debug, Args)]
struct ListArgs {
    /// The database: a SQLite file or postgres://…
    #[arg(long, value_name = "URL", value_parser = database)]
    database: DatabaseUrl,
    /// Those that have ended too
    #[arg(long)]
    all: bool,
    /// At most so many
    #[arg(long, default_value_t = 100)]
    most: u32,
}

#[derive(Debug, Args)]
struct ShowArgs {
    /// The database: a SQLite file or postgres://…
    #[arg(long, value_name = "URL", value_parser = database)]
    database: DatabaseUrl,
    /// As JSON, with the signed records
    #[arg(long)]
    json: bool,
    /// Its id
    conflict: ConflictId,
}

#[derive(Debug, Args)]
struct ResolveArgs {
    /// The database: a SQLite file or postgres://…
    #[arg(long, value_name = "URL", value_parser = database)]
    database: DatabaseUrl,
    #[command(flatten)]
    what: What,
    /// Who decides
    #[arg(long, value_name = "NAME")]
    by: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Its id
    conflict: ConflictId,
}

/// One of the three.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct What {
    /// Decide as it is proposed
    #[arg(long)]
    proposed: bool,
    /// What the server did stands; no money moves
    #[arg(long)]
    keep: bool,
    /// The account pays this instead of what it was charged: currency and amount in minor units, for
    /// example CNY:300; CNY:0 gives everything back
    #[arg(long, value_name = "CURRENCY:MINOR", value_parser = money)]
    charge: Option<Money>,
}

pub(super) fn run(args: ConflictsArgs) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    match args.command {
        ConflictsCommand::List(args) => {
            let (all, most) = (args.all, args.most);
            let cases = Database::open_existing(&args.database)?.read(|tx| tx.conflicts(all, most));
            for case in cases? {
                line(&mut out, &case.into())?;
            }
        }
        ConflictsCommand::Show(args) => {
            let id = args.conflict;
            let case = Database::open_existing(&args.database)?.read(|tx| tx.conflict(id))?;
            let view = CaseView::from(case.ok_or(RulingError::NoConflict(id))?);
            if args.json {
                writeln!(out, "{}", serde_json::to_string_pretty(&view)?)?;
            } else {
                show(&mut out, &view)?;
            }
        }
        ConflictsCommand::Resolve(args) => show(&mut out, &decide(args)?)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn decide(args: ResolveArgs) -> Result<CaseView, RulingError> {
    let id = args.conflict;
    let case = Database::open_existing(&args.database)?.write(|tx| {
        let decision = match args.what.charge {
            Some(fare) => Decision::Charge { fare },
            None if args.what.keep => Decision::Keep,
            None => {
                let case = tx.conflict(id)?.ok_or(RulingError::NoConflict(id))?;
                case.told.proposal.decision
            }
        };
        let ruling = Ruling {
            decision,
            by: args.by.clone(),
            reason: args.reason.clone(),
        };
        let now = clock::now();
        let case = resolve(tx, id, &ruling, now)?;
        let about = id.to_hex();
        tx.audit(
            &deed(&ruling.by, "conflict-decide", &about, &ruling.reason),
            now,
        )?;
        Ok::<_, RulingError>(case)
    })?;
    Ok(case.into())
}

/// `CNY:300` as money.
pub(super) fn money(text: &str) -> Result<Money, String> {
    let bad = || format!("{text:?} is not a currency and whole minor units, for example CNY:300");
    let (currency, minor) = text.split_once(':').ok_or_else(bad)?;
    let currency: Currency = currency.parse().map_err(|_| bad())?;
    let minor = minor.parse().map_err(|_| bad())?;
    Ok(Money::new(minor, currency))
}

fn line(out: &mut impl Write, case: &CaseView) -> io::Result<()> {
    let state = match &case.end {
        None => "stands",
        Some(EndView::Cleared { .. }) => "cleared",
        Some(EndView::Resolved { overtaken_ms, .. }) => match overtaken_ms {
            None => "resolved",
            Some(_) => "overtaken",
        },
    };
    let CaseView {
        conflict,
        kind,
        about,
        detail,
        ..
    } = case;
    let raised = rfc3339(case.raised_ms);
    writeln!(
        out,
        "{conflict} {raised} {state:<9} {kind:<19} {about}: {detail}"
    )
}

pub(super) fn show(out: &mut impl Write, case: &CaseView) -> io::Result<()> {
    writeln!(out, "conflict  {}", case.conflict)?;
    writeln!(out, "kind      {}", case.kind)?;
    writeln!(out, "about     {}", case.about)?;
    writeln!(out, "detail    {}", case.detail)?;
    writeln!(out, "raised    {}", rfc3339(case.raised_ms))?;
    for record in &case.records {
        writeln!(out, "record    {}", record.says)?;
    }
    let proposed = said(case.proposal.decision);
    writeln!(out, "proposal  {proposed}: {}", case.because)?;
    match &case.end {
        None => writeln!(out, "state     stands"),
        Some(EndView::Cleared { at_ms }) => {
            writeln!(
                out,
                "state     cleared by later records at {}",
                rfc3339(*at_ms)
            )
        }
        Some(EndView::Resolved {
            at_ms,
            ruling,
            overtaken_ms,
            ..
        }) => {
            let (decision, at) = (said(ruling.decision), rfc3339(*at_ms));
            let Ruling { by, reason, .. } = ruling;
            writeln!(
                out,
                "state     decided by {by} at {at}: {decision}: {reason}"
            )?;
            match overtaken_ms {
                None => Ok(()),
                Some(at) => {
                    let at = rfc3339(*at);
                    writeln!(
                        out,
                        "state     overtaken by a late record at {at}: reversed"
                    )
                }
            }
        }
    }
}

fn said(decision: Decision) -> String {
    match decision {
        Decision::Keep => "keep".to_owned(),
        Decision::Charge { fare } => {
            let (currency, minor) = (fare.currency, fare.minor);
            format!("charge {fare} ({currency}:{minor})")
        }
    }
}
