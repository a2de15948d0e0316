//! The decoders that are measured.

use crate::decode::{Decoder, QrContent};
use crate::frame::Frame;
use thiserror::Error;

/// What one decoder makes of a frame: the text of each code it read, in UTF-8 or, where the decoder
/// knows no texts, the code's bytes.
type ReadFn = dyn FnMut(&Frame) -> Vec<Vec<u8>>;

/// One decoder. It may panic on a frame and must be usable again after that.
pub struct Contender {
    name: &'static str,
    read: Box<ReadFn>,
}

/// This build has only our own decoder in it.
#[derive(Debug, Error)]
#[error(
    "this build holds no other decoders; run `make bench-decode MANIFEST=…`, or `scripts/setup \
     peers` and then `cargo build --release --features peers`"
)]
pub struct PeersMissing;

impl Contender {
    /// A decoder called `name`.
    pub fn new(name: &'static str, read: impl FnMut(&Frame) -> Vec<Vec<u8>> + 'static) -> Self {
        Self {
            name,
            read: Box::new(read),
        }
    }

    /// What it is called in tables.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The texts, or bytes, of the codes it reads in a frame. May panic.
    pub fn read(&mut self, frame: &Frame) -> Vec<Vec<u8>> {
        (self.read)(frame)
    }
}

/// The gate's own decoder.
pub fn ours() -> Contender {
    let mut decoder = Decoder::new();
    Contender::new("faregate", move |frame| {
        decoder.decode(frame).codes().iter().map(text).collect()
    })
}

fn text(code: &QrContent) -> Vec<u8> {
    code.text()
        .map_or_else(|| code.bytes.clone(), |text| text.as_bytes().to_vec())
}

/// The gate's own decoder, first, and every peer.
///
/// # Errors
/// [`PeersMissing`] when this was built without the feature `peers`.
#[cfg(feature = "peers")]
pub fn ours_and_peers() -> Result<Vec<Contender>, PeersMissing> {
    Ok(std::iter::once(ours()).chain(super::peers::all()).collect())
}

/// The gate's own decoder, first, and every peer.
///
/// # Errors
/// [`PeersMissing`] when this was built without the feature `peers`.
#[cfg(not(feature = "peers"))]
pub fn ours_and_peers() -> Result<Vec<Contender>, PeersMissing> {
    Err(PeersMissing)
}
