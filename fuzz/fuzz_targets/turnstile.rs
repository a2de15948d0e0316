//! See `faregate_fuzz::turnstile`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| faregate_fuzz::turnstile(bytes));
