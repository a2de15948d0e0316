//! The settlement server's command line.

fn main() -> std::process::ExitCode {
    fare_server::cli::main()
}
