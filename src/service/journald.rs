//! The log as systemd's journal takes it natively: the line that people read, and beside it the fields
//! `FAREGATE_GATE`, `FAREGATE_STATION` and, where there is one, `FAREGATE_TAP`.
//!
//! Not tracing-journald: its message is the bare sentence, so that `journalctl` would show `refused` and
//! not what and why. The format: <https://systemd.io/JOURNAL_NATIVE_PROTOCOL/>.

use std::fmt::{self, Write};
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

const SOCKET: &str = "/run/systemd/journal/socket";

/// What every line of this gate carries.
#[derive(Clone, Debug)]
pub struct Labels {
    /// `FAREGATE_GATE`.
    pub gate: String,
    /// `FAREGATE_STATION`.
    pub station: String,
}

/// A layer that sends each event to the journal. Never waits: what the journal does not take at once is
/// lost and counted, and the next line says how many.
#[derive(Debug)]
pub struct Journald {
    socket: UnixDatagram,
    labels: Labels,
    lost: AtomicU64,
}

impl Journald {
    /// The layer, when standard error of this process is a stream to the journal (`$JOURNAL_STREAM`) and
    /// the journal listens.
    pub fn connect(labels: &Labels) -> Option<Self> {
        let stream = std::env::var("JOURNAL_STREAM").ok()?;
        let stderr = identity(&io::stderr()).ok()?;
        if stream != stderr {
            return None;
        }
        Self::to(Path::new(SOCKET), labels).ok()
    }

    fn to(socket: &Path, labels: &Labels) -> io::Result<Self> {
        let sender = UnixDatagram::unbound()?;
        sender.connect(socket)?;
        sender.set_nonblocking(true)?;
        Ok(Self {
            socket: sender,
            labels: labels.clone(),
            lost: AtomicU64::new(0),
        })
    }

    fn entry(&self, level: Level, target: &str, line: &Line) -> Vec<u8> {
        let lost = self.lost.load(Ordering::Relaxed);
        let mut message = line.text.clone();
        if lost > 0 {
            message.push_str(&format!(" (lost before this line: {lost})"));
        }
        let mut entry = Vec::with_capacity(256);
        put(&mut entry, "MESSAGE", &message);
        put(&mut entry, "PRIORITY", priority(level));
        put(&mut entry, "SYSLOG_IDENTIFIER", "faregate");
        put(&mut entry, "TARGET", target);
        put(&mut entry, "FAREGATE_GATE", &self.labels.gate);
        put(&mut entry, "FAREGATE_STATION", &self.labels.station);
        if let Some(tap) = &line.tap {
            put(&mut entry, "FAREGATE_TAP", tap);
        }
        entry
    }
}

impl<S: Subscriber> Layer<S> for Journald {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = Line::default();
        event.record(&mut line);
        let metadata = event.metadata();
        let entry = self.entry(*metadata.level(), metadata.target(), &line);
        match self.socket.send(&entry) {
            Ok(_) => self.lost.store(0, Ordering::Relaxed),
            Err(_) => {
                self.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// An event as people read it: the sentence, then `key=value`.
#[derive(Debug, Default)]
struct Line {
    text: String,
    tap: Option<String>,
}

impl Line {
    fn add(&mut self, name: &str, value: &str) {
        match name {
            "message" => self.text.insert_str(0, value),
            "tap" => {
                self.tap = Some(value.to_owned());
                self.pair(name, value);
            }
            _ => self.pair(name, value),
        }
    }

    fn pair(&mut self, name: &str, value: &str) {
        // Writing to a string cannot fail.
        let _ = write!(self.text, " {name}={value}");
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.add("message", value),
            name => self.add(name, &format!("{value:?}")),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field.name(), &format!("{value:?}"));
    }
}

/// syslog's number of a level.
fn priority(level: Level) -> &'static str {
    match level {
        Level::ERROR => "3",
        Level::WARN => "4",
        Level::INFO => "6",
        Level::DEBUG | Level::TRACE => "7",
    }
}

/// One field, in the form that may hold any bytes: name, length, value.
fn put(entry: &mut Vec<u8>, name: &str, value: &str) {
    entry.extend_from_slice(name.as_bytes());
    entry.push(b'\n');
    let length = u64::try_from(value.len()).unwrap_or(u64::MAX);
    entry.extend_from_slice(&length.to_le_bytes());
    entry.extend_from_slice(value.as_bytes());
    entry.push(b'\n');
}

/// `device:inode` of an open file, as `$JOURNAL_STREAM` has it.
fn identity(file: &impl AsFd) -> io::Result<String> {
    let metadata = File::from(file.as_fd().try_clone_to_owned()?).metadata()?;
    Ok(format!("{}:{}", metadata.dev(), metadata.ino()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use std::collections::BTreeMap;
    use tracing_subscriber::layer::SubscriberExt;

    fn labels() -> Labels {
        Labels {
            gate: "PGY-01".into(),
            station: "PGY".into(),
        }
    }

    /// Reads the journal's own format.
    fn fields(mut entry: &[u8]) -> BTreeMap<String, String> {
        let mut fields = BTreeMap::new();
        while let Some(end) = entry.iter().position(|&byte| byte == b'\n') {
            let name = String::from_utf8(entry[..end].to_vec()).unwrap();
            let length = entry[end + 1..end + 9].try_into().unwrap();
            let length = usize::try_from(u64::from_le_bytes(length)).unwrap();
            let value = entry[end + 9..end + 9 + length].to_vec();
            assert_eq!(entry[end + 9 + length], b'\n');
            fields.insert(name, String::from_utf8(value).unwrap());
            entry = &entry[end + 10 + length..];
        }
        fields
    }

    #[test]
    fn a_tap_reaches_the_journal_as_a_line_with_fields() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let journal = UnixDatagram::bind(&path).unwrap();
        let layer = Journald::to(&path, &labels()).unwrap();
        let log = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(log, || {
            tracing::warn!(tap = %"01a2", staff = "look\nhere", number = 12, "refused");
            tracing::info!("ready");
        });
        let mut entry = [0; 4096];
        let length = journal.recv(&mut entry).unwrap();
        let refused = fields(&entry[..length]);
        assert_eq!(
            refused["MESSAGE"],
            "refused tap=01a2 staff=\"look\\nhere\" number=12"
        );
        let of = |name: &str| refused[name].as_str();
        let named = [
            "FAREGATE_GATE",
            "FAREGATE_STATION",
            "FAREGATE_TAP",
            "PRIORITY",
        ]
        .map(of);
        assert_eq!(named, ["PGY-01", "PGY", "01a2", "4"]);
        let length = journal.recv(&mut entry).unwrap();
        let ready = fields(&entry[..length]);
        assert_eq!(ready["MESSAGE"], "ready");
        assert!(!ready.contains_key("FAREGATE_TAP"));
    }

    #[test]
    fn a_journal_that_takes_nothing_holds_nobody_up_and_hears_of_it_later() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let journal = UnixDatagram::bind(&path).unwrap();
        let layer = Journald::to(&path, &labels()).unwrap();
        let log = tracing_subscriber::registry().with(layer);
        let said = 10_000;
        tracing::subscriber::with_default(log, || {
            for _ in 0..said {
                tracing::info!("a line");
            }
            journal.set_nonblocking(true).unwrap();
            let mut entry = [0; 4096];
            let taken = std::iter::from_fn(|| journal.recv(&mut entry).ok()).count();
            assert!(taken < said, "the socket took all {said}");
            tracing::info!("the next");
            let length = journal.recv(&mut entry).unwrap();
            let expected = format!("the next (lost before this line: {})", said - taken);
            assert_eq!(fields(&entry[..length])["MESSAGE"], expected);
        });
    }

    #[test]
    fn a_terminal_or_file_is_not_the_journal() {
        let file = tempfile::tempfile().unwrap();
        let (device, inode) = (
            file.metadata().unwrap().dev(),
            file.metadata().unwrap().ino(),
        );
        assert_eq!(identity(&file).unwrap(), format!("{device}:{inode}"));
    }
}
