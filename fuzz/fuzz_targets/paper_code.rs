//! See `faregate_fuzz::paper_code`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| faregate_fuzz::paper_code(bytes));
