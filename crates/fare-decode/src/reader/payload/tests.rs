//! Tests of segments: each mode as the standard's examples have it, all that can be wrong with one.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use proptest::prelude::*;

fn version(number: i32) -> Version {
    Version::new(number).unwrap()
}

/// Bits written one field after another, filled up with 0 to whole bytes.
#[derive(Clone, Default)]
struct Fields(Vec<bool>);

impl Fields {
    fn put(mut self, value: u32, width: u32) -> Self {
        self.0.extend(
            (0..width)
                .rev()
                .map(|bit| value.checked_shr(bit).unwrap_or(0) & 1 == 1),
        );
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let byte = |bits: &[bool]| {
            let value = bits.iter().fold(0, |sum, &bit| sum << 1 | u8::from(bit));
            value << (8 - bits.len())
        };
        self.0.chunks(8).map(byte).collect()
    }

    fn text(self, text: &[u8]) -> Self {
        let header = self.put(4, 4).put(text.len() as u32, 8);
        text.iter()
            .fold(header, |fields, &byte| fields.put(u32::from(byte), 8))
    }

    fn read(&self) -> Result<Payload, Malformed> {
        read(&self.bytes(), version(1))
    }
}

fn fields() -> Fields {
    Fields::default()
}

fn plain(bytes: &[u8]) -> Payload {
    Payload {
        bytes: bytes.to_vec(),
        ..Payload::default()
    }
}

#[test]
fn digits_are_read_as_in_the_standards_example() {
    // 7.4.3: 01234567 and 0123456789012345.
    let short = fields().put(1, 4).put(8, 10).put(12, 10).put(345, 10);
    assert_eq!(short.put(67, 7).read(), Ok(plain(b"01234567")));
    let long = [12, 345, 678, 901, 234].into_iter();
    let long = long.fold(fields().put(1, 4).put(16, 10), |f, three| f.put(three, 10));
    assert_eq!(long.put(5, 4).read(), Ok(plain(b"0123456789012345")));
}

#[test]
fn characters_are_read_as_in_the_standards_example() {
    // 7.4.4: AC-42 is (10, 12), (41, 4), 2.
    let example = fields().put(2, 4).put(5, 9).put(462, 11).put(1849, 11);
    assert_eq!(example.put(2, 6).read(), Ok(plain(b"AC-42")));
}

/// A segment in alphanumeric mode.
fn alphanumeric_segment(fields: Fields, text: &str) -> Fields {
    let characters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
    let values: Vec<u32> = text
        .chars()
        .map(|c| characters.find(c).unwrap() as u32)
        .collect();
    let header = fields.put(2, 4).put(text.len() as u32, 9);
    values.chunks(2).fold(header, |fields, pair| match pair {
        [first, second] => fields.put(first * 45 + second, 11),
        one => fields.put(one[0], 6),
    })
}

#[test]
fn a_per_cent_sign_separates_fields_where_the_data_follow_rules() {
    let cases = [
        ("10AB%21C", &b"10AB\x1d21C"[..]),
        ("5%%OFF", b"5%OFF"),
        ("%%%A%", b"%\x1dA\x1d"),
    ];
    for (text, want) in cases {
        let gs1 = alphanumeric_segment(fields().put(5, 4), text);
        assert_eq!(
            gs1.read(),
            Ok(plain(want)),
            "{text} after FNC1 in first position"
        );
        let named = alphanumeric_segment(fields().put(9, 4).put(37, 8), text);
        assert_eq!(
            named.read(),
            Ok(plain(want)),
            "{text} after FNC1 in second position"
        );
        let without = alphanumeric_segment(fields(), text);
        assert_eq!(without.read(), Ok(plain(text.as_bytes())));
    }
}

#[test]
fn kanji_are_read_as_in_the_standards_example() {
    // 7.4.6: 935F is 0D9F, E4AA is 1AAA.
    let example = fields().put(8, 4).put(2, 8).put(0x0d9f, 13).put(0x1aaa, 13);
    let want = Payload {
        has_kanji: true,
        ..plain(&[0x93, 0x5f, 0xe4, 0xaa])
    };
    assert_eq!(example.read(), Ok(want));
}

#[test]
fn hanzi_are_gb_2312() {
    // B0A1 is in the second range, A1A1 the first of all.
    let example = fields().put(13, 4).put(1, 4).put(2, 8);
    let example = example.put((0xb0 - 0xa6) * 0x60, 13).put(0, 13);
    let want = Payload {
        eci: Some(29),
        ..plain(&[0xb0, 0xa1, 0xa1, 0xa1])
    };
    assert_eq!(example.read(), Ok(want));
    let other_set = fields().put(13, 4).put(2, 4).put(0, 8);
    assert_eq!(other_set.read(), Err(Malformed::UnknownMode));
}

#[test]
fn a_character_set_is_one_two_or_three_bytes() {
    for (set, header) in [
        (26, fields().put(7, 4).put(26, 8)),
        (899, fields().put(7, 4).put(0b10 << 14 | 899, 16)),
        (999_999, fields().put(7, 4).put(0b110 << 21 | 999_999, 24)),
    ] {
        let want = Payload {
            eci: Some(set),
            ..plain(b"x")
        };
        assert_eq!(header.text(b"x").read(), Ok(want), "{set}");
    }
    let none = fields().put(7, 4).put(0b111 << 5, 8);
    assert_eq!(none.read(), Err(Malformed::BadCharacter));
    let two = fields().put(7, 4).put(3, 8).text(b"a").put(7, 4).put(4, 8);
    assert_eq!(two.text(b"b").read().unwrap().eci, Some(3), "the first one");
}

#[test]
fn what_only_describes_the_text_is_passed_over() {
    for header in [
        fields().put(5, 4),
        fields().put(9, 4).put(37, 8),
        fields().put(3, 4).put(0x12, 8).put(0xab, 8),
    ] {
        assert_eq!(header.text(b"GS1").read(), Ok(plain(b"GS1")));
    }
}

#[test]
fn segments_follow_one_another_until_the_end_is_marked() {
    let two = fields().text(b"a").put(1, 4).put(1, 10).put(7, 4);
    assert_eq!(two.clone().put(0, 4).text(b"no").read(), Ok(plain(b"a7")));
    // With fewer than four bits left nothing marks the end.
    let three_left = fields().text(b"abc").put(1, 4).put(1, 10).put(7, 4);
    assert_eq!(three_left.0.len() % 8, 6);
    assert_eq!(three_left.read(), Ok(plain(b"abc7")));
    assert_eq!(read(&[], version(1)), Ok(plain(b"")));
}

#[test]
fn a_length_has_as_many_bits_as_the_version_says() {
    for (mode, widths) in [
        (1, [10, 12, 14]),
        (2, [9, 11, 13]),
        (4, [8, 16, 16]),
        (8, [8, 10, 12]),
    ] {
        for (width, numbers) in widths.into_iter().zip([[1, 9], [10, 26], [27, 40]]) {
            for number in numbers {
                let empty = fields().put(mode, 4).put(0, width).put(4, 4);
                let length = if number < 10 { 8 } else { 16 };
                let then = empty.put(1, length).put(u32::from(b'x'), 8).bytes();
                let got = read(&then, version(number));
                assert_eq!(got, Ok(plain(b"x")), "mode {mode} version {number}");
            }
        }
    }
}

#[test]
fn a_value_that_no_character_has_is_refused() {
    for wrong in [
        fields().put(1, 4).put(3, 10).put(1000, 10),
        fields().put(1, 4).put(2, 10).put(100, 7),
        fields().put(1, 4).put(1, 10).put(10, 4),
        fields().put(2, 4).put(2, 9).put(45 * 45, 11),
        fields().put(2, 4).put(1, 9).put(45, 6),
    ] {
        assert_eq!(wrong.read(), Err(Malformed::BadCharacter));
    }
}

#[test]
fn unknown_modes_are_refused() {
    for mode in [6, 10, 11, 12, 14, 15] {
        let wrong = fields().put(mode, 4).put(0, 20);
        assert_eq!(wrong.read(), Err(Malformed::UnknownMode), "{mode}");
    }
}

#[test]
fn a_length_beyond_the_data_is_refused_and_takes_no_memory() {
    for (mode, width) in [(1, 10), (2, 9), (4, 8), (8, 8)] {
        for length in [20, (1 << width) - 1] {
            let wrong = fields().put(mode, 4).put(length, width).put(0, 40);
            assert_eq!(wrong.read(), Err(Malformed::TooShort), "mode {mode}");
        }
    }
}

#[test]
fn every_cut_through_a_segment_is_refused() {
    let whole = [
        fields()
            .put(1, 4)
            .put(7, 10)
            .put(123, 10)
            .put(456, 10)
            .put(7, 4),
        fields()
            .put(2, 4)
            .put(5, 9)
            .put(462, 11)
            .put(1849, 11)
            .put(2, 6),
        fields().text(b"bytes"),
        fields().put(8, 4).put(2, 8).put(0x0d9f, 13).put(0x1aaa, 13),
        fields()
            .put(13, 4)
            .put(1, 4)
            .put(2, 8)
            .put(960, 13)
            .put(0, 13),
        fields().put(3, 4).put(0xffff, 16),
        fields().put(9, 4).put(0xff, 8),
        fields().put(7, 4).put(0b110 << 21 | 12_345, 24),
    ];
    for (segment, fields) in whole.into_iter().enumerate() {
        let bytes = fields.bytes();
        assert!(read(&bytes, version(1)).is_ok(), "segment {segment}");
        for cut in 1..bytes.len() {
            let got = read(&bytes[..cut], version(1));
            assert_eq!(
                got,
                Err(Malformed::TooShort),
                "segment {segment}, {cut} bytes"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_codewords_are_read_or_refused(
        data in prop::collection::vec(any::<u8>(), 0..400),
        number in 1..=40
    ) {
        if let Ok(payload) = read(&data, version(number)) {
            // Ten bits make three digits: no mode says more.
            prop_assert!(payload.bytes.len() <= data.len() * 8 * 3 / 10 + 2);
            prop_assert!(payload.bytes.capacity() <= BYTES_MAX);
        }
    }

    #[test]
    fn what_was_written_in_bytes_is_read(text in prop::collection::vec(any::<u8>(), 0..=255)) {
        prop_assert_eq!(fields().text(&text).put(0, 4).read(), Ok(plain(&text)));
    }
}
