//! A server that is written by hand: one answer to each connection, good or bad.

use fare_protocol::wire::{Answer, AnswerOutcome, UploadRequest, UploadResponse};
use fare_protocol::{RecordId, UnixMs};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use tokio::sync::mpsc;

/// A request as the server saw it.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// Method and path with its query.
    pub(super) line: String,
    pub(super) body: Vec<u8>,
}

/// Says what to answer, byte for byte. `None` never answers.
type Script = Arc<Mutex<dyn FnMut(&Request) -> Option<Vec<u8>> + Send>>;

pub(super) struct Server {
    address: SocketAddr,
    seen: tokio::sync::Mutex<mpsc::UnboundedReceiver<Request>>,
}

impl Request {
    pub(super) fn is_feed(&self) -> bool {
        self.line.starts_with("GET ")
    }

    /// The ids in an upload.
    pub(super) fn ids(&self) -> Vec<RecordId> {
        let upload: UploadRequest = serde_json::from_slice(&self.body).unwrap();
        upload.records.iter().map(|record| record.id).collect()
    }
}

impl Server {
    pub(super) fn start(script: impl FnMut(&Request) -> Option<Vec<u8>> + Send + 'static) -> Self {
        Self::start_with(script, Some)
    }

    /// Also wraps each connection, in TLS for example.
    pub(super) fn start_with<S: Read + Write>(
        script: impl FnMut(&Request) -> Option<Vec<u8>> + Send + 'static,
        wrap: impl Fn(TcpStream) -> Option<S> + Clone + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, seen) = mpsc::unbounded_channel();
        let script: Script = Arc::new(Mutex::new(script));
        // These threads end with the test's process.
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (script, tell, wrap) = (Arc::clone(&script), tell.clone(), wrap.clone());
                thread::spawn(move || {
                    if let Some(stream) = wrap(stream.unwrap()) {
                        serve(stream, &script, &tell);
                    }
                });
            }
        });
        Self {
            address,
            seen: tokio::sync::Mutex::new(seen),
        }
    }

    pub(super) fn url(&self, scheme: &str) -> String {
        format!("{scheme}://localhost:{}", self.address.port())
    }

    /// The next so many requests, in the order of their arrival.
    pub(super) async fn requests(&self, count: usize) -> Vec<Request> {
        let mut seen = self.seen.lock().await;
        let mut requests = Vec::new();
        while requests.len() < count {
            let request = tokio::time::timeout(super::LONG, seen.recv()).await;
            requests.push(request.expect("no request comes").unwrap());
        }
        requests
    }
}

/// Reads one request and answers it. What the courier hangs up on is no fault here.
fn serve(stream: impl Read + Write, script: &Script, tell: &mpsc::UnboundedSender<Request>) {
    let mut stream = BufReader::new(stream);
    let Some(request) = read(&mut stream) else {
        return;
    };
    let answer = (*script.lock().unwrap())(&request);
    tell.send(request).ok();
    match answer {
        Some(answer) => {
            stream.get_mut().write_all(&answer).ok();
            stream.get_mut().flush().ok();
        }
        None => loop {
            thread::park();
        },
    }
}

fn read(stream: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    stream.read_line(&mut line).ok()?;
    let mut len = 0;
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).ok()?;
        if header.trim().is_empty() {
            break;
        }
        if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
            len = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; len];
    stream.read_exact(&mut body).ok()?;
    let line = line.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
    (!line.is_empty()).then_some(Request { line, body })
}

/// An answer with this status line and these headers.
pub(super) fn reply(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let len = body.len();
    let head =
        format!("HTTP/1.1 {status}\r\n{headers}content-length: {len}\r\nconnection: close\r\n\r\n");
    [head.as_bytes(), body].concat()
}

pub(super) fn ok(body: &[u8]) -> Vec<u8> {
    reply("200 OK", "", body)
}

/// The answers that make these records leave the outbox.
pub(super) fn accept(ids: &[RecordId]) -> Vec<u8> {
    let accepted = |id: &RecordId| Answer {
        id: *id,
        outcome: AnswerOutcome::Accepted { voucher: None },
    };
    let response = UploadResponse {
        answers: ids.iter().map(accepted).collect(),
        server_time_ms: UnixMs(1),
    };
    ok(&serde_json::to_vec(&response).unwrap())
}

/// Accepts every upload and never has news.
pub(super) fn good(request: &Request) -> Option<Vec<u8>> {
    (!request.is_feed()).then(|| accept(&request.ids()))
}
