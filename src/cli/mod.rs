//! The command line: one file per subcommand, each an `Args` and a `run`.
//!
//! Exit status: 0 done, 1 the thing asked for failed or differs, 2 bad usage or configuration.

mod bench;
mod config;
mod decode;
mod diag;
mod enroll;
mod let_through;
mod log;
mod mode;
mod outbox;
mod receipt;
mod replay;
mod run;
mod selftest;
mod status;

use clap::{CommandFactory, Parser, Subcommand};
use std::io::{self, Write};
use std::process::ExitCode;

/// Exit status for bad usage or bad configuration.
pub const BAD_CONFIG: u8 = 2;

/// What was typed cannot be done so.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct BadUsage(String);

#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Enroll(enroll::EnrollArgs),
    Run(run::RunArgs),
    /// Look at configuration files
    Config(config::ConfigArgs),
    /// Say what is in pictures, or why nothing was read
    Decode(decode::DecodeArgs),
    /// Run a recording through the gate's own pipeline
    Replay(replay::ReplayArgs),
    Log(log::LogArgs),
    Status(status::StatusArgs),
    Selftest(selftest::SelftestArgs),
    Diag(diag::DiagArgs),
    /// Look at what waits for the server, retry what it refused, carry it there by hand
    ///
    /// Works beside a running daemon. Run it as the daemon's user: the journal's files are that user's.
    Outbox(outbox::OutboxArgs),
    /// Say which modes the gate is in, or put it into others
    ///
    /// Speaks to the running daemon. Run it as the daemon's user.
    Mode(mode::ModeArgs),
    LetThrough(let_through::LetThroughArgs),
    /// Check a receipt without a network
    Receipt(receipt::ReceiptArgs),
    /// Measure the gate on this machine
    Bench(bench::BenchArgs),
}

/// What may be typed, for man pages and shell completions.
pub fn definition() -> clap::Command {
    Cli::command()
}

/// Parses the arguments, runs the command, says what went wrong.
pub fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Enroll(args) => enroll::run(args),
        Command::Run(args) => run::run(args),
        Command::Config(args) => config::run(args),
        Command::Decode(args) => decode::run(args),
        Command::Replay(args) => replay::run(args),
        Command::Log(args) => log::run(args),
        Command::Status(args) => status::run(args),
        Command::Selftest(args) => selftest::run(args),
        Command::Diag(args) => diag::run(args),
        Command::Outbox(args) => outbox::run(args),
        Command::Mode(args) => mode::run(args),
        Command::LetThrough(args) => let_through::run(args),
        Command::Receipt(args) => receipt::run(args),
        Command::Bench(args) => bench::run(args),
    };
    result.unwrap_or_else(|err| report(&err))
}

/// A reader that went away is success; bad configuration is 2; everything else is 1.
fn report(err: &anyhow::Error) -> ExitCode {
    let broken_pipe = |err: &io::Error| err.kind() == io::ErrorKind::BrokenPipe;
    if err.downcast_ref::<io::Error>().is_some_and(broken_pipe) {
        return ExitCode::SUCCESS;
    }
    // When even standard error is gone, the exit status is all that is left to say.
    let _lost = writeln!(io::stderr().lock(), "faregate: {err:#}");
    let bad_usage = err.is::<crate::config::ConfigError>()
        || err.is::<crate::bench::decode::PeersMissing>()
        || err.is::<crate::logbook::NoTime>()
        || err.is::<BadUsage>();
    if bad_usage {
        ExitCode::from(BAD_CONFIG)
    } else {
        ExitCode::FAILURE
    }
}
