//! Child processes of the demo: started beside this program, logged to files, stopped politely.

use anyhow::Context;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// How long a child may take to stop before it is killed.
const STOP_MAX: Duration = Duration::from_secs(3);
/// How much of a log is shown when something failed.
const TAIL_LINES: usize = 12;
const TAIL_BYTES: u64 = 16 * 1024;

/// One running program.
#[derive(Debug)]
struct Process {
    name: String,
    log: PathBuf,
    child: Child,
}

/// All that run, in the order in which they were started.
#[derive(Clone, Debug, Default)]
pub(super) struct Processes(Arc<Mutex<Vec<Process>>>);

/// A program that is told what to do in lines, and answers in lines.
#[derive(Debug)]
struct Talker {
    process: Process,
    commands: Commands,
    answers: BufReader<ChildStdout>,
}

/// The standard input of a [`Talker`].
#[derive(Debug)]
pub(super) struct Commands(ChildStdin);

impl Processes {
    fn lock(&self) -> MutexGuard<'_, Vec<Process>> {
        // The list is whole between any two statements.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts `command` as `name`; all it says goes to `name.log` in `dir`.
    pub(super) fn start(&self, name: &str, command: Command, dir: &Path) -> anyhow::Result<()> {
        let process = Process::start(name, command, dir)?;
        self.lock().push(process);
        Ok(())
    }

    /// Starts `command` as `name`; what it says on standard error goes to `name.log` in `dir`.
    pub(super) fn start_talker(
        &self,
        name: &str,
        command: Command,
        dir: &Path,
    ) -> anyhow::Result<(Commands, BufReader<ChildStdout>)> {
        let Talker {
            process,
            commands,
            answers,
        } = Talker::start(name, command, dir)?;
        self.lock().push(process);
        Ok((commands, answers))
    }

    /// An error when one has ended, which none of the demo's children does by itself.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        self.lock().iter_mut().try_for_each(Process::check)
    }

    /// Stops all, the last started first. The ends of their logs, for people.
    pub(super) async fn stop(self) -> String {
        let processes = std::mem::take(&mut *self.lock());
        let mut tails = String::new();
        for process in processes.into_iter().rev() {
            let log = process.log.clone();
            process.stop().await;
            tails.push_str(&log_tail(&log));
        }
        tails
    }
}

impl Process {
    /// Starts `command` as `name`; all it says goes to `name.log` in `dir`.
    fn start(name: &str, command: Command, dir: &Path) -> anyhow::Result<Self> {
        Self::spawn(name, command, dir, |command, log| {
            command.stdin(Stdio::null()).stdout(log);
        })
    }

    fn spawn(
        name: &str,
        mut command: Command,
        dir: &Path,
        arrange: impl FnOnce(&mut Command, File),
    ) -> anyhow::Result<Self> {
        let log = dir.join(format!("{name}.log"));
        let file = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .with_context(|| format!("cannot write the log {}", log.display()))?;
        let errors = file.try_clone().context("cannot share a log")?;
        arrange(&mut command, file);
        // Logs are files; colours are for terminals.
        command.env("NO_COLOR", "1");
        // A group of its own: Ctrl-C is for the demo, which then stops its children in order.
        let child = command
            .stderr(errors)
            .process_group(0)
            .kill_on_drop(true)
            .spawn();
        let program = command
            .as_std()
            .get_program()
            .to_string_lossy()
            .into_owned();
        let child = child.with_context(|| {
            format!(
                "cannot start {program}; build it with \
                 `cargo build -p faregate -p fare-server -p fare-sim`"
            )
        })?;
        Ok(Self {
            name: name.to_owned(),
            log,
            child,
        })
    }

    fn check(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => anyhow::bail!("{} ended: {status}", self.name),
        }
    }

    /// SIGTERM, and SIGKILL when that was not heard. What it ended with, if it listened.
    async fn stop(mut self) -> Option<ExitStatus> {
        let pid = self.child.id()?;
        // The standard library sends SIGKILL only; every Debian has a shell with `kill`.
        let mut kill = Command::new("sh");
        kill.args(["-c", "kill -TERM \"$0\""])
            .arg(pid.to_string())
            .stderr(Stdio::null());
        // When it is gone already there is nobody to tell.
        let _ = kill.status().await;
        match tokio::time::timeout(STOP_MAX, self.child.wait()).await {
            Ok(status) => status.ok(),
            Err(_) => {
                tracing::warn!(process = self.name, "did not stop in time; killed");
                let _ = self.child.kill().await;
                None
            }
        }
    }
}

impl Talker {
    /// Starts `command` as `name`; what it says on standard error goes to `name.log` in `dir`.
    fn start(name: &str, command: Command, dir: &Path) -> anyhow::Result<Self> {
        let mut process = Process::spawn(name, command, dir, |command, _| {
            command.stdin(Stdio::piped()).stdout(Stdio::piped());
        })?;
        let stdin = process
            .child
            .stdin
            .take()
            .context("a child without standard input")?;
        let stdout = process
            .child
            .stdout
            .take()
            .context("a child without standard output")?;
        Ok(Self {
            process,
            commands: Commands(stdin),
            answers: BufReader::new(stdout),
        })
    }
}

impl Commands {
    /// Sends one line.
    pub(super) async fn send(&mut self, line: &str) -> anyhow::Result<()> {
        self.0
            .write_all(format!("{line}\n").as_bytes())
            .await
            .context("a child stopped listening")
    }
}

/// Hands every line of `answers` that is a `T` to `take`, until there are no more.
pub(super) async fn listen<T: serde::de::DeserializeOwned>(
    answers: BufReader<ChildStdout>,
    mut take: impl FnMut(T),
) {
    let mut lines = answers.lines();
    while let Ok(Some(line)) = lines.next_line().await {
        match serde_json::from_str(&line) {
            Ok(answer) => take(answer),
            Err(error) => tracing::warn!(%error, line, "a child said something strange"),
        }
    }
}

/// The end of a log.
fn log_tail(log: &Path) -> String {
    let text = tail(log).unwrap_or_else(|error| format!("cannot be read: {error}"));
    let lines: Vec<&str> = text.lines().collect();
    let start = lines.len().saturating_sub(TAIL_LINES);
    let shown: String = lines
        .iter()
        .skip(start)
        .map(|line| format!("    {line}\n"))
        .collect();
    format!("  {}\n{shown}", log.display())
}

fn tail(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let start = file.metadata()?.len().saturating_sub(TAIL_BYTES);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
