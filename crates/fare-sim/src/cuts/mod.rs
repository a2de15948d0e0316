//! Power cuts that lose what was not synced. A journal is worked on under `strace`, which records every
//! write and sync that reaches the kernel; then the disk is built as a cut at any of those calls may
//! have left it: of what was written after a file's last sync each sector is there or not, as a seed
//! decides, and so are names that the folder's last sync did not cover. On each such image the real
//! journal is opened, and must hold every record whose commit had returned by then.
//!
//! Why so: a file layer under SQLite would have to be a VFS in C or `unsafe` Rust (and `sqlite-vfs`, the
//! crate for it, knows no write-ahead log), or a FUSE file system, for which a CI machine may lack the
//! device and the right to mount. Recording needs neither, the program under test runs its own
//! unchanged file layer, and one recording gives thousands of images. Where they are cut and what they
//! lose follows from the seed; the recording itself has two threads and differs a little each time.
//! What it leaves out: the shared index `-shm` is memory, written without calls; images have none or
//! one full of noise, as SQLite makes it anew after a crash.

mod disk;
mod trace;
mod work;

pub use work::work;

use crate::seed::Seed;
use anyhow::{Context, bail, ensure};
use disk::{Disk, Image};
use fare_protocol::{RecordHash, RecordId, Seq, SignedRecord};
use faregate::journal::Journal;
use rusqlite::{Connection, OpenFlags};
use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;
use trace::Call;

/// Below this folder files are in memory: images need no disk of their own.
const MEMORY: &str = "/dev/shm";

/// The journal's file, and the list of what it answered, in the folder of the recording.
const JOURNAL: &str = "journal";
const ANSWERED: &str = "answered";

/// The calls that change files, or make changes last.
const CALLS: &str = "trace=pwrite64,pwritev,pwritev2,write,writev,fsync,fdatasync,sync_file_range,\
                     ftruncate,truncate,fallocate,openat,open,creat,unlink,unlinkat,rename,renameat,\
                     renameat2,link,linkat,sendfile,copy_file_range";

/// What to do.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How many cuts.
    pub images: u32,
    /// Where they are and what they lose follows from this number.
    pub seed: u64,
    /// Riders in the recording; two records each.
    pub riders: u32,
}

/// What it came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Cuts.
    pub images: u32,
    /// Calls in the recording, at any of which a cut may be.
    pub calls: u64,
    /// Syncs among them.
    pub syncs: u64,
    /// Unsynced sectors that the images lost.
    pub sectors_lost: u64,
    /// Unsynced sectors that they kept.
    pub sectors_kept: u64,
    /// Records that had been answered before their cut, over all images.
    pub answered: u64,
    /// Of these, missing.
    pub lost: u64,
    /// Images on which the journal did not open, or its chain was broken.
    pub broken: u32,
    /// Images of a disk that ignores syncs on which something was missing or broken: the check can
    /// fail.
    pub control_failed: u32,
    /// How many such images were made.
    pub control: u32,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (calls, syncs) = (self.calls, self.syncs);
        writeln!(
            f,
            "images       {:>9}  of {calls} calls, {syncs} syncs",
            self.images
        )?;
        let (gone, kept) = (self.sectors_lost, self.sectors_kept);
        writeln!(
            f,
            "unsynced     {gone:>9}  sectors lost, {kept} kept, 512 bytes each"
        )?;
        writeln!(
            f,
            "answered     {:>9}  records before their cut, in all",
            self.answered
        )?;
        writeln!(f, "lost         {:>9}", self.lost)?;
        writeln!(
            f,
            "broken       {:>9}  not opened, or no whole chain",
            self.broken
        )?;
        write!(
            f,
            "control      {:>9}  of {} images fail on a disk that ignores syncs",
            self.control_failed, self.control
        )
    }
}

/// What the list of answers says: records that were committed, and those that were handed to the
/// server, which the journal may forget.
#[derive(Clone, Debug, Default)]
struct Answered {
    committed: BTreeMap<Seq, RecordId>,
    may_go: HashSet<Seq>,
}

/// Records a journal at work, cuts, and looks at what is left.
///
/// # Errors
/// When `strace` is missing or not allowed, or an image cannot be written.
pub fn run(plan: Plan) -> anyhow::Result<Outcome> {
    let folder = TempDir::with_prefix("fare-cuts-").context("no temporary folder")?;
    let calls = record(plan, folder.path())?;
    let mut outcome = Outcome {
        images: plan.images,
        calls: calls.len() as u64,
        syncs: calls.iter().filter(|call| call.is_sync()).count() as u64,
        control: (plan.images / 10).clamp(20, 200),
        ..Outcome::default()
    };
    let seed = Seed::new(plan.seed);
    each_cut(&calls, plan.images, true, &seed, |image, answered| {
        outcome.answered += answered.committed.len() as u64;
        outcome.sectors_lost += image.lost;
        outcome.sectors_kept += image.kept;
        match look(image, answered, &seed) {
            Ok(lost) => outcome.lost += lost,
            Err(error) => {
                tracing::error!("seed {}, cut {}: {error:#}", plan.seed, image.cut);
                outcome.broken += 1;
            }
        }
        Ok(())
    })?;
    each_cut(&calls, outcome.control, false, &seed, |image, answered| {
        let failed = look(image, answered, &seed).map_or(true, |lost| lost > 0);
        outcome.control_failed += u32::from(failed);
        Ok(())
    })?;
    Ok(outcome)
}

/// Lets a process of its own work on a journal in `folder` under strace.
fn record(plan: Plan, folder: &Path) -> anyhow::Result<Vec<Call>> {
    let folder = fs::canonicalize(folder)?;
    let work = folder.join("work");
    fs::create_dir(&work)?;
    let trace = folder.join("trace");
    let here = std::env::current_exe().context("cannot tell where this program lies")?;
    let mut strace = Command::new("strace");
    strace.args(["-f", "-y", "-xx", "-s", "1000000", "-e", CALLS, "-o"]);
    strace.arg(&trace).arg(here).args(["cuts", "--work-in"]);
    strace
        .arg(&work)
        .args(["--riders", &plan.riders.to_string()]);
    let done = strace.output();
    let done = done.context("cannot start strace; install it: scripts/setup test")?;
    let said = String::from_utf8_lossy(&done.stderr);
    ensure!(done.status.success(), "the work under strace: {said}");
    let text = fs::read_to_string(&trace)?;
    let calls = trace::calls(&text, &work)?;
    ensure!(calls.iter().any(Call::is_sync), "nothing was synced");
    Ok(calls)
}

/// Makes `images` images, cut at calls all over the recording, in its order.
fn each_cut(
    calls: &[Call],
    images: u32,
    syncs_count: bool,
    seed: &Seed,
    mut each: impl FnMut(&Image, &Answered) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut random = seed.fork("cuts", 0);
    let places = calls.len() as u64 + 1;
    let mut cuts: Vec<u64> = (0..images).map(|_| random.below(places)).collect();
    cuts.sort_unstable();
    let (mut disk, mut done) = (Disk::new(syncs_count), 0);
    for (number, cut) in (0..).zip(cuts) {
        for call in calls.get(done..cut as usize).unwrap_or_default() {
            disk.apply(call);
        }
        done = cut as usize;
        let image = disk.image(cut, &mut seed.fork("image", number));
        // The list is kept outside: it loses nothing.
        let answered = Answered::read(disk.now(ANSWERED))?;
        each(&image, &answered)?;
    }
    Ok(())
}

impl Answered {
    /// Lines of `committed SEQ ID` and `may-go SEQ`.
    fn read(list: &[u8]) -> anyhow::Result<Self> {
        let mut answered = Self::default();
        for line in std::str::from_utf8(list)?.lines() {
            match line.split(' ').collect::<Vec<_>>().as_slice() {
                ["committed", seq, id] => {
                    let id = id.parse()?;
                    answered.committed.insert(Seq(seq.parse()?), id);
                }
                ["may-go", seq] => {
                    answered.may_go.insert(Seq(seq.parse()?));
                }
                _ => bail!("the list of answers says {line:?}"),
            }
        }
        Ok(answered)
    }
}

/// Opens the journal on an image, looks for what was answered, and commits one more record. How many
/// of the answered ones are missing.
fn look(image: &Image, answered: &Answered, seed: &Seed) -> anyhow::Result<u64> {
    let folder = if Path::new(MEMORY).is_dir() {
        TempDir::with_prefix_in("fare-cut-", MEMORY)?
    } else {
        TempDir::with_prefix("fare-cut-")?
    };
    let path = folder.path().join(JOURNAL);
    for (name, content) in &image.files {
        fs::write(folder.path().join(name), content)?;
    }
    let mut random = seed.fork("index", image.cut);
    if random.happens(0.5) {
        let noise: Vec<u8> = (0..4_096).flat_map(|_| random.bytes::<8>()).collect();
        fs::write(folder.path().join(format!("{JOURNAL}-shm")), noise)?;
    }
    let journal = Journal::open_keeping(&path, work::identity()?, work::RETENTION)?;
    let records = chain(&path)?;
    let missing = answered.committed.iter().filter(|(seq, id)| {
        let there = records.get(seq).is_some_and(|there| there == *id);
        !there && !answered.may_go.contains(seq)
    });
    let missing = missing.count() as u64;
    let mut beyond = (1 << 40)..;
    let after = work::stamp(1 << 40);
    journal.recover(after, || work::id(beyond.next().unwrap_or(u64::MAX)))?;
    let more = journal.commit_blocking(work::confirmation(1 << 41))?;
    let last = chain(&path)?.keys().next_back().copied();
    ensure!(last == Some(more.get().record().seq), "the chain's end");
    journal.close()?;
    Ok(missing)
}

/// The records on the disk, each verified, each following the one before it unless that was forgotten.
fn chain(path: &Path) -> anyhow::Result<BTreeMap<Seq, RecordId>> {
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut query = db.prepare("SELECT envelope FROM records ORDER BY seq")?;
    let rows = query.query_map([], |row| row.get::<_, Vec<u8>>(0))?;
    let mut records = BTreeMap::new();
    let mut before: Option<(Seq, RecordHash)> = None;
    for row in rows {
        let record = SignedRecord::parse(&row?)?;
        let hash = record.hash();
        let record = record.verify(&work::public_key())?;
        let said = record.record();
        if let Some((seq, hash)) = before {
            let follows = said.seq != seq.next() || said.previous == hash;
            ensure!(follows, "record {} does not follow", said.seq);
        }
        before = Some((said.seq, hash));
        records.insert(said.seq, said.id);
    }
    Ok(records)
}
