//! See `faregate_fuzz::tariff`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| faregate_fuzz::tariff(bytes));
