//! See `faregate_fuzz::scanner`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| faregate_fuzz::scanner(bytes));
