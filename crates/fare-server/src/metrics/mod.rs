//! What the server counts while it runs, and the figures that it tells Prometheus.
//!
//! The list in `list` is what `docs/server-metrics.md` is made from; a test holds text and list together.

mod list;
mod text;

pub use list::{Kind, METRICS, Metric, markdown};
pub use text::{Figures, text};

use crate::intake::Report;
use crate::pay_codes::Outcome;
use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use fare_protocol::UnixMs;
use fare_protocol::wire::RecordRefusal;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// Upper bounds of the buckets of answer times, in milliseconds.
pub const BUCKETS_MS: [u64; 8] = [5, 25, 100, 250, 1_000, 5_000, 15_000, 35_000];

/// Which listener a request came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Listener {
    /// The gates' API.
    Gates,
    /// The pages of staff.
    Console,
    /// The riders' API and the wallet.
    Riders,
    /// Health and metrics.
    Status,
    /// Where gates enrol.
    Enrolment,
    /// Where payment platforms tell what became of orders.
    Notices,
}

impl Listener {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gates => "gates",
            Self::Console => "console",
            Self::Riders => "riders",
            Self::Status => "status",
            Self::Enrolment => "enrolment",
            Self::Notices => "notices",
        }
    }
}

/// Counters since the start. Clones share them.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Counters>);

#[derive(Debug)]
struct Counters {
    started: UnixMs,
    requests: Mutex<Requests>,
    open: watch::Sender<usize>,
    accepted: AtomicU64,
    repeated: AtomicU64,
    refused: Mutex<BTreeMap<&'static str, u64>>,
    conflicts: AtomicU64,
    turned_away: AtomicU64,
    asks: Mutex<BTreeMap<Outcome, u64>>,
}

/// Requests answered, and how long that took.
#[derive(Clone, Debug, Default)]
pub struct Requests {
    /// By listener, route, method and status.
    pub answered: BTreeMap<(Listener, String, &'static str, u16), u64>,
    /// By listener and route.
    pub times: BTreeMap<(Listener, String), Times>,
}

/// Answer times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// Up to each of [`BUCKETS_MS`], not added up.
    pub buckets: [u64; BUCKETS_MS.len()],
    /// All of them.
    pub count: u64,
    /// Added up.
    pub sum: Duration,
}

impl Metrics {
    /// Nothing counted yet.
    pub fn new(started: UnixMs) -> Self {
        Self(Arc::new(Counters {
            started,
            requests: Mutex::default(),
            open: watch::Sender::new(0),
            accepted: AtomicU64::new(0),
            repeated: AtomicU64::new(0),
            refused: Mutex::default(),
            conflicts: AtomicU64::new(0),
            turned_away: AtomicU64::new(0),
            asks: Mutex::default(),
        }))
    }

    /// How many requests are under way.
    pub fn open(&self) -> watch::Receiver<usize> {
        self.0.open.subscribe()
    }

    /// A batch of records was taken.
    pub fn batch(&self, report: &Report) {
        let add = |counter: &AtomicU64, n: usize| {
            counter.fetch_add(u64::try_from(n).unwrap_or(u64::MAX), Ordering::Relaxed);
        };
        add(&self.0.accepted, report.accepted);
        add(&self.0.repeated, report.repeated);
        add(&self.0.conflicts, report.conflicts.len());
        let mut refused = lock(&self.0.refused);
        for (_, code, _) in &report.refused {
            *refused.entry(refusal(*code)).or_default() += 1;
        }
    }

    /// An upload was turned away for want of room.
    pub fn turned_away(&self) {
        self.0.turned_away.fetch_add(1, Ordering::Relaxed);
    }

    /// A gate asked about a pay code.
    pub fn asked(&self, outcome: Outcome) {
        *lock(&self.0.asks).entry(outcome).or_default() += 1;
    }

    fn answered(
        &self,
        (listener, route, method): (Listener, String, &'static str),
        status: u16,
        took: Duration,
    ) {
        let mut requests = lock(&self.0.requests);
        let times = requests.times.entry((listener, route.clone())).or_default();
        times.add(took);
        *requests
            .answered
            .entry((listener, route, method, status))
            .or_default() += 1;
    }
}

impl Times {
    fn add(&mut self, took: Duration) {
        self.count += 1;
        self.sum += took;
        let within = |bound: &&u64| took <= Duration::from_millis(**bound);
        let bucket = BUCKETS_MS.iter().position(|bound| within(&bound));
        if let Some(bucket) = bucket.and_then(|n| self.buckets.get_mut(n)) {
            *bucket += 1;
        }
    }
}

/// A request that is under way, until dropped.
struct Open<'m>(&'m Metrics);

impl<'m> Open<'m> {
    fn new(metrics: &'m Metrics) -> Self {
        metrics.0.open.send_modify(|open| *open += 1);
        Self(metrics)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0
            .0
            .open
            .send_modify(|open| *open = open.saturating_sub(1));
    }
}

/// Counts a request when it is answered: the outermost layer of every router.
pub async fn count(
    State((metrics, listener)): State<(Metrics, Listener)>,
    request: Request,
    next: Next,
) -> Response {
    // What matches no route is one route, whatever was asked for.
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or("other", MatchedPath::as_str).to_owned();
    let method = method(request.method());
    let _open = Open::new(&metrics);
    let begun = Instant::now();
    let response = next.run(request).await;
    let status = response.status().as_u16();
    metrics.answered((listener, route, method), status, begun.elapsed());
    response
}

fn method(method: &Method) -> &'static str {
    let known = ["GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"];
    let known = known.into_iter().find(|known| *known == method.as_str());
    known.unwrap_or("other")
}

/// As it stands in the answer to the gate.
fn refusal(code: RecordRefusal) -> &'static str {
    match code {
        RecordRefusal::Malformed => "malformed",
        RecordRefusal::WrongGate => "wrong-gate",
        RecordRefusal::BadSignature => "bad-signature",
        RecordRefusal::Fork => "fork",
        RecordRefusal::Revoked => "revoked",
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
