//! Lamps, a buzzer and spoken sentences: what the lane shows, for riders who do not look at a screen.
//!
//! ```text
//! lane's effects -> Signals -> the newest scene -> lamps: a pattern of green, red, amber, buzzer
//!                                               -> voice: WAV files through a player, a process of its own
//! ```
//! Nothing here can hold up the lane or stop the daemon: lamps that are away are tried again, and a
//! player that fails is reported once.

mod lamps;
mod pattern;
mod voice;

pub use lamps::{LampsConfig, LampsError, LampsPort, try_lamps};
pub use pattern::{Lit, Pattern, Step, pattern};
pub use voice::{VoiceConfig, VoiceError, sentences, try_voice};

use fare_rules::{Display, Effect, Refusal};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use tokio::sync::watch;

/// What the lane shows, without anything of the rider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scene {
    /// It waits for a code.
    Ready,
    /// Go through.
    Admitted,
    /// Not this time.
    Refused(Refusal),
    /// Nobody is admitted.
    Closed,
    /// Open for all.
    FreePassage,
    /// It cannot work.
    OutOfService,
}

impl Scene {
    fn of(display: &Display) -> Self {
        match display {
            Display::Ready | Display::Asking => Self::Ready,
            Display::Admitted { .. } | Display::LetThrough => Self::Admitted,
            Display::Refused(refusal) => Self::Refused(*refusal),
            Display::Closed => Self::Closed,
            Display::FreePassage => Self::FreePassage,
            Display::OutOfService => Self::OutOfService,
        }
    }
}

/// The lane's end: tells lamps and voice what is shown.
#[derive(Clone, Debug)]
pub struct Signals(watch::Sender<Scene>);

impl Signals {
    /// Starts what is configured. `answers` says whether the lamps obeyed last.
    pub(crate) fn start(
        lamps: Option<LampsConfig>,
        voice: Option<VoiceConfig>,
        answers: &Arc<AtomicBool>,
    ) -> Self {
        let (scenes, _) = watch::channel(Scene::OutOfService);
        if let Some(config) = lamps {
            tokio::spawn(lamps::light(
                config,
                scenes.subscribe(),
                Arc::clone(answers),
            ));
        }
        if let Some(config) = voice {
            tokio::spawn(voice::speak(config, scenes.subscribe()));
        }
        Self(scenes)
    }

    /// Shows what an effect shows, if it shows anything.
    pub(crate) fn follow(&self, effect: &Effect) {
        if let Effect::Show(display) = effect {
            self.0.send_replace(Scene::of(display));
        }
    }
}
