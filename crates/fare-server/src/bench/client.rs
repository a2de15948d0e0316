//! The gates' side of the benchmark: one connection for each pair of gates, one upload after the other.

use super::BenchError;
use super::riders::{Pair, Riders};
use super::waiting::Waiting;
use crate::store::DatabaseUrl;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::Barrier;
use std::thread;

/// What was seen from outside.
pub(super) struct Taken {
    /// How long the uploads took.
    pub(super) seconds: f64,
    /// The server's greatest memory.
    pub(super) peak_mib: f64,
    /// How often gates that waited were told something.
    pub(super) told: u64,
}

/// Starts a server on this database, uploads everything while so many gates wait for news, and ends it.
pub(super) fn upload(
    (url, caps): (&DatabaseUrl, bool),
    riders: &Riders,
    waiting: usize,
) -> Result<Taken, BenchError> {
    let mut server = Command::new(std::env::current_exe()?)
        .args(["bench", "serve", "--database", &url.with_secrets()])
        .args(caps.then_some("--caps"))
        .env("RUST_LOG", "warn")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let measured = measure(&mut server, riders, waiting);
    // Whatever came of it, the server ends.
    drop(server.stdin.take());
    let status = server.wait()?;
    let measured = measured?;
    if status.success() {
        Ok(measured)
    } else {
        Err(BenchError::Wrong(format!("the server ended with {status}")))
    }
}

fn measure(server: &mut Child, riders: &Riders, waiting: usize) -> Result<Taken, BenchError> {
    let out = server.stdout.take();
    let mut said = BufReader::new(out.ok_or_else(|| BenchError::Wrong("no output".to_owned()))?);
    let port = number(&mut said)?;
    let port = u16::try_from(port).map_err(|err| BenchError::Wrong(err.to_string()))?;
    let waiting = Waiting::connect(waiting, riders, port)?;
    let ready = Barrier::new(riders.pairs.len() + waiting.count() + 1);
    let (seconds, told) = thread::scope(|scope| {
        waiting.start(scope, &ready)?;
        let pairs = riders.pairs.iter();
        let running: Vec<_> = pairs
            .map(|pair| scope.spawn(|| pair.upload(port, &ready)))
            .collect();
        ready.wait();
        let start = super::start();
        for pair in running {
            let done = pair.join();
            done.map_err(|_| BenchError::Wrong("a gate panicked".to_owned()))??;
        }
        Ok::<_, BenchError>((start.elapsed().as_secs_f64(), waiting.end()))
    })?;
    drop(server.stdin.take());
    let peak_kib = number(&mut said)?;
    Ok(Taken {
        seconds,
        peak_mib: peak_kib as f64 / 1024.0,
        told,
    })
}

fn number(said: &mut impl BufRead) -> Result<u64, BenchError> {
    let mut line = String::new();
    said.read_line(&mut line)?;
    let number = line.trim().parse();
    number.map_err(|_| BenchError::Wrong(format!("the server said {line:?}, expected a number")))
}

impl Pair {
    fn upload(&self, port: u16, ready: &Barrier) -> Result<(), BenchError> {
        let stream = TcpStream::connect(("127.0.0.1", port));
        ready.wait();
        let stream = stream?;
        stream.set_nodelay(true)?;
        let mut answers = BufReader::new(stream.try_clone()?);
        let mut stream = stream;
        for (gate, body) in &self.uploads {
            let head = format!(
                "POST /v1/gates/{gate}/records HTTP/1.1\r\nhost: localhost\r\n\
                 content-type: application/json\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            stream.write_all(head.as_bytes())?;
            stream.write_all(body)?;
            let answer = read_answer(&mut answers)?;
            let accepted = answer.matches("\"outcome\":\"accepted\"").count();
            if accepted != super::UPLOAD_RECORDS_MAX {
                let start = answer.chars().take(300).collect::<String>();
                return Err(BenchError::Wrong(format!(
                    "{accepted} records accepted: {start}"
                )));
            }
        }
        Ok(())
    }
}

/// One answer of HTTP/1.1 with a length.
pub(super) fn read_answer(stream: &mut impl BufRead) -> Result<String, BenchError> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let line = line.trim().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    std::io::Read::read_exact(stream, &mut body)?;
    Ok(String::from_utf8_lossy(&body).into_owned())
}
