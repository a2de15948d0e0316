//! The gate's command line.

fn main() -> std::process::ExitCode {
    faregate::cli::main()
}
