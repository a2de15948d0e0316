//! Records that came by hand: a gate's bundle is taken as an upload is, and answered by a bundle.
//!
//! The file's form is [`fare_protocol::bundle`]'s. Each part is believed, opened and taken in a
//! transaction of its own; taking one twice is harmless, because intake answers a repeat with the
//! first answer. A part that cannot be taken says so and holds up no other.

use crate::config::Settlement;
use crate::intake::{BodyError, Intake, IntakeError, Report, Rows};
use crate::store::{Database, Gate, StoreError};
use ed25519_dalek::SigningKey;
use fare_protocol::bundle::{self, BundleKind, MAGIC_LEN, PREFIX_LEN, SealError, SignedPart};
use fare_protocol::{FormatError, GateId, UnixMs, VerifyError};
use serde::Serialize;
use serde_json::value::RawValue;
use std::io::{self, Read, Write};

/// Why a file could not be taken to its end.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file could not be read.
    #[error("cannot read the bundle: {0}")]
    Read(io::Error),
    /// The answers could not be written.
    #[error("cannot write the answers: {0}; nothing is lost, import the file again")]
    Write(io::Error),
    /// Another kind of file.
    #[error("this is not a bundle of a gate's records; make one with `faregate outbox export`")]
    NotABundle,
}

/// Why one part was not taken; its records are still at their gate.
#[derive(Debug, thiserror::Error)]
pub enum PartError {
    /// The file ends in it.
    #[error("the file ends in the middle of it; copy it anew, the gate has it still")]
    CutOff,
    /// Its bytes are wrong.
    #[error("{0}")]
    Format(#[from] FormatError),
    /// The gate is not registered.
    #[error("gate {0} is not registered; run `fareserver gate add --id {0} …`")]
    NoGate(GateId),
    /// Its signature is wrong.
    #[error("{0}")]
    Verify(#[from] VerifyError),
    /// It cannot be opened, or its answers not sealed.
    #[error("{0}")]
    Seal(#[from] SealError),
    /// What is inside is not an upload.
    #[error("{0}")]
    Body(#[from] BodyError),
    /// The store could not take it.
    #[error("{0}; import the file again")]
    Intake(#[from] IntakeError),
    /// The answers are no JSON, or no randomness was to be had.
    #[error("its answers: {0}")]
    Answers(String),
}

impl From<StoreError> for PartError {
    fn from(err: StoreError) -> Self {
        Self::Intake(err.into())
    }
}

/// What became of one part.
pub struct Part {
    /// Which one, from 1.
    pub number: usize,
    /// Whose records, and what became of them.
    pub taken: Result<(GateId, Report), PartError>,
}

/// What a bundle is taken with.
pub struct Importer<'s> {
    /// Where records go.
    pub database: &'s mut Database,
    /// What the server charges and signs with.
    pub settlement: &'s Settlement,
    /// The server's key, for which gates seal.
    pub key: &'s SigningKey,
    /// The server's time.
    pub now: UnixMs,
}

#[derive(Serialize)]
struct Answers<'r> {
    answers: &'r [Box<RawValue>],
    server_time_ms: UnixMs,
}

impl Importer<'_> {
    /// Takes all parts of `bundle` in order and writes the answers to those that were taken to
    /// `answers`.
    ///
    /// # Errors
    /// When the file is no bundle, or one of the two files fails. Parts that are wrong are no error
    /// here: each says so itself.
    pub fn import(
        &mut self,
        bundle: &mut impl Read,
        answers: &mut impl Write,
    ) -> Result<Vec<Part>, ImportError> {
        let mut magic = [0; MAGIC_LEN];
        match bundle.read_exact(&mut magic) {
            Ok(()) if magic == BundleKind::Records.magic() => {}
            Ok(()) => return Err(ImportError::NotABundle),
            Err(err) if err.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(ImportError::NotABundle);
            }
            Err(err) => return Err(ImportError::Read(err)),
        }
        let magic = BundleKind::Answers.magic();
        answers.write_all(&magic).map_err(ImportError::Write)?;
        let mut parts = Vec::new();
        while let Some(bytes) = next_part(bundle).map_err(ImportError::Read)? {
            // Behind a length that cannot be right nothing can be found any more.
            let lost = bytes.is_err();
            let taken = bytes.and_then(|bytes| self.take(&bytes));
            let taken = match taken {
                Ok((gate, report, sealed)) => {
                    sealed.write(answers).map_err(ImportError::Write)?;
                    Ok((gate, report))
                }
                Err(err) => Err(err),
            };
            parts.push(Part {
                number: parts.len() + 1,
                taken,
            });
            if lost {
                break;
            }
        }
        Ok(parts)
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(GateId, Report, Sealed), PartError> {
        let part = SignedPart::parse(BundleKind::Records, bytes)?;
        let id = part.gate();
        let gate: Option<Gate> = self.database.read(|tx| tx.gate(id))?;
        let gate = gate.ok_or(PartError::NoGate(id))?;
        let json = part.verify(&gate.key)?.open(self.key)?;
        let checked = Rows::read(&json)?.all_named()?.check(&gate);
        let (settlement, now) = (self.settlement, self.now);
        let report = self
            .database
            .write(|tx| Intake::new(settlement, tx, gate, now).take(&checked))?;
        let sealed = self.seal(&gate, &report)?;
        Ok((id, report, sealed))
    }

    fn seal(&self, gate: &Gate, report: &Report) -> Result<Sealed, PartError> {
        let answers = Answers {
            answers: &report.answers,
            server_time_ms: self.now,
        };
        let json = serde_json::to_vec(&answers);
        let json = json.map_err(|err| PartError::Answers(err.to_string()))?;
        let mut random = [0; 32];
        getrandom::fill(&mut random).map_err(|err| PartError::Answers(err.to_string()))?;
        let kind = BundleKind::Answers;
        let part = bundle::seal(kind, gate.id, &json, self.key, &gate.key, random)?;
        Ok(Sealed {
            prefix: bundle::prefix(&part)?,
            part,
        })
    }
}

/// A part as it stands in a file.
struct Sealed {
    prefix: [u8; PREFIX_LEN],
    part: Vec<u8>,
}

impl Sealed {
    fn write(&self, file: &mut impl Write) -> io::Result<()> {
        file.write_all(&self.prefix)?;
        file.write_all(&self.part)
    }
}

/// The next part's bytes; nothing at the end of the file.
fn next_part(file: &mut impl Read) -> io::Result<Option<Result<Vec<u8>, PartError>>> {
    let mut prefix = Vec::with_capacity(PREFIX_LEN);
    file.by_ref()
        .take(PREFIX_LEN as u64)
        .read_to_end(&mut prefix)?;
    if prefix.is_empty() {
        return Ok(None);
    }
    let Ok(prefix) = <[u8; PREFIX_LEN]>::try_from(prefix) else {
        return Ok(Some(Err(PartError::CutOff)));
    };
    let len = match bundle::part_len(prefix) {
        Ok(len) => len,
        Err(err) => return Ok(Some(Err(err.into()))),
    };
    let mut part = Vec::new();
    file.by_ref().take(len as u64).read_to_end(&mut part)?;
    let whole = part.len() == len;
    Ok(Some(if whole {
        Ok(part)
    } else {
        Err(PartError::CutOff)
    }))
}
