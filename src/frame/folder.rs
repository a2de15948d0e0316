//! Frames from a folder of PNG or JPEG pictures: a recording with a `frames.jsonl`, or a plain
//! folder in order of names.
//!
//! `frames.jsonl` holds one JSON object on each line, in the order to play them:
//! `{"t_ms": 1760000000000, "file": "000001.png"}`, where `t_ms` is Unix time in milliseconds and
//! `file` a path inside the folder. Empty lines are ignored.

use super::{FrameName, FrameSource, SourceError, SourceItem, Timing, picture};
use fare_protocol::UnixMs;
use serde::Deserialize;
use std::fs;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::vec;

/// The list of frames and times in a recording's folder.
pub const LIST_FILE: &str = "frames.jsonl";
/// Largest list read; about a day at 30 frames per second.
const LIST_BYTES_MAX: u64 = 256 << 20;
/// Folders below a plain folder that are looked into.
const FOLDER_DEPTH_MAX: usize = 8;
/// Names that mean a picture. Those this gate cannot read are skipped by name, not passed over.
const PICTURE_EXTENSIONS: [&str; 10] = [
    "png", "jpg", "jpeg", "gif", "webp", "bmp", "tif", "tiff", "pgm", "avif",
];

/// The frames of one folder.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    entries: vec::IntoIter<Entry>,
    total: u64,
    /// The list says when each frame was taken: they follow one another.
    is_listed: bool,
}

/// One frame to come, or a line of the list that names none.
#[derive(Debug, PartialEq, Eq)]
enum Entry {
    Picture { file: String, at: UnixMs },
    BadLine { line: usize, why: String },
}

impl Folder {
    /// Reads the folder's list of frames, or its file names; the pictures are read one by one
    /// later.
    ///
    /// # Errors
    /// [`SourceError`] when the folder or its list cannot be read, or it holds no picture at all.
    pub fn open(root: &Path, timing: Timing) -> Result<Self, SourceError> {
        let list = root.join(LIST_FILE);
        let is_listed = list.is_file();
        let entries = if is_listed {
            listed(&list)?
        } else {
            by_name(root, timing)?
        };
        if entries.is_empty() {
            let why = format!("the folder has neither a {LIST_FILE} with frames nor pictures");
            return Err(SourceError::NotARecording {
                path: root.to_owned(),
                why,
            });
        }
        let total = entries.len() as u64;
        Ok(Self {
            root: root.to_owned(),
            entries: entries.into_iter(),
            total,
            is_listed,
        })
    }

    fn read(&self, file: String, at: UnixMs) -> SourceItem {
        let frame = picture::read(&self.root.join(&file), at);
        let name = FrameName::File(file);
        match frame {
            Ok(frame) => SourceItem::Frame { name, frame },
            Err(error) => SourceItem::Skipped {
                name,
                why: error.to_string(),
            },
        }
    }
}

impl FrameSource for Folder {
    fn next_frame(&mut self) -> Result<Option<SourceItem>, SourceError> {
        Ok(self.entries.next().map(|entry| match entry {
            Entry::Picture { file, at } => self.read(file, at),
            Entry::BadLine { line, why } => SourceItem::Skipped {
                name: FrameName::File(format!("{LIST_FILE}:{line}")),
                why,
            },
        }))
    }

    fn describe(&self) -> String {
        format!("folder {}", self.root.display())
    }

    fn total(&self) -> Option<u64> {
        Some(self.total)
    }

    fn is_stream(&self) -> bool {
        self.is_listed
    }
}

/// Reads `frames.jsonl`.
fn listed(list: &Path) -> Result<Vec<Entry>, SourceError> {
    let cannot = |source| SourceError::Read {
        path: list.to_owned(),
        source,
    };
    let mut bytes = Vec::new();
    fs::File::open(list)
        .and_then(|file| file.take(LIST_BYTES_MAX + 1).read_to_end(&mut bytes))
        .map_err(cannot)?;
    if bytes.len() as u64 > LIST_BYTES_MAX {
        let why = format!("more than {LIST_BYTES_MAX} bytes; split the recording");
        return Err(cannot(io::Error::new(io::ErrorKind::FileTooLarge, why)));
    }
    let lines = bytes.split(|&b| b == b'\n').enumerate();
    Ok(lines
        .filter_map(|(index, line)| entry(index + 1, line))
        .collect())
}

/// What one line of the list says; nothing when it is blank.
fn entry(line: usize, json: &[u8]) -> Option<Entry> {
    #[derive(Deserialize)]
    struct Line {
        t_ms: i64,
        file: String,
    }
    let json = json.trim_ascii();
    if json.is_empty() {
        return None;
    }
    Some(match serde_json::from_slice::<Line>(json) {
        Ok(Line { t_ms, file }) if stays_inside(&file) => Entry::Picture {
            file,
            at: UnixMs(t_ms),
        },
        Ok(Line { file, .. }) => {
            let why = format!("file {file:?} is not a path inside the recording's folder");
            Entry::BadLine { line, why }
        }
        Err(error) => {
            let wanted = r#"expected {"t_ms": <unix ms>, "file": "<name>"}"#;
            Entry::BadLine {
                line,
                why: format!("{error}; {wanted}"),
            }
        }
    })
}

/// A list from elsewhere must not make the gate read other files.
fn stays_inside(file: &str) -> bool {
    let mut parts = Path::new(file).components().peekable();
    parts.peek().is_some() && parts.all(|part| matches!(part, Component::Normal(_)))
}

/// The pictures in and below `root` in order of their paths, timed by `timing`.
fn by_name(root: &Path, timing: Timing) -> Result<Vec<Entry>, SourceError> {
    let mut files = Vec::new();
    gather(root, "", FOLDER_DEPTH_MAX, &mut files)?;
    files.sort_unstable();
    let timed = (0..).zip(files).map(|(number, file)| {
        let at = timing.rate.time_of(timing.start, number);
        Entry::Picture { file, at }
    });
    Ok(timed.collect())
}

/// Adds the pictures of one folder to `files`, each as `below` and its name.
fn gather(
    folder: &Path,
    below: &str,
    depth_left: usize,
    files: &mut Vec<String>,
) -> Result<(), SourceError> {
    let cannot = |source| SourceError::Read {
        path: folder.to_owned(),
        source,
    };
    for item in fs::read_dir(folder).map_err(cannot)? {
        let item = item.map_err(cannot)?;
        let name = item.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        // Does not follow links, so folders that link to each other end.
        if item.file_type().map_err(cannot)?.is_dir() {
            if depth_left > 0 {
                let below = format!("{below}{name}/");
                gather(&item.path(), &below, depth_left - 1, files)?;
            }
        } else if is_picture(&name) {
            files.push(format!("{below}{name}"));
        }
    }
    Ok(())
}

fn is_picture(name: &str) -> bool {
    let extension = Path::new(name)
        .extension()
        .and_then(|e| e.to_str())
        .unwrap_or_default();
    PICTURE_EXTENSIONS
        .iter()
        .any(|known| known.eq_ignore_ascii_case(extension))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;
    use crate::frame::FrameRate;
    use image::{GrayImage, Luma};

    fn write_picture(path: &Path, shade: u8) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        GrayImage::from_pixel(4, 3, Luma([shade]))
            .save(path)
            .unwrap();
    }

    fn play(root: &Path, timing: Timing) -> Vec<String> {
        let mut folder = Folder::open(root, timing).unwrap();
        let total = folder.total().unwrap();
        let mut seen = Vec::new();
        while let Some(item) = folder.next_frame().unwrap() {
            seen.push(match item {
                SourceItem::Frame { name, frame } => {
                    format!("{name} @{} {}", frame.captured_at(), frame.luma()[0])
                }
                SourceItem::Skipped { name, why } => format!("{name} skipped: {why}"),
            });
        }
        assert_eq!(seen.len() as u64, total);
        seen
    }

    #[test]
    fn a_list_gives_order_and_times() {
        let dir = tempfile::tempdir().unwrap();
        write_picture(&dir.path().join("b.png"), 20);
        write_picture(&dir.path().join("cam/a.png"), 10);
        let list =
            "{\"t_ms\": 1000, \"file\": \"b.png\"}\n\n{\"file\":\"cam/a.png\",\"t_ms\":1040}\r\n";
        fs::write(dir.path().join(LIST_FILE), list).unwrap();
        assert_eq!(
            play(dir.path(), Timing::default()),
            ["b.png @1000 20", "cam/a.png @1040 10"]
        );
    }

    #[test]
    fn a_bad_line_is_named_and_the_rest_played() {
        let dir = tempfile::tempdir().unwrap();
        write_picture(&dir.path().join("a.png"), 1);
        let list = concat!(
            "{\"t_ms\": 1, \"file\": \"a.png\"}\n",
            "{\"t_ms\": \"noon\", \"file\": \"a.png\"}\n",
            "{\"t_ms\": 2, \"file\": \"../secret.png\"}\n",
            "{\"t_ms\": 2, \"file\": \"/etc/passwd\"}\n",
            "{\"t_ms\": 2, \"file\": \"\"}\n",
            "\u{fffd}\n",
            "{\"t_ms\": 3, \"file\": \"gone.png\"}\n",
            "{\"t_ms\": 4, \"file\": \"a.png\"}",
        );
        fs::write(dir.path().join(LIST_FILE), list).unwrap();
        let seen = play(dir.path(), Timing::default());
        assert_eq!(seen.len(), 8);
        assert_eq!(
            (seen[0].as_str(), seen[7].as_str()),
            ("a.png @1 1", "a.png @4 1")
        );
        for (index, start) in [
            (1, "frames.jsonl:2 skipped: invalid type"),
            (
                2,
                "frames.jsonl:3 skipped: file \"../secret.png\" is not a path inside",
            ),
            (
                3,
                "frames.jsonl:4 skipped: file \"/etc/passwd\" is not a path inside",
            ),
            (4, "frames.jsonl:5 skipped: file \"\" is not a path inside"),
            (5, "frames.jsonl:6 skipped: expected value"),
            (6, "gone.png skipped: cannot read it: No such file"),
        ] {
            assert!(
                seen[index].starts_with(start),
                "line {index}: {}",
                seen[index]
            );
        }
    }

    #[test]
    fn a_plain_folder_plays_in_order_of_names_at_the_given_rate() {
        let dir = tempfile::tempdir().unwrap();
        for (name, shade) in [
            ("000010.png", 3),
            ("000002.PNG", 2),
            ("z/1.png", 4),
            (".x.png", 9),
        ] {
            write_picture(&dir.path().join(name), shade);
        }
        fs::write(dir.path().join("manifest.csv"), "file,expected\n").unwrap();
        fs::write(dir.path().join("old.gif"), "GIF89a").unwrap();
        let timing = Timing {
            start: UnixMs(100),
            rate: FrameRate::new(4.0).unwrap(),
        };
        let seen = play(dir.path(), timing);
        assert_eq!(seen[..2], ["000002.PNG @100 2", "000010.png @350 3"]);
        assert!(seen[2].starts_with("old.gif skipped: "), "{}", seen[2]);
        assert_eq!(seen[3], "z/1.png @850 4");
    }

    #[test]
    fn an_empty_or_absent_folder_is_an_error_that_names_it() {
        let dir = tempfile::tempdir().unwrap();
        let error = Folder::open(dir.path(), Timing::default())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("is no recording: the folder has neither"),
            "{error}"
        );
        let gone = dir.path().join("gone");
        let error = Folder::open(&gone, Timing::default())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("cannot read") && error.contains("gone"),
            "{error}"
        );
    }
}
