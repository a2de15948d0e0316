//! A disk that keeps what was synced and, of the rest, what it likes.

use super::trace::Call;
use crate::seed::Seed;
use std::collections::{BTreeMap, HashMap};

/// Disks write whole sectors of so many bytes, or do not write them.
const SECTOR: usize = 512;

/// A folder on that disk.
#[derive(Debug)]
pub(super) struct Disk {
    syncs_count: bool,
    files: Vec<File>,
    /// Names now, and as the last sync of the folder left them.
    names: BTreeMap<String, usize>,
    names_synced: BTreeMap<String, usize>,
    /// What happened to names since.
    name_changes: Vec<NameChange>,
    /// What the syncs under way will have made last: changes of a file or of names, by thread.
    under_way: HashMap<u32, (Option<usize>, usize)>,
}

#[derive(Debug, Default)]
struct File {
    now: Vec<u8>,
    synced: Vec<u8>,
    changes: Vec<Change>,
}

#[derive(Clone, Debug)]
enum Change {
    Wrote { at: usize, bytes: Vec<u8> },
    Cut(usize),
}

#[derive(Clone, Debug)]
enum NameChange {
    Made(String, usize),
    Removed(String),
}

/// A folder as a cut may have left it.
#[derive(Debug)]
pub(super) struct Image {
    /// After how many calls.
    pub(super) cut: u64,
    pub(super) files: BTreeMap<String, Vec<u8>>,
    /// Unsynced sectors that went, and that stayed.
    pub(super) lost: u64,
    pub(super) kept: u64,
}

impl Disk {
    /// An empty folder. A disk on which syncs do not count shows what a check would miss without.
    pub(super) fn new(syncs_count: bool) -> Self {
        Self {
            syncs_count,
            files: Vec::new(),
            names: BTreeMap::new(),
            names_synced: BTreeMap::new(),
            name_changes: Vec::new(),
            under_way: HashMap::new(),
        }
    }

    /// What a running program reads in this file.
    pub(super) fn now(&self, name: &str) -> &[u8] {
        let file = self.names.get(name).and_then(|at| self.files.get(*at));
        file.map_or(&[], |file| &file.now)
    }

    pub(super) fn apply(&mut self, call: &Call) {
        match call {
            Call::Made { name, emptied } => self.made(name, *emptied),
            Call::Wrote { name, at, bytes } => {
                if let Some(file) = self.file(name) {
                    let at = at.and_then(|at| usize::try_from(at).ok());
                    let at = at.unwrap_or(file.now.len());
                    let bytes = bytes.clone();
                    file.change(Change::Wrote { at, bytes });
                }
            }
            Call::Cut { name, len } => {
                if let Some(file) = self.file(name) {
                    file.change(Change::Cut(usize::try_from(*len).unwrap_or(usize::MAX)));
                }
            }
            Call::SyncBegan { thread, name } => {
                let covered = if name.is_empty() {
                    Some((None, self.name_changes.len()))
                } else {
                    let at = self.names.get(name).copied();
                    at.and_then(|at| Some((Some(at), self.files.get(at)?.changes.len())))
                };
                self.under_way
                    .extend(covered.map(|covered| (*thread, covered)));
            }
            Call::SyncDone { thread } => match self.under_way.remove(thread) {
                Some((file, changes)) if self.syncs_count => self.synced(file, changes),
                Some(_) | None => {}
            },
            Call::Removed { name } => {
                self.names.remove(name);
                self.name_changes.push(NameChange::Removed(name.clone()));
            }
        }
    }

    fn file(&mut self, name: &str) -> Option<&mut File> {
        let at = *self.names.get(name)?;
        self.files.get_mut(at)
    }

    fn made(&mut self, name: &str, emptied: bool) {
        match self.file(name) {
            Some(file) if emptied => file.change(Change::Cut(0)),
            Some(_) => {}
            None => {
                let at = self.files.len();
                self.files.push(File::default());
                self.names.insert(name.to_owned(), at);
                self.name_changes
                    .push(NameChange::Made(name.to_owned(), at));
            }
        }
    }

    fn synced(&mut self, file: Option<usize>, changes: usize) {
        match file {
            Some(at) => {
                if let Some(file) = self.files.get_mut(at) {
                    let changes = changes.min(file.changes.len());
                    for change in file.changes.drain(..changes) {
                        change.apply(&mut file.synced);
                    }
                }
            }
            None => {
                let changes = changes.min(self.name_changes.len());
                for change in self.name_changes.drain(..changes) {
                    change.apply(&mut self.names_synced);
                }
            }
        }
    }

    /// What a cut now may leave. A file system may keep the names' changes up to any of them, and of a
    /// file's changes any sectors: all, none, or by chance.
    pub(super) fn image(&self, cut: u64, random: &mut Seed) -> Image {
        let keeps = match random.below(4) {
            0 => 0.0,
            1 => 1.0,
            2 => 0.5,
            _ => random.unit(),
        };
        let mut names = self.names_synced.clone();
        let kept_names = random.below(self.name_changes.len() as u64 + 1);
        for change in self.name_changes.iter().take(kept_names as usize) {
            change.apply(&mut names);
        }
        let mut image = Image {
            cut,
            files: BTreeMap::new(),
            lost: 0,
            kept: 0,
        };
        for (name, at) in names {
            let Some(file) = self.files.get(at) else {
                continue;
            };
            let mut content = file.synced.clone();
            for change in &file.changes {
                for sector in change.sectors() {
                    if random.unit() < keeps {
                        sector.apply(&mut content);
                        image.kept += 1;
                    } else {
                        image.lost += 1;
                    }
                }
            }
            image.files.insert(name, content);
        }
        image
    }
}

impl File {
    fn change(&mut self, change: Change) {
        change.apply(&mut self.now);
        self.changes.push(change);
    }
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Cut(len) => content.resize(*len, 0),
            Self::Wrote { at, bytes } => {
                let end = at + bytes.len();
                if content.len() < end {
                    content.resize(end, 0);
                }
                if let Some(place) = content.get_mut(*at..end) {
                    place.copy_from_slice(bytes);
                }
            }
        }
    }

    /// The change as a disk takes it: one for each sector that it touches.
    fn sectors(&self) -> Vec<Self> {
        match self {
            Self::Cut(_) => vec![self.clone()],
            Self::Wrote { at, bytes } => {
                let mut sectors = Vec::new();
                let (mut at, mut rest) = (*at, bytes.as_slice());
                while !rest.is_empty() {
                    let len = rest.len().min(SECTOR - at % SECTOR);
                    let (sector, more) = rest.split_at(len);
                    let bytes = sector.to_vec();
                    sectors.push(Self::Wrote { at, bytes });
                    (at, rest) = (at + len, more);
                }
                sectors
            }
        }
    }
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Made(name, at) => {
                names.insert(name.clone(), *at);
            }
            Self::Removed(name) => {
                names.remove(name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(calls: &[Call]) -> Disk {
        let mut disk = Disk::new(true);
        calls.iter().for_each(|call| disk.apply(call));
        disk
    }

    fn wrote(at: u64, byte: u8, len: usize) -> Call {
        Call::Wrote {
            name: "f".to_owned(),
            at: Some(at),
            bytes: vec![byte; len],
        }
    }

    fn made() -> Call {
        Call::Made {
            name: "f".to_owned(),
            emptied: false,
        }
    }

    fn sync(name: &str) -> [Call; 2] {
        let name = name.to_owned();
        [
            Call::SyncBegan { thread: 1, name },
            Call::SyncDone { thread: 1 },
        ]
    }

    #[test]
    fn what_was_synced_is_in_every_image_and_the_rest_in_some() {
        let [began, done] = sync("f");
        let [dir_began, dir_done] = sync("");
        let first = wrote(0, 1, 1_000);
        // Written while the sync is under way: not covered by it.
        let calls = [
            made(),
            first,
            began,
            wrote(512, 2, 1_024),
            done,
            dir_began,
            dir_done,
        ];
        let disk = disk(&calls);
        let mut seen = std::collections::BTreeSet::new();
        for n in 0..200 {
            let image = disk.image(7, &mut Seed::new(n));
            let file = &image.files["f"];
            assert!(file[..512].iter().all(|b| *b == 1), "image {n}");
            assert_eq!(image.lost + image.kept, 2);
            for sector in file[512..].chunks(512) {
                assert!(
                    sector
                        .iter()
                        .skip(488)
                        .all(|b| *b == sector[488.min(sector.len() - 1)])
                );
            }
            seen.insert((file[512], file.len()));
        }
        // Sectors torn apart from one another: neither, the first, the second, both.
        let all = [(1, 1_000), (1, 1_536), (2, 1_024), (2, 1_536)];
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), all);
    }

    #[test]
    fn a_name_may_be_lost_until_its_folder_is_synced() {
        let [began, done] = sync("f");
        let disk = disk(&[made(), wrote(0, 1, 8), began, done]);
        let there = |n| disk.image(4, &mut Seed::new(n)).files.contains_key("f");
        let times = (0..200).filter(|n| there(*n)).count();
        assert!((50..150).contains(&times), "{times}");
    }

    #[test]
    fn a_disk_that_ignores_syncs_loses_what_was_synced() {
        let [began, done] = sync("f");
        let [dir_began, dir_done] = sync("");
        let mut disk = Disk::new(false);
        for call in [made(), wrote(0, 1, 8), began, done, dir_began, dir_done] {
            disk.apply(&call);
        }
        let whole = |n| disk.image(6, &mut Seed::new(n)).files.get("f") == Some(&vec![1; 8]);
        assert!((0..100).any(|n| !whole(n)) && (0..100).any(whole));
        assert_eq!(disk.now("f"), [1; 8]);
    }
}
