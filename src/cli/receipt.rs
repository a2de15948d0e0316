//! `faregate receipt`: an inspector's check of a receipt, with no network.

use crate::decode::Decoder;
use crate::frame::picture;
use anyhow::{Context, bail};
use fare_protocol::receipt::{GateKey, PREFIX, Receipt};
use fare_protocol::{Confirmation, Direction, Record, UnixMs};
use serde::Serialize;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Checks a receipt: whether the gate that it names signed it, and what it says.
///
/// Exit status 0 when it is genuine, 1 when it is not or cannot be read.
#[derive(Debug, clap::Args)]
pub(super) struct ReceiptArgs {
    /// The receipt's text (FR1:…), or a file with that text, or a picture of its QR code
    #[arg(value_name = "TEXT|FILE")]
    receipt: String,
    /// The gates' keys, as `fareserver gate list --json` prints them
    #[arg(long, value_name = "FILE")]
    keys: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What a genuine receipt says.
#[derive(Debug, Serialize)]
struct Said {
    genuine: bool,
    id: String,
    gate: String,
    direction: Direction,
    station: String,
    line: String,
    lane: u8,
    at_ms: UnixMs,
    clock_error_ms: u32,
    /// Masked.
    account: String,
    fare: Option<fare_protocol::Money>,
}

pub(super) fn run(args: ReceiptArgs) -> anyhow::Result<ExitCode> {
    let keys = std::fs::read(&args.keys)
        .with_context(|| format!("cannot read the gates' keys {}", args.keys.display()))?;
    let keys: Vec<GateKey> = serde_json::from_slice(&keys).with_context(|| {
        let wanted = "write what `fareserver gate list --json` prints";
        format!(
            "{} does not hold gates' keys; {wanted}",
            args.keys.display()
        )
    })?;
    let receipt = Receipt::parse(&text(&args.receipt)?).context("this is no receipt")?;
    let (record, confirmation) = receipt.verify(&keys).context("not genuine")?;
    let said = Said::of(&record, &confirmation);
    let mut out = io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&said)?)?;
    } else {
        said.write(&mut out)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The receipt's text: what was typed, what is in the file, or what its picture shows.
fn text(given: &str) -> anyhow::Result<String> {
    if given.trim_start().starts_with(PREFIX) {
        return Ok(given.to_owned());
    }
    let path = Path::new(given);
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {given}"))?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(_) => in_picture(path),
    }
}

fn in_picture(path: &Path) -> anyhow::Result<String> {
    let frame = picture::read(path, UnixMs::default())?;
    let decoded = Decoder::new().decode(&frame);
    let is_receipt = |bytes: &&[u8]| bytes.starts_with(PREFIX.as_bytes());
    let codes = decoded.codes().iter().map(|code| code.bytes.as_slice());
    if let Some(bytes) = codes.clone().find(is_receipt) {
        return Ok(String::from_utf8_lossy(bytes).into_owned());
    }
    match decoded.read {
        Ok(_) => bail!("{} shows a QR code that is no receipt", path.display()),
        Err(why) => bail!("{}: {why}", path.display()),
    }
}

impl Said {
    fn of(record: &Record, confirmation: &Confirmation) -> Self {
        let location = confirmation.location;
        Self {
            genuine: true,
            id: record.id.to_string(),
            gate: record.gate.to_string(),
            direction: confirmation.direction,
            station: location.station.to_string(),
            line: location.line.to_string(),
            lane: location.lane.0,
            at_ms: record.stamp.at,
            clock_error_ms: record.stamp.error_ms.0,
            account: confirmation.account.to_string(),
            fare: confirmation.fare_quoted,
        }
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let Self {
            direction,
            station,
            line,
            lane,
            gate,
            ..
        } = self;
        writeln!(
            out,
            "genuine: {direction} at {station}, line {line}, lane {lane}, gate {gate}"
        )?;
        writeln!(out, "receipt  {}", self.id)?;
        writeln!(
            out,
            "time     {} ± {} ms",
            self.at_ms.to_rfc3339(),
            self.clock_error_ms
        )?;
        writeln!(out, "account  {}", self.account)?;
        match self.fare {
            Some(fare) => writeln!(out, "fare     {fare}, as the gate showed it"),
            None => writeln!(out, "fare     none shown"),
        }
    }
}
