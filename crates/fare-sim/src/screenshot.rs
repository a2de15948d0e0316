//! A picture of a real phone's screen, found out about so that it can be held before a camera.

use fare_protocol::UnixMs;
use faregate::decode::Decoder;
use faregate::frame::picture::{self, PictureError};
use image::{GrayImage, ImageBuffer};
use std::path::{Path, PathBuf};

/// Why a picture cannot be held before a camera.
#[derive(Debug, thiserror::Error)]
pub enum ScreenshotError {
    /// Not a picture.
    #[error("{0}")]
    Picture(#[from] PictureError),
    /// No code in it, or several.
    #[error("{file} has {codes} QR codes that can be read; take one with a single code")]
    Codes {
        /// Which picture.
        file: PathBuf,
        /// How many.
        codes: usize,
    },
    /// A picture that is no plain rectangle of pixels.
    #[error("{0} is not a picture of a screen")]
    Shape(PathBuf),
}

/// A screen with one code on it.
#[derive(Clone, Debug)]
pub struct Screenshot {
    pub(crate) picture: GrayImage,
    /// What the code says.
    pub(crate) text: Vec<u8>,
    /// The code's middle in the picture.
    pub(crate) middle: (f32, f32),
    /// Pixels of the picture a module.
    pub(crate) module_px: f32,
}

impl Screenshot {
    /// Reads a picture file and finds its code, with the gate's own reader.
    ///
    /// # Errors
    /// When it is no picture, or has no single code.
    pub fn read(file: &Path) -> Result<Self, ScreenshotError> {
        let frame = picture::read(file, UnixMs::default())?;
        let decoded = Decoder::new().decode(&frame);
        let [code] = decoded.codes() else {
            let codes = decoded.codes().len();
            let file = file.to_owned();
            return Err(ScreenshotError::Codes { file, codes });
        };
        let sum = |part: fn(&(i32, i32)) -> i32| code.corners.iter().map(part).sum::<i32>() as f32;
        let modules = 17.0 + 4.0 * f32::from(code.version);
        let picture = ImageBuffer::from_raw(frame.width(), frame.height(), frame.luma().to_vec());
        Ok(Self {
            picture: picture.ok_or_else(|| ScreenshotError::Shape(file.to_owned()))?,
            text: code.bytes.clone(),
            middle: (sum(|corner| corner.0) / 4.0, sum(|corner| corner.1) / 4.0),
            module_px: (code.area_px as f32).sqrt() / modules,
        })
    }

    /// What the code says.
    pub fn text(&self) -> &[u8] {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::screen::{Code, Packing, flat};
    use image::{GrayImage, Luma, imageops};

    #[test]
    fn a_code_on_a_screen_is_found_with_its_place_and_size() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("screen.png");
        let code = Code::new(b"HELLO RIDER", Packing::Alphanumeric).unwrap();
        let mut screen = GrayImage::from_pixel(400, 800, Luma([240]));
        screen.save(&file).unwrap();
        assert!(matches!(
            Screenshot::read(&file),
            Err(ScreenshotError::Codes { codes: 0, .. })
        ));
        let drawn = flat(&code, 8);
        imageops::replace(&mut screen, &drawn, 50, 100);
        screen.save(&file).unwrap();
        let screenshot = Screenshot::read(&file).unwrap();
        assert_eq!(screenshot.text(), b"HELLO RIDER");
        let half = drawn.width() as f32 / 2.0;
        let near = |got: f32, wanted: f32| (got - wanted).abs() < 2.0;
        assert!(
            near(screenshot.middle.0, 50.0 + half),
            "{:?}",
            screenshot.middle
        );
        assert!(
            near(screenshot.middle.1, 100.0 + half),
            "{:?}",
            screenshot.middle
        );
        assert!(
            (screenshot.module_px - 8.0).abs() < 0.2,
            "{}",
            screenshot.module_px
        );
    }
}
