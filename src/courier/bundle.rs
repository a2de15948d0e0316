//! The way to the server by hand: the outbox as a file of sealed parts, the server's answers back as
//! another. Parts are `fare_protocol::bundle`'s; each is one batch, as an upload would be.

use super::upload::{read, upload};
use crate::journal::{Acknowledged, JournalError, OutboxFile, Waiting};
use ed25519_dalek::SigningKey;
use fare_protocol::bundle::{self, BundleKind, MAGIC_LEN, PREFIX_LEN, SealError, SignedPart};
use fare_protocol::wire::{UPLOAD_RECORDS_MAX, UploadRequest};
use fare_protocol::{FormatError, GateId, KeySet, PublicKey, UnixMs, VerifyError};
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

/// Who carries, and whom the other side is believed to be.
#[derive(Clone, Copy, Debug)]
pub struct Carrier<'c> {
    /// Whose outbox.
    pub gate: GateId,
    /// Its key.
    pub key: &'c SigningKey,
    /// The servers believed.
    pub servers: &'c KeySet,
    /// The time of day.
    pub now: UnixMs,
}

/// Which records to carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those that wait for the server.
    Pending,
    /// Those that it refused for good.
    Quarantined,
}

/// What an export wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// Parts in the file.
    pub parts: usize,
    /// Records in them.
    pub records: usize,
}

/// What a file of answers did.
#[derive(Debug, Default)]
pub struct Applied {
    /// Parts that were believed.
    pub parts: usize,
    /// What their answers did, added up.
    pub done: Acknowledged,
    /// Parts that were not, by their number from 1, and why.
    pub refused: Vec<(usize, PartError)>,
}

/// Why a file could not be written or read at all.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The disk, or the stick.
    #[error("{path}: {source}; look at the medium and its free space")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another kind of file.
    #[error("{path} is not a file of answers from the server; `fareserver import` writes one")]
    NotAnswers {
        /// The file.
        path: PathBuf,
    },
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A part could not be made.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// Nobody to seal for.
    #[error(
        "no key of a server is valid now; correct `servers` in the configuration, or the clock"
    )]
    NoServerKey,
    /// The system has no randomness, or a batch is no JSON: neither happens.
    #[error("cannot make a part: {0}")]
    Part(String),
}

/// Why one part was not taken.
#[derive(Debug, thiserror::Error)]
pub enum PartError {
    /// The file ends in it.
    #[error("the file ends here, copy it again")]
    Cut,
    /// Its bytes are wrong.
    #[error("{0}")]
    Format(#[from] FormatError),
    /// Its signature is.
    #[error("{0}")]
    Verify(#[from] VerifyError),
    /// It cannot be opened.
    #[error("{0}")]
    Seal(#[from] SealError),
    /// It answers another gate.
    #[error("it is for gate {got}; take it there")]
    OtherGate {
        /// Which.
        got: GateId,
    },
    /// What is inside are no answers.
    #[error("{0}")]
    Answers(String),
}

/// Writes what waits in `outbox` to `file`, whole or not at all; nothing waits: no file. The records
/// go on waiting until they are answered.
///
/// # Errors
/// When the outbox cannot be read, nobody is there to seal for, or the file cannot be written.
pub fn export(
    outbox: &OutboxFile,
    which: Which,
    carrier: Carrier<'_>,
    file: &Path,
) -> Result<Exported, BundleError> {
    let recipient = recipient(carrier.servers, carrier.now).ok_or(BundleError::NoServerKey)?;
    let mut batch = next(outbox, which, None)?;
    let mut exported = Exported::default();
    if batch.is_empty() {
        return Ok(exported);
    }
    let unfinished = unfinished(file);
    let at = |source| BundleError::File {
        path: unfinished.clone(),
        source,
    };
    let mut out = BufWriter::new(File::create(&unfinished).map_err(at)?);
    out.write_all(&BundleKind::Records.magic()).map_err(at)?;
    while let Some(last) = batch.last().map(|record| record.seq) {
        exported.records += batch.len();
        exported.parts += 1;
        let part = seal(batch, carrier, &recipient)?;
        out.write_all(&bundle::prefix(&part)?).map_err(at)?;
        out.write_all(&part).map_err(at)?;
        batch = next(outbox, which, Some(last))?;
    }
    let out = out.into_inner().map_err(|err| at(err.into_error()))?;
    out.sync_all().map_err(at)?;
    fs::rename(&unfinished, file).map_err(at)?;
    Ok(exported)
}

/// The server key to seal for: of those valid now, the one that came last.
fn recipient(servers: &KeySet, now: UnixMs) -> Option<PublicKey> {
    let valid = servers
        .0
        .iter()
        .filter(|entry| entry.from_ms <= now && now < entry.until_ms);
    valid
        .max_by_key(|entry| entry.from_ms)
        .map(|entry| entry.key)
}

fn next(
    outbox: &OutboxFile,
    which: Which,
    after: Option<fare_protocol::Seq>,
) -> Result<Vec<Waiting>, JournalError> {
    match which {
        Which::Pending => outbox.pending(after, UPLOAD_RECORDS_MAX),
        Which::Quarantined => {
            let rows = outbox.quarantined(after, UPLOAD_RECORDS_MAX)?;
            Ok(rows.into_iter().map(|row| row.record).collect())
        }
    }
}

fn seal(
    batch: Vec<Waiting>,
    carrier: Carrier<'_>,
    recipient: &PublicKey,
) -> Result<Vec<u8>, BundleError> {
    let request = UploadRequest {
        records: batch.into_iter().map(upload).collect(),
    };
    let json = serde_json::to_vec(&request).map_err(|err| BundleError::Part(err.to_string()))?;
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|err| BundleError::Part(err.to_string()))?;
    let kind = BundleKind::Records;
    Ok(bundle::seal(
        kind,
        carrier.gate,
        &json,
        carrier.key,
        recipient,
        random,
    )?)
}

/// Where a file is written until it is whole.
fn unfinished(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".unfinished");
    PathBuf::from(name)
}

/// Takes the server's answers from `file` into `outbox`; a part that is not believed is named and the
/// others are taken all the same. Twice does no harm: what was answered already is ignored.
///
/// # Errors
/// When the file cannot be read or is another kind, or the journal fails.
pub fn apply(
    outbox: &mut OutboxFile,
    carrier: Carrier<'_>,
    file: &Path,
) -> Result<Applied, BundleError> {
    let at = |source| BundleError::File {
        path: file.to_owned(),
        source,
    };
    let mut parts = Parts(BufReader::new(File::open(file).map_err(at)?));
    if !parts.are(BundleKind::Answers).map_err(at)? {
        return Err(BundleError::NotAnswers {
            path: file.to_owned(),
        });
    }
    let mut applied = Applied::default();
    for number in 1.. {
        let part = match parts.next().map_err(at)? {
            Next::Part(part) => part,
            Next::End => break,
            Next::Broken(err) => {
                applied.refused.push((number, err));
                break;
            }
        };
        match answers(&part, carrier) {
            Ok(json) => {
                let answers = read(&json).map_err(|err| PartError::Answers(err.to_string()));
                match answers {
                    Ok(answers) => {
                        let done = outbox.acknowledge(&answers, carrier.now)?;
                        applied.parts += 1;
                        applied.done += done;
                    }
                    Err(err) => applied.refused.push((number, err)),
                }
            }
            Err(err) => applied.refused.push((number, err)),
        }
    }
    Ok(applied)
}

/// The JSON of a part that one of the servers made for this gate.
fn answers(part: &[u8], carrier: Carrier<'_>) -> Result<Vec<u8>, PartError> {
    let part = SignedPart::parse(BundleKind::Answers, part)?;
    if part.gate() != carrier.gate {
        return Err(PartError::OtherGate { got: part.gate() });
    }
    let part = part.verify_any(carrier.servers, carrier.now)?;
    Ok(part.open(carrier.key)?)
}

/// The parts of a file, one at a time.
struct Parts<R>(R);

enum Next {
    Part(Vec<u8>),
    End,
    Broken(PartError),
}

impl<R: Read> Parts<R> {
    /// Whether the file begins as one of this kind does.
    fn are(&mut self, kind: BundleKind) -> io::Result<bool> {
        let mut magic = [0; MAGIC_LEN];
        match self.0.read_exact(&mut magic) {
            Ok(()) => Ok(magic == kind.magic()),
            Err(err) if err.kind() == ErrorKind::UnexpectedEof => Ok(false),
            Err(err) => Err(err),
        }
    }

    fn next(&mut self) -> io::Result<Next> {
        let prefix = self.take(PREFIX_LEN)?;
        if prefix.is_empty() {
            return Ok(Next::End);
        }
        let Ok(prefix) = <[u8; PREFIX_LEN]>::try_from(prefix.as_slice()) else {
            return Ok(Next::Broken(PartError::Cut));
        };
        let len = match bundle::part_len(prefix) {
            Ok(len) => len,
            Err(err) => return Ok(Next::Broken(err.into())),
        };
        let part = self.take(len)?;
        if part.len() < len {
            return Ok(Next::Broken(PartError::Cut));
        }
        Ok(Next::Part(part))
    }

    /// `len` bytes, or fewer where the file ends.
    fn take(&mut self, len: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(len);
        let limit = u64::try_from(len).unwrap_or(u64::MAX);
        self.0.by_ref().take(limit).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}
