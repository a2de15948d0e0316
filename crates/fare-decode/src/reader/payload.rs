//! From data codewords to the bytes they stand for. ISO/IEC 18004 sections 7.3 and 7.4.

use super::version::Version;

/// Bytes a QR code can hold at most (7,089 digits).
const BYTES_MAX: usize = 7_089;

/// Why data codewords could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Malformed {
    /// A segment is longer than what is left.
    TooShort,
    /// A segment of a kind that the standard does not know.
    UnknownMode,
    /// A value no character has.
    BadCharacter,
}

/// What a code says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Payload {
    pub bytes: Vec<u8>,
    /// The assignment number of its character set, if it names one (extended channel interpretation).
    pub eci: Option<u32>,
    /// It has text in kanji mode, which is Shift JIS.
    pub has_kanji: bool,
}

/// What has been read so far.
#[derive(Default)]
struct Text {
    /// The bytes, unless they are only counted.
    bytes: Option<Vec<u8>>,
    length: usize,
    eci: Option<u32>,
    has_kanji: bool,
    /// The data follow the rules of GS1 or of another application: `%` is special.
    has_rules: bool,
}

struct Bits<'a> {
    data: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn left(&self) -> usize {
        self.data.len() * 8 - self.at
    }

    /// The next bits, at most 16, most significant first.
    fn take(&mut self, count: usize) -> Result<u32, Malformed> {
        if self.left() < count {
            return Err(Malformed::TooShort);
        }
        let (first, shift) = (self.at / 8, self.at % 8);
        let byte = |i: usize| u32::from(self.data.get(first + i).copied().unwrap_or(0));
        let word = byte(0) << 16 | byte(1) << 8 | byte(2);
        self.at += count;
        Ok(word >> (24 - shift - count) & ((1 << count) - 1))
    }
}

/// Reads all segments: once to see that they can be read and how long the text is, once to write it.
/// Codewords that say nothing take no memory.
pub(super) fn read(data: &[u8], version: Version) -> Result<Payload, Malformed> {
    let measured = segments(data, version, Text::default())?;
    let text = Text {
        bytes: Some(Vec::with_capacity(measured.length)),
        ..Text::default()
    };
    let text = segments(data, version, text)?;
    Ok(Payload {
        bytes: text.bytes.unwrap_or_default(),
        eci: text.eci,
        has_kanji: text.has_kanji,
    })
}

fn segments(data: &[u8], version: Version, mut payload: Text) -> Result<Text, Malformed> {
    let mut bits = Bits { data, at: 0 };
    while bits.left() >= 4 {
        match bits.take(4)? {
            0 => break,
            1 => numeric(&mut bits, version, &mut payload)?,
            2 => alphanumeric(&mut bits, version, &mut payload)?,
            // One of several codes that belong together: which, of how many, and parity of all.
            3 => _ = bits.take(16)?,
            4 => bytes(&mut bits, version, &mut payload)?,
            // The data follow GS1's rules.
            5 => payload.has_rules = true,
            7 => payload.eci = payload.eci.or(Some(eci(&mut bits)?)),
            8 => kanji(&mut bits, version, &mut payload)?,
            // The data follow the rules of the application named here.
            9 => {
                bits.take(8)?;
                payload.has_rules = true;
            }
            13 => hanzi(&mut bits, version, &mut payload)?,
            _ => return Err(Malformed::UnknownMode),
        }
    }
    Ok(payload)
}

/// How many characters a segment has; the field's width depends on the version.
fn count(bits: &mut Bits<'_>, version: Version, widths: [usize; 3]) -> Result<usize, Malformed> {
    let width = match version.number() {
        ..=9 => widths[0],
        10..=26 => widths[1],
        _ => widths[2],
    };
    Ok(bits.take(width)? as usize)
}

fn numeric(bits: &mut Bits<'_>, version: Version, payload: &mut Text) -> Result<(), Malformed> {
    let mut left = count(bits, version, [10, 12, 14])?;
    while left > 0 {
        let digits = left.min(3);
        let value = bits.take([0, 4, 7, 10][digits])?;
        if value >= [1, 10, 100, 1000][digits] {
            return Err(Malformed::BadCharacter);
        }
        let text = [value / 100, value / 10 % 10, value % 10].map(|digit| b'0' + digit as u8);
        push(payload, &text[3 - digits..])?;
        left -= digits;
    }
    Ok(())
}

fn alphanumeric(
    bits: &mut Bits<'_>,
    version: Version,
    payload: &mut Text,
) -> Result<(), Malformed> {
    const CHARACTERS: &[u8; 45] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
    let character = |value: u32| {
        CHARACTERS
            .get(value as usize)
            .copied()
            .ok_or(Malformed::BadCharacter)
    };
    let mut left = count(bits, version, [9, 11, 13])?;
    let mut after_percent = false;
    while left >= 2 {
        let pair = bits.take(11)?;
        for value in [pair / 45, pair % 45] {
            push_alphanumeric(payload, character(value)?, &mut after_percent)?;
        }
        left -= 2;
    }
    if left == 1 {
        let one = bits.take(6)?;
        push_alphanumeric(payload, character(one)?, &mut after_percent)?;
    }
    end_percent(payload, &mut after_percent)
}

/// Where the data follow an application's rules, `%` is the separator of fields (ASCII GS) and `%%`
/// a per cent sign (ISO/IEC 18004 section 7.4.8).
fn push_alphanumeric(
    payload: &mut Text,
    character: u8,
    after_percent: &mut bool,
) -> Result<(), Malformed> {
    match (payload.has_rules && character == b'%', *after_percent) {
        (true, true) => {
            *after_percent = false;
            push(payload, b"%")
        }
        (true, false) => {
            *after_percent = true;
            Ok(())
        }
        (false, _) => {
            end_percent(payload, after_percent)?;
            push(payload, &[character])
        }
    }
}

fn end_percent(payload: &mut Text, after_percent: &mut bool) -> Result<(), Malformed> {
    if std::mem::take(after_percent) {
        push(payload, b"\x1d")?;
    }
    Ok(())
}

fn bytes(bits: &mut Bits<'_>, version: Version, payload: &mut Text) -> Result<(), Malformed> {
    for _ in 0..count(bits, version, [8, 16, 16])? {
        let byte = bits.take(8)? as u8;
        push(payload, &[byte])?;
    }
    Ok(())
}

fn kanji(bits: &mut Bits<'_>, version: Version, payload: &mut Text) -> Result<(), Malformed> {
    for _ in 0..count(bits, version, [8, 10, 12])? {
        let value = bits.take(13)?;
        let packed = ((value / 0xc0) << 8) | (value % 0xc0);
        let code = packed + if packed < 0x1f00 { 0x8140 } else { 0xc140 };
        push(payload, &[(code >> 8) as u8, code as u8])?;
        payload.has_kanji = true;
    }
    Ok(())
}

/// Chinese characters by GB/T 18284: as GB 2312.
fn hanzi(bits: &mut Bits<'_>, version: Version, payload: &mut Text) -> Result<(), Malformed> {
    if bits.take(4)? != 1 {
        return Err(Malformed::UnknownMode);
    }
    for _ in 0..count(bits, version, [8, 10, 12])? {
        let value = bits.take(13)?;
        let packed = ((value / 0x60) << 8) | (value % 0x60);
        let code = packed + if packed < 0x0a00 { 0xa1a1 } else { 0xa6a1 };
        push(payload, &[(code >> 8) as u8, code as u8])?;
        payload.eci = payload.eci.or(Some(29));
    }
    Ok(())
}

fn eci(bits: &mut Bits<'_>) -> Result<u32, Malformed> {
    let first = bits.take(8)?;
    match first {
        0..=0x7f => Ok(first),
        0x80..=0xbf => Ok((first & 0x3f) << 8 | bits.take(8)?),
        0xc0..=0xdf => Ok((first & 0x1f) << 16 | bits.take(16)?),
        _ => Err(Malformed::BadCharacter),
    }
}

fn push(payload: &mut Text, bytes: &[u8]) -> Result<(), Malformed> {
    payload.length += bytes.len();
    if payload.length > BYTES_MAX {
        return Err(Malformed::TooShort);
    }
    if let Some(text) = &mut payload.bytes {
        text.extend_from_slice(bytes);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
