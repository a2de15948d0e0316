//! Which database: the path of a SQLite file, or the URL of a PostgreSQL server.

use super::sql::SqlError;
use postgres::config::{Host, SslMode};
use postgres::{Client, Config, NoTls};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// How long a server may take to answer a connection.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// After how long without a word the other end is asked whether it is still there, how often, and how long what was
/// sent may stay unacknowledged: a machine that is gone says nothing, and by itself TCP waits for hours.
const QUIET_MAX: Duration = Duration::from_secs(10);
const ASK_EVERY: Duration = Duration::from_secs(5);
const ASKS_MAX: u32 = 3;
const UNHEARD_MAX: Duration = Duration::from_secs(20);

/// Which database.
#[derive(Clone, Debug)]
pub enum DatabaseUrl {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// A database of a PostgreSQL server.
    Postgres(ServerUrl),
}

/// A checked `postgres://` URL. As text it is without its password.
#[derive(Clone)]
pub struct ServerUrl {
    text: String,
    config: Box<Config>,
    tls: Option<Arc<rustls::ClientConfig>>,
}

/// Why a text names no database.
#[derive(Debug, thiserror::Error)]
pub enum UrlError {
    /// Neither a path nor a URL of PostgreSQL.
    #[error(
        "{0:?} is neither the path of a SQLite file, for example \"fares.sqlite3\", nor a URL like \
         \"postgres://user@host/database\""
    )]
    Neither(String),
    /// A URL that cannot be read. Its password may be in it, so it is not shown.
    #[error("the database's URL: {0}; write one like \"postgres://user@host/database\"")]
    Syntax(String),
    /// Another machine, and no word on whether the way there is safe.
    #[error(
        "the database's URL: {0} is another machine; add \"sslmode=require&sslrootcert=FILE\", or \
         \"sslmode=disable\" when the network between is yours alone"
    )]
    Open(String),
    /// TLS without knowing whom to believe.
    #[error(
        "the database's URL asks for TLS: add \"sslrootcert=FILE\", the PEM file of who signed the \
         server's certificate"
    )]
    NoRoot,
    /// The file of `sslrootcert`.
    #[error("the database's URL: sslrootcert={file}: {err}")]
    Root {
        /// Which file.
        file: String,
        /// Why.
        err: String,
    },
}

impl DatabaseUrl {
    /// Which engine: `sqlite` or `postgres`.
    pub fn engine(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "sqlite",
            Self::Postgres(_) => "postgres",
        }
    }
}

impl ServerUrl {
    pub(super) fn connect(&self) -> Result<Client, SqlError> {
        Ok(match &self.tls {
            Some(tls) => self.config.connect(super::sql::Tls(tls.clone()))?,
            None => self.config.connect(NoTls)?,
        })
    }
}

impl FromStr for ServerUrl {
    type Err = UrlError;

    fn from_str(whole: &str) -> Result<Self, UrlError> {
        let (text, root) = without_root(whole);
        let config: Result<Config, _> = text.parse();
        let mut config = config.map_err(|err| UrlError::Syntax(SqlError::from(err).to_string()))?;
        config.application_name("fareserver");
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_MAX);
        }
        if !text.contains("keepalives") {
            config
                .keepalives_idle(QUIET_MAX)
                .keepalives_interval(ASK_EVERY);
            config.keepalives_retries(ASKS_MAX);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(UNHEARD_MAX);
        }
        let says = ["sslmode=disable", "sslmode=require"];
        let says = says.map(|says| text.contains(says));
        let tls = match (says, root) {
            ([_, true], Some(root)) => Some(trusting(&root)?),
            ([_, true], None) => return Err(UrlError::NoRoot),
            ([_, false], Some(_)) => {
                let err = "sslrootcert needs sslmode=require".to_owned();
                return Err(UrlError::Syntax(err));
            }
            ([true, false], None) => None,
            ([false, false], None) => match config.get_hosts().iter().find_map(elsewhere) {
                Some(host) => return Err(UrlError::Open(host)),
                None => None,
            },
        };
        config.ssl_mode(match tls {
            Some(_) => SslMode::Require,
            None => SslMode::Disable,
        });
        Ok(Self {
            text: whole.to_owned(),
            config: Box::new(config),
            tls,
        })
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgres://")?;
        for (n, host) in self.config.get_hosts().iter().enumerate() {
            let comma = if n == 0 { "" } else { "," };
            match host {
                Host::Tcp(host) => write!(f, "{comma}{host}")?,
                Host::Unix(folder) => write!(f, "{comma}{}", folder.display())?,
            }
        }
        write!(f, "/{}", self.config.get_dbname().unwrap_or_default())
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl DatabaseUrl {
    /// As it was written, with what is secret in it: for a process of our own.
    pub(crate) fn with_secrets(&self) -> String {
        match self {
            Self::Sqlite(file) => file.display().to_string(),
            Self::Postgres(server) => server.text.clone(),
        }
    }

    /// The same, with the path of a file counted from `folder`.
    #[must_use]
    pub fn within(self, folder: &Path) -> Self {
        match self {
            Self::Sqlite(file) => Self::Sqlite(folder.join(file)),
            Self::Postgres(server) => Self::Postgres(server),
        }
    }
}

impl FromStr for DatabaseUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        match text.split_once("://") {
            Some(("postgres" | "postgresql", _)) => text.parse().map(Self::Postgres),
            None if !text.is_empty() => Ok(Self::Sqlite(PathBuf::from(text))),
            Some((scheme, _)) => Err(UrlError::Neither(format!("{scheme}://…"))),
            None => Err(UrlError::Neither(String::new())),
        }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(file) => file.display().fmt(f),
            Self::Postgres(server) => server.fmt(f),
        }
    }
}

impl From<&Path> for DatabaseUrl {
    fn from(file: &Path) -> Self {
        Self::Sqlite(file.to_owned())
    }
}

impl From<&PathBuf> for DatabaseUrl {
    fn from(file: &PathBuf) -> Self {
        Self::Sqlite(file.clone())
    }
}

impl From<&DatabaseUrl> for DatabaseUrl {
    fn from(url: &DatabaseUrl) -> Self {
        url.clone()
    }
}

/// The URL without `sslrootcert`, which is ours to read, and its value.
fn without_root(text: &str) -> (String, Option<String>) {
    let Some((url, parameters)) = text.split_once('?') else {
        return (text.to_owned(), None);
    };
    let is_root = |parameter: &&str| parameter.starts_with("sslrootcert=");
    let (root, others): (Vec<_>, Vec<_>) = parameters.split('&').partition(is_root);
    let root = root.first().and_then(|root| root.split_once('='));
    let url = if others.is_empty() {
        url.to_owned()
    } else {
        format!("{url}?{}", others.join("&"))
    };
    (url, root.map(|(_, file)| file.to_owned()))
}

/// The host, when it is neither a socket's folder nor this machine.
fn elsewhere(host: &Host) -> Option<String> {
    match host {
        Host::Unix(_) => None,
        Host::Tcp(host) => {
            let loopback = |ip: std::net::IpAddr| ip.is_loopback();
            let here = host == "localhost" || host.parse().is_ok_and(loopback);
            (!here).then(|| host.clone())
        }
    }
}

/// Believes servers whose certificate was signed by who is in this file.
fn trusting(root: &str) -> Result<Arc<rustls::ClientConfig>, UrlError> {
    let bad = |err: String| UrlError::Root {
        file: root.to_owned(),
        err,
    };
    fs::metadata(root).map_err(|err| bad(err.to_string()))?;
    let certificates = crate::tls::certificates(Path::new(root));
    let mut roots = rustls::RootCertStore::empty();
    for certificate in certificates.map_err(|err| bad(err.to_string()))? {
        roots.add(certificate).map_err(|err| bad(err.to_string()))?;
    }
    let config = crate::tls::client_config(roots).map_err(|err| bad(err.to_string()))?;
    Ok(Arc::new(config))
}
