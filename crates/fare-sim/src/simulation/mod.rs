//! A whole city in one process, from one seed: riders, gates, their journals, the network and the
//! server, with faults, on a virtual clock.
//!
//! ```text
//! riders -> lane (pure) -> journal (real, SQLite file) -> network (delays, drops, cuts, repeats)
//!                                                      -> intake and store (real, SQLite file)
//! ```
//! Whatever happens is an event at a moment; the next one is taken from one queue, and chance comes
//! from one seed. The journal has a thread of its own, but each request waits for its answer, so
//! that nothing depends on how fast this machine is. Ids that only the server makes are random; they
//! decide nothing. What is asserted after each step stands beside it as a rule of [`Broken`]; what
//! must hold at the end is `audit`'s. Some riders have products, which are used before money, and some have printed
//! tickets instead of a phone.
//!
//! Not in here: frames and decoding, the daemon's loop, modes set by staff. They have tests of their own.

mod audit;
mod clock;
mod gate;
mod network;
mod rider;
mod server;
mod shop;
mod world;

use fare_server::intake::IntakeError;
use fare_server::store::StoreError;
use faregate::journal::JournalError;
use std::collections::BTreeMap;
use std::fmt;

/// What to simulate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Everything that happens follows from it.
    pub seed: u64,
    /// How long riders travel. Afterwards faults end, and everything that waits is delivered.
    pub hours: u32,
    /// Gates, half of them entries; at least 4.
    pub gates: u32,
    /// Riders.
    pub riders: u32,
    /// How many faults: 0 is none, 1 the usual.
    pub faults: f32,
}

/// What happened, when no rule was broken. Two runs of the same settings give the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Events taken from the queue.
    pub steps: u64,
    /// Codes shown at gates.
    pub shown: u64,
    /// Barriers opened.
    pub opened: u64,
    /// Records committed.
    pub records: u64,
    /// Commits that the journal refused.
    pub refused: u64,
    /// Power cuts of gates.
    pub cuts: u64,
    /// Restarts of the server.
    pub restarts: u64,
    /// Uploads that reached the server.
    pub uploads: u64,
    /// Answers that a record got once more.
    pub repeats: u64,
    /// Times that the fire input came on.
    pub fires: u64,
    /// Codes shown at gates that had no network.
    pub alone: u64,
    /// Riders refused because first rides may cost enough by then.
    pub first: u64,
    /// People whom staff let through.
    pub helped: u64,
    /// Times that a system clock was set wrong.
    pub jumps: u64,
    /// Times that a gate was too unsure of the time to judge codes by it.
    pub unsure: u64,
    /// Journeys charged.
    pub charged: u64,
    /// What they cost together, in minor units.
    pub revenue: i64,
    /// Uses of products by journeys.
    pub uses: u64,
    /// Journeys on tickets.
    pub tickets: u64,
    /// Conflicts that stand at the end, by kind.
    pub conflicts: BTreeMap<&'static str, u64>,
}

/// A rule of the design that does not hold, or a part that failed where it must not.
#[derive(Debug, thiserror::Error)]
pub enum RuleBroken {
    /// A barrier opened without a record, or its record is not at the server.
    #[error("rule 1, no opening without a record: {0}")]
    Opening(String),
    /// A chain has a gap or a fork.
    #[error("rule 2, every confirmation is a link: {0}")]
    Chain(String),
    /// A repeat got another answer, or something was applied twice.
    #[error("rule 3, applied exactly once: {0}")]
    Once(String),
    /// Money does not follow passage, or the books do not balance.
    #[error("rule 4, money follows passage: {0}")]
    Money(String),
    /// A gate did not start from its file.
    #[error("rule 5, a gate needs nobody to start: {0}")]
    Start(JournalError),
    /// A good record was refused, or the outbox was not drained.
    #[error("rule 6, nothing is lost: {0}")]
    Lost(String),
    /// A conflict is missing, or one stands that should not.
    #[error("rule 7, conflicts are shown: {0}")]
    Conflicts(String),
    /// A gate's time is further off than it says, or went back.
    #[error("rule 8, one clock and its bound: {0}")]
    Clock(String),
    /// First rides may cost more than a gate with old news may risk, or were not counted.
    #[error("a gate that is alone risks no more than it may: {0}")]
    Alone(String),
    /// The fire input did not open a barrier.
    #[error("rule 10, fail open for safety: {0}")]
    Fire(String),
    /// The journal failed where no fault was.
    #[error("{0}")]
    Journal(#[from] JournalError),
    /// The server's intake failed.
    #[error("{0}")]
    Intake(#[from] IntakeError),
    /// The server's store failed.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The simulation itself could not go on.
    #[error("the simulation: {0}")]
    Simulation(String),
}

/// The first rule that was broken, with the command that shows it again.
#[derive(Debug, thiserror::Error)]
#[error("{rule}\n  {after} ms into the day; it happens again with: {settings}")]
pub struct Broken {
    /// Which rule, and how.
    pub rule: Box<RuleBroken>,
    /// When, in simulated time from the start.
    pub after: i64,
    /// In which run.
    pub settings: Settings,
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            seed,
            hours,
            gates,
            riders,
            faults,
        } = self;
        write!(
            f,
            "cargo run -q -p fare-sim -- city --seed {seed} --hours {hours} --gates {gates} \
             --riders {riders} --faults {faults}"
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            steps,
            shown,
            opened,
            records,
            refused,
            cuts,
            restarts,
            uploads,
            repeats,
            fires,
            alone,
            first,
            helped,
            jumps,
            unsure,
            charged,
            revenue,
            uses,
            tickets,
            conflicts,
        } = self;
        write!(
            f,
            "{steps} steps: {shown} codes shown, {opened} barriers opened, {records} records, \
             {refused} commits refused, {cuts} power cuts; {uploads} uploads, {repeats} repeats, \
             {restarts} restarts; {fires} fires, {alone} codes shown without a network, {first} first rides refused, {helped} people let through by staff, {jumps} clocks set \
             wrong, {unsure} gates unsure of the time; {charged} journeys for {revenue} fen, {uses} uses of products, {tickets} tickets; conflicts {conflicts:?}"
        )
    }
}

/// Simulates a city.
///
/// # Errors
/// The first rule that was broken.
pub fn run(settings: Settings) -> Result<Report, Broken> {
    let broken = |after, rule| Broken {
        rule: Box::new(rule),
        after,
        settings,
    };
    let mut world = world::World::new(settings).map_err(|rule| broken(0, rule))?;
    match world.run() {
        Ok(report) => Ok(report),
        Err(rule) => Err(broken(world.after(), rule)),
    }
}
