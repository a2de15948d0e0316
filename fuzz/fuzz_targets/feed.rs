//! See `faregate_fuzz::feed`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| faregate_fuzz::feed(bytes));
