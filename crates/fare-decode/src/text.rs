//! Bytes of a code as text. QR codes carry bytes; which characters they stand for is sometimes said
//! by the code (ECI) and mostly not.

use super::QrContent;
use encoding_rs::{
    BIG5, EUC_KR, Encoding, GB18030, IBM866, ISO_8859_2, ISO_8859_3, ISO_8859_4, ISO_8859_5,
    ISO_8859_6, ISO_8859_7, ISO_8859_8, ISO_8859_10, ISO_8859_13, ISO_8859_14, ISO_8859_15,
    ISO_8859_16, SHIFT_JIS, UTF_8, UTF_16BE, WINDOWS_874, WINDOWS_1250, WINDOWS_1251, WINDOWS_1252,
    WINDOWS_1254, WINDOWS_1256,
};
use std::borrow::Cow;

impl QrContent {
    /// The bytes as text; `None` where they are none that people write.
    ///
    /// The character set that the code names, else UTF-8, GB 18030 (unless the bytes spell half wide
    /// katakana), Shift JIS or ISO 8859-1, the first that fits.
    pub fn text(&self) -> Option<Cow<'_, str>> {
        self.encoding()?
            .decode_without_bom_handling_and_without_replacement(&self.bytes)
    }

    fn encoding(&self) -> Option<&'static Encoding> {
        let bytes = &self.bytes;
        if let Some(named) = self.eci.and_then(named) {
            return Some(named);
        }
        if std::str::from_utf8(bytes).is_ok() {
            return Some(UTF_8);
        }
        if self.has_kanji {
            return Some(SHIFT_JIS);
        }
        if is_gb2312(bytes) && !is_katakana(bytes) {
            return Some(GB18030);
        }
        if is_shift_jis(bytes) {
            return Some(SHIFT_JIS);
        }
        let control = |byte: u8| matches!(byte, 0..=8 | 0x0b | 0x0c | 0x0e..=0x1f | 0x7f..=0x9f);
        (!bytes.iter().any(|&byte| control(byte))).then_some(WINDOWS_1252)
    }
}

/// The character set with this assignment number (AIM ITS/04-023).
fn named(number: u32) -> Option<&'static Encoding> {
    Some(match number {
        1 | 3 | 23 | 27 => WINDOWS_1252,
        4 => ISO_8859_2,
        5 => ISO_8859_3,
        6 => ISO_8859_4,
        7 => ISO_8859_5,
        8 => ISO_8859_6,
        9 => ISO_8859_7,
        10 => ISO_8859_8,
        11 => WINDOWS_1254,
        12 => ISO_8859_10,
        13 => WINDOWS_874,
        15 => ISO_8859_13,
        16 => ISO_8859_14,
        17 => ISO_8859_15,
        18 => ISO_8859_16,
        20 => SHIFT_JIS,
        21 => WINDOWS_1250,
        22 => WINDOWS_1251,
        24 => WINDOWS_1256,
        25 => UTF_16BE,
        26 => UTF_8,
        28 => BIG5,
        29 | 32 => GB18030,
        30 => EUC_KR,
        2 => IBM866,
        _ => return None,
    })
}

/// Whether all bytes above ASCII are pairs that GB 2312 has.
fn is_gb2312(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some((&first, after)) = rest.split_first() {
        rest = match (first, after) {
            (..=0x7f, _) => after,
            (0xa1..=0xf7, [0xa1..=0xfe, after @ ..]) => after,
            _ => return false,
        };
    }
    true
}

/// Whether the bytes above ASCII are all half wide katakana of Shift JIS and no pairs of GB 2312, which has
/// the same bytes: an odd number in a row, or a voicing mark after a sound that can be voiced.
fn is_katakana(bytes: &[u8]) -> bool {
    let runs = || bytes.split(u8::is_ascii).filter(|run| !run.is_empty());
    let voiced =
        |pair: &[u8]| matches!(pair, [0xb6..=0xc4 | 0xca..=0xce, 0xde] | [0xca..=0xce, 0xdf]);
    runs().flatten().all(|byte| matches!(byte, 0xa1..=0xdf))
        && runs().any(|run| run.len() % 2 == 1 || run.windows(2).any(voiced))
}

/// Whether all bytes are Shift JIS and some of them can hardly be anything else: a character of two
/// bytes, or three of the half wide ones in a row.
fn is_shift_jis(bytes: &[u8]) -> bool {
    let (mut rest, mut half_wide, mut certain) = (bytes, 0, false);
    while let Some((&first, after)) = rest.split_first() {
        (rest, half_wide) = match (first, after) {
            (..=0x7f, _) => (after, 0),
            (0xa1..=0xdf, _) => (after, half_wide + 1),
            (0x81..=0x9f | 0xe0..=0xea, [0x40..=0x7e | 0x80..=0xfc, after @ ..]) => {
                certain = true;
                (after, 0)
            }
            _ => return false,
        };
        certain |= half_wide >= 3;
    }
    certain
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn content(bytes: &[u8], eci: Option<u32>) -> QrContent {
        QrContent {
            bytes: bytes.to_vec(),
            eci,
            ..QrContent::default()
        }
    }

    #[test]
    fn text_is_what_was_written() {
        for (bytes, eci, text) in [
            (&b"FG1:ABC"[..], None, "FG1:ABC"),
            ("地铁".as_bytes(), None, "地铁"),
            (b"\xb0\xa2", None, "阿"),
            (b"\x8a\x4f\x91\xa4", None, "外側"),
            (b"*\xc0\xde\xcc\xde\xd9*", None, "*ﾀﾞﾌﾞﾙ*"),
            (b"*\xc3\xde\xbb\xde\xb2\xddQR*", None, "*ﾃﾞｻﾞｲﾝQR*"),
            (b"\xb5\xd8\xcc\xfa", None, "地铁"),
            (b"\xd5\xbe\xb3\xa4", None, "站长"),
            (b"M\xfcller", None, "Müller"),
            (b"\xc4rger", Some(3), "Ärger"),
            (b"\x57\x30", Some(25), "地"),
            (b"\xd0", Some(22), "Р"),
        ] {
            assert_eq!(
                content(bytes, eci).text().as_deref(),
                Some(text),
                "{bytes:x?}"
            );
        }
    }

    #[test]
    fn what_nobody_writes_is_no_text() {
        assert_eq!(content(b"\xff\x00", None).text(), None);
        assert_eq!(content(b"\xff\xfe", Some(26)).text(), None);
    }
}
