//! See `faregate_fuzz::config`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| faregate_fuzz::config(bytes));
