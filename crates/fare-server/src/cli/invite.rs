//! `fareserver gate invite`: tickets with which gates come by their identity.

use super::Usage;
use crate::clock;
use crate::config::{self, Enrolment, Overrides};
use crate::store::{Database, Invitation};
use anyhow::Context;
use clap::Args;
use fare_protocol::enrol::{Secret, Ticket};
use fare_protocol::{CONFIG_LEN_MAX, GateId, LineId, Millis, StationId, UnixMs};
use fast_qr::{ECL, QRBuilder};
use serde::Deserialize;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(super) struct InviteArgs {
    /// The server's configuration, with a part [enrolment]
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// How long the tickets are good
    #[arg(long, value_name = "HOURS", default_value_t = 24,
          value_parser = clap::value_parser!(u32).range(1..=720))]
    hours: u32,
    /// Show each ticket as a QR code too, to be held before the gate's own camera
    #[arg(long)]
    qr: bool,
    /// The gates' configurations (gate.toml), which they get and need no other
    #[arg(value_name = "GATE_TOML", required = true)]
    gates: Vec<PathBuf>,
}

/// What the server must know of a gate's configuration; the gate itself checks all of it.
#[derive(Deserialize)]
struct GateFile {
    gate: String,
    location: LocationPart,
}

#[derive(Deserialize)]
struct LocationPart {
    station: String,
    line: String,
}

pub(super) fn invite(args: &InviteArgs) -> anyhow::Result<()> {
    let gates = args.gates.iter().map(|file| read(file));
    let gates = gates.collect::<anyhow::Result<Vec<_>>>()?;
    let server = config::load(&args.config, Overrides::default())?;
    let Some(enrolment) = &server.enrolment else {
        let shown = args.config.display();
        return Err(Usage(format!(
            "{shown} has no part [enrolment], so gates could not come; server.example.toml shows one"
        ))
        .into());
    };
    for gate in &gates {
        let tariff = &server.settlement.tariff;
        if tariff.station(gate.station).is_none() {
            let (gate, station) = (gate.gate, gate.station);
            return Err(Usage(format!("gate {gate}: the tariff has no station {station}")).into());
        }
    }
    let mut database = Database::open(server.database.clone())?;
    let now = clock::now();
    let until = now.after(Millis(args.hours.saturating_mul(3_600_000)));
    let mut out = io::stdout().lock();
    for gate in gates {
        let ticket = write_ticket(&mut database, enrolment, &gate, now, until)?;
        writeln!(
            out,
            "gate {} at station {}, good for {} h, once:",
            gate.gate, gate.station, args.hours
        )?;
        writeln!(out, "  {ticket}")?;
        writeln!(
            out,
            "on the gate:  faregate enroll --server {} --token {}",
            ticket.address, ticket.token
        )?;
        if args.qr {
            writeln!(out, "{}", picture(&ticket)?)?;
        }
    }
    Ok(())
}

fn write_ticket(
    database: &mut Database,
    enrolment: &Enrolment,
    gate: &Invitation,
    now: UnixMs,
    until: UnixMs,
) -> anyhow::Result<Ticket> {
    let mut secret = Secret([0; 16]);
    getrandom::fill(&mut secret.0).context("no random bytes for a ticket")?;
    database.write(|tx| tx.invite(&secret, gate, now, until))?;
    Ok(enrolment.certifier.ticket(secret))
}

/// A gate's configuration, and what the server must know of it.
pub(super) fn read(file: &Path) -> anyhow::Result<Invitation> {
    let shown = file.display();
    let size = fs::metadata(file).with_context(|| format!("cannot read {shown}"))?;
    if size.len() > CONFIG_LEN_MAX as u64 {
        return Err(Usage(format!("{shown} is longer than {CONFIG_LEN_MAX} bytes")).into());
    }
    let config = fs::read_to_string(file).with_context(|| format!("cannot read {shown}"))?;
    let bad = |what: &str, err: &dyn std::fmt::Display| {
        Usage(format!(
            "{shown}: {what}: {err}; gate-config/entry.toml is an example"
        ))
    };
    let parts: GateFile =
        toml::from_str(&config).map_err(|err| bad(&place(&config, &err), &err.message()))?;
    Ok(Invitation {
        gate: parts
            .gate
            .parse::<GateId>()
            .map_err(|err| bad("gate", &err))?,
        station: parts
            .location
            .station
            .parse::<StationId>()
            .map_err(|err| bad("station", &err))?,
        line: parts
            .location
            .line
            .parse::<LineId>()
            .map_err(|err| bad("line", &err))?,
        config,
    })
}

/// Where in a text TOML found a fault.
fn place(text: &str, err: &toml::de::Error) -> String {
    let Some(before) = err.span().and_then(|span| text.get(..span.start)) else {
        return "no configuration of a gate".to_owned();
    };
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .chars()
        .count()
        + 1;
    format!("line {line}, column {column}: no configuration of a gate")
}

/// The ticket as a QR code of block characters: dark on light, with the border that it needs.
fn picture(ticket: &Ticket) -> anyhow::Result<String> {
    const BORDER: usize = 4;
    let code = QRBuilder::new(ticket.to_string()).ecl(ECL::M).build();
    let code = code.map_err(|err| anyhow::anyhow!("no QR code of the ticket: {err:?}"))?;
    let dark = |row: usize, column: usize| {
        let inside = (BORDER..BORDER + code.size).contains(&row)
            && (BORDER..BORDER + code.size).contains(&column);
        inside && code[row - BORDER][column - BORDER].value()
    };
    let side = code.size + 2 * BORDER;
    let mut text = String::new();
    // Two modules a character, light as ink: most terminals are dark.
    for row in (0..side).step_by(2) {
        for column in 0..side {
            text.push(
                match (dark(row, column), row + 1 >= side || dark(row + 1, column)) {
                    (true, true) => ' ',
                    (true, false) => '\u{2584}',
                    (false, true) => '\u{2580}',
                    (false, false) => '\u{2588}',
                },
            );
        }
        text.push('\n');
    }
    Ok(text)
}
