//! See `faregate_fuzz::voucher`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| faregate_fuzz::voucher(bytes));
