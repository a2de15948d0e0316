//! What keys of a keyboard mean when a scanner types: the US layout, and Alt with digits of the keypad,
//! which scanners use to be understood under every layout.

use super::InputEvent;

/// Stands in the text where keys were lost, so that the line it is in is dropped: the character CAN.
pub const CANCELLED: u8 = 0x18;

const EV_SYN: u16 = 0;
const EV_KEY: u16 = 1;
/// The kernel's queue was full; events before it are gone.
const SYN_DROPPED: u16 = 3;

const KEY_LEFT_SHIFT: u16 = 42;
const KEY_RIGHT_SHIFT: u16 = 54;
const KEY_CAPS_LOCK: u16 = 58;
const KEY_LEFT_ALT: u16 = 56;
const KEY_LEFT_CTRL: u16 = 29;

/// The number keys and the three rows of letters, from their first key's number on: plain and shifted.
const ROWS: [(u16, &[u8], &[u8]); 5] = [
    (2, b"1234567890-=", b"!@#$%^&*()_+"),
    (16, b"qwertyuiop[]", b"QWERTYUIOP{}"),
    (30, b"asdfghjkl;'`", b"ASDFGHJKL:\"~"),
    (43, b"\\zxcvbnm,./", b"|ZXCVBNM<>?"),
    (57, b" ", b" "),
];

/// Keys that mean the same with and without shift.
const OTHERS: [(u16, u8); 8] = [
    (15, b'\t'),
    (28, b'\n'),
    (96, b'\n'),
    (55, b'*'),
    (74, b'-'),
    (78, b'+'),
    (83, b'.'),
    (98, b'/'),
];

/// The keypad's digits.
const KEYPAD: [(u16, u8); 10] = [
    (82, 0),
    (79, 1),
    (80, 2),
    (81, 3),
    (75, 4),
    (76, 5),
    (77, 6),
    (71, 7),
    (72, 8),
    (73, 9),
];

/// Turns key events into text.
#[derive(Debug, Default)]
pub struct Typist {
    left_shift: bool,
    right_shift: bool,
    caps: bool,
    ctrl: bool,
    /// The number typed while Alt is held.
    alt: Option<u32>,
}

impl Typist {
    /// The byte that follows from this event, if one does.
    pub fn hear(&mut self, event: InputEvent) -> Option<u8> {
        let pressed = match (event.kind, event.code, event.value) {
            (EV_SYN, SYN_DROPPED, _) => {
                *self = Self::default();
                return Some(CANCELLED);
            }
            (EV_KEY, _, 1) => true,
            (EV_KEY, _, 0) => false,
            _ => return None,
        };
        match (event.code, pressed) {
            (KEY_LEFT_SHIFT, _) => self.left_shift = pressed,
            (KEY_RIGHT_SHIFT, _) => self.right_shift = pressed,
            (KEY_LEFT_CTRL, _) => self.ctrl = pressed,
            (KEY_CAPS_LOCK, true) => self.caps = !self.caps,
            (KEY_LEFT_ALT, true) => self.alt = Some(0),
            (KEY_LEFT_ALT, false) => return self.alt.take().and_then(alt_code),
            (code, true) => return self.press(code),
            (_, false) => {}
        }
        None
    }

    fn press(&mut self, code: u16) -> Option<u8> {
        let digit = KEYPAD.iter().find(|(key, _)| *key == code);
        if let (Some(typed), Some((_, digit))) = (&mut self.alt, digit) {
            *typed = typed.saturating_mul(10).saturating_add(u32::from(*digit));
            return None;
        }
        let byte = self.byte(code)?;
        // Some scanners write separators as Ctrl with a letter: GS is Ctrl with ].
        Some(if self.ctrl { byte & 0x1f } else { byte })
    }

    fn byte(&self, code: u16) -> Option<u8> {
        if let Some((_, byte)) = OTHERS.iter().find(|(key, _)| *key == code) {
            return Some(*byte);
        }
        if let Some((_, digit)) = KEYPAD.iter().find(|(key, _)| *key == code) {
            return Some(b'0' + digit);
        }
        let (place, plain, shifted) = ROWS.iter().find_map(|(first, plain, shifted)| {
            let place = usize::from(code.checked_sub(*first)?);
            (place < plain.len()).then_some((place, plain, shifted))
        })?;
        let plain = *plain.get(place)?;
        let shift = self.left_shift || self.right_shift;
        let upper = shift != (self.caps && plain.is_ascii_lowercase());
        if upper {
            shifted.get(place).copied()
        } else {
            Some(plain)
        }
    }
}

/// The character that Alt with this number means; beyond ASCII it is no code of ours.
fn alt_code(number: u32) -> Option<u8> {
    match u8::try_from(number) {
        Ok(0) => None,
        Ok(byte) if byte.is_ascii() => Some(byte),
        Ok(_) | Err(_) => Some(CANCELLED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(code: u16, value: i32) -> InputEvent {
        InputEvent {
            kind: EV_KEY,
            code,
            value,
        }
    }

    fn typed(events: &[InputEvent]) -> String {
        let mut typist = Typist::default();
        let bytes = events.iter().filter_map(|event| typist.hear(*event));
        bytes.map(char::from).collect()
    }

    fn tap(code: u16) -> [InputEvent; 3] {
        let mark = InputEvent {
            kind: EV_SYN,
            code: 0,
            value: 0,
        };
        [key(code, 1), mark, key(code, 0)]
    }

    #[test]
    fn keys_are_letters_and_shift_makes_them_capitals() {
        let mut events = tap(33).to_vec();
        events.push(key(KEY_LEFT_SHIFT, 1));
        events.extend([tap(33), tap(34), tap(39), tap(5)].concat());
        events.push(key(KEY_LEFT_SHIFT, 0));
        events.extend([tap(2), tap(11), tap(57), tap(53), tap(28)].concat());
        assert_eq!(typed(&events), "fFG:$10 /\n");
    }

    #[test]
    fn caps_lock_is_for_letters_only_and_shift_turns_it_round() {
        let mut events = [tap(KEY_CAPS_LOCK), tap(33), tap(2)].concat();
        events.push(key(KEY_RIGHT_SHIFT, 1));
        events.extend([tap(33), tap(2)].concat());
        assert_eq!(typed(&events), "F1f!");
    }

    #[test]
    fn a_key_that_is_held_counts_once() {
        assert_eq!(
            typed(&[key(30, 1), key(30, 2), key(30, 2), key(30, 0)]),
            "a"
        );
    }

    #[test]
    fn alt_and_the_keypad_type_a_character_by_its_number() {
        let alt = |digits: &[u16]| {
            let mut events = vec![key(KEY_LEFT_ALT, 1)];
            events.extend(digits.iter().flat_map(|digit| tap(*digit)));
            events.push(key(KEY_LEFT_ALT, 0));
            events
        };
        // 070 is F, 71 is G, 300 is no ASCII.
        let text = [alt(&[82, 71, 82]), alt(&[71, 79]), tap(79).to_vec()].concat();
        assert_eq!(typed(&text), "FG1");
        assert_eq!(typed(&alt(&[81, 82, 82])), "\u{18}");
        assert_eq!(typed(&alt(&[])), "");
    }

    #[test]
    fn lost_events_spoil_the_line() {
        let lost = InputEvent {
            kind: EV_SYN,
            code: SYN_DROPPED,
            value: 0,
        };
        assert_eq!(typed(&[key(30, 1), lost, key(48, 1)]), "a\u{18}b");
    }

    #[test]
    fn every_character_of_a_ride_code_can_be_typed() {
        let mut reachable = String::new();
        for shift in [0, 1] {
            for code in 0..=255 {
                reachable.push_str(&typed(&[key(KEY_LEFT_SHIFT, shift), key(code, 1)]));
            }
        }
        let alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
        for wanted in alphabet.chars() {
            assert!(reachable.contains(wanted), "{wanted:?} cannot be typed");
        }
    }
}
