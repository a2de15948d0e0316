//! The command line: what may be typed, and which module does it.

mod approaches;
mod board;
mod city;
mod cuts;
mod demo;
mod frames;
mod lines;
mod load;
mod platform;
mod plug;
pub(crate) mod riders;
mod site;
mod storm;
mod y4m;

use crate::cast::Cast;
use crate::city::{City, GateSite};
use clap::{Parser, Subcommand};
use fare_protocol::LaneNo;
use fare_rules::Role;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

/// Riders, phone screens in camera frames, barrier boards and the demo.
#[derive(Debug, Parser)]
#[command(name = "fare-sim", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Approaches(approaches::Args),
    Board(board::Args),
    City(city::Args),
    Cuts(cuts::Args),
    Demo(demo::Args),
    Frames(frames::Args),
    Load(load::Args),
    Platform(platform::Args),
    Plug(plug::Args),
    Riders(riders::Args),
    Site(site::Args),
    Storm(storm::Args),
    Y4m(y4m::Args),
}

/// What all rendering subcommands share.
#[derive(Clone, Copy, Debug, clap::Args)]
struct Picture {
    /// Everything follows from this number.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Time of the first frame, Unix milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 1_780_000_000_000)]
    start_ms: i64,
}

/// Where the gate of a recording stands.
const STATION: &str = "PGY";

/// Puts a gate that believes the issuer of `cast` into the folder gate/ of a recording.
fn write_gate(recording: &Path, cast: &Cast) -> anyhow::Result<()> {
    let city = City::write(&recording.join("gate"), &[cast.issuer()])?;
    let site = GateSite {
        station: STATION.parse()?,
        lane: LaneNo(1),
        role: Role::Entry,
    };
    city.write_gate(site, None)?;
    Ok(())
}

/// Runs the program. Exit status: 0 done, 1 failed or differs, 2 bad usage.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env()
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info")),
        )
        .init();
    let done = match cli.command {
        Command::Approaches(args) => approaches::run(&args),
        Command::Board(args) => board::run(&args),
        Command::City(args) => city::run(&args),
        Command::Cuts(args) => cuts::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Load(args) => load::run(&args),
        Command::Platform(args) => platform::run(&args),
        Command::Plug(args) => plug::run(&args),
        Command::Riders(args) => riders::run(&args),
        Command::Site(args) => site::run(&args),
        Command::Storm(args) => storm::run(&args),
        Command::Frames(args) => frames::run(&args),
        Command::Y4m(args) => y4m::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // With stderr gone too there is nobody left to tell.
            let _ = writeln!(io::stderr().lock(), "fare-sim: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whoever read our output has seen enough.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}
