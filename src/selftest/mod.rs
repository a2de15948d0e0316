//! Whether the gate's devices work, with a technician before it and no daemon running.
//!
//! ```text
//! hold the journal (no daemon can start) ─▶ clock, disk, temperature ─▶ probe note, synced
//!                                        ─▶ a code before camera, scanner ─▶ barrier open and shut
//! ```
//! Each check says what was seen and, when it failed, what to do. One that fails does not keep the
//! others from being made; only the barrier waits for the probe note.

mod barrier;
mod frames;
mod scanner;
mod signals;

use crate::clock;
use crate::config::GateConfig;
use crate::journal::{JournalError, JournalProbe, ProbeSynced};
use crate::status::{Machine, Problem, machine_problems};
use serde::Serialize;
use std::path::PathBuf;
use std::time::Duration;

/// A disk that needs longer for one note would make riders wait.
const PROBE_MAX: Duration = Duration::from_millis(200);

/// What is tried.
#[derive(Clone, Debug)]
pub struct Plan {
    /// A recording in the place of the configured camera.
    pub frames: Option<PathBuf>,
    /// How long to wait for a code.
    pub patience: Duration,
    /// What is left out.
    pub skip: Vec<Part>,
}

/// A part of the gate that can be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// Reading a code with the camera.
    Frames,
    /// Reading a code with the scanner.
    Scanner,
    /// Lighting the lamps.
    Lamps,
    /// Speaking a sentence.
    Voice,
    /// Opening and shutting the barrier.
    Barrier,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It works.
    Passed,
    /// It does not.
    Failed,
    /// It was not tried.
    Skipped,
}

/// One thing that was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Its stable name.
    pub name: &'static str,
    /// How it ended.
    pub outcome: Outcome,
    /// What was seen.
    pub saw: String,
    /// What to do about it; nothing unless it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub todo: Option<String>,
}

impl Check {
    fn passed(name: &'static str, saw: impl Into<String>) -> Self {
        Self {
            name,
            outcome: Outcome::Passed,
            saw: saw.into(),
            todo: None,
        }
    }

    fn failed(name: &'static str, saw: impl Into<String>, todo: impl Into<String>) -> Self {
        Self {
            name,
            outcome: Outcome::Failed,
            saw: saw.into(),
            todo: Some(todo.into()),
        }
    }

    fn skipped(name: &'static str, why: &str) -> Self {
        Self {
            name,
            outcome: Outcome::Skipped,
            saw: why.to_owned(),
            todo: None,
        }
    }
}

/// Tries everything; `tell` hears of each check as it ends, and what the technician is to do next.
///
/// # Errors
/// [`JournalError::InUse`] when a daemon runs: then nothing was touched.
pub async fn run(
    config: &GateConfig,
    plan: &Plan,
    mut tell: impl FnMut(Progress<'_>),
) -> Result<Vec<Check>, JournalError> {
    let mut checks = Vec::new();
    let mut done = |check: Check, tell: &mut dyn FnMut(Progress<'_>)| {
        tell(Progress::Done(&check));
        checks.push(check);
    };
    // Not only for the probe: while it is held no daemon can fight over camera and barrier.
    let mut probe = match JournalProbe::hold(&config.journal) {
        Ok(probe) => Ok(probe),
        Err(err @ JournalError::InUse { .. }) => return Err(err),
        Err(err) => Err(err),
    };
    for check in computer(config) {
        done(check, &mut tell);
    }
    let synced = probe.as_mut().map_err(|err| err.to_string());
    let synced = synced.and_then(|probe| probe.write(clock::now()).map_err(|err| err.to_string()));
    done(journal(&synced), &mut tell);
    let frames = match (&config.frames, &plan.frames) {
        _ if plan.skip.contains(&Part::Frames) => Check::skipped("frames", "left out"),
        (None, None) => Check::skipped("frames", "this gate has no camera"),
        (source, recording) => {
            tell(Progress::Wanted("hold a code before the camera"));
            frames::check(source.clone(), recording.clone(), plan.patience).await
        }
    };
    done(frames, &mut tell);
    if let Some(scanner) = &config.scanner {
        let scanner = if plan.skip.contains(&Part::Scanner) {
            Check::skipped("scanner", "left out")
        } else {
            tell(Progress::Wanted("hold a code before the scanner"));
            scanner::check(scanner, plan.patience).await
        };
        done(scanner, &mut tell);
    }
    if let Some(check) = lamps(config, plan, &mut tell).await {
        done(check, &mut tell);
    }
    if let Some(check) = voice(config, plan, &mut tell).await {
        done(check, &mut tell);
    }
    let barrier = match &synced {
        _ if plan.skip.contains(&Part::Barrier) => Check::skipped("barrier", "left out"),
        Err(_) => Check::skipped("barrier", "not moved: the probe could not be recorded"),
        Ok(synced) => {
            tell(Progress::Wanted(
                "keep the lane free: the barrier opens and shuts",
            ));
            barrier::check(config.barrier.clone(), synced).await
        }
    };
    done(barrier, &mut tell);
    Ok(checks)
}

/// The lamps, where there are any.
async fn lamps(
    config: &GateConfig,
    plan: &Plan,
    tell: &mut impl FnMut(Progress<'_>),
) -> Option<Check> {
    let lamps = config.lamps.as_ref()?;
    if plan.skip.contains(&Part::Lamps) {
        return Some(Check::skipped("lamps", "left out"));
    }
    tell(Progress::Wanted("look at the lamps: each is lit once"));
    Some(signals::lamps(lamps).await)
}

/// The voice, where there is one.
async fn voice(
    config: &GateConfig,
    plan: &Plan,
    tell: &mut impl FnMut(Progress<'_>),
) -> Option<Check> {
    let voice = config.voice.as_ref()?;
    if plan.skip.contains(&Part::Voice) {
        return Some(Check::skipped("voice", "left out"));
    }
    tell(Progress::Wanted("listen: a sentence is spoken"));
    Some(signals::voice(voice).await)
}

/// What happens while the checks are made.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'c> {
    /// The technician is to do this now.
    Wanted(&'static str),
    /// A check has ended.
    Done(&'c Check),
}

/// Clock, disk, temperature.
fn computer(config: &GateConfig) -> [Check; 3] {
    let (now, machine) = (clock::now(), Machine::look(&config.journal));
    let problems = machine_problems(&machine, now);
    let check = |name, problem: &str, saw: String| {
        let found = problems.iter().find(|found| found.code == problem);
        match found {
            Some(Problem { what, todo, .. }) => Check::failed(name, what.clone(), *todo),
            None => Check::passed(name, saw),
        }
    };
    let time = crate::logbook::Zone::utc().short(now);
    let set = match machine.clock_synchronised {
        Some(true) => "set by a time server since the start",
        Some(false) => "not set by a time server since the start",
        None => "nothing here says whether a time server has set it",
    };
    let disk = machine.disk.map_or_else(
        || "the system does not say how much is free".to_owned(),
        |disk| {
            format!(
                "{} free ({} %)",
                crate::status::mib(disk.free),
                disk.free_percent()
            )
        },
    );
    let warmest = machine.warmest.as_ref().map_or_else(
        || "no sensor".to_owned(),
        |warmest| format!("{:.0} °C ({})", warmest.celsius, warmest.sensor),
    );
    [
        check("clock", "clock-wrong", format!("{time} UTC, {set}")),
        check("disk", "disk-full", disk),
        check("temperature", "hot", warmest),
    ]
}

fn journal(synced: &Result<ProbeSynced, String>) -> Check {
    match synced {
        Ok(synced) if synced.took() <= PROBE_MAX => {
            let ms = synced.took().as_secs_f64() * 1_000.0;
            Check::passed(
                "journal",
                format!("a note was on the disk after {ms:.1} ms"),
            )
        }
        Ok(synced) => Check::failed(
            "journal",
            format!(
                "a note took {} ms to reach the disk",
                synced.took().as_millis()
            ),
            "the disk is slow or worn out: replace the card",
        ),
        Err(err) => Check::failed(
            "journal",
            err.clone(),
            "run this as root or as the user faregate",
        ),
    }
}
