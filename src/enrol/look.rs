//! A ticket held before the gate's own camera: set-up without a keyboard.

use crate::clock::Stopwatch;
use crate::config::FramesConfig;
use crate::daemon::open_source;
use crate::decode::Decoder;
use crate::frame::{SourceError, SourceItem};
use fare_protocol::enrol::{PREFIX, Ticket, TicketError};
use std::time::Duration;

/// Why no ticket was seen.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// The camera.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A ticket that is none.
    #[error("a ticket was seen that cannot be read: {0}")]
    Ticket(#[from] TicketError),
    /// Nobody held one out.
    #[error("no ticket was seen; hold the code of `fareserver gate invite --qr` before the camera")]
    None,
}

/// Looks at frames until a ticket is seen, for so long at most.
///
/// # Errors
/// When the camera cannot be had, or no ticket was seen.
pub fn look(frames: &FramesConfig, patience: Duration) -> Result<Ticket, LookError> {
    let mut source = open_source(frames)?;
    let mut decoder = Decoder::new();
    let started = Stopwatch::start();
    while started.elapsed() < patience {
        let Some(item) = source.next_frame()? else {
            break;
        };
        let frame = match item {
            SourceItem::Frame { frame, .. } => frame,
            SourceItem::Skipped { .. } => continue,
        };
        let seen = decoder.watch(&frame);
        let mut texts = seen.codes().iter().filter_map(|code| code.text());
        if let Some(text) = texts.find(|text| text.starts_with(PREFIX)) {
            return Ok(text.parse()?);
        }
    }
    Err(LookError::None)
}
