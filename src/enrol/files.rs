//! A gate's folder: the keys it makes for itself, and what the server sends, put in place only once
//! the program itself has found the whole of it good.

use crate::config::GateConfig;
use crate::replay::outcome::hex;
use crate::trial;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::SigningKey;
use fare_protocol::enrol::Enrolment;
use serde::Deserialize;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Component, Path, PathBuf};
use std::process::Command;

/// The configuration's name in its folder.
pub(super) const CONFIG: &str = "gate.toml";

const RECORD_KEY: &str = "keys/gate.key";
const TLS_KEY: &str = "keys/gate-tls.key";

/// Where new files lie until they are found good.
const STAGE: &str = ".enrol";

/// What RFC 8410, section 7, puts before an Ed25519 seed to make a PKCS #8 key of it.
const PKCS8_HEAD: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// Why files of this gate could not be made or put in place.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// There is a configuration already.
    #[error("{path} is there already, so this box is a gate; --replace makes another of it", path = .0.display())]
    Configured(PathBuf),
    /// A file or folder.
    #[error("cannot {what} {path}: {source}; look at its owner and free space", path = path.display())]
    Io {
        /// `make`, `read`, …
        what: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A key that was there already is none.
    #[error("{path} is no key of this program; move it away", path = .0.display())]
    Key(PathBuf),
    /// The system gave no random bytes.
    #[error("no random bytes for a key: {0}")]
    Random(#[from] getrandom::Error),
    /// The configuration names a file where none may be put.
    #[error(
        "the configuration that the server sent names {got:?} for {what}; write {write}, and invite anew"
    )]
    Place {
        /// Which key of the configuration.
        what: &'static str,
        /// What it names.
        got: String,
        /// What would do.
        write: String,
    },
    /// The configuration is no TOML, or lacks what every one has.
    #[error(
        "the configuration that the server sent cannot be read: {0}; mend it there, and invite anew"
    )]
    Toml(String),
    /// The program found faults in it.
    #[error(
        "the configuration that the server sent does not pass; mend it there, and invite anew:\n{0}"
    )]
    Faults(String),
}

/// A gate's two keys.
pub(super) struct Keys {
    pub record: SigningKey,
    pub tls: SigningKey,
}

/// Where the configuration looks for what the server sends.
#[derive(Deserialize)]
struct Named {
    keys: NamedKeys,
    tariff: NamedTariff,
    server: Option<NamedServer>,
}

#[derive(Deserialize)]
struct NamedKeys {
    signing_key: String,
    issuers: String,
    servers: String,
}

#[derive(Deserialize)]
struct NamedTariff {
    file: String,
    stations: String,
}

#[derive(Deserialize)]
struct NamedServer {
    ca: String,
    certificate: String,
    private_key: String,
}

/// The gate's keys, made when they are not there.
pub(super) fn keys(folder: &Path) -> Result<Keys, FilesError> {
    make_folder(&folder.join("keys"))?;
    let (record_file, tls_file) = (folder.join(RECORD_KEY), folder.join(TLS_KEY));
    let record = match read(&record_file)? {
        Some(text) => fare_protocol::signing_key(text.trim())
            .map_err(|_| FilesError::Key(record_file.clone()))?,
        None => {
            let key = new_key()?;
            write(&record_file, &format!("{}\n", hex(key.as_bytes())), 0o600)?;
            key
        }
    };
    let tls = match read(&tls_file)? {
        Some(pem) => from_pem(&pem).ok_or_else(|| FilesError::Key(tls_file.clone()))?,
        None => {
            let key = new_key()?;
            write(&tls_file, &to_pem(&key), 0o640)?;
            key
        }
    };
    // The service reads this one itself; the other systemd hands to it.
    belong(&tls_file, folder);
    Ok(Keys { record, tls })
}

/// Puts what the server sent beside the keys, checks it there, and moves it to its place.
pub(super) fn install(folder: &Path, sent: &Enrolment) -> Result<(), FilesError> {
    let files = placed(sent)?;
    let stage = folder.join(STAGE);
    remove(&stage)?;
    make_folder(&stage.join("keys"))?;
    for key in [RECORD_KEY, TLS_KEY] {
        let text = read(&folder.join(key))?.unwrap_or_default();
        write(&stage.join(key), &text, 0o600)?;
    }
    for (place, text) in &files {
        write(&stage.join(place), text, 0o644)?;
    }
    check(&stage)?;
    // What the server sent before counts no longer.
    if let Ok(journal) = GateConfig::journal_in(&folder.join(CONFIG), &sent.config) {
        trial::forget(&journal).map_err(failed("remove what is kept beside", &journal))?;
    }
    // The configuration last: with it, everything is there.
    for (place, _) in &files {
        let to = folder.join(place);
        make_parent(&to)?;
        fs::rename(stage.join(place), &to).map_err(failed("write", &to))?;
    }
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(failed("sync", folder))?;
    remove(&stage)
}

/// Places in the gate's folder, the configuration's last, with the text for each.
fn placed(sent: &Enrolment) -> Result<Vec<(PathBuf, String)>, FilesError> {
    let named: Named =
        toml::from_str(&sent.config).map_err(|err| FilesError::Toml(err.message().to_owned()))?;
    own("signing_key", &named.keys.signing_key, RECORD_KEY)?;
    let mut files = vec![
        ("issuers", named.keys.issuers, json(&sent.issuers)),
        ("servers", named.keys.servers, json(&sent.servers)),
        ("file", named.tariff.file, sent.tariff.tariff.clone()),
        (
            "stations",
            named.tariff.stations,
            sent.tariff.stations.clone(),
        ),
    ];
    if let Some(server) = named.server {
        own("private_key", &server.private_key, TLS_KEY)?;
        files.push(("ca", server.ca, sent.authority.clone()));
        files.push(("certificate", server.certificate, sent.certificate.clone()));
    }
    files.push(("gate.toml", CONFIG.to_owned(), sent.config.clone()));
    files
        .into_iter()
        .map(|(what, named, text)| Ok((inside(what, named)?, text)))
        .collect()
}

/// Whether the configuration names a key where this program has made it.
fn own(what: &'static str, got: &str, place: &str) -> Result<(), FilesError> {
    let credential = place.replace("keys/", "credential:");
    if got == place || got == credential {
        return Ok(());
    }
    Err(FilesError::Place {
        what,
        got: got.to_owned(),
        write: format!("{place:?} or {credential:?}"),
    })
}

/// A place below the gate's folder; nothing that a server sends may name another.
fn inside(what: &'static str, named: String) -> Result<PathBuf, FilesError> {
    let path = PathBuf::from(named.replace("credential:", "keys/"));
    let parts = || path.components();
    let below = parts().all(|part| matches!(part, Component::Normal(_)));
    let own = path == Path::new(RECORD_KEY) || path == Path::new(TLS_KEY);
    let staged = parts().next() == Some(Component::Normal(STAGE.as_ref()));
    if below && !own && !staged && parts().next().is_some() {
        return Ok(path);
    }
    Err(FilesError::Place {
        what,
        got: named,
        write: "a path below the gate's folder, like \"keys/issuers.json\"".to_owned(),
    })
}

/// What checks a configuration is this program, as a person would call it.
fn check(stage: &Path) -> Result<(), FilesError> {
    let config = stage.join(CONFIG);
    let program = std::env::current_exe().map_err(failed("find", Path::new("this program")))?;
    let done = Command::new(&program)
        .args(["config", "check"])
        .arg(&config)
        .env("CREDENTIALS_DIRECTORY", stage.join("keys"))
        .output()
        .map_err(failed("run", &program))?;
    if done.status.success() {
        return Ok(());
    }
    let said = [done.stdout, done.stderr].concat();
    Err(FilesError::Faults(
        String::from_utf8_lossy(&said).trim_end().to_owned(),
    ))
}

fn json(value: &impl serde::Serialize) -> String {
    // Key sets are lists of plain fields: they always can be written.
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}

fn new_key() -> Result<SigningKey, FilesError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)?;
    Ok(SigningKey::from_bytes(&seed))
}

fn to_pem(key: &SigningKey) -> String {
    let der = [&PKCS8_HEAD[..], key.as_bytes()].concat();
    let text = STANDARD.encode(der);
    format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n")
}

/// The TLS key in a file that this program made.
pub(crate) fn from_pem(pem: &str) -> Option<SigningKey> {
    let text = pem
        .trim()
        .strip_prefix("-----BEGIN PRIVATE KEY-----\n")?
        .strip_suffix("\n-----END PRIVATE KEY-----")?;
    let der = STANDARD.decode(text).ok()?;
    let seed = der.strip_prefix(&PKCS8_HEAD)?;
    Some(SigningKey::from_bytes(seed.try_into().ok()?))
}

/// The text of a file; nothing when there is none.
fn read(path: &Path) -> Result<Option<String>, FilesError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(err) => Err(failed("read", path)(err)),
    }
}

/// Writes a file whole, with this mode whatever the umask says, and syncs it.
fn write(path: &Path, text: &str, mode: u32) -> Result<(), FilesError> {
    make_parent(path)?;
    let open = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    let written = open.and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.set_permissions(fs::Permissions::from_mode(mode))?;
        file.sync_all()
    });
    written.map_err(failed("write", path))
}

fn make_parent(path: &Path) -> Result<(), FilesError> {
    path.parent().map_or(Ok(()), make_folder)
}

fn make_folder(path: &Path) -> Result<(), FilesError> {
    fs::create_dir_all(path).map_err(failed("make", path))
}

fn remove(folder: &Path) -> Result<(), FilesError> {
    match fs::remove_dir_all(folder) {
        Err(err) if err.kind() != io::ErrorKind::NotFound => Err(failed("remove", folder)(err)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Gives a file to the group that its folder belongs to. Only root can, and only root needs to.
fn belong(path: &Path, folder: &Path) {
    let given = fs::metadata(folder).and_then(|meta| chown(path, None, Some(meta.gid())));
    if let Err(err) = given {
        tracing::debug!(%err, path = %path.display(), "the group stays as it is");
    }
}

fn failed<'p>(what: &'static str, path: &'p Path) -> impl Fn(io::Error) -> FilesError + 'p {
    move |source| FilesError::Io {
        what,
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use rustls::crypto::ring::sign::any_eddsa_type;
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

    #[test]
    fn keys_are_made_once_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let first = keys(folder.path()).unwrap();
        let again = keys(folder.path()).unwrap();
        assert_eq!(first.record.as_bytes(), again.record.as_bytes());
        assert_eq!(first.tls.as_bytes(), again.tls.as_bytes());
        assert_ne!(first.record.as_bytes(), first.tls.as_bytes());
        let mode = |name: &str| {
            let meta = fs::metadata(folder.path().join(name)).unwrap();
            meta.permissions().mode() & 0o777
        };
        assert_eq!(mode(RECORD_KEY), 0o600);
        assert_eq!(mode(TLS_KEY), 0o640);
        let pem = fs::read(folder.path().join(TLS_KEY)).unwrap();
        let PrivateKeyDer::Pkcs8(der) = PrivateKeyDer::from_pem_slice(&pem).unwrap() else {
            panic!("PKCS #8");
        };
        let der: PrivatePkcs8KeyDer<'_> = der;
        any_eddsa_type(&der).unwrap();
    }

    #[test]
    fn a_strange_key_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("keys")).unwrap();
        fs::write(folder.path().join(RECORD_KEY), "not a key").unwrap();
        let said = keys(folder.path()).err().unwrap().to_string();
        assert!(said.contains("move it away"), "{said}");
    }

    #[test]
    fn a_server_names_places_below_the_folder_alone() {
        for good in [
            "keys/issuers.json",
            "credential:issuers.json",
            "tariff.toml",
        ] {
            assert!(inside("issuers", good.to_owned()).is_ok(), "{good}");
        }
        for bad in [
            "/etc/passwd",
            "../up",
            "keys/../../up",
            "",
            "keys/gate.key",
            "credential:gate-tls.key",
            ".enrol/x",
        ] {
            assert!(inside("issuers", bad.to_owned()).is_err(), "{bad}");
        }
        assert!(own("signing_key", "credential:gate.key", RECORD_KEY).is_ok());
        let said = own("signing_key", "keys/mine.key", RECORD_KEY).unwrap_err();
        assert!(said.to_string().contains("\"keys/gate.key\""), "{said}");
    }
}
