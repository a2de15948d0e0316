//! `faregate decode`: what is in each picture, or why nothing was read.

use crate::decode::{Decoder, QrContent};
use crate::frame::picture;
use crate::replay::outcome::{hex, readable};
use fare_protocol::UnixMs;
use serde::Serialize;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Reads the QR codes in pictures.
///
/// Prints one line for each code: file, time taken, text, bytes in hexadecimal. Exit status 0 if
/// every picture held a code that was read, else 1.
#[derive(Debug, clap::Args)]
pub(super) struct DecodeArgs {
    /// Print one JSON object on each line: file, text (where the bytes are UTF-8), bytes
    /// (hexadecimal) and ms, or file, error and, where a picture was read in vain, its short cause
    #[arg(long)]
    json: bool,
    /// PNG, JPEG, WebP or GIF pictures
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<PathBuf>,
}

/// Runs the command on standard output. A reader that stops reading is no fault.
///
/// # Errors
/// When standard output cannot be written to.
pub(super) fn run(args: DecodeArgs) -> anyhow::Result<ExitCode> {
    match write_report(&args, &mut io::stdout().lock()) {
        Ok(true) => Ok(ExitCode::SUCCESS),
        Ok(false) => Ok(ExitCode::FAILURE),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        Err(error) => Err(error.into()),
    }
}

/// Reports on every picture; whether all of them were read.
fn write_report(args: &DecodeArgs, out: &mut impl Write) -> io::Result<bool> {
    let mut decoder = Decoder::new();
    let mut all_read = true;
    for image in &args.images {
        for line in lines(&mut decoder, image) {
            all_read &= line.error.is_none();
            if args.json {
                writeln!(out, "{}", serde_json::to_string(&line)?)?;
            } else {
                line.write_plain(out)?;
            }
        }
    }
    out.flush()?;
    Ok(all_read)
}

/// One line of output.
#[derive(Debug, Default, Serialize)]
struct Line {
    file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// `nothing`, `too-dim`, `glare` ...
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ms: Option<f64>,
}

/// Decodes one picture into a line for each code, or one that says why there is none.
fn lines(decoder: &mut Decoder, image: &Path) -> Vec<Line> {
    let file = image.display().to_string();
    let frame = match picture::read(image, UnixMs::default()) {
        Ok(frame) => frame,
        Err(error) => {
            return vec![Line {
                file,
                error: Some(error.to_string()),
                ..Line::default()
            }];
        }
    };
    let decoded = decoder.decode(&frame);
    let ms = Some(rounded_ms(decoded.elapsed));
    match decoded.read {
        Ok(codes) => codes.iter().map(|code| Line::of(code, &file, ms)).collect(),
        Err(why) => vec![Line {
            file,
            error: Some(why.to_string()),
            cause: Some(why.code()),
            ms,
            ..Line::default()
        }],
    }
}

/// Milliseconds to the microsecond; more digits are noise.
fn rounded_ms(elapsed: Duration) -> f64 {
    elapsed.as_micros() as f64 / 1000.0
}

impl Line {
    fn of(code: &QrContent, file: &str, ms: Option<f64>) -> Self {
        let text = code.text().map(std::borrow::Cow::into_owned);
        Self {
            file: file.to_owned(),
            text,
            bytes: Some(hex(&code.bytes)),
            error: None,
            cause: None,
            ms,
        }
    }

    /// Columns parted by tabs: file, time, text or `-` and bytes, or file, time and why not.
    fn write_plain(&self, out: &mut impl Write) -> io::Result<()> {
        let column = |text: &Option<String>| match text {
            Some(text) => readable(text.as_bytes()),
            None => "-".to_owned(),
        };
        let ms = self
            .ms
            .map_or_else(|| "-".to_owned(), |ms| format!("{ms:.1} ms"));
        write!(out, "{}\t{ms}\t", readable(self.file.as_bytes()))?;
        match &self.error {
            Some(why) => writeln!(out, "{}", readable(why.as_bytes())),
            None => writeln!(out, "{}\t{}", column(&self.text), column(&self.bytes)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;
    use image::{GrayImage, Luma};

    fn save_code(path: &Path, content: &[u8]) {
        let code = fast_qr::QRBuilder::new(content).build().unwrap();
        let side = (code.size as u32 + 8) * 4;
        let dark = |at: u32| {
            (at / 4)
                .checked_sub(4)
                .map(|m| m as usize)
                .filter(|&m| m < code.size)
        };
        GrayImage::from_fn(side, side, |x, y| match (dark(x), dark(y)) {
            (Some(x), Some(y)) if code[y][x].value() => Luma([0]),
            _ => Luma([255]),
        })
        .save(path)
        .unwrap();
    }

    /// The output for these pictures, times left out, and whether all were read.
    fn report(dir: &Path, json: bool, images: &[&str]) -> (Vec<String>, bool) {
        let args = DecodeArgs {
            json,
            images: images.iter().map(|name| dir.join(name)).collect(),
        };
        let mut out = Vec::new();
        let all_read = write_report(&args, &mut out).unwrap();
        let text = String::from_utf8(out)
            .unwrap()
            .replace(&format!("{}/", dir.display()), "");
        (text.lines().map(str::to_owned).collect(), all_read)
    }

    #[test]
    fn plain_lines_give_text_and_bytes_or_why_not() {
        let dir = tempfile::tempdir().unwrap();
        save_code(&dir.path().join("code.png"), b"A\n\x1b[2J");
        save_code(&dir.path().join("bytes.png"), b"\xff\x00");
        GrayImage::new(9, 9)
            .save(dir.path().join("black.png"))
            .unwrap();
        std::fs::write(dir.path().join("broken.png"), b"\x89PNG\r\n\x1a\n").unwrap();
        let (lines, all_read) = report(
            dir.path(),
            false,
            &[
                "code.png",
                "bytes.png",
                "black.png",
                "broken.png",
                "gone.jpg",
            ],
        );
        assert!(!all_read);
        let columns: Vec<Vec<&str>> = lines
            .iter()
            .map(|line| line.split('\t').collect())
            .collect();
        assert_eq!(
            (columns[0][0], &columns[0][2..]),
            ("code.png", &["A\\n\\u{1b}[2J", "410a1b5b324a"][..])
        );
        assert_eq!(
            (columns[1][0], &columns[1][2..]),
            ("bytes.png", &["-", "ff00"][..])
        );
        assert_eq!(
            (columns[2][0], &columns[2][2..]),
            ("black.png", &["no QR code was seen"][..])
        );
        assert!(
            columns[..3].iter().all(|line| line[1].ends_with(" ms")),
            "{lines:?}"
        );
        assert!(
            lines[3]
                .starts_with("broken.png\t-\tit is not a readable PNG, JPEG, WebP or GIF picture")
        );
        assert!(
            lines[4].starts_with("gone.jpg\t-\tcannot read it: No such file"),
            "{}",
            lines[4]
        );
        assert_eq!(lines.len(), 5);
    }

    #[test]
    fn json_lines_have_the_promised_keys() {
        let dir = tempfile::tempdir().unwrap();
        save_code(&dir.path().join("code.png"), b"FG1:X");
        let (lines, all_read) = report(dir.path(), true, &["code.png"]);
        assert!(all_read);
        let line: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
        assert_eq!(
            (&line["text"], &line["bytes"]),
            (&"FG1:X".into(), &"4647313a58".into())
        );
        assert!(
            line["ms"].as_f64().unwrap() > 0.0 && line["file"] == "code.png",
            "{line}"
        );
        let (lines, all_read) = report(dir.path(), true, &["gone.png"]);
        let line: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
        assert!(
            !all_read && line["error"].is_string() && line.get("text").is_none(),
            "{line}"
        );
    }
}
