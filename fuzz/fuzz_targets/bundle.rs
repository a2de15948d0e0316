//! See `faregate_fuzz::bundle`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| faregate_fuzz::bundle(bytes));
