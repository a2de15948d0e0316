//! The command line: one file per subcommand, each an `Args` and a `run`.
//!
//! Exit status: 0 done, 1 the thing asked for failed or differs, 2 bad usage or configuration.

mod audit;
mod bench;
mod books;
mod charges;
mod classes;
mod conflicts;
mod deny;
mod fares;
mod gate;
mod gate_config;
mod import;
mod invite;
mod journeys;
mod let_through;
mod modes;
mod paper_codes;
mod products;
mod revoke;
mod run;
mod setup;
mod staff;

use crate::config::ConfigError;
use crate::store::{DatabaseUrl, Deed, UrlError, Via};
use clap::{Parser, Subcommand};
use std::io::{self, Write};
use std::process::ExitCode;

/// Exit status for bad usage or bad configuration.
pub const BAD_CONFIG: u8 = 2;

#[derive(Debug, Parser)]
#[command(name = "fareserver", version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make keys, certificates and a configuration for a new server
    Setup(setup::SetupArgs),
    /// Run the server until Ctrl-C or SIGTERM
    Run(run::RunArgs),
    /// Register gates and look at them
    Gate(gate::GateArgs),
    /// Add up the books; exit status 1 when they do not balance
    Books(books::BooksArgs),
    /// Take the records that a gate exported to a file, and write the answers
    Import(import::ImportArgs),
    /// Look at conflicts between records, and decide them
    Conflicts(conflicts::ConflictsArgs),
    /// Tables of fares: from draft to release, and what they come to
    Fares(fares::FaresArgs),
    /// How accounts pay, what was charged and declined, refunds, platforms' bills
    Charges(charges::ChargesArgs),
    /// Products used before money: what is on sale, what accounts have
    Products(products::ProductsArgs),
    /// By which fares riders ride, upon a proof and until its end
    Classes(classes::ClassesArgs),
    /// Make tickets for one journey, to be printed
    PaperCodes(paper_codes::PaperCodesArgs),
    /// Look at journeys and correct them
    Journeys(journeys::JourneysArgs),
    /// Have gates refuse an account, or no longer
    Deny(deny::DenyArgs),
    /// Who may sign in at the pages of staff, as what
    Staff(staff::StaffArgs),
    /// Print what staff did, on pages and by commands
    Audit(audit::AuditArgs),
    /// Measure what the server can take
    Bench(bench::BenchArgs),
}

/// Wrong usage that clap cannot see.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Usage(String);

/// Parses the arguments, runs the command, says what went wrong.
pub fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Setup(args) => setup::run(&args),
        Command::Run(args) => run::run(args),
        Command::Gate(args) => gate::run(args),
        Command::Books(args) => books::run(args),
        Command::Import(args) => import::run(args),
        Command::Conflicts(args) => conflicts::run(args),
        Command::Fares(args) => fares::run(args),
        Command::Charges(args) => charges::run(args),
        Command::Products(args) => products::run(args),
        Command::Classes(args) => classes::run(args),
        Command::PaperCodes(args) => paper_codes::run(args),
        Command::Journeys(args) => journeys::run(args),
        Command::Deny(args) => deny::run(args),
        Command::Staff(args) => staff::run(args),
        Command::Audit(args) => audit::run(args),
        Command::Bench(args) => bench::run(args),
    };
    result.unwrap_or_else(|err| report(&err))
}

/// A reader that went away is success; bad usage and configuration are 2; everything else is 1.
fn report(err: &anyhow::Error) -> ExitCode {
    let broken_pipe = |err: &io::Error| err.kind() == io::ErrorKind::BrokenPipe;
    if err.downcast_ref::<io::Error>().is_some_and(broken_pipe) {
        return ExitCode::SUCCESS;
    }
    // When even standard error is gone, the exit status is all that is left to say.
    let _lost = writeln!(io::stderr().lock(), "fareserver: {}", said(err));
    if err.is::<ConfigError>() || err.is::<Usage>() {
        ExitCode::from(BAD_CONFIG)
    } else {
        ExitCode::FAILURE
    }
}

/// The error and its causes. One that says its cause in its own words is not said twice.
fn said(err: &anyhow::Error) -> String {
    let mut said = String::new();
    for cause in err.chain().map(ToString::to_string) {
        // What PostgreSQL's client says of the server's words, which stand before it.
        let words = cause.trim_start_matches("db error: ERROR: ");
        if said.is_empty() {
            said = cause;
        } else if !said.contains(words) {
            said = format!("{said}: {words}");
        }
    }
    said
}

/// Who types commands, by the system's own name; for the audit where no name is asked for.
fn operator() -> String {
    let name = ["SUDO_USER", "USER", "LOGNAME"].into_iter();
    let mut name = name.filter_map(|variable| std::env::var(variable).ok());
    name.find(|name| !name.is_empty())
        .unwrap_or_else(|| "unknown".to_owned())
}

/// Something that is done by a command; `by` is a name that was given, or the [`operator`]'s.
fn deed<'d>(by: &'d str, what: &'d str, about: &'d str, why: &'d str) -> Deed<'d> {
    Deed {
        issuer: crate::staff::LOCAL,
        person: by,
        via: Via::Command,
        what,
        about,
        why,
    }
}

/// The value of `--database`.
fn database(text: &str) -> Result<DatabaseUrl, UrlError> {
    text.parse()
}
