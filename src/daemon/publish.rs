//! Publishes how the daemon is doing: a small file for `faregate status`, another for metrics.
//!
//! A thread of its own: a disk that hangs holds up nobody but it.

use super::eyes::Sight;
use super::tally::Tally;
use crate::clock::{self, GateTime, Stopwatch};
use crate::config::{GateConfig, StatusConfig};
use crate::courier::{CourierStatus, Link};
use crate::journal::{JournalHandle, JournalView};
use crate::scanner;
use crate::status::{
    self, Barrier, Clock, Eyes, Identity, Machine, Published, Report, Scanner, Server,
    TariffInForce, metrics,
};
use crate::trial::{self, Standing};
use fare_protocol::UnixMs;
use fare_rules::Tariff;
use fare_rules::clock::Source;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use tokio::sync::watch;

/// Where the publisher looks.
pub(super) struct Sources {
    pub(super) sight: Arc<Sight>,
    pub(super) scanner: Arc<scanner::Counts>,
    pub(super) tally: Arc<Tally>,
    pub(super) board_answers: Arc<AtomicBool>,
    pub(super) lamps_answer: Arc<AtomicBool>,
    pub(super) courier: Option<watch::Receiver<CourierStatus>>,
    pub(super) tariff: Arc<Mutex<TariffInForce>>,
    pub(super) journal: JournalHandle,
    pub(super) time: GateTime,
}

/// The running thread. Tell it to stop before the daemon ends.
pub(super) struct Publisher {
    stop: SyncSender<()>,
    thread: JoinHandle<()>,
}

impl Publisher {
    /// Publishes at once, and then every now and then.
    ///
    /// # Errors
    /// When no thread can be started.
    pub(super) fn start(config: &GateConfig, sources: Sources) -> io::Result<Self> {
        let (stop, stopped) = mpsc::sync_channel(1);
        let work = Work::new(config, sources);
        let thread = thread::Builder::new()
            .name("status".to_owned())
            .spawn(move || work.run(&stopped))?;
        Ok(Self { stop, thread })
    }

    /// Publishes once more, and ends.
    pub(super) fn stop(self) {
        drop(self.stop);
        let _panicked = self.thread.join();
    }
}

/// The tariff that the lane quotes from, shared with the lane loop.
pub(super) fn in_force(tariff: &Tariff) -> TariffInForce {
    TariffInForce {
        name: tariff.name().to_owned(),
        hash: tariff.hash(),
    }
}

fn clock_of(time: &GateTime) -> Clock {
    let by = match time.source() {
        Source::System => "by the system's clock",
        Source::Server => "by the server",
        Source::Both => "by the system's clock and the server",
        Source::Contradiction => "by the server, which the system's clock contradicts",
        Source::Rtc => "by the battery clock",
        Source::Nothing => "guessed: nothing tells the time",
    };
    Clock {
        error_ms: time.stamp().error_ms.0,
        by: by.to_owned(),
    }
}

struct Work {
    files: StatusConfig,
    gate: Identity,
    has_camera: bool,
    has_scanner: bool,
    has_lamps: bool,
    sources: Sources,
    /// What the eyes had seen when it was last published, and when that was.
    before: Option<(u64, u64, Stopwatch)>,
    failing: bool,
}

impl Work {
    fn new(config: &GateConfig, sources: Sources) -> Self {
        Self {
            files: config.status.clone(),
            gate: Identity {
                id: config.gate,
                station: config.location.station,
                line: config.location.line,
                lane: config.location.lane,
                version: env!("CARGO_PKG_VERSION").to_owned(),
                pid: std::process::id(),
                started_ms: clock::now(),
            },
            has_camera: config.frames.is_some(),
            has_scanner: config.scanner.is_some(),
            has_lamps: config.lamps.is_some(),
            sources,
            before: None,
            failing: false,
        }
    }

    fn run(mut self, stopped: &Receiver<()>) {
        loop {
            self.publish();
            match stopped.recv_timeout(self.files.every) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.publish();
    }

    fn publish(&mut self) {
        let now = clock::now();
        let published = self.published(now);
        let written = serde_json::to_string(&published)
            .map_err(io::Error::from)
            .and_then(|json| status::write(&self.files.file, &json));
        let written = written.map_err(|err| (self.files.file.as_path(), err));
        let metrics = match &self.files.metrics {
            Some(path) => self
                .metrics(path, published, now)
                .map_err(|err| (path.as_path(), err)),
            None => Ok(()),
        };
        match written.and(metrics) {
            Ok(()) => self.failing = false,
            // Once: riders need none of it.
            Err((path, err)) if !self.failing => {
                let path = path.display();
                tracing::warn!(%path, %err, "status not written, trying again; may the gate write there?");
                self.failing = true;
            }
            Err(_) => {}
        }
    }

    fn metrics(&self, path: &Path, published: Published, now: UnixMs) -> io::Result<()> {
        let books = JournalView::open(&self.files.journal).and_then(|view| view.books());
        let report = Report {
            at_ms: now,
            daemon: Some(published),
            runs: true,
            journal_error: books.as_ref().err().map(ToString::to_string),
            journal: books.ok(),
            config: trial::look(&self.files.journal).map(Standing::from),
            machine: Machine::look(&self.files.journal),
        };
        status::write(path, &metrics::text(&report))
    }

    fn published(&mut self, now: UnixMs) -> Published {
        let lane = self.sources.tally.now();
        let tariff = self.sources.tariff.lock();
        let tariff = tariff.unwrap_or_else(PoisonError::into_inner).clone();
        Published {
            at_ms: now,
            every_s: u32::try_from(self.files.every.as_secs()).unwrap_or(u32::MAX),
            gate: self.gate.clone(),
            mode: lane.mode,
            lane: lane.state.to_owned(),
            fire: lane.fire,
            eyes: self.has_camera.then(|| self.eyes()),
            scanner: self.has_scanner.then(|| scanner(&self.sources.scanner)),
            taps: lane.taps,
            barrier: Barrier {
                answers: self.sources.board_answers.load(Ordering::Relaxed),
                faults: lane.barrier_faults,
            },
            lamps_answer: self
                .has_lamps
                .then(|| self.sources.lamps_answer.load(Ordering::Relaxed)),
            server: self.sources.courier.as_ref().map(|status| Server {
                revoked: self.revoked(),
                ..server(&status.borrow())
            }),
            tariff,
            clock: clock_of(&self.sources.time),
            notes_dropped: self.sources.journal.notes_dropped(),
        }
    }

    fn revoked(&self) -> Option<String> {
        let revoked = self.sources.journal.revoked();
        let reason = revoked.borrow().map(|revocation| revocation.reason);
        reason.map(|reason| reason.to_string())
    }

    fn eyes(&mut self) -> Eyes {
        let mut eyes = self.sources.sight.eyes();
        if let Some((frames, looked_at, since)) = self.before {
            let rate = |count: u64| {
                let ms = u32::try_from(since.elapsed().as_millis().max(1)).unwrap_or(u32::MAX);
                let count = u32::try_from(count).unwrap_or(u32::MAX);
                (f64::from(count) * 10_000.0 / f64::from(ms)).round() / 10.0
            };
            eyes.frames_per_s = rate(eyes.frames.saturating_sub(frames));
            eyes.looked_per_s = rate(eyes.looked_at.saturating_sub(looked_at));
        }
        self.before = Some((eyes.frames, eyes.looked_at, Stopwatch::start()));
        eyes
    }
}

fn scanner(counts: &scanner::Counts) -> Scanner {
    Scanner {
        answers: counts.is_open(),
        read: counts.read(),
        dropped: counts.dropped(),
    }
}

/// Both loops of the courier as one.
fn server(status: &CourierStatus) -> Server {
    let mut server = Server {
        online: None,
        since_ms: None,
        last_success_ms: None,
        reason: None,
        certificate_until_ms: status.certificate.as_ref().map(|it| it.until),
        not_renewed: status
            .certificate
            .as_ref()
            .and_then(|it| it.failure.clone()),
        revoked: None,
    };
    for link in [&status.upload, &status.feed] {
        match link {
            Link::Untried => {}
            Link::Online { since, last } => {
                if server.online.is_none() {
                    (server.online, server.since_ms) = (Some(true), Some(*since));
                }
                server.last_success_ms = server.last_success_ms.max(Some(*last));
            }
            Link::Offline {
                since,
                last_success,
                reason,
            } => {
                if server.online != Some(false) {
                    (server.online, server.since_ms) = (Some(false), Some(*since));
                    server.reason = Some(reason.clone());
                }
                server.last_success_ms = server.last_success_ms.max(*last_success);
            }
        }
    }
    server
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_is_away_when_one_of_both_loops_cannot_reach_it() {
        let online = Link::Online {
            since: UnixMs(5),
            last: UnixMs(9),
        };
        let offline = Link::Offline {
            since: UnixMs(7),
            last_success: Some(UnixMs(6)),
            reason: "no route".to_owned(),
        };
        let said = |upload: &Link, feed: &Link| {
            let (upload, feed) = (upload.clone(), feed.clone());
            let said = server(&CourierStatus {
                upload,
                feed,
                pending: 0,
                certificate: None,
            });
            (said.online, said.since_ms, said.last_success_ms)
        };
        let untried = Link::Untried;
        assert_eq!(said(&untried, &untried), (None, None, None));
        let up = (Some(true), Some(UnixMs(5)), Some(UnixMs(9)));
        assert_eq!(said(&online, &untried), up);
        assert_eq!(said(&online, &online), up);
        let away = (Some(false), Some(UnixMs(7)), Some(UnixMs(9)));
        assert_eq!(said(&online, &offline), away);
        assert_eq!(said(&offline, &online), away);
    }
}
