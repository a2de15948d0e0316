//! A gate: the pure lane, the real journal, a clock that is off, and a file that survives power cuts.

use super::RuleBroken;
use super::clock::Clocks;
use crate::seed::Seed;
use ed25519_dalek::SigningKey;
use fare_protocol::{
    GateId, LaneNo, Location, Millis, Modes, RecordHash, RecordId, Seq, SignedRecord, Signer,
    Stamp, UnixMs,
};
use fare_rules::{
    ALONE_STEPS_MAX, AloneStep, ClockBeyond, ConfirmationDraft, Draft, ExitWithoutEntry, Lane,
    LanePolicy, PayCodePolicy, Role, Station,
};
use fare_server::store;
use faregate::journal::{CommitRequest, GateIdentity, Journal, JournalHandle};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(super) struct Gate {
    pub(super) registered: store::Gate,
    pub(super) role: Role,
    policy: LanePolicy,
    identity: GateIdentity,
    folder: PathBuf,
    file: u32,
    /// Nothing while the power is off.
    pub(super) running: Option<Running>,
    /// Counts the starts: what was meant for an earlier one is void.
    pub(super) epoch: u32,
    pub(super) clocks: Clocks,
    /// Whether the network is there.
    pub(super) online: bool,
    /// Whether the fire input is on.
    pub(super) fire: bool,
    /// For whom the barrier stands open.
    pub(super) open_for: Option<RecordId>,
    /// Who stands before it.
    pub(super) before: Option<Person>,
    /// The server's time behind its newest news, and what first rides since then may cost, by confirmation.
    heard: Option<UnixMs>,
    first_rides: BTreeMap<RecordId, i64>,
    broken: bool,
    head: (Seq, RecordHash),
    /// When the newest record was made.
    newest: UnixMs,
}

pub(super) struct Running {
    pub(super) lane: Lane,
    pub(super) journal: JournalHandle,
}

/// A body before a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Person {
    /// Which rider; nobody when it is a friend with a picture of the rider's code.
    pub(super) rider: Option<usize>,
    /// Which of the rider's attempts.
    pub(super) attempt: u32,
}

/// What became of a commit.
pub(super) enum Commit {
    Done(SignedRecord),
    Refused,
    /// The power went away while it was under way; `Some` when it is durable all the same.
    Cut(Option<SignedRecord>),
}

impl Gate {
    pub(super) fn new(
        folder: &Path,
        station: &Station,
        role: Role,
        now: UnixMs,
        seed: &mut Seed,
    ) -> Result<Self, RuleBroken> {
        let lane = match role {
            Role::Entry => 1,
            Role::Exit | Role::Both => 2,
        };
        let key = SigningKey::from_bytes(&seed.bytes());
        let id: GateId = format!("{}-{lane:02}", station.id)
            .parse()
            .map_err(|err| RuleBroken::Simulation(format!("a gate's id: {err}")))?;
        let location = Location {
            station: station.id,
            line: station.line,
            lane: LaneNo(lane),
            point: station.point,
        };
        let registered = store::Gate {
            id,
            key: Signer::public(&key),
            station: station.id,
            line: station.line,
        };
        Ok(Self {
            registered,
            role,
            policy: policy(role, seed),
            identity: GateIdentity {
                gate: id,
                location,
                signer: Arc::new(key),
            },
            folder: folder.to_owned(),
            file: 0,
            running: None,
            epoch: 0,
            clocks: Clocks::new(now, seed),
            online: true,
            fire: false,
            open_for: None,
            before: None,
            heard: None,
            first_rides: BTreeMap::new(),
            broken: false,
            head: (Seq::FIRST, RecordHash::NONE),
            newest: UnixMs(i64::MIN),
        })
    }

    pub(super) fn id(&self) -> GateId {
        self.registered.id
    }

    /// The gate's time when it is `now`.
    pub(super) fn stamp(&mut self, now: UnixMs) -> Result<Stamp, RuleBroken> {
        let at_rest = self.running.as_ref().is_none_or(|gate| gate.lane.is_idle());
        self.clocks.stamp(now, at_rest)
    }

    /// Starts from its file; answers the records that completed what a power cut left open.
    pub(super) fn start(
        &mut self,
        now: UnixMs,
        ids: impl FnMut() -> RecordId,
    ) -> Result<Vec<SignedRecord>, RuleBroken> {
        let journal = Journal::open(&self.path(), self.identity.clone());
        let journal = journal.map_err(RuleBroken::Start)?;
        self.mend()?;
        self.clocks.start(now, journal.last_stamp()?);
        let recovered = journal.recover(self.stamp(now)?, ids)?;
        let recovered = recovered.into_iter().map(|one| one.passage.into_inner());
        let recovered: Vec<_> = recovered.collect();
        for record in &recovered {
            self.link(record)?;
        }
        self.epoch += 1;
        self.open_for = None;
        let lane = Lane::new(self.policy, Modes::default());
        self.running = Some(Running { lane, journal });
        Ok(recovered)
    }

    /// Power goes away: what the file and its log hold is all that is left.
    pub(super) fn cut(&mut self) -> Result<(), RuleBroken> {
        let files = self.files()?;
        self.restart_from(&files)
    }

    /// Commits a record; the power may go away meanwhile, with the record or without it.
    pub(super) fn commit(
        &mut self,
        draft: Draft,
        stamp: Stamp,
        cut: Option<&mut Seed>,
    ) -> Result<Commit, RuleBroken> {
        let Some(running) = &self.running else {
            return Ok(Commit::Refused);
        };
        let journal = running.journal.clone();
        let before = match &cut {
            Some(_) => Some(self.files()?),
            None => None,
        };
        let request = CommitRequest { draft, stamp };
        let record = match journal.commit_blocking(request) {
            Ok(committed) => committed.into_inner(),
            Err(_) if self.broken => return Ok(Commit::Refused),
            Err(err) => return Err(err.into()),
        };
        drop(journal);
        let (Some(before), Some(chance)) = (before, cut) else {
            self.link(&record)?;
            return Ok(Commit::Done(record));
        };
        let after = self.files()?;
        if chance.happens(0.5) {
            self.link(&record)?;
            self.restart_from(&after)?;
            return Ok(Commit::Cut(Some(record)));
        }
        self.restart_from(&before.torn(&after, chance))?;
        Ok(Commit::Cut(None))
    }

    /// There is news from the server.
    pub(super) fn heard(&mut self, as_of: UnixMs) {
        self.heard = self.heard.max(Some(as_of));
        self.first_rides.clear();
    }

    /// Whether it says what first rides may cost together while its news is old.
    pub(super) fn limits_first_rides(&self) -> bool {
        self.policy.alone.iter().flatten().count() > 0
    }

    /// First rides since the news cost no more together than the age of that news allows.
    pub(super) fn first_ride(
        &mut self,
        ride: &ConfirmationDraft,
        stamp: Stamp,
    ) -> Result<(), RuleBroken> {
        let Some(cost) = ride.first_ride else {
            return Ok(());
        };
        self.first_rides.insert(ride.id, cost.minor);
        let age = self.heard.map(|as_of| stamp.earliest().since(as_of));
        let reached = |step: &&AloneStep| age.is_none_or(|age| age >= i64::from(step.after.0));
        let step = self.policy.alone.iter().flatten().rev().find(reached);
        let sum: i64 = self.first_rides.values().sum();
        match step.and_then(|step| step.first_rides_minor) {
            Some(most) if sum > most => {
                let gate = self.id();
                let what = format!("first rides at {gate} may cost {sum}, allowed are {most}");
                Err(RuleBroken::Alone(what))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Nobody went through upon this confirmation.
    pub(super) fn nobody_went(&mut self, of: RecordId) {
        self.first_rides.remove(&of);
    }

    /// From now on the file takes no record: SQLite fails inside the commit, as on a full disk.
    pub(super) fn break_disk(&mut self) -> Result<(), RuleBroken> {
        if self.running.is_some() && !self.broken {
            self.execute("ALTER TABLE unfinished RENAME TO unfinished_away")?;
            self.broken = true;
        }
        Ok(())
    }

    pub(super) fn mend(&mut self) -> Result<(), RuleBroken> {
        if self.broken {
            self.execute("ALTER TABLE unfinished_away RENAME TO unfinished")?;
            self.broken = false;
        }
        Ok(())
    }

    fn execute(&self, sql: &str) -> Result<(), RuleBroken> {
        let other = rusqlite::Connection::open(self.path());
        let done = other.and_then(|other| other.execute_batch(sql));
        done.map_err(|err| RuleBroken::Simulation(format!("{}: {err}", self.id())))
    }

    /// Rule 2, at the gate: the record follows the last one.
    fn link(&mut self, record: &SignedRecord) -> Result<(), RuleBroken> {
        let said = record.record();
        if (said.seq, said.previous) != self.head {
            let (gate, seq, expected) = (said.gate, said.seq, self.head.0);
            let what = format!("gate {gate} made seq {seq}, expected {expected} and its hash");
            return Err(RuleBroken::Chain(what));
        }
        if said.stamp.at < self.newest {
            let (gate, at, newest) = (said.gate, said.stamp.at, self.newest);
            let what = format!("gate {gate} made a record at {at} after one at {newest}");
            return Err(RuleBroken::Clock(what));
        }
        self.newest = said.stamp.at;
        self.head = (said.seq.next(), record.hash());
        Ok(())
    }

    fn path(&self) -> PathBuf {
        self.folder.join(format!("{}-{}", self.id(), self.file))
    }

    fn files(&self) -> Result<Files, RuleBroken> {
        let read = |path: PathBuf| {
            fs::read(&path).map_err(|err| {
                RuleBroken::Simulation(format!("cannot read {}: {err}", path.display()))
            })
        };
        // The file changes only when the log is folded in, so it is read first.
        let main = read(self.path())?;
        let log = read(log_of(&self.path()))?;
        Ok(Files { main, log })
    }

    fn restart_from(&mut self, files: &Files) -> Result<(), RuleBroken> {
        self.running = None;
        let old = self.path();
        self.file += 1;
        let new = self.path();
        let lock = PathBuf::from(format!("{}.lock", old.display()));
        let written = fs::write(&new, &files.main)
            .and_then(|()| fs::write(log_of(&new), &files.log))
            .and_then(|()| fs::remove_file(&old));
        let _not_always_there = (fs::remove_file(log_of(&old)), fs::remove_file(lock));
        written.map_err(|err| RuleBroken::Simulation(format!("{}: {err}", new.display())))
    }
}

/// A journal's two files.
struct Files {
    main: Vec<u8>,
    log: Vec<u8>,
}

impl Files {
    /// These files with a part of what `after` has beyond them, as a power cut tears a write.
    fn torn(self, after: &Self, chance: &mut Seed) -> Self {
        let grown = after.log.len().saturating_sub(self.log.len());
        if grown == 0 || !after.log.starts_with(&self.log) {
            return self;
        }
        let cut = usize::try_from(chance.below(grown as u64)).unwrap_or(0);
        let log = after.log.get(..self.log.len() + cut).unwrap_or_default();
        Self {
            main: self.main,
            log: log.to_vec(),
        }
    }
}

fn log_of(path: &Path) -> PathBuf {
    PathBuf::from(format!("{}-wal", path.display()))
}

const MINUTE: u32 = 60_000;

/// Half of the gates let a few riders in whom they do not know once their news is two minutes old, and fewer later.
fn alone(seed: &mut Seed) -> [Option<AloneStep>; ALONE_STEPS_MAX] {
    let step = |after_ms, first_rides_minor| AloneStep {
        after: Millis(after_ms),
        entries: 3,
        first_rides_minor: Some(first_rides_minor),
    };
    let steps = [
        Some(step(2 * MINUTE, 2_000)),
        Some(step(10 * MINUTE, 1_000)),
        None,
        None,
    ];
    if seed.happens(0.5) {
        steps
    } else {
        [None; ALONE_STEPS_MAX]
    }
}

fn policy(role: Role, seed: &mut Seed) -> LanePolicy {
    LanePolicy {
        role,
        grace: Millis(5_000),
        passage_timeout: Millis(5_000),
        future_tolerance: Millis(2_000),
        passback_window: Millis(4 * 3_600_000),
        exit_without_entry: if seed.happens(0.5) {
            ExitWithoutEntry::Refuse
        } else {
            ExitWithoutEntry::Admit
        },
        cache_fresh: Millis(60_000),
        refusal_shown: Millis(2_000),
        clock_error_max: Millis(30_000),
        clock_beyond: if seed.happens(0.7) {
            ClockBeyond::TimeExempt
        } else {
            ClockBeyond::Refuse
        },
        // Riders of the simulation have ride codes and pictures.
        pay_codes: PayCodePolicy::default(),
        alone: alone(seed),
    }
}
