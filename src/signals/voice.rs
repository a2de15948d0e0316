//! Spoken sentences: WAV files, one a sentence and language, through a player that is a process of its own.

use super::Scene;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;
use tokio::sync::watch;
use tokio::time::timeout;

/// Longest sentence; a player that takes longer hangs.
const SENTENCE_MAX: Duration = Duration::from_secs(15);

/// What speaks, and where its sentences lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoiceConfig {
    /// `LANGUAGE/SENTENCE.wav` are below it.
    pub folder: PathBuf,
    /// Spoken one after the other; never empty.
    pub languages: Vec<String>,
    /// The program and its arguments, to which the file is added; never empty.
    pub player: Vec<String>,
}

/// Why nothing was heard.
#[derive(Debug, thiserror::Error)]
pub enum VoiceError {
    /// The player cannot be started.
    #[error(
        "cannot start the player {player}: {source}; install it, or change `player` under [voice]"
    )]
    Start {
        /// The program.
        player: String,
        /// Why.
        source: std::io::Error,
    },
    /// It failed.
    #[error("the player {player} failed on {file}: {said}; check the loudspeaker, and the file", file = file.display())]
    Failed {
        /// The program.
        player: String,
        /// What it was to play.
        file: PathBuf,
        /// Its status.
        said: String,
    },
    /// There is nothing to play.
    #[error("no sentence in {folder}; put files such as en/admitted.wav there", folder = .0.display())]
    Nothing(PathBuf),
}

/// The names of the sentences for what is shown, the best first; none where nothing is said.
pub fn sentences(scene: Scene) -> Vec<String> {
    match scene {
        Scene::Ready => Vec::new(),
        Scene::Admitted => vec!["admitted".to_owned()],
        Scene::Refused(refusal) => {
            let number = format!("refused-{}", refusal.number());
            vec![number, "refused".to_owned()]
        }
        Scene::Closed => vec!["closed".to_owned()],
        Scene::FreePassage => vec!["free-passage".to_owned()],
        Scene::OutOfService => vec!["out-of-service".to_owned()],
    }
}

/// The files for what is shown that there are, a language after the other.
fn files(config: &VoiceConfig, scene: Scene) -> Vec<PathBuf> {
    let names = sentences(scene);
    let of_language = |language: &String| {
        let folder = config.folder.join(language);
        let mut files = names.iter().map(|name| folder.join(format!("{name}.wav")));
        files.find(|file| file.is_file())
    };
    config.languages.iter().filter_map(of_language).collect()
}

/// Says what there is to say for each scene, until the daemon has ended. A new sentence cuts the old one
/// short; a lane that is ready again does not.
pub(super) async fn speak(config: VoiceConfig, mut scenes: watch::Receiver<Scene>) {
    let (mut due, mut failing) = (Vec::new(), false);
    loop {
        let now = std::mem::take(&mut due);
        let saying = say(&config, &now, &mut failing);
        tokio::pin!(saying);
        let mut said = false;
        while due.is_empty() {
            tokio::select! {
                changed = scenes.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    due = files(&config, *scenes.borrow_and_update());
                }
                () = &mut saying, if !said => said = true,
            }
        }
    }
}

async fn say(config: &VoiceConfig, files: &[PathBuf], failing: &mut bool) {
    for file in files {
        match play(config, file).await {
            Ok(()) => *failing = false,
            Err(err) => {
                if !std::mem::replace(failing, true) {
                    tracing::warn!(%err, "a sentence was not spoken");
                }
                return;
            }
        }
    }
}

/// Plays one file to its end. Dropped, it kills the player.
async fn play(config: &VoiceConfig, file: &Path) -> Result<(), VoiceError> {
    let (program, args) = config.player.split_first().unwrap_or((&EMPTY, &[]));
    let mut player = Command::new(program);
    player.args(args).arg(file).kill_on_drop(true);
    player
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let failed = |said: String| VoiceError::Failed {
        player: program.clone(),
        file: file.to_owned(),
        said,
    };
    let mut playing = player.spawn().map_err(|source| VoiceError::Start {
        player: program.clone(),
        source,
    })?;
    match timeout(SENTENCE_MAX, playing.wait()).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(failed(status.to_string())),
        Ok(Err(err)) => Err(failed(err.to_string())),
        Err(_elapsed) => Err(failed(format!("it took longer than {SENTENCE_MAX:?}"))),
    }
}

static EMPTY: String = String::new();

/// Plays the first sentence that there is, for the self-test; its file.
///
/// # Errors
/// When there is none, or the player fails.
pub async fn try_voice(config: &VoiceConfig) -> Result<PathBuf, VoiceError> {
    let file = files(config, Scene::Admitted).into_iter().next();
    let file = file.ok_or_else(|| VoiceError::Nothing(config.folder.clone()))?;
    play(config, &file).await?;
    Ok(file)
}
