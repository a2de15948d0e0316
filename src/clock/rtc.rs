//! The battery clock, through sysfs.

use fare_protocol::UnixMs;
use std::path::Path;

/// The clock that the kernel sets its own from at boot.
const SINCE_EPOCH: &str = "/sys/class/rtc/rtc0/since_epoch";

/// What it shows, in whole seconds of UTC; nothing without one, or when it was never set.
pub(super) fn read() -> Option<UnixMs> {
    read_file(Path::new(SINCE_EPOCH))
}

fn read_file(file: &Path) -> Option<UnixMs> {
    let text = std::fs::read_to_string(file).ok()?;
    let seconds: i64 = text.trim().parse().ok()?;
    (seconds > 0).then(|| UnixMs(seconds.saturating_mul(1_000)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn seconds_are_read_and_nonsense_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("since_epoch");
        assert_eq!(read_file(&file), None);
        for (text, expected) in [
            ("1796000000\n", Some(UnixMs(1_796_000_000_000))),
            ("0\n", None),
            ("-5\n", None),
            ("\n", None),
            ("soon\n", None),
        ] {
            std::fs::write(&file, text).unwrap();
            assert_eq!(read_file(&file), expected, "{text:?}");
        }
    }
}
