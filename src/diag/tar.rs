//! A tape archive as POSIX.1-1988 has it (ustar), which every computer can unpack.
//!
//! ```text
//! offset  0 name 100, 100 mode 8, 108 uid 8, 116 gid 8, 124 size 12, 136 mtime 12, 148 checksum 8,
//!       156 type 1, 257 magic 6, 263 version 2; numbers are octal digits, then a NUL
//! ```
//! A header and each file are filled up to blocks of 512 bytes; two empty blocks end it.

use fare_protocol::UnixMs;
use std::io::{self, Write};

const BLOCK: usize = 512;
const NAME_LEN: usize = 100;

/// An archive that is being written.
pub(super) struct Tar<W> {
    out: W,
    at: UnixMs,
}

impl<W: Write> Tar<W> {
    /// One whose files all have this time.
    pub(super) const fn new(out: W, at: UnixMs) -> Self {
        Self { out, at }
    }

    /// Adds a file.
    pub(super) fn add(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(&header(name, bytes.len(), self.at)?)?;
        self.out.write_all(bytes)?;
        let rest = bytes.len().next_multiple_of(BLOCK) - bytes.len();
        self.out.write_all(&[0; BLOCK][..rest])
    }

    /// Ends the archive.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.out.write_all(&[0; 2 * BLOCK])?;
        Ok(self.out)
    }
}

fn header(name: &str, len: usize, at: UnixMs) -> io::Result<[u8; BLOCK]> {
    if name.len() > NAME_LEN {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "name too long for an archive",
        ));
    }
    let mut header = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    let seconds = u64::try_from(at.0 / 1_000).unwrap_or(0);
    put(0, name.as_bytes());
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{len:011o}\0").as_bytes());
    put(136, format!("{seconds:011o}\0").as_bytes());
    // While the checksum is made, spaces stand in its place.
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    let sum: u32 = header.iter().copied().map(u32::from).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    Ok(header)
}
