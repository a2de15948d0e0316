//! The run loop: a recording's frames through decoder, controller and journal, as in the daemon, with
//! a virtual clock. Only the barrier is simulated: it opens and is passed after fixed times.

use super::collect::Collector;
use super::outcome::{DecisionOutcome, FrameOutcome, ReplayOutcome, SkippedFrame};
use crate::clock::Stopwatch;
use crate::config::GateConfig;
use crate::controller::Controller;
use crate::decode::{Decoded, Decoder, NothingRead};
use crate::frame::{FrameSource, SourceError, SourceItem};
use crate::journal::{CommitRequest, Journal, JournalError, JournalHandle};
use fare_protocol::{Millis, Modes, Stamp, UnixMs};
use fare_rules::{Draft, Effect, Event, Note};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long the simulated barrier takes to open.
const OPENS_AFTER: Millis = Millis(30);

/// When the simulated rider goes through, counted from the open command.
const PASSES_AFTER: Millis = Millis(800);

/// How long the lane may go on after the last frame, in virtual time.
const TAIL: Millis = Millis(60_000);

/// How fast a replay runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// As fast as this machine can.
    Fastest,
    /// As fast as it was recorded.
    Realtime,
}

/// What a replay tells its caller while it runs.
pub trait Watcher {
    /// A frame was played.
    fn played(&mut self, frame: &FrameOutcome);
    /// Something that should have been a frame was not.
    fn skipped(&mut self, skipped: &SkippedFrame);
}

/// The gate of a replay.
pub struct Replay {
    controller: Controller,
    journal: JournalHandle,
    clock_error: Millis,
    agenda: Agenda,
    decision: Option<DecisionOutcome>,
    finished: bool,
    frame: FrameTimes,
    taps: Vec<TapTimes>,
}

/// How long one admitted tap took on this machine, from frame to open command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TapTimes {
    /// Decoding the frame.
    pub decode: Duration,
    /// Making the confirmation durable.
    pub commit: Duration,
    /// All of it.
    pub total: Duration,
}

/// The frame at hand.
struct FrameTimes {
    watch: Stopwatch,
    decode: Duration,
    commit: Duration,
}

/// What is to happen at which virtual time.
#[derive(Default)]
struct Agenda {
    due: BTreeMap<(UnixMs, u64), Event>,
    added: u64,
    wake: Option<UnixMs>,
}

impl Agenda {
    fn add(&mut self, at: UnixMs, event: Event) {
        self.added += 1;
        self.due.insert((at, self.added), event);
    }

    /// The earliest event not after `until`, with its time.
    fn take(&mut self, until: UnixMs) -> Option<(UnixMs, Event)> {
        let next = self.due.first_key_value().map(|((at, _), _)| *at);
        let wakes_first = |wake: &UnixMs| next.is_none_or(|next| *wake < next);
        if let Some(wake) = self.wake.filter(wakes_first) {
            return (wake <= until).then(|| {
                self.wake = None;
                (wake, Event::Deadline)
            });
        }
        if next? > until {
            return None;
        }
        self.due.pop_first().map(|((at, _), event)| (at, event))
    }
}

/// A journal of the configured gate in a folder of its own.
///
/// # Errors
/// When it cannot be made.
pub fn scratch_journal(config: &GateConfig, folder: &Path) -> Result<JournalHandle, JournalError> {
    Journal::open(&folder.join("replay.journal"), config.identity())
}

/// The configured gate, recording in `journal`.
pub fn gate(config: &GateConfig, journal: &JournalHandle) -> Replay {
    let tariff = Arc::new(config.tariff.clone());
    let controller = Controller::new(
        config,
        config.issuers.clone(),
        tariff,
        journal.clone(),
        Modes::default(),
    );
    // A recording's times are taken for exact, unless the configuration says otherwise.
    let clock_error = config.clock.system_error.unwrap_or_default();
    Replay::new(controller, journal.clone(), clock_error)
}

impl Replay {
    /// A gate that decides with `controller` and records in `journal`.
    pub fn new(controller: Controller, journal: JournalHandle, clock_error: Millis) -> Self {
        Self {
            controller,
            journal,
            clock_error,
            agenda: Agenda::default(),
            decision: None,
            finished: false,
            frame: FrameTimes::start(),
            taps: Vec::new(),
        }
    }

    /// The admitted taps, in order.
    pub fn taps(&self) -> &[TapTimes] {
        &self.taps
    }

    /// Plays the whole recording.
    ///
    /// # Errors
    /// [`SourceError`] when the recording breaks off.
    pub fn play(
        &mut self,
        source: &mut dyn FrameSource,
        pace: Pace,
        mut collector: Collector,
        watcher: &mut impl Watcher,
    ) -> Result<ReplayOutcome, SourceError> {
        let mut decoder = Decoder::new();
        let watch = Stopwatch::start();
        let (mut first, mut last) = (None, UnixMs(0));
        let is_stream = source.is_stream();
        while let Some(item) = source.next_frame()? {
            match item {
                SourceItem::Frame { name, frame } => {
                    let at = frame.captured_at();
                    let begin = *first.get_or_insert_with(|| self.begin(at));
                    wait(pace, &watch, at.since(begin));
                    self.pass_time(at);
                    self.frame = FrameTimes::start();
                    let decoded = if is_stream {
                        decoder.watch(&frame)
                    } else {
                        decoder.decode(&frame)
                    };
                    let decision = self.see(&decoded, at);
                    watcher.played(collector.frame(&name, &frame, decoded, decision));
                    source.reuse(frame.into_luma());
                    last = last.max(at);
                }
                SourceItem::Skipped { name, why } => {
                    watcher.skipped(collector.skipped(&name, why));
                }
            }
        }
        if first.is_some() {
            self.end(last);
        }
        Ok(collector.finish(watch.elapsed()))
    }

    fn begin(&mut self, at: UnixMs) -> UnixMs {
        self.handle(Event::Deadline, at);
        at
    }

    /// The frame's codes are scanned.
    fn see(&mut self, decoded: &Decoded, at: UnixMs) -> Option<DecisionOutcome> {
        self.decision = None;
        self.frame.decode = decoded.elapsed;
        let now = self.stamp(at);
        let effects = match &decoded.read {
            Ok(codes) => self
                .controller
                .scanned(codes.iter().map(|code| code.bytes.as_slice()), now),
            Err(NothingRead::Unread(why)) => self.controller.unread(*why, now),
            Err(NothingRead::Nothing | NothingRead::Panicked { .. }) => Vec::new(),
        };
        self.carry_out(effects, at);
        self.decision.take()
    }

    /// Lets an open passage end, then shuts the lane down.
    fn end(&mut self, last: UnixMs) {
        let rest = last.after(PASSES_AFTER);
        self.pass_time(rest);
        self.handle(Event::Shutdown, rest);
        self.pass_time(rest.after(TAIL));
    }

    fn pass_time(&mut self, until: UnixMs) {
        while !self.finished
            && let Some((at, event)) = self.agenda.take(until)
        {
            self.handle(event, at);
        }
    }

    fn stamp(&self, at: UnixMs) -> Stamp {
        Stamp {
            at,
            error_ms: self.clock_error,
        }
    }

    fn handle(&mut self, event: Event, at: UnixMs) {
        let effects = self.controller.on(event, self.stamp(at));
        self.carry_out(effects, at);
    }

    fn carry_out(&mut self, effects: Vec<Effect>, at: UnixMs) {
        for effect in effects {
            match effect {
                Effect::Commit(draft) => self.commit(draft, at),
                Effect::Open => {
                    self.taps.push(self.frame.tap());
                    self.agenda.add(at.after(OPENS_AFTER), Event::BarrierOpened);
                    self.agenda.add(at.after(PASSES_AFTER), Event::Passed);
                }
                // A recording has no server: its pay codes are what `without_server` makes of them.
                Effect::Ask(question) => {
                    let now = self.stamp(at);
                    let effects = self.controller.answered(question.id, None, now);
                    self.carry_out(effects, at);
                }
                // Only a fire alarm or a mode opens for all, and a recording has neither.
                Effect::OpenForAll | Effect::Close | Effect::Show(_) => {}
                Effect::Wake(wake) => self.agenda.wake = Some(wake),
                Effect::Note(note) => self.note(note, at),
                Effect::Finished => self.finished = true,
            }
        }
    }

    fn commit(&mut self, draft: Draft, at: UnixMs) {
        let id = draft.id();
        let request = CommitRequest {
            draft,
            stamp: self.stamp(at),
        };
        let watch = Stopwatch::start();
        let result = self.journal.commit_blocking(request);
        self.frame.commit += watch.elapsed();
        let event = match result {
            Ok(_) => Event::Committed(id),
            Err(err) => {
                tracing::error!(%err, record = %id, "not recorded");
                Event::CommitFailed(id)
            }
        };
        self.handle(event, at);
    }

    fn note(&mut self, note: Note, at: UnixMs) {
        if let Some(decision) = decision(&note) {
            self.decision = Some(decision);
        }
        self.journal.note(note, self.stamp(at));
    }
}

impl FrameTimes {
    fn start() -> Self {
        Self {
            watch: Stopwatch::start(),
            decode: Duration::ZERO,
            commit: Duration::ZERO,
        }
    }

    fn tap(&self) -> TapTimes {
        TapTimes {
            decode: self.decode,
            commit: self.commit,
            total: self.watch.elapsed(),
        }
    }
}

/// What a note says about the frame at hand, when it is a decision.
fn decision(note: &Note) -> Option<DecisionOutcome> {
    match note {
        Note::Admitted {
            direction, fare, ..
        } => {
            let fare = fare.map(|fare| format!(", {fare}")).unwrap_or_default();
            let sentence = format!("{direction}{fare}");
            Some(DecisionOutcome {
                label: "admit".to_owned(),
                number: None,
                sentence,
            })
        }
        Note::Refused { refusal, .. } => Some(DecisionOutcome {
            label: refusal.code().to_owned(),
            number: Some(refusal.number()),
            sentence: refusal.rider().to_owned(),
        }),
        Note::LetThrough { .. }
        | Note::NotLetThrough { .. }
        | Note::Passed { .. }
        | Note::Annulled { .. }
        | Note::PassageUnknown { .. }
        | Note::UnaskedPassage
        | Note::FreePassage
        | Note::PassageNotCommitted { .. }
        | Note::BarrierFailed
        | Note::FireAlarm(_)
        | Note::ModeChanged(_)
        | Note::ClockUnsure { .. } => None,
    }
}

fn wait(pace: Pace, watch: &Stopwatch, since_first_ms: i64) {
    let due = Duration::from_millis(u64::try_from(since_first_ms).unwrap_or(0));
    match pace {
        Pace::Fastest => {}
        Pace::Realtime => std::thread::sleep(due.saturating_sub(watch.elapsed())),
    }
}
