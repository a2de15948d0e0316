//! See `faregate_fuzz::y4m`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| faregate_fuzz::y4m(bytes));
