//! `fareserver journeys`: what became of journeys, corrections by staff, and incidents that spare riders
//! the maximum fare.

use super::conflicts::{money, show as show_case};
use super::database;
use super::deed;
use crate::charging::OrderNo;
use crate::clock::{self, rfc3339};
use crate::correction::{self, Correction, Story};
use crate::inbox::RulingError;
use crate::store::{
    ChargeRow, Database, DatabaseUrl, Incident, JourneyView, ModeWindow, StoreError, TryRow,
};
use anyhow::Context;
use clap::{Args, Subcommand};
use fare_protocol::{Direction, Millis, Money, RecordId, StationId, UnixMs};
use std::io::{self, Write};
use std::process::ExitCode;

/// How far back incidents are listed.
const WEEK: Millis = Millis(7 * 86_400_000);

#[derive(Debug, Args)]
pub(super) struct JourneysArgs {
    #[command(subcommand)]
    command: JourneysCommand,
}

#[derive(Debug, Subcommand)]
enum JourneysCommand {
    /// List journeys, the newest first
    List(ListArgs),
    /// Show one with its taps, its postings, what was charged for it and what was decided about it
    Show(ShowArgs),
    /// Charge another fare than it was charged: the old one is reversed, the new one posted
    Correct(CorrectArgs),
    /// Say when riders could not leave as they should: no maximum fare for journeys open then
    Incident(IncidentArgs),
    /// List the incidents that spare riders the charge for a missing end: told by staff, and shown by gates' modes
    Incidents(IncidentsArgs),
}

#[derive(Debug, Args)]
struct ListArgs {
    /// The database: a SQLite file or postgres://…
    #[arg(long, value_name = "URL", value_parser = database)]
    database: DatabaseUrl,
    /// Only those in this state: tapped, annulled, open, incomplete, unpriced, held, closed, no-exit
    #[arg(long)]
    state: Option<String>,
    /// Look at so many
    #[arg(long, default_value_t = 100)]
    most: u32,
}

#[derive(Debug, Args)]
struct ShowArgs {
    /// The database: a SQLite file or postgres://…
    #[arg(long, value_name = "URL", value_parser = database)]
    database: DatabaseUrl,
    /// The id of its entry confirmation, as `list` shows it
    entry: RecordId,
}

#[derive(Debug, Args)]
struct CorrectArgs {
    /// The database: a SQLite file or postgres://…
    #[arg(long, value_name = "URL", value_parser = database)]
    database: DatabaseUrl,
    /// What the account pays instead: currency and amount in minor units, for example CNY:300
    #[arg(long, value_name = "CURRENCY:MINOR", value_parser = money)]
    charge: Money,
    /// Who decides
    #[arg(long, value_name = "NAME")]
    by: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// The id of its entry confirmation
    entry: RecordId,
}

#[derive(Debug, Args)]
struct IncidentArgs {
    /// The database: a SQLite file or postgres://…
    #[arg(long, value_name = "URL", value_parser = database)]
    database: DatabaseUrl,
    /// For riders who entered here; everywhere when absent
    #[arg(long)]
    station: Option<StationId>,
    /// From when on: 2026-11-29T08:30:00+08:00
    #[arg(long, value_name = "TIME", value_parser = clock::moment)]
    from: UnixMs,
    /// Until when
    #[arg(long, value_name = "TIME", value_parser = clock::moment)]
    until: UnixMs,
    /// Who says so
    #[arg(long, value_name = "NAME")]
    by: String,
    /// What happened
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

#[derive(Debug, Args)]
struct IncidentsArgs {
    /// The database: a SQLite file or postgres://…
    #[arg(long, value_name = "URL", value_parser = database)]
    database: DatabaseUrl,
    /// From when on: 2026-11-29T04:30:00+08:00; the last seven days when absent
    #[arg(long, value_name = "TIME", value_parser = clock::moment)]
    from: Option<UnixMs>,
}

pub(super) fn run(args: JourneysArgs) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    match args.command {
        JourneysCommand::List(args) => {
            let most = args.most;
            let journeys = Database::open_existing(&args.database)?.read(|tx| {
                let journeys = tx.journey_views(most)?;
                Ok::<_, StoreError>(journeys)
            })?;
            let wanted = |journey: &&JourneyView| {
                args.state
                    .as_ref()
                    .is_none_or(|state| *state == journey.state)
            };
            for journey in journeys.iter().filter(wanted) {
                line(&mut out, journey)?;
            }
        }
        JourneysCommand::Show(args) => {
            let mut database = Database::open_existing(&args.database)?;
            let story = database.read(|tx| correction::story(tx, args.entry))?;
            show(&mut out, &story)?;
        }
        JourneysCommand::Correct(args) => {
            let correction = Correction {
                entry: args.entry,
                fare: args.charge,
                by: args.by,
                reason: args.reason,
            };
            let mut database = Database::open_existing(&args.database)?;
            let case = database.write(|tx| {
                let now = clock::now();
                let case = correction::correct(tx, &correction, now)?;
                let about = format!("{}: {}", correction.entry, correction.fare);
                let (by, why) = (&correction.by, &correction.reason);
                tx.audit(&deed(by, "journey-correct", &about, why), now)?;
                Ok::<_, RulingError>(case)
            })?;
            show_case(&mut out, &case.into())?;
        }
        JourneysCommand::Incident(args) => add_incident(args)?,
        JourneysCommand::Incidents(args) => list_incidents(&mut out, &args)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn add_incident(args: IncidentArgs) -> anyhow::Result<()> {
    let incident = Incident {
        station: args.station,
        from: args.from,
        until: args.until,
        person: args.by,
        reason: args.reason,
    };
    if incident.until <= incident.from {
        return Err(super::Usage("--until must be later than --from".to_owned()).into());
    }
    let now = clock::now();
    let id = crate::ids::new_id(now).context("no randomness for an id")?;
    Database::open_existing(&args.database)?
        .write(|tx| {
            tx.insert_incident(id, &incident, now)?;
            let (from, until) = (rfc3339(incident.from), rfc3339(incident.until));
            let place = incident.station.map(|station| station.to_string());
            let place = place.unwrap_or_else(|| "everywhere".to_owned());
            let about = format!("{place}, {from} to {until}");
            let deed = deed(&incident.person, "incident-add", &about, &incident.reason);
            tx.audit(&deed, now)
        })
        .map_err(anyhow::Error::from)
}

fn list_incidents(out: &mut impl Write, args: &IncidentsArgs) -> anyhow::Result<()> {
    let now = clock::now();
    let from = args.from.unwrap_or(now.before(WEEK));
    let mut database = Database::open_existing(&args.database)?;
    let told: Vec<Incident> = database.read(|tx| tx.incidents())?;
    for incident in told.iter().filter(|incident| incident.until > from) {
        let station = incident.station.map(|station| station.to_string());
        let station = station.unwrap_or_else(|| "everywhere".to_owned());
        let (begins, ends) = (rfc3339(incident.from), rfc3339(incident.until));
        let (person, reason) = (&incident.person, &incident.reason);
        writeln!(
            out,
            "told   {begins} to {ends}  {station:<16} by {person}: {reason}"
        )?;
    }
    for direction in [Direction::Entry, Direction::Exit] {
        let windows: Vec<ModeWindow> =
            database.read(|tx| tx.mode_windows(direction, (from, UnixMs(i64::MAX))))?;
        for window in &windows {
            let until = window.until.map_or_else(|| "now".to_owned(), rfc3339);
            let (begins, gate, mode) = (rfc3339(window.from), window.gate, &window.mode);
            let (source, reason) = (&window.source, &window.reason);
            writeln!(
                out,
                "{direction:<6} {begins} to {until}  {gate:<16} {mode} by {source}: {reason}"
            )?;
        }
    }
    Ok(())
}

fn line(out: &mut impl Write, journey: &JourneyView) -> io::Result<()> {
    let JourneyView {
        entry,
        account,
        state,
        from,
        ..
    } = journey;
    let (at, to) = (rfc3339(journey.entered_at_ms), journey.to.as_deref());
    let to = to.unwrap_or("-");
    let fare = journey
        .fare
        .map_or_else(String::new, |fare| fare.to_string());
    writeln!(
        out,
        "{entry} {at} {account} {state:<10} {from:<6} {to:<6} {fare}"
    )
}

fn show(out: &mut impl Write, story: &Story) -> io::Result<()> {
    line(out, &story.journey)?;
    if let Some(says) = &story.completed {
        writeln!(out, "completed {says}")?;
    }
    for (minor, text) in &story.steps {
        writeln!(out, "price     {:>12}  {text}", minor.to_string())?;
    }
    for says in &story.records {
        writeln!(out, "record    {says}")?;
    }
    for posting in &story.postings {
        let (at, kind, moves) = (rfc3339(posting.made), &posting.kind, &posting.moves);
        let why = if posting.decided { " (decided)" } else { "" };
        writeln!(out, "posting   {at} {kind:<8} {moves}{why}")?;
    }
    for (row, sent) in &story.charges {
        charge(out, row, sent)?;
    }
    for case in &story.cases {
        writeln!(out)?;
        show_case(out, case)?;
    }
    Ok(())
}

/// A charge that the journey's money went into, perhaps with others', and what became of its orders.
fn charge(out: &mut impl Write, row: &ChargeRow, sent: &[TryRow]) -> io::Result<()> {
    let (no, at) = (OrderNo::of(row.id), rfc3339(row.made));
    let (state, amount) = (row.charge.state.code(), row.charge.amount);
    writeln!(out, "charge    {at} {state:<8} {amount} in all, {no}")?;
    for order in sent {
        let (at, platform, way) = (rfc3339(order.sent), order.platform, order.way.code());
        let (state, no) = (&order.state, &order.order);
        write!(out, "order     {at} {state:<8} {platform} by {way}, {no}")?;
        if let Some(paid) = order.paid {
            write!(out, ": {paid}")?;
        }
        if let Some(reference) = &order.reference {
            write!(out, ", there {reference}")?;
        }
        match &order.why {
            Some(why) => writeln!(out, ", {why}")?,
            None => writeln!(out)?,
        }
    }
    Ok(())
}
