//! `fare-sim riders`: riders and the cameras they stand before, directed from standard input.

use super::lines;
use crate::clock;
use crate::crowd::{Crowd, Optics, Shown};
use crate::screenshot::Screenshot;
use crate::seed::Seed;
use crate::shot::{Difficulty, FrameSize};
use anyhow::Context;
use fare_protocol::{GateId, UnixMs};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// Riders with phones before the cameras of gates, as Y4M streams into named pipes.
///
/// Reads commands from standard input: `show GATE RIDER` (rider number RIDER makes a new code and
/// holds it to the glass; from 281474976710656 on the same pay code each time), `hold GATE FILE` (somebody holds a phone with this screenshot to the
/// glass) and `leave GATE`. Prints one JSON object a line for what happens.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A gate and the named pipe to make for its camera; once for each gate.
    #[arg(long = "camera", value_name = "GATE=PIPE", value_parser = camera, required = true)]
    cameras: Vec<(GateId, PathBuf)>,
    /// Riders, halls and hands follow from this number.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Width and height of the frames.
    #[arg(long, default_value_t = FrameSize::HD)]
    size: FrameSize,
    /// Frames a second.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=120))]
    fps: u32,
    /// How hard the frames are to read.
    #[arg(long, value_enum, default_value = "easy")]
    difficulty: Difficulty,
}

/// What is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub(crate) enum RiderEvent {
    /// The gate reads its camera.
    Watched {
        /// Since when.
        t_ms: UnixMs,
        /// Which gate.
        gate: GateId,
    },
    /// The camera sees a rider's code.
    Shown(Shown),
    /// The camera sees the code of a screenshot.
    Held {
        /// When the first frame that could have been read was handed to the gate.
        t_ms: UnixMs,
        /// Whose camera.
        gate: GateId,
    },
}

/// What can be typed.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Command {
    Show(GateId, u64),
    Hold(GateId, PathBuf),
    Leave(GateId),
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(serve(args))
}

async fn serve(args: &Args) -> anyhow::Result<()> {
    let optics = Optics {
        size: args.size,
        fps: args.fps,
        difficulty: args.difficulty,
    };
    let mut crowd = Crowd::new(&Seed::new(args.seed), optics);
    let (sender, mut events) = mpsc::unbounded_channel();
    for (gate, pipe) in &args.cameras {
        let watched = crowd.add_camera(*gate, pipe)?;
        let (gate, sender) = (*gate, sender.clone());
        tokio::spawn(async move {
            watched.await;
            let _ = sender.send(RiderEvent::Watched {
                t_ms: clock::now(),
                gate,
            });
        });
    }
    let mut commands = lines::stdin();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    loop {
        tokio::select! {
            Some(event) = events.recv() => lines::print_json(&event)?,
            Some(line) = commands.recv() => match line.parse() {
                Ok(command) => obey(&mut crowd, command, &sender)?,
                Err(why) => tracing::warn!("{why}"),
            },
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
        }
    }
}

fn obey(
    crowd: &mut Crowd,
    command: Command,
    events: &mpsc::UnboundedSender<RiderEvent>,
) -> anyhow::Result<()> {
    match command {
        Command::Leave(gate) => crowd.leave(gate)?,
        Command::Hold(gate, file) => match Screenshot::read(&file) {
            Ok(screenshot) => {
                let held = crowd.hold(gate, screenshot)?;
                let events = events.clone();
                tokio::spawn(async move {
                    if let Ok(t_ms) = held.await {
                        let _ = events.send(RiderEvent::Held { t_ms, gate });
                    }
                });
            }
            Err(why) => tracing::warn!("{why}"),
        },
        Command::Show(gate, rider) => {
            let shown = crowd.show(gate, rider)?;
            let events = events.clone();
            tokio::spawn(async move {
                if let Ok(shown) = shown.await {
                    // The loop that prints may have ended.
                    let _ = events.send(RiderEvent::Shown(shown));
                }
            });
        }
    }
    Ok(())
}

fn camera(text: &str) -> Result<(GateId, PathBuf), String> {
    let (gate, pipe) = text
        .split_once('=')
        .ok_or("write GATE=PIPE, for example PGY-01=/tmp/camera")?;
    let gate = gate
        .parse()
        .map_err(|error: fare_protocol::IdError| error.to_string())?;
    Ok((gate, pipe.into()))
}

impl std::str::FromStr for Command {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let usage =
            || format!("command {text:?} is none of: show GATE RIDER, hold GATE FILE, leave GATE");
        match text.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["show", gate, rider] => {
                let gate = gate.parse().map_err(|_| usage())?;
                Ok(Self::Show(gate, rider.parse().map_err(|_| usage())?))
            }
            ["hold", gate, file] => Ok(Self::Hold(gate.parse().map_err(|_| usage())?, file.into())),
            ["leave", gate] => Ok(Self::Leave(gate.parse().map_err(|_| usage())?)),
            _ => Err(usage()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn commands_and_cameras_are_read_as_typed() {
        let gate = "PGY-01".parse().unwrap();
        assert_eq!("show PGY-01 7".parse(), Ok(Command::Show(gate, 7)));
        assert_eq!("leave PGY-01".parse(), Ok(Command::Leave(gate)));
        let held = Command::Hold(gate, "/tmp/a.png".into());
        assert_eq!("hold PGY-01 /tmp/a.png".parse(), Ok(held));
        for bad in [
            "",
            "show PGY-01",
            "show pgy 1",
            "leave PGY-01 1",
            "show PGY-01 x",
        ] {
            assert!(bad.parse::<Command>().is_err(), "{bad}");
        }
        assert_eq!(
            camera("PGY-01=/tmp/a=b"),
            Ok((gate, PathBuf::from("/tmp/a=b")))
        );
        assert!(camera("PGY-01").is_err());
    }
}
