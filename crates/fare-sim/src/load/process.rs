//! A process as Linux tells of it in /proc.

use super::Share;
use anyhow::Context;
use serde::Serialize;
use std::fs;
use std::time::Duration;
use tokio::time::Instant;

/// Clock ticks a second in /proc/PID/stat: the same on every Linux (`USER_HZ`).
const TICKS_PER_S: u64 = 100;

/// Columns of /proc/PID/stat behind the name, counted from 0: time in the program, and in the kernel for it.
const TIMES: [usize; 2] = [11, 12];

/// What a process has in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// All of it, in KiB (`VmRSS`).
    pub resident_kib: u64,
    /// Of it what no file stands behind, in KiB (`RssAnon`).
    pub own_kib: u64,
}

/// A process that is watched.
pub(super) struct Watched(u32);

impl Watched {
    pub(super) fn new(pid: u32) -> Self {
        Self(pid)
    }

    /// What it takes while `work` goes on, and what that answers.
    pub(super) async fn over<T>(
        &self,
        work: impl Future<Output = T>,
    ) -> anyhow::Result<(Share, T)> {
        let (begun, before) = (Instant::now(), self.cpu()?);
        let done = work.await;
        let (took, used) = (begun.elapsed(), self.cpu()?.saturating_sub(before));
        let share = Share {
            seconds: took.as_secs_f64(),
            cpu_percent: 100.0 * used.as_secs_f64() / took.as_secs_f64(),
            memory: self.memory()?,
        };
        Ok((share, done))
    }

    fn cpu(&self) -> anyhow::Result<Duration> {
        cpu_of(&self.read("stat")?).context("no times in /proc/PID/stat")
    }

    fn memory(&self) -> anyhow::Result<Memory> {
        memory_of(&self.read("status")?).context("no memory in /proc/PID/status")
    }

    fn read(&self, file: &str) -> anyhow::Result<String> {
        let path = format!("/proc/{}/{file}", self.0);
        fs::read_to_string(path).context("the gate has ended")
    }
}

/// Processor time of the whole process. The name before the columns may hold anything, also a `)`.
fn cpu_of(stat: &str) -> Option<Duration> {
    let columns: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = TIMES.map(|at| columns.get(at)?.parse::<u64>().ok());
    let ticks = ticks.into_iter().sum::<Option<u64>>()?;
    Some(Duration::from_millis(ticks * 1_000 / TICKS_PER_S))
}

fn memory_of(status: &str) -> Option<Memory> {
    let kib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().trim_end_matches("kB").trim().parse().ok()
    };
    Some(Memory {
        resident_kib: kib("VmRSS:")?,
        own_kib: kib("RssAnon:")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_linux_says_is_read() {
        let stat = "812 (fare) gate) S 1 812 812 0 -1 4194560 4321 0 0 0 150 27 0 0 20 0 6 0 1";
        assert_eq!(cpu_of(stat), Some(Duration::from_millis(1_770)));
        assert_eq!(cpu_of("812 (faregate) S 1"), None);
        let status =
            "Name:\tfaregate\nVmHWM:\t   27000 kB\nVmRSS:\t   26000 kB\nRssAnon:\t   14000 kB\n";
        let memory = Memory {
            resident_kib: 26_000,
            own_kib: 14_000,
        };
        assert_eq!(memory_of(status), Some(memory));
    }
}
