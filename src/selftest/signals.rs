//! Lamps, buzzer and voice, one after the other. Only the technician can see and hear them.

use super::Check;
use crate::signals::{LampsConfig, VoiceConfig, try_lamps, try_voice};

/// Lights each lamp once.
pub(super) async fn lamps(config: &LampsConfig) -> Check {
    match try_lamps(config).await {
        Ok(count) => Check::passed("lamps", format!("{count} were told to light, and obeyed")),
        Err(err) => Check::failed(
            "lamps",
            err.to_string(),
            "check their cable and power, and [lamps] in the configuration",
        ),
    }
}

/// Speaks a sentence.
pub(super) async fn voice(config: &VoiceConfig) -> Check {
    match try_voice(config).await {
        Ok(file) => Check::passed("voice", format!("{} was played to its end", file.display())),
        Err(err) => Check::failed(
            "voice",
            err.to_string(),
            "check the loudspeaker, the player and [voice] in the configuration",
        ),
    }
}
