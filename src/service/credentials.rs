//! Credentials: secret files that systemd hands to the service alone (`LoadCredential=`), see
//! `systemd.exec(5)`.

use std::path::{Path, PathBuf};

/// What a path in the configuration begins with to name one.
pub const PREFIX: &str = "credential:";

/// Where systemd puts them for this process.
const FOLDER: &str = "CREDENTIALS_DIRECTORY";

/// Why a credential has no path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// Not started by systemd, or with no credential.
    #[error(
        "credential:{name} comes from systemd, and ${FOLDER} is not set here; outside the service set it \
         to the folder that holds the file {name}"
    )]
    NoFolder {
        /// The credential.
        name: String,
    },
    /// It would lie somewhere else.
    #[error(
        "credential:{name} is no name of a credential; write credential:NAME with the NAME of LoadCredential="
    )]
    BadName {
        /// What was written.
        name: String,
    },
}

/// The path of the credential that `value` names; nothing when it names a file.
///
/// # Errors
/// When the name is not one, or systemd handed over nothing.
pub fn path(value: &str) -> Option<Result<PathBuf, CredentialError>> {
    let name = value.strip_prefix(PREFIX)?;
    Some(within(std::env::var_os(FOLDER).map(PathBuf::from), name))
}

fn within(folder: Option<PathBuf>, name: &str) -> Result<PathBuf, CredentialError> {
    let plain = |name: &str| Path::new(name).file_name().is_some_and(|file| file == name);
    if !plain(name) {
        return Err(CredentialError::BadName {
            name: name.to_owned(),
        });
    }
    match folder {
        Some(folder) => Ok(folder.join(name)),
        None => Err(CredentialError::NoFolder {
            name: name.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_lies_in_the_services_folder_and_nowhere_else() {
        let folder = || Some(PathBuf::from("/run/credentials/faregate.service"));
        assert_eq!(
            within(folder(), "gate.key"),
            Ok(PathBuf::from("/run/credentials/faregate.service/gate.key"))
        );
        for name in ["", "..", "../gate.key", "/etc/shadow", "a/b"] {
            let err = within(folder(), name).err();
            assert_eq!(
                err,
                Some(CredentialError::BadName {
                    name: name.to_owned()
                })
            );
        }
    }

    #[test]
    fn without_systemd_it_is_said_what_to_set() {
        let said = within(None, "gate.key")
            .err()
            .map(|err| err.to_string())
            .unwrap_or_default();
        assert!(said.contains("$CREDENTIALS_DIRECTORY is not set"), "{said}");
        assert_eq!(path("keys/gate.key"), None, "a file");
    }
}
