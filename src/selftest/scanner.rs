//! A code before the scanner, through its own line.

use super::Check;
use crate::config::ScannerConfig;
use crate::scanner;
use fare_protocol::RideCode;
use std::time::Duration;

/// Waits for a code for as long as `patience`.
pub(super) async fn check(config: &ScannerConfig, patience: Duration) -> Check {
    match scanner::first_code(config, patience).await {
        Ok(Some(code)) => {
            let kind = if RideCode::is_claimed_by(&code.bytes) {
                "a ride code"
            } else {
                "a code"
            };
            let (bytes, ms) = (code.bytes.len(), code.took.as_millis());
            Check::passed("scanner", format!("{kind} came: {bytes} bytes in {ms} ms"))
        }
        Ok(None) => Check::failed(
            "scanner",
            format!("no code came in {} s", patience.as_secs()),
            "hold any QR code before it; when it beeps and nothing comes, check the line's speed, \
             and `suffix`, `prefix` and `aim` under [scanner]",
        ),
        Err(err) => Check::failed(
            "scanner",
            err.to_string(),
            "check the scanner's cable, and `device` under [scanner]",
        ),
    }
}
