//! See `faregate_fuzz::payload`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| faregate_fuzz::payload(bytes));
