//! What strace wrote (`-f -y -xx`), read into calls on the files of one folder, in the order in which
//! the kernel finished them.

use anyhow::{Context, bail, ensure};
use std::collections::HashMap;
use std::path::Path;

/// A call on a file of the folder, named by its name there; the folder itself is "".
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// A file was made, or made empty.
    Made { name: String, emptied: bool },
    /// Bytes at a place; at the end when there is none.
    Wrote {
        name: String,
        at: Option<u64>,
        bytes: Vec<u8>,
    },
    /// A file got this length.
    Cut { name: String, len: u64 },
    /// A sync began on this thread; it covers what was written before.
    SyncBegan { thread: u32, name: String },
    /// It is done.
    SyncDone { thread: u32 },
    /// A name went away.
    Removed { name: String },
}

impl Call {
    pub(super) fn is_sync(&self) -> bool {
        matches!(self, Self::SyncDone { .. })
    }
}

/// Reads a whole trace.
///
/// # Errors
/// When a call changes a file of `folder` in a way that is not known here: then images would lie.
pub(super) fn calls(text: &str, folder: &Path) -> anyhow::Result<Vec<Call>> {
    let folder = folder.to_str().context("a folder's name is no text")?;
    let mut unfinished: HashMap<u32, &str> = HashMap::new();
    let mut calls = Vec::new();
    for line in text.lines() {
        let (thread, rest) = line.split_once(' ').context("a line without thread")?;
        let (thread, rest) = (thread.parse()?, rest.trim_start());
        if rest.starts_with("+++") || rest.starts_with("---") {
            continue;
        }
        if let Some(begun) = rest.strip_suffix(" <unfinished ...>") {
            unfinished.insert(thread, begun);
            began(thread, begun, folder, &mut calls);
        } else if let Some(resumed) = rest.strip_prefix("<... ") {
            let begun = unfinished.remove(&thread).context("resumed, not begun")?;
            let (_, end) = resumed.split_once("resumed>").context("resumed how?")?;
            done(thread, &format!("{begun}{end}"), folder, &mut calls)
                .with_context(|| short(line))?;
        } else {
            began(thread, rest, folder, &mut calls);
            done(thread, rest, folder, &mut calls).with_context(|| short(line))?;
        }
    }
    Ok(calls)
}

fn short(line: &str) -> String {
    line.chars().take(400).collect()
}

fn began(thread: u32, call: &str, folder: &str, calls: &mut Vec<Call>) {
    if let Some((_, name)) = sync(call, folder) {
        calls.push(Call::SyncBegan { thread, name });
    }
}

/// The name of what is synced, when the call is a sync.
fn sync<'c>(call: &'c str, folder: &str) -> Option<(&'c str, String)> {
    let (which, args) = call.split_once('(')?;
    let is_sync = ["fsync", "fdatasync"].contains(&which);
    let fd = args.split([',', ')']).next()?;
    Some((which, in_folder(&behind_fd(fd)?, folder)?)).filter(|_| is_sync)
}

/// One whole call, with its result.
fn done(thread: u32, call: &str, folder: &str, calls: &mut Vec<Call>) -> anyhow::Result<()> {
    let (head, result) = call.rsplit_once(" = ").context("no result")?;
    let (which, args) = head.split_once('(').context("no arguments")?;
    let args: Vec<&str> = args.trim_end().trim_end_matches(')').split(", ").collect();
    if result.starts_with('-') || result.starts_with('?') {
        return Ok(());
    }
    if sync(call, folder).is_some() {
        calls.push(Call::SyncDone { thread });
        return Ok(());
    }
    let arg = |n: usize| args.get(n).copied().context("an argument is missing");
    let of_fd = || anyhow::Ok(behind_fd(arg(0)?).and_then(|path| in_folder(&path, folder)));
    let of_path = |n| anyhow::Ok(in_folder(&text(arg(n)?)?, folder));
    match which {
        "write" | "pwrite64" => {
            let Some(name) = of_fd()? else { return Ok(()) };
            let bytes = bytes(arg(1)?)?;
            let written: usize = result.trim().parse()?;
            ensure!(written == bytes.len(), "a short write, or a cut string");
            let at = if which == "write" {
                None
            } else {
                Some(arg(3)?.parse()?)
            };
            calls.push(Call::Wrote { name, at, bytes });
        }
        "ftruncate" => {
            let Some(name) = of_fd()? else { return Ok(()) };
            let len = arg(1)?.parse()?;
            calls.push(Call::Cut { name, len });
        }
        "openat" | "open" => {
            let n = usize::from(which == "openat");
            let (Some(name), flags) = (of_path(n)?, arg(n + 1)?) else {
                return Ok(());
            };
            let has = |flag| flags.split('|').any(|there| there == flag);
            if has("O_CREAT") || has("O_TRUNC") {
                let emptied = has("O_TRUNC");
                calls.push(Call::Made { name, emptied });
            }
        }
        "unlink" | "unlinkat" => {
            let name = of_path(usize::from(which == "unlinkat"))?;
            calls.extend(name.map(|name| Call::Removed { name }));
        }
        _ => {
            let touches = args.iter().any(|arg| {
                let path = behind_fd(arg).or_else(|| text(arg).ok());
                path.is_some_and(|path| in_folder(&path, folder).is_some())
            });
            if touches {
                bail!("the call {which} is not known here");
            }
        }
    }
    Ok(())
}

/// The path that strace puts behind a descriptor: `5</path>`.
fn behind_fd(fd: &str) -> Option<String> {
    let (number, path) = fd.split_once('<')?;
    let is_fd = number.bytes().all(|b| b.is_ascii_digit());
    let path = escaped(path.split('>').next()?).ok()?;
    String::from_utf8(path).ok().filter(|_| is_fd)
}

/// The name of a path in the folder.
fn in_folder(path: &str, folder: &str) -> Option<String> {
    let rest = path.strip_prefix(folder)?;
    match rest.strip_prefix('/') {
        Some(name) => Some(name.to_owned()),
        None => rest.is_empty().then(String::new),
    }
}

fn text(arg: &str) -> anyhow::Result<String> {
    Ok(String::from_utf8(bytes(arg)?)?)
}

/// A string argument, whole: `"\x2f\x74"`.
fn bytes(arg: &str) -> anyhow::Result<Vec<u8>> {
    let inner = arg.strip_prefix('"').and_then(|arg| arg.strip_suffix('"'));
    escaped(inner.context("no whole string")?)
}

fn escaped(hex: &str) -> anyhow::Result<Vec<u8>> {
    let mut parts = hex.split("\\x");
    ensure!(parts.next() == Some(""), "bytes that are not escaped");
    let byte = |digits| u8::from_str_radix(digits, 16).context("no hex");
    parts.map(byte).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn hex(text: &str) -> String {
        text.bytes().map(|b| format!("\\x{b:02x}")).collect()
    }

    #[test]
    fn lines_become_calls_in_the_order_in_which_they_end() {
        let (file, dir, other) = (hex("/w/journal-wal"), hex("/w"), hex("/etc/passwd"));
        let text = format!(
            "7 openat(AT_FDCWD<{dir}>, \"{file}\", O_RDWR|O_CREAT, 0644) = 4<{file}>\n\
             7 pwrite64(4<{file}>, \"{data}\", 2, 512 <unfinished ...>\n\
             8 fdatasync(4<{file}> <unfinished ...>\n\
             7 <... pwrite64 resumed>)         = 2\n\
             8 <... fdatasync resumed>)        = 0\n\
             7 fsync(5<{dir}>)                 = 0\n\
             7 ftruncate(4<{file}>, 0)         = 0\n\
             7 write(1<{other}>, \"{data}\", 2) = 2\n\
             7 unlink(\"{file}\")              = 0\n\
             7 unlink(\"{file}\")              = -1 ENOENT (No such file or directory)\n\
             7 +++ exited with 0 +++\n",
            data = hex("ab"),
        );
        let name = || "journal-wal".to_owned();
        let expected = [
            Call::Made {
                name: name(),
                emptied: false,
            },
            Call::SyncBegan {
                thread: 8,
                name: name(),
            },
            Call::Wrote {
                name: name(),
                at: Some(512),
                bytes: b"ab".to_vec(),
            },
            Call::SyncDone { thread: 8 },
            Call::SyncBegan {
                thread: 7,
                name: String::new(),
            },
            Call::SyncDone { thread: 7 },
            Call::Cut {
                name: name(),
                len: 0,
            },
            Call::Removed { name: name() },
        ];
        assert_eq!(calls(&text, Path::new("/w")).unwrap(), expected);
    }

    #[test]
    fn what_is_not_understood_is_an_error_and_not_left_out() {
        let file = hex("/w/journal");
        for line in [
            format!("7 rename(\"{file}\", \"{file}\") = 0"),
            format!("7 pwrite64(4<{file}>, \"\\x61\"..., 2, 0) = 2"),
            format!("7 pwrite64(4<{file}>, \"\\x61\", 2, 0) = 2"),
        ] {
            assert!(calls(&line, Path::new("/w")).is_err(), "{line}");
            assert_eq!(
                calls(&line, Path::new("/other")).ok(),
                Some(vec![]),
                "{line}"
            );
        }
    }
}
