//! Gates that wait for news while others upload: each asks for the feed again as soon as it is answered.

use super::BenchError;
use super::client::read_answer;
use super::riders::Riders;
use fare_protocol::GateId;
use std::io::{self, BufReader, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{Builder, Scope};

/// A thread that asks and waits needs little.
const STACK: usize = 128 * 1024;

/// How long each asks the server to wait, in milliseconds.
const WAIT_MS: u32 = 25_000;

/// Some gates, each with a connection.
pub(super) struct Waiting {
    connections: Vec<(GateId, TcpStream)>,
    over: AtomicBool,
    told: AtomicU64,
}

impl Waiting {
    /// Connects so many, which go by the names of the gates that upload.
    pub(super) fn connect(count: usize, riders: &Riders, port: u16) -> Result<Self, BenchError> {
        let gates = riders.gates().iter().cycle().take(count);
        let connections = gates.map(|gate| {
            let stream = TcpStream::connect(("127.0.0.1", port))?;
            stream.set_nodelay(true)?;
            Ok::<_, io::Error>((gate.id, stream))
        });
        Ok(Self {
            connections: connections.collect::<Result<_, _>>()?,
            over: AtomicBool::new(false),
            told: AtomicU64::new(0),
        })
    }

    pub(super) fn count(&self) -> usize {
        self.connections.len()
    }

    /// Has all of them ask; each says at `ready` that it has heard the first news.
    pub(super) fn start<'s>(
        &'s self,
        scope: &'s Scope<'s, '_>,
        ready: &'s Barrier,
    ) -> Result<(), BenchError> {
        for (gate, stream) in &self.connections {
            let thread = Builder::new().stack_size(STACK);
            thread.spawn_scoped(scope, move || self.follow(*gate, stream, ready))?;
        }
        Ok(())
    }

    /// Ends them; answers how often they were told something.
    pub(super) fn end(&self) -> u64 {
        self.over.store(true, Ordering::Relaxed);
        for (_, stream) in &self.connections {
            // Whose server has closed it is over already.
            let _closed = stream.shutdown(Shutdown::Both);
        }
        self.told.load(Ordering::Relaxed)
    }

    fn follow(&self, gate: GateId, stream: &TcpStream, ready: &Barrier) {
        let first = self.ask(gate, stream, 0);
        ready.wait();
        let Ok(mut cursor) = first else { return };
        while let Ok(next) = self.ask(gate, stream, cursor) {
            if self.over.load(Ordering::Relaxed) {
                return;
            }
            self.told
                .fetch_add(u64::from(next != cursor), Ordering::Relaxed);
            cursor = next;
        }
    }

    /// The cursor of the next answer. Its signature is not looked at: what is measured is the server.
    fn ask(&self, gate: GateId, mut stream: &TcpStream, after: u64) -> Result<u64, BenchError> {
        let head = format!(
            "GET /v1/gates/{gate}/feed?after={after}&wait_ms={WAIT_MS} HTTP/1.1\r\nhost: localhost\r\n\r\n"
        );
        stream.write_all(head.as_bytes())?;
        let answer = read_answer(&mut BufReader::new(stream))?;
        let cursor = answer.split_once("\"cursor\":").map(|(_, rest)| rest);
        let digits =
            cursor.and_then(|rest| rest.split(|letter: char| !letter.is_ascii_digit()).next());
        let cursor = digits.and_then(|digits| digits.parse().ok());
        cursor.ok_or_else(|| BenchError::Wrong("a feed without a cursor".to_owned()))
    }
}
