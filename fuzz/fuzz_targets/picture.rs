//! See `faregate_fuzz::picture`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| faregate_fuzz::picture(bytes));
