//! The command line's end of the socket.

use super::{Answer, LINE_LEN_MAX, Request, socket};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longest wait for the daemon, which first commits what was asked for.
const ANSWER_WAIT: Duration = Duration::from_secs(10);

/// Why the daemon did not do it.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Nobody listens.
    #[error(
        "no daemon listens at {path}: {err}; start it, and run this as its user, with its configuration",
        path = path.display()
    )]
    Away {
        /// Where it should.
        path: PathBuf,
        /// Why not.
        err: io::Error,
    },
    /// It went away, or is another version.
    #[error("the daemon at {path} did not answer as agreed: {detail}", path = path.display())]
    Strange {
        /// Where.
        path: PathBuf,
        /// What happened.
        detail: String,
    },
    /// It did not want to.
    #[error("not done: {0}")]
    Refused(String),
}

/// Asks the daemon that keeps `journal`; its answer when it did what was asked.
///
/// # Errors
/// When no daemon answers, or it says why not.
pub fn ask(journal: &Path, request: Request) -> Result<Answer, ControlError> {
    let path = socket(journal);
    let stream = UnixStream::connect(&path).map_err(|err| ControlError::Away {
        path: path.clone(),
        err,
    })?;
    let strange = |detail| ControlError::Strange {
        path: path.clone(),
        detail,
    };
    let line = exchange(&stream, request).map_err(|err| strange(err.to_string()))?;
    match serde_json::from_str(&line) {
        Ok(Answer::Refused(why)) => Err(ControlError::Refused(why)),
        Ok(answer) => Ok(answer),
        Err(err) => Err(strange(err.to_string())),
    }
}

fn exchange(stream: &UnixStream, request: Request) -> io::Result<String> {
    stream.set_read_timeout(Some(ANSWER_WAIT))?;
    stream.set_write_timeout(Some(ANSWER_WAIT))?;
    let mut sink = stream;
    let line = serde_json::to_string(&request)?;
    sink.write_all(format!("{line}\n").as_bytes())?;
    let mut line = String::new();
    BufReader::new(stream.take(LINE_LEN_MAX)).read_line(&mut line)?;
    Ok(line)
}
