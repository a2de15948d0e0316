//! See `faregate_fuzz::modbus`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| faregate_fuzz::modbus(bytes));
