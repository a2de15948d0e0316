//! Somebody who watches the demo walks through with a real wallet: a screenshot saved in the demo's
//! folder under a gate's name is held to that gate's camera.

use super::metro::GateView;
use super::process::Commands;
use super::travel::see;
use crate::board::BoardEvent;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// How often the folder is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(300);
/// How long the screenshot is held up.
const PATIENCE: Duration = Duration::from_secs(7);

/// The file that is held to the camera of this gate once it is there.
pub(super) fn file_for(dir: &Path, gate: &str) -> PathBuf {
    dir.join(format!("{gate}.png"))
}

/// Looks for screenshots at one gate until the demo ends.
pub(super) async fn watch(
    dir: PathBuf,
    gate: Arc<Mutex<GateView>>,
    commands: Arc<Mutex<Commands>>,
) -> anyhow::Result<()> {
    let id = gate.lock().await.gate;
    let file = file_for(&dir, id.as_str());
    let taken = dir.join(format!("{id}.taken.png"));
    let mut size = None;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let now = std::fs::metadata(&file).ok().map(|about| about.len());
        // Two looks alike: whoever writes it has finished.
        if now.is_none() || now != size {
            size = now;
            continue;
        }
        std::fs::rename(&file, &taken)?;
        size = None;
        let mut gate = gate.lock().await;
        let opened = hold(&mut gate, &commands, &taken).await?;
        let what = if opened {
            "opened"
        } else {
            "did not open; take a new screenshot, a code lives for a minute"
        };
        let mut out = io::stdout().lock();
        writeln!(out, "      gate {id} saw your screenshot and {what}")?;
        out.flush()?;
    }
}

/// Whether the gate opened.
async fn hold(
    gate: &mut GateView,
    commands: &Mutex<Commands>,
    file: &Path,
) -> anyhow::Result<bool> {
    while gate.board.try_recv().is_ok() {}
    let id = gate.gate;
    let command = format!("hold {id} {}", file.display());
    commands.lock().await.send(&command).await?;
    let opened = tokio::time::timeout(PATIENCE, see(&mut gate.board, BoardEvent::Opened)).await;
    commands.lock().await.send(&format!("leave {id}")).await?;
    let Ok(opened) = opened else {
        return Ok(false);
    };
    opened?;
    // Whatever comes next waits for the leaves to close, unless they are already.
    if let Ok(closed) =
        tokio::time::timeout(PATIENCE, see(&mut gate.board, BoardEvent::Closed)).await
    {
        closed?;
    }
    Ok(true)
}
