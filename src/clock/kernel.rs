//! What the kernel knows of its own clock (`adjtimex(2)`): whether something keeps it, and how well.

use fare_protocol::Millis;
#[cfg(target_pointer_width = "64")]
use rtime_clock::adjtime::{Timex, adjtimex};
use std::io;

/// Status bit: nothing keeps the clock (`STA_UNSYNC`).
#[cfg(target_pointer_width = "64")]
const UNSYNCHRONISED: i32 = 0x0040;

/// Never believed to be better: systemd-timesyncd tells the kernel 0 (`docs/decisions/0007-clock.md`).
#[cfg(target_pointer_width = "64")]
const LEAST: Millis = Millis(50);

/// The kernel's bound of its clock's error; nothing while nothing keeps it.
///
/// # Errors
/// Where it may not be asked: the service's own filter of system calls, without its drop-in.
#[cfg(target_pointer_width = "64")]
pub(super) fn error_bound() -> io::Result<Option<Millis>> {
    let mut state = Timex::new();
    adjtimex(&mut state)?;
    if state.0.status & UNSYNCHRONISED != 0 {
        return Ok(None);
    }
    let micros = u64::try_from(state.0.maxerror).unwrap_or(u64::MAX);
    let ms = u32::try_from(micros.div_ceil(1_000)).unwrap_or(u32::MAX);
    Ok(Some(Millis(ms).max(LEAST)))
}

/// Not on 32-bit machines: the one crate that wraps the call does not build there.
///
/// # Errors
/// Always.
#[cfg(not(target_pointer_width = "64"))]
pub(super) fn error_bound() -> io::Result<Option<Millis>> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(all(test, target_pointer_width = "64"))]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_answers() {
        let bound = error_bound().expect("the kernel may be asked");
        assert!(bound.is_none_or(|bound| bound >= LEAST), "{bound:?}");
    }
}
