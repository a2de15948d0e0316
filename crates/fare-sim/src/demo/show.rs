//! Sends riders through the metro and shows each journey when it has been charged.

use super::Plan;
use super::console::State;
use super::held;
use super::metro::{GateView, Metro};
use super::process::Processes;
use super::report::{self, Charged, Expected, Walkers};
use super::travel::{Travelled, send_through};
use crate::cast::{Cast, PAYERS};
use crate::clock;
use crate::seed::Seed;
use anyhow::Context;
use fare_protocol::RiderClass;
use std::cell::Cell;
use std::collections::HashSet;
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, mpsc};
use tokio::time::MissedTickBehavior;

/// How often the server is asked for news of journeys.
const ASK_EVERY: Duration = Duration::from_millis(150);
/// How long a journey may take to be charged after its rider has left.
const CHARGE_MAX: Duration = Duration::from_secs(20);

/// The running demo.
pub(super) struct Show<'p> {
    plan: &'p Plan,
    /// Where everything is kept.
    dir: &'p Path,
    metro: Metro,
    processes: &'p Processes,
    cast: Cast,
    /// Journeys that have been charged.
    rows: Vec<Charged>,
    /// Riders who have left and are not charged yet.
    waiting: Vec<Waiting>,
}

struct Waiting {
    travelled: Travelled,
    /// Masked, as the server shows it.
    account: String,
    class: RiderClass,
    since: Instant,
}

impl<'p> Show<'p> {
    pub(super) fn new(
        plan: &'p Plan,
        dir: &'p Path,
        metro: Metro,
        processes: &'p Processes,
    ) -> Self {
        let cast = Cast::new(&Seed::new(plan.seed), clock::now());
        Self {
            plan,
            dir,
            metro,
            processes,
            cast,
            rows: Vec::new(),
            waiting: Vec::new(),
        }
    }

    /// Runs all journeys and, when asked to stay, more until it is dropped. `proven` is set when all
    /// of the first journeys were right.
    pub(super) async fn run(mut self, proven: &Cell<bool>) -> anyhow::Result<()> {
        let mut out = io::stdout();
        let (page, screens) = (self.metro.console.page(), self.metro.screens.clone());
        report::print_intro(&mut out, &page, &screens, self.plan)?;
        report::print_head(&mut out)?;
        let cast = self.cast.clone();
        let mut riders = distinct(&cast, self.plan.pay_codes);
        self.ride(riders.by_ref().take(self.plan.journeys)).await?;
        self.look_at_till().await?;
        let state = self.metro.console.state().await?;
        let expected = Expected {
            journeys: self.plan.journeys,
            from: self.plan.from,
            to: self.plan.to,
        };
        let faults = report::faults(&self.rows, &state, expected);
        report::print_summary(&mut out, &self.rows, &state, &faults)?;
        anyhow::ensure!(
            faults.is_empty(),
            "not every journey was charged once and right"
        );
        proven.set(true);
        if self.plan.stay {
            report::print_stay(&mut out, &page, &screens, self.walkers())?;
            let held = [&self.metro.entry, &self.metro.exit].map(|gate| {
                let commands = self.metro.riders.clone();
                held::watch(self.dir.to_owned(), gate.clone(), commands)
            });
            let [entry, exit] = held;
            tokio::select! {
                ridden = self.ride(riders) => ridden?,
                watched = entry => watched?,
                watched = exit => watched?,
            }
        }
        Ok(())
    }

    /// Whether who rode by a pay code has been charged by the platform, once and the right fare.
    async fn look_at_till(&self) -> anyhow::Result<()> {
        let Some(till) = &self.metro.till else {
            return Ok(());
        };
        let by_code = |row: &&Charged| row.travelled.rider >= PAYERS;
        let fares: Vec<_> = self
            .rows
            .iter()
            .filter(by_code)
            .map(|row| row.expected)
            .collect();
        till.charged(self.metro.console.http(), &fares).await?;
        let mut out = io::stdout();
        writeln!(
            out,
            "\n{} of them paid by a pay code, each charged once by the platform {}",
            fares.len(),
            till.base()
        )?;
        Ok(out.flush()?)
    }

    /// What somebody with a wallet must know, when there is one.
    fn walkers(&self) -> Option<Walkers> {
        let file = |gate: &Mutex<GateView>| {
            let gate = gate.try_lock().ok()?.gate;
            Some(held::file_for(self.dir, gate.as_str()))
        };
        Some(Walkers {
            wallet: format!("http://{}/", self.metro.wallet?),
            entry: file(&self.metro.entry)?,
            exit: file(&self.metro.exit)?,
        })
    }

    /// Sends `riders` through and prints their journeys, until all are charged.
    async fn ride(&mut self, riders: impl Iterator<Item = u64>) -> anyhow::Result<()> {
        let (done, mut travelled) = mpsc::unbounded_channel();
        let Metro {
            riders: commands,
            entry,
            exit,
            ..
        } = &self.metro;
        let travel = send_through(
            riders,
            commands.clone(),
            entry.clone(),
            exit.clone(),
            self.plan.walk,
            done,
        );
        tokio::pin!(travel);
        let mut on_the_way = true;
        let mut ask = tokio::time::interval(ASK_EVERY);
        ask.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while on_the_way || !self.waiting.is_empty() {
            tokio::select! {
                end = &mut travel, if on_the_way => {
                    end?;
                    on_the_way = false;
                }
                _ = ask.tick() => {
                    self.processes.check()?;
                    self.show_charged().await?;
                }
            }
            while let Ok(travelled) = travelled.try_recv() {
                self.expect(travelled);
            }
        }
        Ok(())
    }

    fn expect(&mut self, travelled: Travelled) {
        let rider = self.cast.rider(travelled.rider);
        self.waiting.push(Waiting {
            travelled,
            account: rider.account().to_string(),
            class: rider.class(),
            since: clock::monotonic(),
        });
    }

    /// Prints the journeys that have been charged since the last time.
    async fn show_charged(&mut self) -> anyhow::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let state = self.metro.console.state().await?;
        for waiting in std::mem::take(&mut self.waiting) {
            if let Some(waiting) = self.show_one(waiting, &state)? {
                self.waiting.push(waiting);
            }
        }
        Ok(())
    }

    /// Prints one journey; gives it back when it has not been charged yet.
    fn show_one(&mut self, waiting: Waiting, state: &State) -> anyhow::Result<Option<Waiting>> {
        let mut journeys = state
            .journeys
            .iter()
            .filter(|j| j.account == waiting.account);
        let Some(journey) = journeys.clone().find(|journey| journey.is_closed()) else {
            let known = journeys
                .next()
                .map_or("unknown to the server", |j| j.state.as_str());
            anyhow::ensure!(
                waiting.since.elapsed() < CHARGE_MAX,
                "the journey of account {} was not charged within {} s: it is {known}",
                waiting.account,
                CHARGE_MAX.as_secs()
            );
            return Ok(Some(waiting));
        };
        let quote = self
            .metro
            .tariff()
            .quote(self.plan.from, self.plan.to, waiting.class)?;
        self.rows.push(Charged {
            number: self.rows.len() + 1,
            class: waiting.class,
            travelled: waiting.travelled,
            journey: journey.clone(),
            expected: quote.fare,
        });
        let row = self.rows.last().context("a row that was just added")?;
        report::print_row(&mut io::stdout(), row)?;
        Ok(None)
    }
}

/// Numbers of riders whose masked accounts differ, so that one can be told from another; the first `pay_codes` of
/// them pay by code.
fn distinct(cast: &Cast, pay_codes: usize) -> impl Iterator<Item = u64> {
    let mut seen = HashSet::new();
    let payers = (PAYERS..).take(pay_codes);
    payers
        .chain(0..)
        .filter(move |number| seen.insert(cast.rider(*number).account().to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn riders_can_be_told_apart_by_their_masked_accounts() {
        let cast = Cast::new(&Seed::new(1), clock::now());
        // 1000 of 65 536 masks: some would be taken twice.
        let riders: Vec<u64> = distinct(&cast, 3).take(1000).collect();
        let masks: HashSet<String> = riders
            .iter()
            .map(|n| cast.rider(*n).account().to_string())
            .collect();
        assert_eq!(masks.len(), 1000);
    }
}
