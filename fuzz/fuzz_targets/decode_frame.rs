//! See `faregate_fuzz::decode_frame`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| faregate_fuzz::decode_frame(bytes));
