//! Programs that are directed by lines: commands come in on standard input, JSON goes out.

use anyhow::Context;
use std::io::{self, BufRead, Write};
use tokio::sync::mpsc;

/// Lines of standard input that are not blank. A thread, because reading cannot be given up.
pub(super) fn stdin() -> mpsc::UnboundedReceiver<String> {
    let (sender, lines) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if !line.trim().is_empty() && sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

/// Prints `value` as one line of JSON, at once.
pub(super) fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    let line = serde_json::to_string(value)?;
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .context("cannot write to standard output")
}
