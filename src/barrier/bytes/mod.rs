//! A turnstile that is told and heard by byte sequences of its own, as many old ones on serial lines.

mod pattern;

pub use pattern::{Matcher, Meaning, Pattern, PatternError, Said, Script};

use super::{BarrierBoard, BarrierError, Inputs, Motion};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{sleep, timeout};

/// What is said to a turnstile, and what its answers mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// Lets one rider through.
    pub open: Script,
    /// Lets everybody through; without it the turnstile is opened anew after each passage.
    pub open_all: Option<Script>,
    /// Closes; without it the turnstile closes by itself.
    pub close: Option<Script>,
    /// Asks how it is; without it the turnstile speaks by itself.
    pub poll: Option<Script>,
    /// What its bytes mean.
    pub patterns: Vec<(Meaning, Pattern)>,
    /// Longest wait for an answer.
    pub answer: Duration,
}

impl Dialect {
    fn has(&self, wanted: Meaning) -> bool {
        self.patterns.iter().any(|(meaning, _)| *meaning == wanted)
    }
}

/// A turnstile at the other end of `T`.
pub struct BytesBoard<T> {
    line: T,
    dialect: Dialect,
    matcher: Matcher,
    heard: VecDeque<Said>,
    seen: Seen,
    /// Open for all by single openings: the passages when it was last opened.
    opened_at: Option<u16>,
}

/// What has been said so far.
#[derive(Debug, Default)]
struct Seen {
    inputs: Inputs,
    counter: Option<u8>,
    passing: bool,
}

impl Seen {
    fn take(&mut self, said: Said) {
        let Said { meaning, number } = said;
        let was_passing = std::mem::take(&mut self.passing);
        match meaning {
            Meaning::Ack | Meaning::Nak | Meaning::Alive => self.passing = was_passing,
            Meaning::Idle => {
                let passages = self.inputs.passages;
                self.inputs = Inputs {
                    passages,
                    ..Inputs::default()
                };
            }
            Meaning::Passed => self.passed(1),
            Meaning::Passing => {
                self.passing = true;
                self.passed(u8::from(!was_passing));
            }
            Meaning::Passages => {
                let now = number.unwrap_or_default();
                // The first number is where counting starts.
                let before = self.counter.replace(now).unwrap_or(now);
                self.passed(now.wrapping_sub(before));
            }
            Meaning::Obstructed => self.inputs.obstructed = true,
            Meaning::Clear => self.inputs.obstructed = false,
            Meaning::Fire => self.inputs.fire = true,
            Meaning::FireOff => self.inputs.fire = false,
            Meaning::Fault => self.inputs.fault = number.unwrap_or(1).into(),
        }
    }

    fn passed(&mut self, count: u8) {
        self.inputs.passages = self.inputs.passages.wrapping_add(count.into());
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> BytesBoard<T> {
    /// Speaks `dialect` over `line`.
    pub fn over(line: T, dialect: Dialect) -> Self {
        Self {
            line,
            matcher: Matcher::new(dialect.patterns.clone()),
            dialect,
            heard: VecDeque::new(),
            seen: Seen::default(),
            opened_at: None,
        }
    }

    /// Waits for the next message.
    async fn next(&mut self) -> Result<Said, BarrierError> {
        let mut chunk = [0; 128];
        loop {
            if let Some(said) = self.heard.pop_front() {
                self.seen.take(said);
                return Ok(said);
            }
            let count = self.line.read(&mut chunk).await?;
            let bytes = chunk.get(..count).unwrap_or_default();
            if bytes.is_empty() {
                return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
            }
            let matcher = &mut self.matcher;
            let heard = bytes.iter().flat_map(|byte| matcher.push(*byte));
            self.heard.extend(heard);
        }
    }

    /// Takes what has come already.
    async fn drain(&mut self) -> Result<(), BarrierError> {
        while let Ok(said) = timeout(Duration::ZERO, self.next()).await {
            said?;
        }
        Ok(())
    }

    /// Sends a script; after each part `answered` says when its answer has come.
    async fn send(
        &mut self,
        script: &Script,
        answered: impl Fn(Said) -> Result<bool, BarrierError>,
        waits: bool,
    ) -> Result<(), BarrierError> {
        self.drain().await?;
        let patience = self.dialect.answer;
        for step in &script.0 {
            match timeout(patience, self.line.write_all(&step.bytes)).await {
                Ok(written) => written?,
                Err(_elapsed) => return Err(BarrierError::Silent(patience)),
            }
            if waits {
                let answer = async {
                    while !answered(self.next().await?)? {}
                    Ok::<_, BarrierError>(())
                };
                match timeout(patience, answer).await {
                    Ok(answer) => answer?,
                    Err(_elapsed) => return Err(BarrierError::Silent(patience)),
                }
            }
            sleep(step.pause).await;
        }
        Ok(())
    }

    async fn command(&mut self, script: &Script) -> Result<(), BarrierError> {
        let waits = self.dialect.has(Meaning::Ack);
        let answered = |said: Said| match said.meaning {
            Meaning::Ack => Ok(true),
            Meaning::Nak => Err(BarrierError::Refused),
            Meaning::Alive
            | Meaning::Idle
            | Meaning::Passed
            | Meaning::Passing
            | Meaning::Passages
            | Meaning::Obstructed
            | Meaning::Clear
            | Meaning::Fire
            | Meaning::FireOff
            | Meaning::Fault => Ok(false),
        };
        self.send(script, answered, waits).await
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> BarrierBoard for BytesBoard<T> {
    async fn release(&mut self, motion: Motion) -> Result<(), BarrierError> {
        let Dialect {
            open,
            open_all,
            close,
            ..
        } = &self.dialect;
        let (script, one_by_one) = match motion {
            Motion::OpenForOne => (Some(open.clone()), false),
            Motion::OpenForAll => match open_all {
                Some(script) => (Some(script.clone()), false),
                None => (Some(open.clone()), true),
            },
            Motion::Close => (close.clone(), false),
        };
        self.opened_at = one_by_one.then_some(self.seen.inputs.passages);
        match script {
            Some(script) => self.command(&script).await,
            None => Ok(()),
        }
    }

    async fn inputs(&mut self) -> Result<Inputs, BarrierError> {
        match self.dialect.poll.clone() {
            Some(poll) => self.send(&poll, |_| Ok(true), true).await?,
            None => self.drain().await?,
        }
        let inputs = self.seen.inputs;
        if self.opened_at.is_some_and(|at| at != inputs.passages) {
            let open = self.dialect.open.clone();
            self.command(&open).await?;
            self.opened_at = Some(inputs.passages);
        }
        Ok(inputs)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use tokio::io::{DuplexStream, duplex};

    fn pattern(meaning: Meaning, text: &str) -> (Meaning, Pattern) {
        (meaning, text.parse().unwrap())
    }

    fn board(
        poll: Option<&str>,
        more: &[(Meaning, Pattern)],
    ) -> (BytesBoard<DuplexStream>, DuplexStream) {
        let (ours, theirs) = duplex(256);
        let mut patterns = vec![
            pattern(Meaning::Ack, "06"),
            pattern(Meaning::Nak, "15"),
            pattern(Meaning::Passed, "50"),
        ];
        patterns.extend_from_slice(more);
        let dialect = Dialect {
            open: "4F".parse().unwrap(),
            open_all: None,
            close: None,
            poll: poll.map(|poll| poll.parse().unwrap()),
            patterns,
            answer: Duration::from_millis(100),
        };
        (BytesBoard::over(ours, dialect), theirs)
    }

    #[tokio::test]
    async fn a_command_waits_for_its_own_answer_and_loses_no_passage() {
        let (mut board, mut turnstile) = board(None, &[]);
        // An old answer is not the one to the next command.
        turnstile.write_all(b"\x06\x50").await.unwrap();
        let silent = board.release(Motion::OpenForOne).await;
        assert!(matches!(silent, Err(BarrierError::Silent(_))), "{silent:?}");
        turnstile.write_all(b"\x50").await.unwrap();
        let told = tokio::spawn(async move {
            let mut told = [0; 2];
            turnstile.read_exact(&mut told).await.unwrap();
            turnstile.write_all(b"\x50\x06").await.unwrap();
            (told, turnstile)
        });
        board.release(Motion::OpenForOne).await.unwrap();
        let (told, mut turnstile) = told.await.unwrap();
        assert_eq!(&told, b"OO");
        assert_eq!(board.inputs().await.unwrap().passages, 3);
        turnstile.write_all(b"\x15").await.unwrap();
        let refused = tokio::join!(board.release(Motion::OpenForOne), async {
            let mut told = [0];
            turnstile.read_exact(&mut told).await.unwrap();
            turnstile.write_all(b"\x15").await.unwrap();
        });
        assert!(
            matches!(refused.0, Err(BarrierError::Refused)),
            "{refused:?}"
        );
    }

    #[tokio::test]
    async fn a_turnstile_that_lets_one_through_is_opened_again_while_it_is_open_for_all() {
        let (mut board, mut turnstile) = board(None, &[]);
        turnstile.write_all(b"").await.unwrap();
        let serving = tokio::spawn(async move {
            let mut opened = Vec::new();
            let mut byte = [0];
            while turnstile.read_exact(&mut byte).await.is_ok() {
                opened.push(byte[0]);
                turnstile.write_all(b"\x06").await.unwrap();
                if opened.len() < 3 {
                    turnstile.write_all(b"\x50").await.unwrap();
                }
            }
            opened
        });
        board.release(Motion::OpenForAll).await.unwrap();
        while board.inputs().await.unwrap().passages < 2 {
            tokio::task::yield_now().await;
        }
        board.inputs().await.unwrap();
        board.release(Motion::Close).await.unwrap();
        drop(board);
        assert_eq!(serving.await.unwrap(), b"OOO");
    }

    #[test]
    fn what_is_said_is_put_together() {
        let mut seen = Seen::default();
        let mut hear = |meaning, number| {
            seen.take(Said { meaning, number });
            seen.inputs
        };
        assert_eq!(hear(Meaning::Passages, Some(254)).passages, 0);
        assert_eq!(hear(Meaning::Passages, Some(1)).passages, 3);
        assert_eq!(hear(Meaning::Passing, None).passages, 4);
        assert_eq!(hear(Meaning::Alive, None).passages, 4);
        assert_eq!(hear(Meaning::Passing, None).passages, 4);
        assert!(hear(Meaning::Obstructed, None).obstructed);
        assert_eq!(hear(Meaning::Passing, None).passages, 5);
        assert!(hear(Meaning::Fire, None).fire);
        assert_eq!(hear(Meaning::Fault, Some(9)).fault, 9);
        assert_eq!(hear(Meaning::Fault, None).fault, 1);
        let nothing = Inputs {
            passages: 5,
            ..Inputs::default()
        };
        assert_eq!(hear(Meaning::Idle, None), nothing);
    }

    #[tokio::test]
    async fn a_poll_without_an_answer_is_a_lost_board() {
        let (mut board, _turnstile) = board(Some("53"), &[pattern(Meaning::Idle, "49")]);
        let silent = board.inputs().await;
        assert!(matches!(silent, Err(BarrierError::Silent(_))), "{silent:?}");
    }
}
