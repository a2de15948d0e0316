//! An old turnstile's serial line: messages between STX and ETX, some of them sent unasked.
//!
//! ```text
//! to the turnstile    02 4F 03 open for one   02 41 03 for all   02 43 03 close   02 53 03 how are you
//! from it             06 as told              02 49 03 I am well
//!   unasked           02 50 03 passed         02 42 31 03 obstructed, 30 free     02 46 31 03 fire, 30 over
//! ```

use super::state::BoardState;
use super::{BoardEvent, Shared};
use crate::pty::Line;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::broadcast;
use tokio_serial::SerialStream;

/// The `[barrier]` section of a gate that speaks to it, but for `serial`.
pub const SETTINGS: &str = r#"kind = "bytes"
baud = 9600

[barrier.bytes]
open = "02 4F 03"
open_all = "02 41 03"
close = "02 43 03"
poll = "02 53 03"
ack = "06"
alive = "02 49 03"
passed = "02 50 03"
obstructed = "02 42 31 03"
clear = "02 42 30 03"
fire = "02 46 31 03"
fire_off = "02 46 30 03"
"#;

const STX: u8 = 0x02;
const ETX: u8 = 0x03;
const ACK: u8 = 0x06;
/// Pause before another try when there is no pty to be had.
const RETRY: Duration = Duration::from_millis(100);

/// Answers on `line`, and on a new one each time that the gate has closed the old one.
pub(super) async fn serve(mut line: Line, link: PathBuf, shared: Arc<Shared>) {
    loop {
        if let Err(error) = talk(line, &shared).await {
            tracing::debug!(%error, "the gate closed the line");
        }
        line = loop {
            match Line::open(&link) {
                Ok(line) => break line,
                Err(error) => tracing::warn!(%error, "no serial line"),
            }
            tokio::time::sleep(RETRY).await;
        };
        shared.tell([BoardEvent::Ready]);
    }
}

async fn talk(line: Line, shared: &Shared) -> io::Result<()> {
    let Line { mut ours, theirs } = line;
    let (mut keeper, mut events) = (Some(theirs), shared.spoken.subscribe());
    let (mut kept, mut chunk) = (Vec::new(), [0; 64]);
    loop {
        tokio::select! {
            biased;
            count = ours.read(&mut chunk) => {
                // The gate has its end: ours of it would hide that it hangs up.
                keeper.take();
                match chunk.get(..count?) {
                    None | Some([]) => return Err(io::ErrorKind::UnexpectedEof.into()),
                    Some(bytes) => kept.extend_from_slice(bytes),
                }
                while let Some(end) = kept.iter().position(|byte| *byte == ETX) {
                    let message: Vec<u8> = kept.drain(..=end).collect();
                    if let [.., STX, letter, ETX] = message[..] {
                        let answer = obey(letter, shared);
                        say(&mut ours, answer).await?;
                    }
                }
            }
            event = events.recv() => match event {
                Ok(event) => say(&mut ours, unasked(event)).await?,
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return Ok(()),
            },
        }
    }
}

async fn say(line: &mut SerialStream, bytes: &[u8]) -> io::Result<()> {
    AsyncWriteExt::write_all(line, bytes).await
}

/// Does as told; the answer, which is nothing when it is not understood.
fn obey(letter: u8, shared: &Shared) -> &'static [u8] {
    let mut told = true;
    shared.change(|state: &mut BoardState, now| match letter {
        b'O' | b'A' => state.write_release(true, now),
        b'C' => state.write_release(false, now),
        _ => {
            told = false;
            Vec::new()
        }
    });
    match (told, letter) {
        (true, _) => &[ACK],
        (false, b'S') => &[STX, b'I', ETX],
        (false, _) => &[],
    }
}

fn unasked(event: BoardEvent) -> &'static [u8] {
    match event {
        BoardEvent::Passed => &[STX, b'P', ETX],
        BoardEvent::Obstructed { on: true } => &[STX, b'B', b'1', ETX],
        BoardEvent::Obstructed { on: false } => &[STX, b'B', b'0', ETX],
        BoardEvent::Fire { on: true } => &[STX, b'F', b'1', ETX],
        BoardEvent::Fire { on: false } => &[STX, b'F', b'0', ETX],
        BoardEvent::Ready | BoardEvent::Opened | BoardEvent::Closed => &[],
    }
}
