//! See `faregate_fuzz::upload`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| faregate_fuzz::upload(bytes));
