//! A scanner that types: events of a keyboard, read by a thread of its own.
//!
//! The thread writes what is typed into a socket, whose other end is read like a serial line.

use super::{EVENT_BYTES, EventReader, Typist};
use input_linux::EvdevHandle;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream as Typed;
use std::path::Path;
use std::thread;
use tokio::net::UnixStream;
use tokio::sync::oneshot;

/// Events taken at once.
const EVENTS_MAX: usize = 64;

/// The thread that types.
pub(super) struct Typing(oneshot::Receiver<io::Error>);

impl Typing {
    /// Why it has ended, if it says so.
    pub(super) async fn ended(self) -> Option<io::Error> {
        self.0.await.ok()
    }
}

/// Opens the device. With `grab` nobody else hears its keys, so that no code is typed into a console.
pub(super) fn open(path: &Path, grab: bool) -> io::Result<(UnixStream, Typing)> {
    // Opening can wait, as a named pipe's writer is waited for; then the thread does.
    let device = path.to_owned();
    std::fs::metadata(path)?;
    let (ours, theirs) = Typed::pair()?;
    ours.set_nonblocking(true)?;
    let (sender, ended) = oneshot::channel();
    thread::Builder::new()
        .name("scanner".to_owned())
        .spawn(move || {
            let end = type_all(&device, grab, theirs);
            if let Err(err) = end {
                // Nobody asks when the daemon stops.
                let _gone = sender.send(err);
            }
        })?;
    Ok((UnixStream::from_std(ours)?, Typing(ended)))
}

fn type_all(device: &Path, grab: bool, mut text: Typed) -> io::Result<()> {
    let device = EvdevHandle::new(File::open(device)?);
    if grab && let Err(err) = device.grab(true) {
        tracing::warn!(%err, "the scanner's keys are not ours alone: others hear them too");
    }
    let mut device = device.into_inner();
    let (mut events, mut typist) = (EventReader::default(), Typist::default());
    let mut chunk = [0; EVENTS_MAX * EVENT_BYTES];
    loop {
        let count = device.read(&mut chunk)?;
        let bytes = chunk.get(..count).unwrap_or_default();
        if bytes.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let typed: Vec<u8> = events
            .push(bytes)
            .into_iter()
            .filter_map(|event| typist.hear(event))
            .collect();
        text.write_all(&typed)?;
    }
}
