//! How this gate comes by its identity: it makes its keys, shows a ticket to the server, and gets
//! certificate, configuration, tables and keys to believe.
//!
//! Nothing that works is touched until the new configuration has passed the same check that
//! `faregate config check` makes. Keys that are there already are kept, so that an answer which was
//! lost can be asked for again.

mod contact;
mod files;
mod look;

pub use contact::ContactError;
pub use files::FilesError;
pub(crate) use files::from_pem as tls_key_from_pem;
pub use look::{LookError, look};

use fare_protocol::GateId;
use fare_protocol::enrol::{EnrolRequest, Ticket};
use std::path::{Path, PathBuf};

/// Why this gate has no identity yet.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// The server could not be asked, or refused.
    #[error(transparent)]
    Contact(#[from] ContactError),
    /// Files of this gate.
    #[error(transparent)]
    Files(#[from] FilesError),
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolled {
    /// Who this gate is now.
    pub gate: GateId,
    /// Its configuration.
    pub config: PathBuf,
}

/// Enrols with `ticket` into `folder`; `replace` allows for a configuration that is there already.
///
/// # Errors
/// When keys cannot be made, the server refuses or cannot be reached, or what it sends does not fit;
/// what worked before still does.
pub async fn enrol(folder: &Path, ticket: &Ticket, replace: bool) -> Result<Enrolled, EnrolError> {
    let config = folder.join(files::CONFIG);
    if !replace && config.exists() {
        return Err(FilesError::Configured(config).into());
    }
    let keys = files::keys(folder)?;
    let request = EnrolRequest::new(ticket.token.secret, &keys.record, &keys.tls);
    let enrolment = contact::ask(ticket, &request).await?;
    files::install(folder, &enrolment)?;
    Ok(Enrolled {
        gate: enrolment.gate,
        config,
    })
}
