//! The queue of what happens next, and what follows from it.

mod courier;
mod helped;
mod trouble;

use super::audit::{self, Log};
use super::gate::{Commit, Gate, Person};
use super::rider::{ATTEMPTS_MAX, Inside, Rider};
use super::server::Server;
use super::shop::{Shop, has_tickets};
use super::{Report, RuleBroken, Settings};
use crate::seed::Seed;
use fare_protocol::{
    Direction, Passage, PassageOutcome, RecordBody, RecordId, SignedRecord, Stamp, UnixMs,
    VerifiedCredential,
};
use fare_rules::{
    Display, Draft, Effect, End, Event, Facts, FirstRide, Heard, Lane, Note, Refusal, Ride, Role,
    Station, Tap,
};
use std::collections::BTreeMap;
use std::path::Path;
use tempfile::TempDir;

/// 2026-11-23T05:00:00Z, when the day begins.
const MORNING: i64 = 1_795_410_000_000;

const MINUTE: i64 = 60_000;

/// For how long after the riders' day everything that waits may take to be delivered.
const DRAIN_MAX_MS: i64 = 6 * 60 * MINUTE;

/// Something that will happen.
enum Happening {
    /// A rider who is outside wants in, or one who is inside wants out.
    Comes(usize),
    /// A rider who was not let through has waited enough.
    Leaves(usize, usize, u32),
    /// To a gate, if it has not started anew meanwhile.
    AtGate(usize, u32, Doing),
    /// Somebody walks through a barrier that was opened.
    Walks(usize, Person, RecordId),
    /// An upload reaches the server.
    Arrives(usize, u32, Vec<u8>),
    Cut(usize),
    Starts(usize),
    DiskBreaks(usize),
    DiskMended(usize),
    ClockJumps(usize),
    /// NTP reaches the gate, if the network does.
    ClockKept(usize),
    Network(usize, bool),
    Fire(usize, bool),
    /// Somebody goes through a barrier that is open for all.
    Flees(usize),
    /// Staff let somebody through.
    Helped(usize),
    /// Who was not let through goes away.
    GoesAway(usize),
    ServerFalls,
    ServerRises,
}

enum Doing {
    Deadline,
    Commit(Box<Draft>, Stamp),
    Board(RecordId),
    FreeBoard,
    Upload,
    Answered(Vec<u8>),
    Feed,
}

pub(super) struct World {
    settings: Settings,
    chance: Seed,
    pub(super) now: UnixMs,
    queue: BTreeMap<(UnixMs, u64), Happening>,
    queued: u64,
    /// The day is over: no more faults, no new rides.
    calm: bool,
    pub(super) gates: Vec<Gate>,
    riders: Vec<Rider>,
    pub(super) server: Server,
    pub(super) log: Log,
    report: Report,
    runtime: tokio::runtime::Runtime,
    _folder: TempDir,
}

impl World {
    pub(super) fn new(settings: Settings) -> Result<Self, RuleBroken> {
        let io = |err: std::io::Error| RuleBroken::Simulation(err.to_string());
        // In memory where there is such a folder: what is simulated is what is lost, not how long a
        // disk takes.
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() {
            TempDir::with_prefix_in("fare-city-", memory)
        } else {
            TempDir::with_prefix("fare-city-")
        };
        let folder = folder.map_err(io)?;
        let seed = Seed::new(settings.seed);
        let (gates, mut server) = build(settings, folder.path(), &seed)?;
        let riders = (0..settings.riders).map(|n| Rider::new(&mut seed.fork("rider", n.into())));
        let mut riders: Vec<_> = riders.collect();
        let shop = buys(&mut riders, &mut server, &mut seed.fork("tickets", 0))?;
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let mut world = Self {
            settings,
            chance: seed.fork("chance", 0),
            now: UnixMs(MORNING),
            queue: BTreeMap::new(),
            queued: 0,
            calm: false,
            gates,
            riders,
            server,
            log: Log {
                shop,
                ..Log::default()
            },
            report: Report::default(),
            runtime: runtime.map_err(io)?,
            _folder: folder,
        };
        world.begin()?;
        Ok(world)
    }

    fn begin(&mut self) -> Result<(), RuleBroken> {
        for g in 0..self.gates.len() {
            self.start(g)?;
            self.clock_kept(g);
            let first = [
                (40, Happening::Cut(g)),
                (60, Happening::DiskBreaks(g)),
                (45, Happening::ClockJumps(g)),
                (50, Happening::Network(g, false)),
                (120, Happening::Fire(g, true)),
            ];
            for (minutes, fault) in first {
                self.fault(minutes, fault);
            }
            self.later(0, 40 * MINUTE, Happening::Helped(g));
        }
        self.fault(30, Happening::ServerFalls);
        for rider in 0..self.riders.len() {
            self.later(0, 10 * MINUTE, Happening::Comes(rider));
        }
        Ok(())
    }

    pub(super) fn after(&self) -> i64 {
        self.now.since(UnixMs(MORNING))
    }

    pub(super) fn run(&mut self) -> Result<Report, RuleBroken> {
        let day_ms = i64::from(self.settings.hours) * 60 * MINUTE;
        while let Some(((at, _), happening)) = self.queue.pop_first() {
            self.now = at;
            self.report.steps += 1;
            if !self.calm && self.after() > day_ms {
                self.end_the_day()?;
            }
            self.happen(happening)?;
            let look = self.calm && self.report.steps.is_multiple_of(64);
            if look && self.is_over()? {
                self.report.repeats = self.server.repeats;
                return audit::audit(self).map(|found| Report {
                    charged: found.charged,
                    revenue: found.revenue,
                    uses: found.uses,
                    tickets: found.tickets,
                    conflicts: found.conflicts,
                    ..self.report.clone()
                });
            }
            if self.after() > day_ms + DRAIN_MAX_MS {
                break;
            }
        }
        Err(RuleBroken::Lost("the outboxes were not drained".to_owned()))
    }

    /// Everything works again; who is inside goes out.
    fn end_the_day(&mut self) -> Result<(), RuleBroken> {
        self.calm = true;
        self.server.up = true;
        for g in 0..self.gates.len() {
            self.gates[g].online = true;
            self.burns(g, false)?;
            self.gates[g].mend()?;
            if self.gates[g].running.is_none() {
                self.start(g)?;
            }
        }
        Ok(())
    }

    /// Whether everybody is outside and everything is delivered.
    fn is_over(&self) -> Result<bool, RuleBroken> {
        if self.riders.iter().any(|rider| rider.inside.is_some()) {
            return Ok(false);
        }
        for gate in &self.gates {
            let Some(running) = &gate.running else {
                return Ok(false);
            };
            let busy = !running.lane.is_idle() || gate.before.is_some();
            if busy || running.journal.counts()?.pending > 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    // long: one arm for each thing that can happen
    fn happen(&mut self, happening: Happening) -> Result<(), RuleBroken> {
        match happening {
            Happening::Comes(rider) => self.comes(rider),
            Happening::Leaves(g, rider, attempt) => {
                self.leaves(g, rider, attempt);
                Ok(())
            }
            Happening::AtGate(g, epoch, doing) => {
                let gate = &self.gates[g];
                if gate.epoch == epoch && gate.running.is_some() {
                    self.at_gate(g, doing)
                } else {
                    Ok(())
                }
            }
            Happening::Walks(g, person, of) => self.walks(g, person, of),
            Happening::Arrives(g, epoch, body) => self.arrives(g, epoch, &body),
            Happening::Cut(g) => {
                self.fault(40, Happening::Cut(g));
                self.power_cut(g)
            }
            Happening::Starts(g) if self.gates[g].running.is_none() => self.start(g),
            Happening::Starts(_) => Ok(()),
            Happening::DiskBreaks(g) => {
                self.fault(60, Happening::DiskBreaks(g));
                self.later(5_000, MINUTE, Happening::DiskMended(g));
                if self.calm {
                    return Ok(());
                }
                self.gates[g].break_disk()
            }
            Happening::DiskMended(g) => self.gates[g].mend(),
            Happening::ClockJumps(g) => {
                self.clock_jumps(g);
                Ok(())
            }
            Happening::ClockKept(g) => {
                self.clock_kept(g);
                Ok(())
            }
            Happening::Network(g, there) => {
                self.network(g, there);
                Ok(())
            }
            Happening::Fire(g, on) => self.fire(g, on),
            Happening::Flees(g) => self.flees(g),
            Happening::Helped(g) => self.helped(g),
            Happening::GoesAway(g) => {
                self.goes_away(g);
                Ok(())
            }
            Happening::ServerFalls => {
                self.fault(30, Happening::ServerFalls);
                self.later(5_000, 5 * MINUTE, Happening::ServerRises);
                self.server.up = self.calm;
                self.report.restarts += 1;
                Ok(())
            }
            Happening::ServerRises => {
                self.server.up = true;
                self.server.restart()
            }
        }
    }

    // === riders ===

    fn comes(&mut self, rider: usize) -> Result<(), RuleBroken> {
        let inside = self.riders[rider].inside;
        if self.calm && inside.is_none() {
            return Ok(());
        }
        let Some(g) = self.choose(inside) else {
            self.later(3_000, 20_000, Happening::Comes(rider));
            return Ok(());
        };
        let twin = inside.is_none() && self.happens(0.04);
        let twin = if twin {
            self.choose(None).filter(|t| *t != g)
        } else {
            None
        };
        let Some((shown, code)) = self.riders[rider].code(self.now)? else {
            return Ok(());
        };
        self.riders[rider].attempt += 1;
        let attempt = self.riders[rider].attempt;
        let mut who = Some(rider);
        for g in [Some(g), twin].into_iter().flatten() {
            let person = Person {
                rider: who.take(),
                attempt,
            };
            self.gates[g].before = Some(person);
            self.report.shown += 1;
            self.report.alone += u64::from(!self.gates[g].online);
            let tap = Tap {
                id: self.new_id(),
                passage_id: self.new_id(),
                shown,
                facts: self.facts(g, &code)?,
                credential: Ok(code.clone()),
                heard: Heard::NotAsked,
            };
            self.tell(g, Event::Tap(Box::new(tap)), None)?;
            self.later(9_000, 10_000, Happening::Leaves(g, rider, attempt));
        }
        Ok(())
    }

    /// A gate that works, nobody before it: an entry, or an exit elsewhere than the rider came in.
    fn choose(&mut self, inside: Option<Inside>) -> Option<usize> {
        let role = if inside.is_some() {
            Role::Exit
        } else {
            Role::Entry
        };
        let fits = |gate: &Gate| {
            let elsewhere = inside.is_none_or(|inside| inside.at != gate.registered.station);
            gate.role == role && elsewhere && gate.before.is_none() && gate.running.is_some()
        };
        let free = self.gates.iter().enumerate();
        let free: Vec<_> = free.filter(|(_, gate)| fits(gate)).collect();
        let chosen = self.chance.below(free.len() as u64);
        let chosen = free.get(usize::try_from(chosen).unwrap_or(0));
        chosen.map(|(g, _)| *g)
    }

    fn leaves(&mut self, g: usize, rider: usize, attempt: u32) {
        if self.gates[g]
            .before
            .is_some_and(|person| person.attempt == attempt)
        {
            self.gates[g].before = None;
        }
        let one = &mut self.riders[rider];
        if one.attempt != attempt {
            return;
        }
        one.attempt += 1;
        one.in_vain += 1;
        if one.in_vain < ATTEMPTS_MAX {
            self.later(20_000, MINUTE, Happening::Comes(rider));
            return;
        }
        one.in_vain = 0;
        one.inside = None;
        one.throws_away();
        self.later(5 * MINUTE, 15 * MINUTE, Happening::Comes(rider));
    }

    fn walks(&mut self, g: usize, person: Person, of: RecordId) -> Result<(), RuleBroken> {
        let gate = &mut self.gates[g];
        if gate.open_for != Some(of) {
            return Ok(());
        }
        gate.open_for = None;
        gate.before = None;
        let (role, at) = (gate.role, gate.registered.station);
        self.log.walked.insert(of);
        if let Some(rider) = person.rider {
            let one = &mut self.riders[rider];
            one.attempt += 1;
            one.in_vain = 0;
            let before = one.inside.take();
            match role {
                Role::Entry => one.inside = Some(Inside { entry: of, at }),
                Role::Exit | Role::Both => {
                    one.throws_away();
                    self.log
                        .rode
                        .extend(before.map(|inside| (inside.entry, of)));
                }
            }
            self.later(5 * MINUTE, 15 * MINUTE, Happening::Comes(rider));
        }
        self.tell(g, Event::Passed, None)
    }

    // === gates ===

    fn start(&mut self, g: usize) -> Result<(), RuleBroken> {
        let (now, mut ids) = (self.now, self.chance.fork("recovery", self.queued));
        let recovered = self.gates[g].start(now, || record_id(now, &mut ids))?;
        for record in recovered {
            self.report.records += 1;
            self.log.records.push(record);
        }
        self.tell(g, Event::Deadline, None)?;
        if self.gates[g].fire {
            self.tell(g, Event::FireAlarm(true), None)?;
        }
        self.later(5_000, 3 * MINUTE, Happening::ClockKept(g));
        self.at(g, 1_000, 5_000, Doing::Upload);
        self.at(g, 500, 5_000, Doing::Feed);
        Ok(())
    }

    fn power_cut(&mut self, g: usize) -> Result<(), RuleBroken> {
        if self.calm || self.gates[g].running.is_none() {
            return Ok(());
        }
        self.gates[g].cut()?;
        self.is_off(g);
        Ok(())
    }

    fn is_off(&mut self, g: usize) {
        self.report.cuts += 1;
        self.later(5_000, 3 * MINUTE, Happening::Starts(g));
    }

    fn at_gate(&mut self, g: usize, doing: Doing) -> Result<(), RuleBroken> {
        match doing {
            Doing::Deadline => self.tell(g, Event::Deadline, None),
            Doing::Commit(draft, stamp) => self.commit(g, *draft, stamp),
            Doing::Board(of) => self.opens(g, of),
            Doing::FreeBoard => self.opens_for_all(g),
            Doing::Upload => self.upload(g),
            Doing::Answered(body) => self.answered(g, &body),
            Doing::Feed => self.feed(g),
        }
    }

    fn facts(&mut self, g: usize, code: &VerifiedCredential) -> Result<Facts, RuleBroken> {
        let now = self.gates[g].stamp(self.now)?.at;
        let gate = &self.gates[g];
        let Some(running) = &gate.running else {
            return Ok(Facts::default());
        };
        let (account, class) = (code.account(), code.class());
        let (facts, pays_later) = match code {
            VerifiedCredential::RideCode(code) => {
                let device = &code.claims().issuer.device_key;
                (running.journal.facts(account, device)?, true)
            }
            VerifiedCredential::PaperCode(_) => {
                (running.journal.facts_of_paper_code(account)?, false)
            }
            VerifiedCredential::Picture(_) | VerifiedCredential::PayCode(_) => {
                let what = "riders of the simulation have ride codes and tickets";
                return Err(RuleBroken::Simulation(what.to_owned()));
            }
        };
        let quote = facts.open_journey.and_then(|open| {
            let ride = Ride {
                class,
                class_until: None,
                entry: End {
                    station: open.station,
                    at: open.entered_at_ms,
                },
                exit: End {
                    station: gate.registered.station,
                    at: now,
                },
                earlier: &[],
            };
            self.server.tariff().price(&ride).ok()
        });
        let (station, is_limited) = (gate.registered.station, gate.limits_first_rides());
        let first_ride = facts.first_ride.map(|first| FirstRide {
            may_cost: (pays_later && is_limited)
                .then(|| self.server.tariff().dearest(station, class)),
            ..first
        });
        Ok(Facts {
            quote,
            first_ride,
            ..facts
        })
    }

    /// Tells a gate's lane something and does what it asks for. Rule 1: it may ask to open only for
    /// the confirmation that was committed just now.
    fn tell(
        &mut self,
        g: usize,
        event: Event,
        committed: Option<RecordId>,
    ) -> Result<(), RuleBroken> {
        let stamp = self.gates[g].stamp(self.now)?;
        let alarmed = event == Event::FireAlarm(true);
        let Some(running) = &mut self.gates[g].running else {
            return Ok(());
        };
        let (lane, effects) = Lane::on(running.lane.clone(), event, stamp);
        running.lane = lane;
        if alarmed && !effects.contains(&Effect::OpenForAll) {
            let what = format!("{} did not ask to open", self.gates[g].id());
            return Err(RuleBroken::Fire(what));
        }
        let mut permit = committed;
        for effect in effects {
            match effect {
                Effect::Commit(draft) => self.at(g, 1, 20, Doing::Commit(Box::new(draft), stamp)),
                Effect::Open => {
                    let of = permit.take().ok_or_else(|| {
                        RuleBroken::Opening(format!("{} asked to open", self.gates[g].id()))
                    })?;
                    self.at(g, 100, 400, Doing::Board(of));
                }
                Effect::OpenForAll if self.gates[g].fire => {
                    self.gates[g].open_for = None;
                    self.at(g, 100, 400, Doing::FreeBoard);
                }
                Effect::OpenForAll => {
                    let what = format!("{} asked to open for all", self.gates[g].id());
                    return Err(RuleBroken::Opening(what));
                }
                Effect::Close => self.gates[g].open_for = None,
                Effect::Wake(at) => {
                    let wait = at.since(stamp.at).max(0);
                    self.at(g, wait, wait + 1, Doing::Deadline);
                }
                Effect::Ask(question) => {
                    let what = format!("{} asked about {}", self.gates[g].id(), question.id);
                    return Err(RuleBroken::Opening(what));
                }
                Effect::Show(Display::Refused(why)) => {
                    self.report.first += u64::from(why == Refusal::FirstRides);
                    self.gates[g].before = None;
                }
                Effect::Note(Note::ClockUnsure { unsure: true, .. }) => self.report.unsure += 1,
                Effect::Show(_) | Effect::Note(_) | Effect::Finished => {}
            }
        }
        Ok(())
    }

    fn commit(&mut self, g: usize, draft: Draft, stamp: Stamp) -> Result<(), RuleBroken> {
        let id = draft.id();
        let cut = self.happens(0.01);
        let mut chance = self.chance.fork("cut", self.queued);
        let cut = cut.then_some(&mut chance);
        let (record, cut) = match self.gates[g].commit(draft, stamp, cut)? {
            Commit::Done(record) => (Some(record), false),
            Commit::Cut(record) => (record, true),
            Commit::Refused => {
                self.report.refused += 1;
                return self.tell(g, Event::CommitFailed(id), None);
            }
        };
        if let Some(record) = record {
            self.report.records += 1;
            self.counts(g, &draft, stamp)?;
            self.log.records.push(record);
        }
        if cut {
            self.is_off(g);
            return Ok(());
        }
        self.tell(g, Event::Committed(id), Some(id))
    }

    /// What a gate that is alone must count is counted, and is not too much.
    fn counts(&mut self, g: usize, draft: &Draft, stamp: Stamp) -> Result<(), RuleBroken> {
        match draft {
            Draft::Confirmation(ride) => {
                let is_of = |record: &SignedRecord| match &record.record().body {
                    RecordBody::Confirmation(earlier) => earlier.account == ride.account,
                    RecordBody::Passage(_)
                    | RecordBody::ModeChange(_)
                    | RecordBody::LetThrough(_)
                    | RecordBody::Config(_) => false,
                };
                let must = ride.direction == Direction::Entry
                    && self.gates[g].limits_first_rides()
                    && !self.log.shop.tickets.contains_key(&ride.account);
                if must && ride.first_ride.is_none() && !self.log.records.iter().any(is_of) {
                    let what = format!("{} was not counted as a first ride", ride.id);
                    return Err(RuleBroken::Alone(what));
                }
                self.gates[g].first_ride(ride, stamp)
            }
            Draft::Passage(passage) => {
                let Passage {
                    confirmation,
                    outcome,
                } = passage.passage;
                if let PassageOutcome::Annulled(_) = outcome {
                    self.gates[g].nobody_went(confirmation);
                }
                Ok(())
            }
            Draft::LetThrough(_) | Draft::ModeChange(_) | Draft::Config(_) => Ok(()),
        }
    }

    /// The barrier's board does what it was told, or fails.
    fn opens(&mut self, g: usize, of: RecordId) -> Result<(), RuleBroken> {
        if self.happens(0.02) {
            return self.tell(g, Event::BarrierFailed, None);
        }
        self.report.opened += 1;
        self.log.opened.push((g, of));
        self.gates[g].open_for = Some(of);
        if let Some(person) = self.gates[g].before
            && !self.chance.happens(0.08)
        {
            self.later(700, 2_500, Happening::Walks(g, person, of));
        }
        self.tell(g, Event::BarrierOpened, None)
    }

    // === chance and time ===

    fn faults(&self) -> f32 {
        if self.calm { 0.0 } else { self.settings.faults }
    }

    /// Whether a fault of this probability happens now.
    fn happens(&mut self, probability: f32) -> bool {
        let faults = self.faults();
        self.chance.happens(probability * faults)
    }

    fn fault(&mut self, every_minutes: i64, fault: Happening) {
        if self.calm || self.settings.faults <= 0.0 {
            return;
        }
        let twice = (2 * every_minutes * MINUTE) as f32 / self.settings.faults;
        self.later(1_000, 1_001 + twice as i64, fault);
    }

    fn at(&mut self, g: usize, from_ms: i64, until_ms: i64, doing: Doing) {
        let epoch = self.gates[g].epoch;
        self.later(from_ms, until_ms, Happening::AtGate(g, epoch, doing));
    }

    fn later(&mut self, from_ms: i64, until_ms: i64, happening: Happening) {
        let span = u64::try_from(until_ms - from_ms).unwrap_or(0);
        let wait = from_ms + i64::try_from(self.chance.below(span)).unwrap_or(0);
        self.queued += 1;
        let at = UnixMs(self.now.0 + wait);
        self.queue.insert((at, self.queued), happening);
    }

    fn new_id(&mut self) -> RecordId {
        record_id(self.now, &mut self.chance)
    }
}

fn record_id(now: UnixMs, seed: &mut Seed) -> RecordId {
    let mut id: [u8; 16] = seed.bytes();
    let [_, _, time @ ..] = now.0.to_be_bytes();
    id[..time.len()].copy_from_slice(&time);
    RecordId(id)
}

/// An entry and an exit at every few stations of the line, and the server that knows them.
fn build(
    settings: Settings,
    folder: &Path,
    seed: &Seed,
) -> Result<(Vec<Gate>, Server), RuleBroken> {
    let server = Server::new(folder, &[])?;
    let stations: Vec<Station> = server.tariff().stations().cloned().collect();
    let pairs = usize::try_from(settings.gates / 2).unwrap_or(0).max(2);
    let mut gates = Vec::new();
    for n in 0..pairs.min(stations.len()) {
        let station = &stations[n * stations.len() / pairs.min(stations.len())];
        for role in [Role::Entry, Role::Exit] {
            let mut seed = seed.fork("gate", gates.len() as u64);
            gates.push(Gate::new(
                folder,
                station,
                role,
                UnixMs(MORNING),
                &mut seed,
            )?);
        }
    }
    let registered: Vec<_> = gates.iter().map(|gate| gate.registered).collect();
    Ok((gates, Server::new(folder, &registered)?))
}

/// Before the day riders buy products and tickets.
fn buys(riders: &mut [Rider], server: &mut Server, chance: &mut Seed) -> Result<Shop, RuleBroken> {
    let (mut shop, now) = (Shop::default(), UnixMs(MORNING));
    for (n, rider) in riders.iter_mut().enumerate() {
        shop.sell(server, (n, rider.account), now)?;
        if has_tickets(n) {
            rider.takes(shop.print(server, chance, now)?);
        }
    }
    Ok(shop)
}
