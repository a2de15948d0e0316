//! What a pay code costs: from the scanned code to the open command, with a real `fareserver` asked over the real
//! wire, beside a bare round trip over the same connection in the same run.

use super::BenchError;
use super::fareserver::Server;
pub use super::fareserver::ServerPlan;
use super::journal::spread;
use crate::clock::{self, Stopwatch};
use crate::config::GateConfig;
use crate::controller::Controller;
use crate::courier::Asker;
use crate::journal::{CommitRequest, Journal, JournalHandle};
use crate::replay::summary::Spread;
use fare_protocol::{Millis, Modes, RecordId, Stamp};
use fare_rules::{Draft, Effect, Event};
use serde::Serialize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// Between two codes: the server lets one gate ask ten times a second.
const TAP_EVERY: Duration = Duration::from_millis(110);

/// Codes before those that are measured, so that the connection is there.
const WARM_UP: u64 = 5;

/// What to measure.
#[derive(Clone, Copy, Debug)]
pub struct PayCodePlan<'p> {
    /// The gate, with `[server]` and `[pay_codes]`; its devices and journal are not touched.
    pub gate: &'p GateConfig,
    /// The server, with `[pay_codes]`.
    pub server: ServerPlan<'p>,
    /// How many codes.
    pub codes: u64,
}

/// What it came to. All times in milliseconds.
#[derive(Clone, Debug, Serialize)]
pub struct PayCodeFigures {
    /// Where the journal was.
    pub folder: String,
    /// Codes that were admitted.
    pub codes: u64,
    /// From the scanned code to the open command.
    pub total: Spread,
    /// Of that, deriving the account and looking up what is known.
    pub recognise: Spread,
    /// Of that, from the question to the server's answer.
    pub ask: Spread,
    /// Of that, deciding and making the confirmation durable.
    pub commit: Spread,
    /// A bare round trip over the same connection, one after each code.
    pub round_trip: Spread,
    /// Median over median.
    pub ask_per_round_trip: f64,
}

#[derive(Default)]
struct Times {
    total: Vec<f64>,
    recognise: Vec<f64>,
    ask: Vec<f64>,
    commit: Vec<f64>,
    round_trip: Vec<f64>,
}

/// A gate without devices.
struct Bench<'b> {
    runtime: &'b Runtime,
    controller: Controller,
    journal: JournalHandle,
    asker: Asker,
}

/// Measures with the journal in `folder`.
///
/// # Errors
/// When a program, the journal or the network fails, or a code is not admitted.
pub fn pay_codes(plan: &PayCodePlan<'_>, folder: &Path) -> Result<PayCodeFigures, BenchError> {
    let setup = |what: String| BenchError::Setup(what);
    let gate = plan.gate;
    if gate.pay_codes.is_none() {
        return Err(setup("the gate has no [pay_codes]".to_owned()));
    }
    let server = Server::start(plan.server, gate)?;
    let journal = Journal::open(&folder.join("pay-codes.journal"), gate.identity())?;
    let (courier, _news) = server.courier(gate, &journal)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|err| setup(err.to_string()))?;
    let tariff = Arc::new(gate.tariff.clone());
    let mut bench = Bench {
        runtime: &runtime,
        controller: Controller::new(
            gate,
            gate.issuers.clone(),
            tariff,
            journal.clone(),
            Modes::default(),
        ),
        asker: courier.asker(),
        journal,
    };
    let (stop, stopped) = watch::channel(false);
    let running = runtime.spawn(courier.run(stopped));
    bench.controller.on(Event::Deadline, stamp());
    let mut times = Times::default();
    for n in 0..WARM_UP + plan.codes {
        if n == WARM_UP {
            times = Times::default();
        }
        bench.tap(n, &mut times)?;
        std::thread::sleep(TAP_EVERY);
    }
    let _told = stop.send(true);
    let ended = runtime.block_on(running);
    ended.map_err(|err| setup(err.to_string()))?;
    bench.journal.close()?;
    let (ask, round_trip) = (spread(times.ask)?, spread(times.round_trip)?);
    Ok(PayCodeFigures {
        folder: folder.display().to_string(),
        codes: plan.codes,
        total: spread(times.total)?,
        recognise: spread(times.recognise)?,
        commit: spread(times.commit)?,
        ask_per_round_trip: ask.p50 / round_trip.p50,
        ask,
        round_trip,
    })
}

fn stamp() -> Stamp {
    Stamp {
        at: clock::now(),
        error_ms: Millis(0),
    }
}

fn ms(watch: &Stopwatch) -> f64 {
    watch.elapsed().as_secs_f64() * 1_000.0
}

impl Bench<'_> {
    /// Rider `n` shows a code and goes through.
    fn tap(&mut self, n: u64, times: &mut Times) -> Result<(), BenchError> {
        let wrong = |what: &str| BenchError::Setup(format!("code {n}: {what}"));
        let code = format!(
            "28{:016}",
            n + u64::try_from(clock::now().0).unwrap_or(0) * 10_000
        );
        let total = Stopwatch::start();
        let effects = self
            .controller
            .scanned(std::iter::once(code.as_bytes()), stamp());
        let mut asks = effects.iter().filter_map(|effect| {
            if let Effect::Ask(question) = effect {
                Some(*question)
            } else {
                None
            }
        });
        let question = asks.next().ok_or_else(|| wrong("the lane did not ask"))?;
        let ask = self.controller.asked(&question, stamp());
        let ask = ask.ok_or_else(|| wrong("the code is not known"))?;
        let recognised = ms(&total);
        let answer = self.runtime.block_on(self.asker.ask(&ask));
        let answered = ms(&total);
        let answer = answer.map_err(|why| wrong(&why))?;
        let effects = self.controller.answered(question.id, Some(answer), stamp());
        let effects = self.commit(effects)?;
        let opens = effects.contains(&Effect::Open);
        let opened = ms(&total);
        if !opens {
            return Err(wrong("the gate did not open"));
        }
        times.total.push(opened);
        times.recognise.push(recognised);
        times.ask.push(answered - recognised);
        times.commit.push(opened - answered);
        let watch = Stopwatch::start();
        let round_trip = self.runtime.block_on(self.asker.round_trip());
        times.round_trip.push(ms(&watch));
        round_trip.map_err(|why| wrong(&why))?;
        let effects = self.controller.on(Event::Passed, stamp());
        self.commit(effects)?;
        Ok(())
    }

    /// Makes durable what is to be; what follows from that.
    fn commit(&mut self, effects: Vec<Effect>) -> Result<Vec<Effect>, BenchError> {
        let mut follows = Vec::new();
        for effect in effects {
            if let Effect::Commit(draft) = effect {
                let id: RecordId = Draft::id(&draft);
                let request = CommitRequest {
                    draft,
                    stamp: stamp(),
                };
                self.journal.commit_blocking(request)?;
                follows.extend(self.controller.on(Event::Committed(id), stamp()));
            }
        }
        Ok(follows)
    }
}
