//! A PostgreSQL server of our own, in a folder and on a socket in it, from Debian's package: for
//! benchmarks, the demo and the tests. Nothing else uses it, and it listens on no network.

use crate::store::{DatabaseUrl, UrlError};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

/// Where Debian keeps the programs of each version.
const VERSIONS: &str = "/usr/lib/postgresql";

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// No programs.
    #[error(
        "no PostgreSQL under {VERSIONS}; run `apt-get install postgresql` or `scripts/setup test`"
    )]
    NotInstalled,
    /// A file or program could not be used.
    #[error("{what}: {err}")]
    Io {
        /// What was to be done.
        what: String,
        /// Why not.
        err: io::Error,
    },
    /// A program of PostgreSQL failed.
    #[error("{program} failed: {said}")]
    Failed {
        /// Which one.
        program: &'static str,
        /// What it said.
        said: String,
    },
    /// A database that was just made has no proper URL.
    #[error("{0}")]
    Url(#[from] UrlError),
}

/// How much a commit is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Safety {
    /// It is on the disk, as in production.
    Durable,
    /// It is in memory: for tests that do not cut the power.
    Fleeting,
}

/// A running server. It ends, and its folder goes, when this is dropped.
pub struct Cluster {
    folder: PathBuf,
    programs: PathBuf,
    ends: bool,
    /// While it is held, a shared server stays.
    _used: Option<File>,
}

/// A database of its own, dropped with this.
pub struct Scratch<'c> {
    cluster: &'c Cluster,
    name: String,
    /// Where it is.
    pub url: DatabaseUrl,
    /// The same as text.
    pub text: String,
}

impl Cluster {
    /// Makes a server in `folder`, which must not exist yet and have a short path, and starts it.
    ///
    /// # Errors
    /// When PostgreSQL is not installed or does not start.
    pub fn start(folder: &Path, safety: Safety) -> Result<Self, ClusterError> {
        let cluster = Self {
            folder: folder.to_owned(),
            programs: programs()?,
            ends: true,
            _used: None,
        };
        let bad = |err| io_error("make", folder, err);
        fs::create_dir(folder).map_err(bad)?;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).map_err(bad)?;
        if let Some((user, group)) = server_user() {
            chown(folder, Some(user), Some(group)).map_err(bad)?;
        }
        let data = cluster.data();
        cluster.run(
            "initdb",
            &[
                "--username=postgres",
                "--auth=trust",
                "--encoding=UTF8",
                "--no-locale",
                "--no-sync",
                "-D",
                &data,
            ],
        )?;
        let socket = folder.display();
        let safety = match safety {
            Safety::Durable => "",
            Safety::Fleeting => "-c fsync=off -c synchronous_commit=off -c full_page_writes=off",
        };
        let options = format!(
            "-k {socket} -c listen_addresses= -c max_connections=80 -c shared_buffers=128MB {safety}"
        );
        let log = folder.join("log").display().to_string();
        cluster.run(
            "pg_ctl",
            &["-D", &data, "-l", &log, "-w", "-o", &options, "start"],
        )?;
        Ok(cluster)
    }

    /// The server that all tests of this user share. The first one starts it; some seconds after the
    /// last one has ended it goes.
    ///
    /// # Errors
    /// As [`Cluster::start`].
    pub fn shared() -> Result<Self, ClusterError> {
        let bad = |err| io_error("lock", Path::new("/proc/self"), err);
        let user = fs::metadata("/proc/self").map_err(bad)?.uid();
        let folder = std::env::temp_dir().join(format!("faregate-postgres-{user}"));
        let starting = lock_file(&folder, ".lock")?;
        starting.lock().map_err(bad)?;
        let used = lock_file(&folder, ".used")?;
        used.lock_shared().map_err(bad)?;
        let mut cluster = Self {
            folder: folder.clone(),
            programs: programs()?,
            ends: false,
            _used: Some(used),
        };
        let data = cluster.data();
        if cluster.run("pg_ctl", &["-D", &data, "status"]).is_err() {
            if folder.exists() {
                fs::remove_dir_all(&folder).map_err(|err| io_error("remove", &folder, err))?;
            }
            let mut started = Self::start(&folder, Safety::Fleeting)?;
            started.ends = false;
            started._used = cluster._used.take();
            started.end_when_unused()?;
            cluster = started;
        }
        Ok(cluster)
    }

    /// A process that waits until nobody holds `.used` any more, and ends the server.
    fn end_when_unused(&self) -> Result<(), ClusterError> {
        let script = r#"while sleep 10; do
            exec 8>"$1.lock"; flock 8; exec 9>"$1.used"
            if flock -n 9; then "$2" -D "$1/data" stop -m immediate; rm -rf "$1"; exit; fi
            exec 9>&- 8>&-
        done"#;
        let program = self.programs.join("pg_ctl");
        let mut command = Command::new("setsid");
        command.args(["-f", "sh", "-c", script, "sh"]);
        if server_user().is_some() {
            command = Command::new("setsid");
            let script = script.replace("\"$2\" -D", "runuser -u postgres -- \"$2\" -D");
            command.args(["-f", "sh", "-c", &script, "sh"]);
        }
        command.arg(&self.folder).arg(program).current_dir("/");
        done("setsid", &mut command).map(drop)
    }

    /// A new, empty database.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn database(&self) -> Result<Scratch<'_>, ClusterError> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("t{}_{next}", std::process::id());
        self.sql(&format!("CREATE DATABASE {name}"))?;
        let text = self.url(&name);
        Ok(Scratch {
            cluster: self,
            url: text.parse()?,
            name,
            text,
        })
    }

    /// The URL of a database.
    pub fn url(&self, database: &str) -> String {
        let folder = self.folder.display();
        format!("postgres:///{database}?host={folder}&user=postgres")
    }

    /// The folder of its socket.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Does a statement as the server's owner; on a thread of its own, so anywhere.
    fn sql(&self, sql: &str) -> Result<(), ClusterError> {
        let url = self.url("postgres");
        let work = || -> Result<(), postgres::Error> {
            let config: postgres::Config = url.parse()?;
            config.connect(postgres::NoTls)?.batch_execute(sql)
        };
        let done = thread::scope(|scope| scope.spawn(work).join());
        let said = match done {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(err)) => format!("{err:?}"),
            Err(_) => "panicked".to_owned(),
        };
        let program = "a statement";
        Err(ClusterError::Failed { program, said })
    }

    /// Runs a program of PostgreSQL, as the user `postgres` when we are root: it refuses to be that.
    /// Answers what it said.
    ///
    /// # Errors
    /// When it cannot be run or fails.
    pub fn run(&self, program: &'static str, arguments: &[&str]) -> Result<String, ClusterError> {
        let path = self.programs.join(program);
        let mut command = match server_user() {
            Some(_) => {
                let mut command = Command::new("runuser");
                command.args(["-u", "postgres", "--"]).arg(path);
                command
            }
            None => Command::new(path),
        };
        command.args(arguments).current_dir("/").env("LC_ALL", "C");
        let output = done(program, &mut command)?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn data(&self) -> String {
        self.folder.join("data").display().to_string()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.ends {
            // What cannot be ended or removed is said by whoever finds it.
            let _left = self.run("pg_ctl", &["-D", &self.data(), "stop", "-m", "immediate"]);
            let _left = fs::remove_dir_all(&self.folder);
        }
    }
}

impl Drop for Scratch<'_> {
    fn drop(&mut self) {
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let _left = self.cluster.sql(&drop);
    }
}

/// The newest version's programs.
fn programs() -> Result<PathBuf, ClusterError> {
    let versions = fs::read_dir(VERSIONS).map_err(|_| ClusterError::NotInstalled)?;
    let programs = versions.flatten().filter_map(|version| {
        let number: u32 = version.file_name().to_str()?.parse().ok()?;
        let folder = version.path().join("bin");
        folder.join("initdb").exists().then_some((number, folder))
    });
    let newest = programs.max_by_key(|(number, _)| *number);
    newest
        .map(|(_, folder)| folder)
        .ok_or(ClusterError::NotInstalled)
}

/// The user and group `postgres`, when we are root.
fn server_user() -> Option<(u32, u32)> {
    if fs::metadata("/proc/self").ok()?.uid() != 0 {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").ok()?;
    let line = users.lines().find(|line| line.starts_with("postgres:"))?;
    let mut fields = line.split(':').skip(2);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

fn lock_file(folder: &Path, end: &str) -> Result<File, ClusterError> {
    let mut name = folder.as_os_str().to_owned();
    name.push(end);
    let path = PathBuf::from(name);
    let file = File::options().create(true).append(true).open(&path);
    file.map_err(|err| io_error("open", &path, err))
}

/// Runs a command to its end, keeping what it says. What it starts gets nothing of ours to hold.
fn done(program: &'static str, command: &mut Command) -> Result<Output, ClusterError> {
    let quiet = ["pg_ctl", "setsid"].contains(&program);
    let pipe = || if quiet { Stdio::null() } else { Stdio::piped() };
    let command = command.stdin(Stdio::null()).stdout(pipe()).stderr(pipe());
    let output = command.output().map_err(|err| ClusterError::Io {
        what: format!("run {program}"),
        err,
    })?;
    if output.status.success() {
        return Ok(output);
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    let said = format!("{}: {said}", output.status);
    Err(ClusterError::Failed { program, said })
}

fn io_error(what: &str, path: &Path, err: io::Error) -> ClusterError {
    ClusterError::Io {
        what: format!("cannot {what} {}", path.display()),
        err,
    }
}
