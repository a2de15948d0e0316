//! A thumbnail as a `data:` URL, so that the page needs no other file.

use crate::replay::outcome::Thumbnail;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};

/// The thumbnail as a PNG in a `data:` URL.
pub(super) fn png(thumbnail: &Thumbnail) -> String {
    let mut bytes = Vec::new();
    let encoder =
        PngEncoder::new_with_quality(&mut bytes, CompressionType::Default, FilterType::Adaptive);
    let Thumbnail {
        width,
        height,
        luma,
    } = thumbnail;
    match encoder.write_image(luma, *width, *height, ExtendedColorType::L8) {
        Ok(()) => format!("data:image/png;base64,{}", base64(&bytes)),
        // Only a thumbnail of no size cannot be a PNG; an empty picture stands for it.
        Err(_) => "data:,".to_owned(),
    }
}

/// Base64 with padding (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let sextet = bits >> (18 - 6 * place) & 0x3f;
            text.push(if place <= group.len() {
                ALPHABET[sextet as usize].into()
            } else {
                '='
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_gives_the_vectors_of_rfc_4648() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(base64(&[0xff, 0xef, 0xbe]), "/+++");
    }

    #[test]
    fn a_thumbnail_is_a_png_and_one_of_no_size_an_empty_picture() {
        let url = png(&Thumbnail {
            width: 2,
            height: 1,
            luma: vec![0, 255],
        });
        assert!(
            url.starts_with("data:image/png;base64,iVBORw0KGgo"),
            "{url}"
        );
        assert_eq!(
            png(&Thumbnail {
                width: 0,
                height: 0,
                luma: vec![]
            }),
            "data:,"
        );
    }
}
