//! `faregate enroll`: this box becomes a gate.

use super::BadUsage;
use crate::config::FramesConfig;
use crate::enrol;
use crate::frame::FrameRate;
use anyhow::Context;
use clap::Args;
use fare_protocol::enrol::{Ticket, Token};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// What most cameras can; a ticket is large and held still.
const CAMERA: (u32, u32, u32) = (1280, 720, 30);

/// Make this box a gate: its keys, and all else from the server
///
/// The ticket is what `fareserver gate invite` prints: as --server and --token, as one text, or as a QR
/// code before the camera. Keys are made here and never leave; certificate, configuration, tables and the
/// keys to believe come from the server, and are put in place once the configuration has passed the same
/// check that `faregate config check` makes. Run it as root for /etc/faregate.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("how").required(true).args(["token", "ticket", "camera", "pictures"]))]
pub(super) struct EnrollArgs {
    /// Where gates enrol: https://HOST:PORT
    #[arg(long, value_name = "URL", requires = "token")]
    server: Option<String>,
    /// The ticket's token; `-` reads it from standard input, where no list of processes shows it
    #[arg(long, value_name = "TOKEN", requires = "server")]
    token: Option<String>,
    /// The whole ticket: FGE1:…
    #[arg(long, value_name = "TICKET")]
    ticket: Option<Ticket>,
    /// Look for the ticket's QR code before the camera /dev/videoN
    #[arg(long, value_name = "N")]
    camera: Option<u32>,
    /// Look for it in pictures or a Y4M stream
    #[arg(long, value_name = "PATH")]
    pictures: Option<PathBuf>,
    /// How long to look
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    wait: u32,
    /// The gate's folder
    #[arg(long, value_name = "FOLDER", default_value = "/etc/faregate")]
    folder: PathBuf,
    /// This box is a gate already: give it what the server sends now
    #[arg(long)]
    replace: bool,
}

pub(super) fn run(args: EnrollArgs) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    let ticket = ticket(&args, &mut out)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let enrolled = runtime.block_on(enrol::enrol(&args.folder, &ticket, args.replace))?;
    writeln!(
        out,
        "gate {} enrolled: {}\nnext: faregate selftest, then systemctl enable --now faregate",
        enrolled.gate,
        enrolled.config.display()
    )?;
    Ok(ExitCode::SUCCESS)
}

fn ticket(args: &EnrollArgs, out: &mut impl Write) -> anyhow::Result<Ticket> {
    if let (Some(address), Some(token)) = (&args.server, &args.token) {
        let token: Token = typed(token)?
            .parse()
            .map_err(|err| BadUsage(format!("--token: {err}")))?;
        let address = address.trim_end_matches('/');
        let text = format!("{}{token}:{address}", fare_protocol::enrol::PREFIX);
        let ticket = text
            .parse()
            .map_err(|err| BadUsage(format!("--server: {err}")))?;
        return Ok(ticket);
    }
    if let Some(ticket) = &args.ticket {
        return Ok(ticket.clone());
    }
    let (width, height, fps) = CAMERA;
    let frames = match (&args.pictures, args.camera) {
        (Some(path), _) if path.is_dir() => FramesConfig::Folder {
            path: path.clone(),
            rate: FrameRate::default(),
        },
        (Some(path), _) => FramesConfig::Y4m { path: path.clone() },
        (None, device) => FramesConfig::Camera {
            device: device.unwrap_or(0),
            width,
            height,
            fps,
        },
    };
    writeln!(out, "looking for a ticket for {} s", args.wait)?;
    out.flush()?;
    Ok(enrol::look(&frames, Duration::from_secs(args.wait.into()))?)
}

/// What was typed, or a line of standard input in its place.
fn typed(token: &str) -> anyhow::Result<String> {
    if token != "-" {
        return Ok(token.to_owned());
    }
    let mut line = String::new();
    io::stdin()
        .read_line(&mut line)
        .context("cannot read the token")?;
    Ok(line)
}
