//! See `faregate_fuzz::ride_code`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| faregate_fuzz::ride_code(bytes));
