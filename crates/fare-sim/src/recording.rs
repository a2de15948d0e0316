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

/// What should be read in a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// One of these texts.
    OneOf(Vec<String>),
    /// A code is there; whether it can be read is open.
    Something,
    /// Nothing at all.
    Nothing,
}

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
        writeln!(manifest, "file,kind,expected,verdict").map_err(at(folder))?;
        Ok(Self {
            folder: folder.to_owned(),
            times,
            manifest,
            written: 0,
        })
    }

    /// Adds a frame taken at `taken_at`. `verdict` is the gate's expected answer, such as `admit`
    /// or a refusal's code.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn add(
        &mut self,
        taken_at: UnixMs,
        frame: &GrayImage,
        expected: &Expected,
        verdict: Option<&str>,
    ) -> Result<(), RecordingError> {
        self.written += 1;
        let file = format!("{:06}.png", self.written);
        save_png(&self.folder.join(&file), frame)?;
        let (kind, texts) = match expected {
            Expected::OneOf(texts) => ("qr", texts.as_slice()),
            Expected::Something => ("qr", [].as_slice()),
            Expected::Nothing => ("neg-empty", [].as_slice()),
        };
        let texts = quoted(&serde_json::json!(texts).to_string());
        let verdict = verdict.unwrap_or_default();
        writeln!(self.times, r#"{{"t_ms": {taken_at}, "file": "{file}"}}"#)
            .and_then(|()| writeln!(self.manifest, "{file},{kind},{texts},{verdict}"))
            .map_err(at(&self.folder))
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
        let text = Expected::OneOf(vec!["FG1:A \"B\", C".into()]);
        recording
            .add(UnixMs(1000), &frame, &text, Some("admit"))
            .unwrap();
        recording
            .add(UnixMs(1033), &frame, &Expected::Nothing, None)
            .unwrap();
        recording
            .add(UnixMs(1066), &frame, &Expected::Something, None)
            .unwrap();
        recording.finish().unwrap();
        let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
        let second = read("frames.jsonl").lines().nth(1).unwrap().to_owned();
        let second: serde_json::Value = serde_json::from_str(&second).unwrap();
        assert_eq!(
            second,
            serde_json::json!({"t_ms": 1033, "file": "000002.png"})
        );
        let manifest = "file,kind,expected,verdict\n\
            000001.png,qr,\"[\"\"FG1:A \\\"\"B\\\"\", C\"\"]\",admit\n\
            000002.png,neg-empty,\"[]\",\n\
            000003.png,qr,\"[]\",\n";
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
