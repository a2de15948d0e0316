//! Entry point of `fare-sim`: see `fare-sim --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    fare_sim::cli::main()
}
