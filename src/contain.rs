//! Turns a panic in a foreign crate into a value, quietly: of the QR decoder, of the camera driver.

use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::Once;

thread_local! {
    /// This thread is inside [`contain`].
    static CONTAINING: Cell<bool> = const { Cell::new(false) };
    /// What the hook saw of the panic now unwinding.
    static SEEN: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Makes the process's panic hook silent for contained panics and leaves all others as they were.
pub(crate) fn install_quiet_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let others = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if CONTAINING.get() {
                SEEN.set(Some(describe(info)));
            } else {
                others(info);
            }
        }));
    });
}

/// Runs `work`; a panic in it becomes its message and place.
///
/// `work` must not leave anything shared half changed when it is cut short.
pub(crate) fn contain<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    let outer = CONTAINING.replace(true);
    let done = panic::catch_unwind(AssertUnwindSafe(work));
    CONTAINING.set(outer);
    done.map_err(|_payload| {
        SEEN.take()
            .unwrap_or_else(|| "a panic without a message".to_owned())
    })
}

/// Message and place on one line, without the path to this machine's crate sources.
fn describe(info: &PanicHookInfo<'_>) -> String {
    let message = info.payload_as_str().unwrap_or("a panic without a message");
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    match info.location() {
        Some(at) => {
            let file = at.file().rsplit(['/', '\\']).next().unwrap_or_default();
            format!("{message} ({file}:{})", at.line())
        }
        None => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_its_message_and_place() {
        install_quiet_hook();
        let line = line!() + 1;
        let caught = contain(|| -> u8 { panic!("two\n  lines of {}", "text") });
        assert_eq!(
            caught,
            Err(format!("two lines of text (contain.rs:{line})"))
        );
        assert!(!CONTAINING.get(), "the thread reports later panics again");
    }

    #[test]
    fn what_does_not_panic_passes_through() {
        assert_eq!(contain(|| 5), Ok(5));
    }

    #[test]
    fn a_payload_that_is_no_text_is_contained_too() {
        install_quiet_hook();
        let caught = contain(|| panic::panic_any(7_u64));
        assert!(caught.is_err_and(|what| what.starts_with("a panic without a message")));
    }
}
