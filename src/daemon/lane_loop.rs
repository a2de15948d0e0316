//! The loop around the controller: events in, effects out, one at a time.

mod let_through;

use super::Ending;
use super::asking::{Heard, Questions};
use super::eyes::Scan;
use super::modes::{ModeSwitch, Step};
use super::notes;
use super::publish::in_force;
use super::tally::Tally;
use super::watchdog::Watchdog;
use crate::barrier::{BarrierCommand, BarrierEvent, OpenOrder};
use crate::clock::{self, GateTime, Stopwatch};
use crate::control::{Asked, Request};
use crate::controller::Controller;
use crate::courier::{Asker, CourierNews};
use crate::display::Panel;
use crate::journal::{CommitRequest, Committed, GateNote, JournalError, JournalHandle};
use crate::scanner::ScannedCode;
use crate::service::{self, NotifyState};
use crate::signals::Signals;
use crate::stages::{Stage, Stages};
use crate::status::TariffInForce;
use fare_protocol::wire::Revocation;
use fare_protocol::{GateId, ModeCommand, RecordBody, RecordId, SignedRecord, Stamp, UnixMs};
use fare_rules::{Draft, Effect, Event, Note, Question, Used};
use let_through::LetThroughs;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// Commits under way: one confirmation, one passage, and retries.
const COMMITS_MAX: usize = 8;

/// After a signal, the longest that the loop waits for the lane to finish.
const SHUTDOWN_MAX: Duration = Duration::from_millis(1_950);

/// Where events come from.
pub(super) struct Inlets {
    pub(super) scans: mpsc::Receiver<Scan>,
    pub(super) scanner: watch::Receiver<Option<ScannedCode>>,
    pub(super) barrier: mpsc::Receiver<BarrierEvent>,
    pub(super) news: Option<CourierNews>,
    pub(super) asked: mpsc::Receiver<Asked>,
    pub(super) mode_commands: watch::Receiver<Option<ModeCommand>>,
    pub(super) revoked: watch::Receiver<Option<Revocation>>,
    /// The program is to end as soon as nobody is under way, and to be started anew.
    pub(super) start_anew: watch::Receiver<bool>,
}

/// How long the stages of the tap under way took, and since when the next one is under way.
struct TapTime {
    confirmation: RecordId,
    stages: Stages,
    since: Stopwatch,
}

impl TapTime {
    /// The stage that was under way is over.
    fn end(&mut self, stage: Stage) {
        self.stages.set(stage, self.since.elapsed());
        self.since = Stopwatch::start();
    }
}

type CommitResult = (RecordId, Result<Committed<SignedRecord>, JournalError>);

/// The controller and its hands.
pub(super) struct LaneLoop {
    controller: Controller,
    journal: JournalHandle,
    barrier: mpsc::Sender<BarrierCommand>,
    panel: Panel,
    signals: Signals,
    switch: ModeSwitch,
    let_through: LetThroughs,
    time: GateTime,
    commits: mpsc::Sender<CommitResult>,
    committed: mpsc::Receiver<CommitResult>,
    wake: Option<UnixMs>,
    /// Leave to open for the record that is durable and whose barrier is not yet opened.
    permit: Option<OpenOrder>,
    /// What the frame at hand took, while it is decided about.
    seen: Option<Stages>,
    /// What the tap under way took so far.
    tap: Option<TapTime>,
    finished: bool,
    stopping: bool,
    ending: Ending,
    broken: Option<JournalError>,
    watchdog: Watchdog,
    tally: Arc<Tally>,
    tariff: Arc<Mutex<TariffInForce>>,
    questions: Questions,
    /// What the frame took whose pay code the server is asked about, and since when it is.
    asked: Option<(Stages, Stopwatch)>,
}

/// Where the loop tells others what it does.
pub(super) struct Outlets {
    pub(super) barrier: mpsc::Sender<BarrierCommand>,
    pub(super) panel: Panel,
    pub(super) signals: Signals,
    pub(super) tally: Arc<Tally>,
    pub(super) tariff: Arc<Mutex<TariffInForce>>,
    /// Nothing at a gate that works alone.
    pub(super) asker: Option<Asker>,
}

impl LaneLoop {
    pub(super) fn new(
        controller: Controller,
        journal: JournalHandle,
        outlets: Outlets,
        (gate, switch): (GateId, ModeSwitch),
        time: GateTime,
        watchdog: Watchdog,
    ) -> Self {
        let Outlets {
            barrier,
            panel,
            signals,
            tally,
            tariff,
            asker,
        } = outlets;
        let (commits, committed) = mpsc::channel(COMMITS_MAX);
        Self {
            controller,
            journal,
            barrier,
            panel,
            signals,
            switch,
            let_through: LetThroughs::new(gate),
            time,
            commits,
            committed,
            wake: None,
            permit: None,
            seen: None,
            tap: None,
            finished: false,
            stopping: false,
            ending: Ending::Stopped,
            broken: None,
            watchdog,
            tally,
            tariff,
            questions: Questions::new(asker),
            asked: None,
        }
    }

    /// Serves riders until `termination`, then until the lane is finished.
    ///
    /// # Errors
    /// When the journal's thread is gone.
    pub(super) async fn run(
        mut self,
        mut inlets: Inlets,
        termination: impl Future<Output = &'static str>,
        stop: &watch::Sender<bool>,
    ) -> Result<Ending, JournalError> {
        self.handle(Event::Deadline);
        self.take_revocation(*inlets.revoked.borrow_and_update());
        // One that came before a power cut and was not carried out.
        self.take_command(*inlets.mode_commands.borrow_and_update());
        tokio::pin!(termination);
        tokio::select! {
            signal = &mut termination => tracing::info!(signal, "stopping"),
            () = self.serve(&mut inlets) => {}
        }
        self.stopping = true;
        service::tell(&[NotifyState::Stopping]);
        stop.send_replace(true);
        self.handle(Event::Shutdown);
        let finish = self.serve(&mut inlets);
        if tokio::time::timeout(SHUTDOWN_MAX, finish).await.is_err() {
            tracing::error!("the lane did not finish in time; the journal completes it at start");
        }
        self.broken.map_or(Ok(self.ending), Err)
    }

    async fn serve(&mut self, inlets: &mut Inlets) {
        while !self.finished {
            tokio::select! {
                biased;
                () = self.watchdog.due() => self.watchdog.look(),
                Some((id, result)) = self.committed.recv() => self.on_commit(id, result),
                Some(event) = inlets.barrier.recv() => self.on_barrier(event),
                () = at(&self.time, self.wake) => {
                    self.wake = None;
                    self.handle(Event::Deadline);
                }
                heard = self.questions.next() => self.on_heard(heard),
                () = changed(&mut inlets.news) => self.take_news(inlets.news.as_mut()),
                Some(asked) = inlets.asked.recv() => self.take_request(asked),
                () = self.let_through.turn(self.controller.is_idle()) => self.let_through(),
                Ok(_) = inlets.start_anew.wait_for(|wanted| *wanted), if self.may_start_anew() => {
                    tracing::info!("nobody is under way: ending, to be started anew");
                    self.ending = Ending::StartAnew;
                    return;
                }
                Ok(()) = inlets.mode_commands.changed() => {
                    self.take_command(*inlets.mode_commands.borrow_and_update());
                }
                Ok(()) = inlets.revoked.changed() => {
                    self.take_revocation(*inlets.revoked.borrow_and_update());
                }
                () = at(&self.time, self.switch.due()) => {
                    let steps = self.switch.wake(self.now());
                    self.take_steps(steps);
                }
                // A scanner says a code once: it waits while another rider is under way.
                Ok(()) = inlets.scanner.changed(), if self.controller.is_idle() => {
                    let code = inlets.scanner.borrow_and_update().clone();
                    if let Some(code) = code.filter(|code| !code.is_stale()) {
                        self.on_scan(&code.into());
                    }
                }
                Some(scan) = inlets.scans.recv() => self.on_scan(&scan),
            }
        }
    }

    /// Whether nobody is under way, and the barrier does not stand open for all.
    fn may_start_anew(&self) -> bool {
        !self.stopping
            && self.controller.is_idle()
            && self.controller.state_name() != "free-passage"
    }

    fn now(&self) -> Stamp {
        if self.controller.is_idle() {
            self.time.settle();
        }
        self.time.stamp()
    }

    fn handle(&mut self, event: Event) {
        let now = self.now();
        let effects = self.controller.on(event, now);
        self.carry_out(effects, now);
    }

    fn on_scan(&mut self, scan: &Scan) {
        let now = self.now();
        if let Some(why) = scan.hint.filter(|_| self.controller.is_idle()) {
            self.panel.hint(why);
            self.journal.note_gate(&GateNote::Unread(why), now);
        }
        let effects = match &scan.read {
            Ok(codes) => self
                .controller
                .scanned(codes.iter().map(Vec::as_slice), now),
            Err(why) => self.controller.unread(*why, now),
        };
        let frame = Stages::of_frame(scan.captured_at, scan.decode, now.at);
        self.seen = Some(frame.or(self.controller.stages()));
        self.carry_out(effects, now);
        self.seen = None;
    }

    /// Asks the server; the lane goes on meanwhile.
    fn question(&mut self, question: Question, now: Stamp) {
        match self.controller.asked(&question, now) {
            Some(ask) => {
                self.asked = self.seen.map(|seen| (seen, Stopwatch::start()));
                self.questions.ask(ask);
            }
            None => tracing::error!(tap = %question.id, "a question without its pay code"),
        }
    }

    /// What the tap at hand took until now: of a frame, or of a pay code that the server was asked about.
    fn until_now(&mut self) -> Option<Stages> {
        let asked = self.asked.take_if(|_| self.seen.is_none());
        let asked = asked.map(|(mut stages, since)| {
            stages.set(Stage::Ask, since.elapsed());
            stages
        });
        self.seen.or(asked)
    }

    fn on_heard(&mut self, heard: Heard) {
        let Heard { id, answer, took } = heard;
        let now = self.now();
        self.tally.heard(answer.as_ref(), took);
        let effects = self.controller.answered(id, answer, now);
        self.carry_out(effects, now);
    }

    fn on_commit(&mut self, id: RecordId, result: Result<Committed<SignedRecord>, JournalError>) {
        match result {
            Ok(committed) => {
                let is_confirmation =
                    matches!(committed.get().record().body, RecordBody::Confirmation(_));
                let receipt = is_confirmation.then(|| committed.get().clone());
                self.permit = OpenOrder::after(&committed);
                if is_confirmation {
                    self.tap.iter_mut().for_each(|tap| tap.end(Stage::Commit));
                }
                self.handle(Event::Committed(id));
                let steps = self.switch.committed(id, self.now());
                self.take_steps(steps);
                if let Some(receipt) = receipt {
                    self.panel.receipt(&receipt);
                }
                // The lane opens at once or not at all.
                self.permit = None;
            }
            // A journal whose thread is gone records nothing any more: better to start anew.
            Err(err @ JournalError::Closed { .. }) => {
                self.broken = Some(err);
                self.finished = true;
            }
            Err(err) => {
                tracing::error!(%err, record = %id, "not recorded");
                self.handle(Event::CommitFailed(id));
                let steps = self.switch.failed(id, &err.to_string(), self.now());
                self.take_steps(steps);
            }
        }
    }

    fn on_barrier(&mut self, event: BarrierEvent) {
        match event {
            BarrierEvent::Opened => {
                self.opened();
                self.let_through.opened();
                self.handle(Event::BarrierOpened);
            }
            BarrierEvent::OpenFailed => {
                if let Some(tap) = self.tap.take() {
                    self.note_timings(&tap);
                }
                self.let_through.not_opened();
                self.handle(Event::BarrierFailed);
            }
            BarrierEvent::Passed => self.handle(Event::Passed),
            BarrierEvent::Obstructed(on) => self.handle(Event::Obstructed(on)),
            BarrierEvent::Fire(on) => {
                self.handle(Event::FireAlarm(on));
                let steps = self.switch.fire(on, self.now());
                self.take_steps(steps);
            }
        }
    }

    fn take_request(&mut self, asked: Asked) {
        let Asked { request, reply } = asked;
        match request {
            Request::Modes => self.switch.tell(reply),
            Request::SetMode(wanted) => {
                let steps = self.switch.asked(wanted, reply, self.now());
                self.take_steps(steps);
            }
            Request::LetThrough(wanted) => {
                self.let_through.asked(wanted, reply, clock::since_boot());
            }
        }
    }

    fn take_command(&mut self, command: Option<ModeCommand>) {
        if let Some(command) = command {
            let steps = self.switch.commanded(command, self.now());
            self.take_steps(steps);
        }
    }

    fn take_revocation(&mut self, revocation: Option<Revocation>) {
        if let Some(revocation) = revocation {
            let steps = self.switch.revoke(&revocation, self.now());
            self.take_steps(steps);
            self.let_through.close();
        }
    }

    fn take_steps(&mut self, steps: Vec<Step>) {
        for step in steps {
            match step {
                Step::Obey(modes) => self.handle(Event::SetMode(modes)),
                Step::Record(draft) => self.commit(Draft::ModeChange(*draft), self.now()),
            }
        }
    }

    fn opened(&mut self) {
        let Some(mut tap) = self.tap.take() else {
            return;
        };
        tap.end(Stage::Open);
        // The frame's time is the system's.
        let now = clock::now();
        if let Some(frame_at) = tap.stages.frame_at {
            self.tally.opened_after(now.since(frame_at));
        }
        tracing::info!(
            tap_to_open_ms = tap.stages.frame_at.map(|at| now.since(at)),
            decode_ms = tap.stages.get(Stage::Decode).map(|took| took.as_millis()),
            "barrier open"
        );
        self.note_timings(&tap);
    }

    fn note_timings(&self, tap: &TapTime) {
        let note = GateNote::Timings {
            confirmation: tap.confirmation,
            stages: tap.stages,
        };
        self.journal.note_gate(&note, self.now());
    }

    fn take_news(&mut self, news: Option<&mut CourierNews>) {
        let Some(news) = news else { return };
        if let Some(issuers) = newest(&mut news.issuers) {
            self.controller.set_issuers(issuers);
        }
        if let Some(tariff) = newest(&mut news.tariff) {
            tracing::info!(tariff = tariff.name(), hash = %tariff.hash(), "tariff in force");
            *self.tariff.lock().unwrap_or_else(PoisonError::into_inner) = in_force(&tariff);
            self.controller.set_tariff(tariff);
        }
        if let Some(said) = newest(&mut news.server_time) {
            self.time.heard(said);
        }
        if news.let_through.has_changed().unwrap_or(false) {
            self.let_through
                .commanded(&news.let_through.borrow_and_update());
        }
    }

    fn carry_out(&mut self, effects: Vec<Effect>, now: Stamp) {
        self.tally.state(self.controller.state_name());
        for effect in effects {
            self.panel.follow(&effect);
            self.signals.follow(&effect);
            match effect {
                Effect::Commit(draft) => self.commit(draft, now),
                Effect::Ask(question) => self.question(question, now),
                Effect::Open => self.open(),
                Effect::OpenForAll => self.command(BarrierCommand::Open(OpenOrder::free_passage())),
                Effect::Close => self.command(BarrierCommand::Close),
                Effect::Show(shown) => tracing::debug!(?shown, "display"),
                Effect::Wake(at) => self.wake = Some(at),
                Effect::Note(note) => self.note(note, now),
                Effect::Finished => self.finished = true,
            }
        }
    }

    fn note(&mut self, note: Note, now: Stamp) {
        notes::log(&note);
        self.let_through.noted(&note);
        self.tally.count(&note, now.at);
        match note {
            // A rider is refused at once, or when the journal did not take the confirmation.
            Note::Refused { .. } => {
                let stages = self.until_now();
                let stages = stages.or(self.tap.as_ref().map(|tap| tap.stages));
                let side = self.controller.side();
                let stages = stages.unwrap_or_default();
                self.journal.note_refused(&note, side, &stages, now);
            }
            Note::Admitted { .. }
            | Note::LetThrough { .. }
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
            | Note::ClockUnsure { .. } => self.journal.note(note, now),
        }
    }

    fn commit(&mut self, draft: Draft, stamp: Stamp) {
        let id = draft.id();
        match &draft {
            Draft::Confirmation(confirmation) => {
                if let Used::PayCode {
                    answered: false, ..
                } = confirmation.used
                {
                    tracing::warn!(tap = %id, "admitted by a pay code without the server's word");
                    self.questions.insist(id);
                }
                self.tap = Some(TapTime {
                    confirmation: id,
                    stages: self.until_now().unwrap_or_default(),
                    since: Stopwatch::start(),
                });
            }
            // No tap, and none of an earlier one's time.
            Draft::LetThrough(_) => self.tap = None,
            Draft::Passage(_) | Draft::ModeChange(_) | Draft::Config(_) => {}
        }
        let (journal, commits) = (self.journal.clone(), self.commits.clone());
        tokio::spawn(async move {
            let result = journal.commit(CommitRequest { draft, stamp }).await;
            // The loop only goes away when the daemon stops; the journal has the record by then.
            let _gone = commits.send((id, result)).await;
        });
    }

    /// Rule 1: without a durable record of its own there is no order to open.
    fn open(&mut self) {
        match self.permit.take() {
            Some(order) => self.command(BarrierCommand::Open(order)),
            None => {
                tracing::error!("the lane wants to open without a record; it stays shut");
                self.handle(Event::BarrierFailed);
            }
        }
    }

    fn command(&mut self, command: BarrierCommand) {
        if self.barrier.try_send(command).is_err() {
            tracing::error!(?command, "the barrier's attendant does not keep up");
            if matches!(command, BarrierCommand::Open(_)) {
                self.handle(Event::BarrierFailed);
            }
        }
    }
}

/// What has come since the last look.
fn newest<T: Clone>(news: &mut watch::Receiver<Option<T>>) -> Option<T> {
    let changed = news.has_changed().unwrap_or(false);
    changed.then(|| news.borrow_and_update().clone()).flatten()
}

/// Waits until the clock shows `wake`; for ever when there is nothing to wake for.
async fn at(time: &GateTime, wake: Option<UnixMs>) {
    match wake {
        Some(wake) => {
            let wait_ms = u64::try_from(wake.since(time.stamp().at)).unwrap_or(0);
            tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        }
        None => std::future::pending().await,
    }
}

/// Waits for news of any kind; for ever when there is no courier. What has come stays unseen: whoever takes
/// the news sees it.
async fn changed(news: &mut Option<CourierNews>) {
    let Some(news) = news else {
        return std::future::pending().await;
    };
    let changed = tokio::select! {
        changed = news.issuers.changed() => changed.map(|()| news.issuers.mark_changed()),
        changed = news.tariff.changed() => changed.map(|()| news.tariff.mark_changed()),
        changed = news.server_time.changed() => changed.map(|()| news.server_time.mark_changed()),
        changed = news.let_through.changed() => changed.map(|()| news.let_through.mark_changed()),
    };
    if changed.is_err() {
        std::future::pending::<()>().await;
    }
}
