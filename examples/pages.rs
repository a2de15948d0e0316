//! Writes the gate's man pages and shell completions for a package: `cargo run --example pages -- FOLDER`.
//!
//! They come from the same definition of the command line as the program itself.
#![allow(clippy::print_stderr)]

use clap_complete::Shell;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1) else {
        eprintln!("usage: pages FOLDER");
        return ExitCode::from(2);
    };
    match write(Path::new(&folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("pages: {err}");
            ExitCode::FAILURE
        }
    }
}

/// `man/*.1`, one for each command, and `completions/` named as each shell looks for them.
fn write(folder: &Path) -> io::Result<()> {
    let (man, completions) = (folder.join("man"), folder.join("completions"));
    fs::create_dir_all(&man)?;
    fs::create_dir_all(&completions)?;
    clap_mangen::generate_to(faregate::cli::definition(), &man)?;
    for (shell, name) in [
        (Shell::Bash, "faregate"),
        (Shell::Zsh, "_faregate"),
        (Shell::Fish, "faregate.fish"),
    ] {
        let mut file = File::create(completions.join(name))?;
        clap_complete::generate(
            shell,
            &mut faregate::cli::definition(),
            "faregate",
            &mut file,
        );
    }
    Ok(())
}
