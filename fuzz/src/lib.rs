//! What the fuzz targets do with their bytes. `crates/fare-sim/tests/fuzz_seeds.rs` does the same with each seed
//! and with changed copies of it, without a fuzzer.

mod formats;
mod pictures;

pub use formats::{
    bundle, config, feed, modbus, paper_code, picture, record, ride_code, scanner, tariff,
    turnstile, upload, voucher, y4m,
};
pub use pictures::{decode_frame, payload};

/// A target: what is done with the bytes.
pub type Target = fn(&[u8]);

/// All targets by their names.
pub const TARGETS: [(&str, Target); 16] = [
    ("bundle", bundle),
    ("config", config),
    ("decode_frame", decode_frame),
    ("feed", feed),
    ("modbus", modbus),
    ("paper_code", paper_code),
    ("payload", payload),
    ("picture", picture),
    ("record", record),
    ("ride_code", ride_code),
    ("scanner", scanner),
    ("tariff", tariff),
    ("turnstile", turnstile),
    ("upload", upload),
    ("voucher", voucher),
    ("y4m", y4m),
];
