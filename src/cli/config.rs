//! `faregate config`: looks at configuration files and touches no device.

use crate::config::GateConfig;
use clap::{Args, Subcommand};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Check files and all that they name; prints one line per file or problem
    Check {
        /// Configuration files
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
}

pub(super) fn run(args: ConfigArgs) -> anyhow::Result<ExitCode> {
    let ConfigCommand::Check { files } = args.command;
    let mut out = io::stdout().lock();
    let mut status = ExitCode::SUCCESS;
    for file in files {
        match GateConfig::load(&file) {
            Ok(config) => {
                let (gate, station) = (config.gate, config.location.station);
                writeln!(
                    out,
                    "{}: ok, gate {gate} at station {station}",
                    file.display()
                )?;
            }
            Err(err) => {
                writeln!(out, "{err}")?;
                status = ExitCode::from(super::BAD_CONFIG);
            }
        }
    }
    Ok(status)
}
