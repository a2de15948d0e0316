//! Recordings: frames as a folder that a gate can replay, or as a Y4M stream that it can watch.

use crate::shot::FrameSize;
use fare_protocol::UnixMs;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, GrayImage, ImageEncoder};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Why a recording could not be written.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// A file or folder cannot be written.
    #[error("cannot write {path}: {source}; check that the folder exists and has room", path = path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A picture cannot be stored as PNG.
    #[error("cannot store frame {path} as PNG: {source}", path = path.display())]
    Png {
        /// Which.
        path: PathBuf,
        /// Why.
        source: image::ImageError,
    },
}

/// What stands in the manifest about a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Label<'a> {
    /// Which set it belongs to.
    pub set: &'a str,
    /// Texts of the codes in it, the nearest first; none where nothing may be read.
    pub texts: &'a [String],
    /// Why its code cannot be read, or that there is none; unset where one is to be read.
    pub cause: Option<&'a str>,
    /// The gate's expected answer, such as `admit` or a refusal's code.
    pub verdict: Option<&'a str>,
    /// How it was taken, for people.
    pub how: &'a str,
}

/// First line of a manifest.
const MANIFEST_COLUMNS: &str = "file,set,kind,expected,n_codes,width,height,cause,how,verdict";

/// A folder with `frames.jsonl`, the frames as PNG, and `manifest.csv` saying what is in them.
#[derive(Debug)]
pub struct RecordingWriter {
    folder: PathBuf,
    times: BufWriter<File>,
    manifest: BufWriter<File>,
    written: u32,
}

impl RecordingWriter {
    /// Starts a recording in `folder`, which is made when it is missing.
    ///
    /// # Errors
    /// When the folder or its files cannot be made.
    pub fn create(folder: &Path) -> Result<Self, RecordingError> {
        std::fs::create_dir_all(folder).map_err(at(folder))?;
        let open = |name: &str| {
            let path = folder.join(name);
            File::create(&path).map(BufWriter::new).map_err(at(&path))
        };
        let (times, mut manifest) = (open("frames.jsonl")?, open("manifest.csv")?);
        writeln!(manifest, "{MANIFEST_COLUMNS}").map_err(at(folder))?;
        Ok(Self {
            folder: folder.to_owned(),
            times,
            manifest,
            written: 0,
        })
    }

    /// Adds a frame taken at `taken_at`, and what is in it; without a label the manifest does not
    /// name it.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn add(
        &mut self,
        taken_at: UnixMs,
        frame: &GrayImage,
        label: Option<&Label<'_>>,
    ) -> Result<(), RecordingError> {
        self.written += 1;
        let file = format!("{:06}.png", self.written);
        save_png(&self.folder.join(&file), frame)?;
        writeln!(self.times, r#"{{"t_ms": {taken_at}, "file": "{file}"}}"#)
            .and_then(|()| match label {
                Some(label) => self.name(&file, frame, label),
                None => Ok(()),
            })
            .map_err(at(&self.folder))
    }

    /// A line of the manifest.
    fn name(&mut self, file: &str, frame: &GrayImage, label: &Label<'_>) -> io::Result<()> {
        let (set, codes) = (label.set, label.texts.len());
        let kind = if codes == 0 { "neg" } else { "qr" };
        let texts = quoted(&serde_json::json!(label.texts).to_string());
        let (width, height) = frame.dimensions();
        let cause = label.cause.unwrap_or_default();
        let verdict = label.verdict.unwrap_or_default();
        let how = quoted(label.how);
        write!(
            self.manifest,
            "{file},{set},{kind},{texts},{codes},{width},{height},"
        )?;
        writeln!(self.manifest, "{cause},{how},{verdict}")
    }

    /// Writes out what is still buffered.
    ///
    /// # Errors
    /// When the files cannot be written.
    pub fn finish(mut self) -> Result<(), RecordingError> {
        self.times
            .flush()
            .and_then(|()| self.manifest.flush())
            .map_err(at(&self.folder))
    }
}

/// Frames as `YUV4MPEG2` with luma only (`Cmono`).
#[derive(Debug)]
pub struct Y4mWriter<W> {
    out: W,
}

impl<W: Write> Y4mWriter<W> {
    /// Writes the stream's header.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn start(mut out: W, size: FrameSize, fps: u32) -> io::Result<Self> {
        let FrameSize { width, height } = size;
        writeln!(out, "YUV4MPEG2 W{width} H{height} F{fps}:1 Ip A1:1 Cmono")?;
        Ok(Self { out })
    }

    /// Writes one frame and flushes, so that a gate on a pipe sees it at once.
    ///
    /// # Errors
    /// When the stream cannot be written.
    pub fn frame(&mut self, frame: &GrayImage) -> io::Result<()> {
        self.out.write_all(b"FRAME\n")?;
        self.out.write_all(frame)?;
        self.out.flush()
    }
}

/// Writes `frame` as an 8-bit grey PNG, compressed for speed.
///
/// # Errors
/// When the file cannot be written.
pub fn save_png(path: &Path, frame: &GrayImage) -> Result<(), RecordingError> {
    let file = BufWriter::new(File::create(path).map_err(at(path))?);
    let png = PngEncoder::new_with_quality(file, CompressionType::Fast, FilterType::Up);
    png.write_image(frame, frame.width(), frame.height(), ExtendedColorType::L8)
        .map_err(|source| RecordingError::Png {
            path: path.to_owned(),
            source,
        })
}

fn at(path: &Path) -> impl Fn(io::Error) -> RecordingError {
    move |source| RecordingError::Write {
        path: path.to_owned(),
        source,
    }
}

/// A field of a CSV file (RFC 4180).
fn quoted(field: &str) -> String {
    format!("\"{}\"", field.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use image::Luma;

    #[test]
    fn a_folder_holds_times_frames_and_what_to_expect() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("new/recording");
        let frame = GrayImage::from_fn(9, 5, |x, y| Luma([(x * y) as u8]));
        let mut recording = RecordingWriter::create(&folder).unwrap();
        let texts = ["FG1:A \"B\", C".to_owned()];
        let read = Label {
            set: "easy-9x5",
            texts: &texts,
            cause: None,
            verdict: Some("admit"),
            how: "near, sharp",
        };
        let empty = Label {
            set: "nothing",
            texts: &[],
            cause: Some("nothing"),
            verdict: None,
            how: "",
        };
        recording.add(UnixMs(1000), &frame, Some(&read)).unwrap();
        recording.add(UnixMs(1033), &frame, Some(&empty)).unwrap();
        recording.add(UnixMs(1066), &frame, None).unwrap();
        recording.finish().unwrap();
        let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
        let second = read("frames.jsonl").lines().nth(1).unwrap().to_owned();
        let second: serde_json::Value = serde_json::from_str(&second).unwrap();
        assert_eq!(
            second,
            serde_json::json!({"t_ms": 1033, "file": "000002.png"})
        );
        let manifest = "file,set,kind,expected,n_codes,width,height,cause,how,verdict\n\
            000001.png,easy-9x5,qr,\"[\"\"FG1:A \\\"\"B\\\"\", C\"\"]\",1,9,5,,\"near, sharp\",admit\n\
            000002.png,nothing,neg,\"[]\",0,9,5,nothing,\"\",\n";
        assert_eq!(read("manifest.csv"), manifest);
        let again = image::open(folder.join("000001.png")).unwrap().into_luma8();
        assert_eq!(again, frame);
    }

    #[test]
    fn a_stream_has_one_header_and_raw_frames() {
        let mut bytes = Vec::new();
        let size = FrameSize {
            width: 2,
            height: 1,
        };
        let mut stream = Y4mWriter::start(&mut bytes, size, 30).unwrap();
        for pixel in [1, 2] {
            stream
                .frame(&GrayImage::from_pixel(2, 1, Luma([pixel])))
                .unwrap();
        }
        let expected = b"YUV4MPEG2 W2 H1 F30:1 Ip A1:1 Cmono\nFRAME\n\x01\x01FRAME\n\x02\x02";
        assert_eq!(bytes, expected);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let error = RecordingWriter::create(Path::new("/dev/null/x"))
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("cannot write /dev/null/x:"), "{error}");
    }
}
