//! The kernel's `struct input_event` (linux/input.h), as `/dev/input/eventN` hands it over.

/// Bytes of one event here: two words of time, a type, a code, a value.
pub const EVENT_BYTES: usize = 2 * size_of::<usize>() + 8;

/// Something that happened at an input device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputEvent {
    /// What kind of thing: 0 a mark, 1 a key.
    pub kind: u16,
    /// Which one: of a key, its number.
    pub code: u16,
    /// Of a key, 1 pressed, 0 let go, 2 repeats.
    pub value: i32,
}

impl InputEvent {
    /// Its bytes at the time 0, as the kernel would write them.
    pub fn to_bytes(self) -> [u8; EVENT_BYTES] {
        let mut bytes = [0; EVENT_BYTES];
        let (_time, rest) = bytes.split_at_mut(2 * size_of::<usize>());
        let fields = [
            self.kind.to_ne_bytes().as_slice(),
            &self.code.to_ne_bytes(),
            &self.value.to_ne_bytes(),
        ]
        .concat();
        rest.copy_from_slice(&fields);
        bytes
    }

    fn of_bytes(bytes: [u8; EVENT_BYTES]) -> Self {
        let (_time, [k0, k1, c0, c1, value @ ..]) = split(bytes);
        Self {
            kind: u16::from_ne_bytes([k0, k1]),
            code: u16::from_ne_bytes([c0, c1]),
            value: i32::from_ne_bytes(value),
        }
    }
}

fn split(bytes: [u8; EVENT_BYTES]) -> ([u8; 2 * size_of::<usize>()], [u8; 8]) {
    let (mut time, mut rest) = ([0; 2 * size_of::<usize>()], [0; 8]);
    let (first, last) = bytes.split_at(time.len());
    time.copy_from_slice(first);
    rest.copy_from_slice(last);
    (time, rest)
}

/// Puts events together from bytes that may come in any pieces.
#[derive(Debug, Default)]
pub struct EventReader {
    kept: Vec<u8>,
}

impl EventReader {
    /// The events that are whole with these bytes.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<InputEvent> {
        self.kept.extend_from_slice(bytes);
        let whole = self.kept.len() / EVENT_BYTES * EVENT_BYTES;
        let whole: Vec<u8> = self.kept.drain(..whole).collect();
        let (events, _none) = whole.as_chunks::<EVENT_BYTES>();
        events
            .iter()
            .map(|event| InputEvent::of_bytes(*event))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_as_the_kernel_writes_them_in_any_pieces() {
        let event = InputEvent {
            kind: 1,
            code: 30,
            value: -2,
        };
        let mut wire = vec![0xaa; 2 * size_of::<usize>()];
        wire.extend(1_u16.to_ne_bytes());
        wire.extend(30_u16.to_ne_bytes());
        wire.extend((-2_i32).to_ne_bytes());
        assert_eq!(wire.len(), EVENT_BYTES);
        let twice = wire.repeat(2);
        for cut in 0..twice.len() {
            let mut reader = EventReader::default();
            let mut read = reader.push(&twice[..cut]);
            read.extend(reader.push(&twice[cut..]));
            assert_eq!(read, [event, event], "cut at {cut}");
        }
        assert_eq!(EventReader::default().push(&event.to_bytes()), [event]);
    }
}
