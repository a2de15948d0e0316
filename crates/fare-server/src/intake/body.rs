//! The body of an upload: bytes from outside to records that can be checked, one by one.

use super::check::{Checked, check_all};
use crate::store::Gate;
use fare_protocol::RecordId;
use fare_protocol::wire::{RecordRefusal, UPLOAD_RECORDS_MAX, UploadRecord};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Why nothing of a body can be answered.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// Not the JSON of an upload.
    #[error("the body is not {{\"records\": […]}} of id and envelope: {0}")]
    NotRecords(serde_json::Error),
    /// More than one upload may have.
    #[error("got {0} records, at most {UPLOAD_RECORDS_MAX}; send fewer")]
    TooMany(usize),
    /// One of them has no id.
    #[error("records[{place}] has no readable id, so it cannot be answered: {err}")]
    NoId {
        /// Which one.
        place: usize,
        /// What is wrong with it.
        err: serde_json::Error,
    },
}

/// `UploadRequest`, its records unread: one that is wrong must not refuse the others.
#[derive(Deserialize)]
struct Unread<'b> {
    #[serde(borrow)]
    records: Vec<&'b RawValue>,
}

/// The part of an `UploadRecord` without which it cannot even be answered.
#[derive(Deserialize)]
struct OnlyId {
    id: RecordId,
}

/// The records of an upload: each as it was sent, or the id under which something else was.
#[derive(Debug)]
pub struct Rows {
    rows: Vec<Result<UploadRecord, (RecordId, String)>>,
    nameless: Vec<Nameless>,
}

/// Something in the place of a record that has not even an id, so that only its place can be answered.
#[derive(Debug)]
pub struct Nameless {
    /// Its place in the upload, from 0.
    pub place: usize,
    /// What is wrong with it.
    pub err: serde_json::Error,
}

impl Rows {
    /// Reads a body.
    ///
    /// # Errors
    /// When it cannot be answered record by record.
    pub fn read(body: &[u8]) -> Result<Self, BodyError> {
        let unread: Unread<'_> = serde_json::from_slice(body).map_err(BodyError::NotRecords)?;
        if unread.records.len() > UPLOAD_RECORDS_MAX {
            return Err(BodyError::TooMany(unread.records.len()));
        }
        let (mut rows, mut nameless) = (Vec::with_capacity(unread.records.len()), Vec::new());
        for (place, row) in unread.records.iter().enumerate() {
            match serde_json::from_str::<UploadRecord>(row.get()) {
                Ok(upload) => rows.push(Ok(upload)),
                Err(err) => match serde_json::from_str::<OnlyId>(row.get()) {
                    Ok(OnlyId { id }) => {
                        rows.push(Err((id, format!("not an id and an envelope: {err}"))));
                    }
                    Err(_) => nameless.push(Nameless { place, err }),
                },
            }
        }
        Ok(Self { rows, nameless })
    }

    /// What has no id, taken out.
    pub fn take_nameless(&mut self) -> Vec<Nameless> {
        std::mem::take(&mut self.nameless)
    }

    /// The records, where each must have an id.
    ///
    /// # Errors
    /// Names the first that has none.
    pub fn all_named(mut self) -> Result<Self, BodyError> {
        match self.take_nameless().into_iter().next() {
            Some(Nameless { place, err }) => Err(BodyError::NoId { place, err }),
            None => Ok(self),
        }
    }

    /// Looks at each record that was sent to `gate`.
    pub fn check(self, gate: &Gate) -> Vec<Checked> {
        let rows = self.rows.into_iter().map(|row| {
            row.map_err(|(id, reason)| Checked::Refused {
                id,
                hash: None,
                code: RecordRefusal::Malformed,
                reason,
            })
        });
        check_all(rows, gate)
    }
}
