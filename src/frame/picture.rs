//! One PNG, JPEG, WebP or GIF file (its first picture) read as a frame, whatever its colours.

use super::{FRAME_SIDE_PX_MAX, Frame, FrameError};
use fare_protocol::UnixMs;
use image::{DynamicImage, ImageReader, Limits};
use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;
use thiserror::Error;

/// Largest picture file read.
pub const PICTURE_BYTES_MAX: u64 = 64 << 20;
/// Most memory the picture decoder may take: a frame of the largest size with four channels.
const DECODE_BYTES_MAX: u64 = 4 * (FRAME_SIDE_PX_MAX as u64) * (FRAME_SIDE_PX_MAX as u64);

/// Why a file is not a frame.
#[derive(Debug, Error)]
pub enum PictureError {
    /// It cannot be read.
    #[error("cannot read it: {0}")]
    Read(#[source] io::Error),
    /// It is a folder, a pipe or a device.
    #[error("it is not a plain file")]
    NotAFile,
    /// It is larger than [`PICTURE_BYTES_MAX`].
    #[error("it is larger than {PICTURE_BYTES_MAX} bytes")]
    TooLarge,
    /// Its bytes are not a picture this gate reads.
    #[error("it is not a readable PNG, JPEG, WebP or GIF picture: {0}")]
    Picture(#[source] image::ImageError),
    /// The picture has a size no frame may have.
    #[error("it cannot be a frame: {0}")]
    Frame(#[from] FrameError),
}

/// Reads a picture file as a frame taken at `at`.
///
/// # Errors
/// [`PictureError`]; it does not repeat the path.
pub fn read(path: &Path, at: UnixMs) -> Result<Frame, PictureError> {
    // Checked before opening: opening a pipe would wait for a writer.
    if !std::fs::metadata(path)
        .map_err(PictureError::Read)?
        .is_file()
    {
        return Err(PictureError::NotAFile);
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(PICTURE_BYTES_MAX + 1).read_to_end(&mut bytes))
        .map_err(PictureError::Read)?;
    if bytes.len() as u64 > PICTURE_BYTES_MAX {
        return Err(PictureError::TooLarge);
    }
    decode(&bytes, at)
}

/// Decodes the bytes of a picture file, told apart by content and not by name.
///
/// # Errors
/// [`PictureError::Picture`] or [`PictureError::Frame`].
pub fn decode(bytes: &[u8], at: UnixMs) -> Result<Frame, PictureError> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(FRAME_SIDE_PX_MAX);
    limits.max_image_height = Some(FRAME_SIDE_PX_MAX);
    limits.max_alloc = Some(DECODE_BYTES_MAX);
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(PictureError::Read)?;
    reader.limits(limits);
    let picture = reader.decode().map_err(PictureError::Picture)?;
    let (width, height) = (picture.width(), picture.height());
    Ok(Frame::new(width, height, luma(picture), at)?)
}

/// Luma of a picture; what shows through transparent parts is white, as on paper.
fn luma(picture: DynamicImage) -> Vec<u8> {
    if !picture.color().has_alpha() {
        return picture.into_luma8().into_raw();
    }
    let over_white = |luma: u8, alpha: u8| {
        let (luma, alpha) = (u32::from(luma), u32::from(alpha));
        ((luma * alpha + 255 * (255 - alpha) + 127) / 255) as u8
    };
    picture
        .into_luma_alpha8()
        .pixels()
        .map(|p| over_white(p.0[0], p.0[1]))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;
    use image::{ImageFormat, Luma, LumaA, Rgb, Rgba};

    const AT: UnixMs = UnixMs(7);

    fn encoded(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture.into().write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn every_colour_type_becomes_luma() {
        let grey16 = image::ImageBuffer::from_pixel(2, 2, Luma([0x8000_u16]));
        let rgb = image::RgbImage::from_pixel(2, 2, Rgb([128, 128, 128]));
        let clear = image::RgbaImage::from_pixel(2, 2, Rgba([0, 0, 0, 0]));
        let half = image::GrayAlphaImage::from_pixel(2, 2, LumaA([0, 128]));
        let cases: [(&str, DynamicImage, ImageFormat, u8); 7] = [
            ("16-bit grey PNG", grey16.into(), ImageFormat::Png, 128),
            ("RGB PNG", rgb.clone().into(), ImageFormat::Png, 128),
            ("RGB JPEG", rgb.clone().into(), ImageFormat::Jpeg, 128),
            ("RGB WebP", rgb.into(), ImageFormat::WebP, 128),
            (
                "transparent GIF",
                clear.clone().into(),
                ImageFormat::Gif,
                255,
            ),
            (
                "transparent PNG shows white",
                clear.into(),
                ImageFormat::Png,
                255,
            ),
            ("half transparent black", half.into(), ImageFormat::Png, 127),
        ];
        for (what, picture, format, want) in cases {
            let frame = decode(&encoded(picture, format), AT).unwrap();
            assert_eq!(
                (frame.width(), frame.height(), frame.captured_at()),
                (2, 2, AT),
                "{what}"
            );
            assert!(
                frame.luma().iter().all(|got| got.abs_diff(want) <= 1),
                "{what}"
            );
        }
    }

    #[test]
    fn a_png_cut_anywhere_is_an_error_and_never_a_panic() {
        let whole = encoded(
            image::GrayImage::from_pixel(40, 30, Luma([9])),
            ImageFormat::Png,
        );
        for cut in 0..whole.len() - 16 {
            assert!(
                decode(&whole[..cut], AT).is_err(),
                "cut at {cut} of {}",
                whole.len()
            );
        }
        assert!(decode(&whole, AT).is_ok());
    }

    #[test]
    fn other_formats_cut_anywhere_never_panic() {
        for format in [ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Gif] {
            let grey = image::RgbImage::from_pixel(40, 30, Rgb([9, 9, 9]));
            let whole = encoded(grey, format);
            assert!(decode(&whole, AT).is_ok());
            // A picture that breaks off inside its pixels may still be one; then it is whole in size.
            for cut in 0..whole.len() {
                if let Ok(frame) = decode(&whole[..cut], AT) {
                    assert_eq!((frame.width(), frame.height()), (40, 30), "{format:?}");
                }
            }
        }
    }

    #[test]
    fn a_picture_that_claims_a_huge_size_is_refused_before_it_is_decoded() {
        let mut png = encoded(image::GrayImage::new(1, 1), ImageFormat::Png);
        png[16..20].copy_from_slice(&100_000_u32.to_be_bytes());
        let crc = crc32(&png[12..29]).to_be_bytes();
        png[29..33].copy_from_slice(&crc);
        let error = decode(&png, AT).unwrap_err();
        assert!(
            matches!(error, PictureError::Picture(image::ImageError::Limits(_))),
            "{error}"
        );
    }

    #[test]
    fn one_pixel_is_a_frame() {
        let png = encoded(
            image::GrayImage::from_pixel(1, 1, Luma([3])),
            ImageFormat::Png,
        );
        assert_eq!(decode(&png, AT).unwrap().luma(), [3]);
    }

    #[test]
    fn what_is_not_a_plain_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(read(dir.path(), AT), Err(PictureError::NotAFile)));
        assert!(matches!(
            read(&dir.path().join("gone.png"), AT),
            Err(PictureError::Read(_))
        ));
    }

    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |c, _| {
                (c >> 1) ^ (0xEDB8_8320 * (c & 1))
            })
        })
    }
}
