//! The daemon's end of the socket.

use super::{Answer, LINE_LEN_MAX, Request};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};

/// Longest wait for a request's line.
const REQUEST_WAIT: Duration = Duration::from_secs(5);

/// Before a socket that could not be had is tried again.
const RETRY_WAIT: Duration = Duration::from_secs(5);

/// A request, and where its answer goes.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) request: Request,
    pub(crate) reply: oneshot::Sender<Answer>,
}

/// Hands on what is asked at `path`, until nobody wants it. A socket that cannot be had is tried
/// again: it never ends the daemon.
pub(crate) async fn listen(path: PathBuf, asked: mpsc::Sender<Asked>) {
    let listener = loop {
        match bind(&path) {
            Ok(listener) => break listener,
            Err(err) => {
                tracing::warn!(%err, path = %path.display(), "no control socket, trying again");
                sleep(RETRY_WAIT).await;
            }
        }
    };
    while !asked.is_closed() {
        match listener.accept().await {
            Ok((stream, _)) => {
                let asked = asked.clone();
                tokio::spawn(async move {
                    if let Err(err) = serve(stream, &asked).await {
                        tracing::debug!(%err, "a request at the control socket failed");
                    }
                });
            }
            Err(err) => {
                tracing::debug!(%err, "the control socket failed");
                sleep(RETRY_WAIT).await;
            }
        }
    }
}

/// The journal's lock proves that a socket which is there is an earlier daemon's.
fn bind(path: &PathBuf) -> io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(err) if err.kind() != io::ErrorKind::NotFound => return Err(err),
        Ok(()) | Err(_) => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

async fn serve(mut stream: UnixStream, asked: &mpsc::Sender<Asked>) -> io::Result<()> {
    let (reading, mut writing) = stream.split();
    let mut line = String::new();
    let mut lines = BufReader::new(reading.take(LINE_LEN_MAX));
    timeout(REQUEST_WAIT, lines.read_line(&mut line)).await??;
    let answer = match serde_json::from_str(&line) {
        Ok(request) => answer(request, asked).await,
        Err(err) => Answer::Refused(format!("not a request: {err}")),
    };
    let answer = serde_json::to_string(&answer)?;
    writing.write_all(format!("{answer}\n").as_bytes()).await
}

async fn answer(request: Request, asked: &mpsc::Sender<Asked>) -> Answer {
    let (reply, answer) = oneshot::channel();
    let sent = asked.send(Asked { request, reply }).await;
    match (sent, answer.await) {
        (Ok(()), Ok(answer)) => answer,
        (Err(_), _) | (Ok(()), Err(_)) => Answer::Refused("the gate is stopping".to_owned()),
    }
}
