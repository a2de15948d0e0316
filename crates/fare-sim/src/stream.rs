//! A camera that never stops: Y4M frames into a named pipe, the hall or a rider's phone.

use crate::approach::Approach;
use crate::camera::Camera;
use crate::clock;
use crate::recording::Y4mWriter;
use crate::screen::Phone;
use crate::seed::Seed;
use crate::shot::{FrameSize, Shot};
use fare_protocol::UnixMs;
use image::GrayImage;
use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use tokio::sync::{oneshot, watch};

/// Different frames of the empty hall; they differ by their noise.
const EMPTY_FRAMES: u64 = 4;
/// Pause before opening a pipe again that could not be opened.
const RETRY: Duration = Duration::from_millis(200);

/// Why a camera cannot stream.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The named pipe cannot be made.
    #[error("cannot make the named pipe {path}: {why}; remove what is in its place", path = path.display())]
    Pipe {
        /// Where.
        path: PathBuf,
        /// What `mkfifo` said.
        why: String,
    },
    /// No thread could be started.
    #[error("cannot start the camera's thread: {0}")]
    Thread(io::Error),
}

/// A rider's visit to the camera.
#[derive(Clone, Debug)]
pub struct Visit {
    /// The phone and what it shows.
    pub phone: Phone,
    /// How it is held.
    pub held: Shot,
    /// For how long at most; a rider who is let in leaves sooner.
    pub approach: Approach,
    /// The hand's tremor.
    pub hand: Seed,
}

/// A visit under way.
#[derive(Debug)]
pub struct Visiting {
    /// When the first frame that could have been read was handed to the pipe
    /// ([`Shot::sees_finders`]). An error when the visit ended, or the camera stopped, before that.
    pub first_seen: oneshot::Receiver<UnixMs>,
    /// Ends it.
    pub leave: Leave,
}

/// Takes a phone away before its time.
#[derive(Clone, Debug, Default)]
pub struct Leave(Arc<AtomicBool>);

/// A camera that streams. Dropping it ends the stream and removes the pipe.
#[derive(Debug)]
pub struct CameraStream {
    pipe: PathBuf,
    visits: mpsc::Sender<Scene>,
    reading: watch::Receiver<bool>,
    stop: Arc<AtomicBool>,
}

/// A visit as the thread gets it.
struct Scene {
    visit: Visit,
    first_seen: oneshot::Sender<UnixMs>,
    leave: Leave,
}

/// A visit as the thread plays it.
struct Playing {
    phone: Phone,
    shots: VecDeque<Shot>,
    /// Shots that are played even when the rider wants to leave.
    leaving: usize,
    first_seen: Option<oneshot::Sender<UnixMs>>,
    leave: Leave,
}

impl CameraStream {
    /// Makes the named pipe `pipe` and streams into it at `fps` whenever somebody reads. A reader
    /// that went away and came back gets a new stream header.
    ///
    /// # Errors
    /// When the pipe or the thread cannot be made.
    pub fn start(pipe: &Path, camera: Camera, fps: u32) -> Result<Self, StreamError> {
        make_pipe(pipe)?;
        let (visits, coming) = mpsc::channel();
        let (read, reading) = watch::channel(false);
        let stop = Arc::new(AtomicBool::new(false));
        let player = Player {
            empty: (0..EMPTY_FRAMES).map(|i| camera.empty(i)).collect(),
            camera,
            pause: Duration::from_secs(1) / fps.max(1),
            fps,
            coming,
            playing: None,
            read,
            frames: 0,
        };
        let (path, stopped) = (pipe.to_owned(), Arc::clone(&stop));
        std::thread::Builder::new()
            .name("camera".to_owned())
            .spawn(move || player.run(&path, &stopped))
            .map_err(StreamError::Thread)?;
        Ok(Self {
            pipe: pipe.to_owned(),
            visits,
            reading,
            stop,
        })
    }

    /// Waits until somebody reads the stream, or nobody does. A reader that follows another within
    /// one frame's time goes unnoticed, and gets the rest of its stream.
    pub fn reading(&self, wanted: bool) -> impl Future<Output = ()> + Send + use<> {
        let mut reading = self.reading.clone();
        async move {
            // An error means that the thread has ended; then nobody will.
            let _ = reading.wait_for(|reading| *reading == wanted).await;
        }
    }

    /// Shows `visit` after the visits that came before it.
    pub fn show(&self, visit: Visit) -> Visiting {
        let (sender, first_seen) = oneshot::channel();
        let leave = Leave::default();
        let scene = Scene {
            visit,
            first_seen: sender,
            leave: leave.clone(),
        };
        // A thread that is gone drops the sender, which the receiver sees.
        let _ = self.visits.send(scene);
        Visiting { first_seen, leave }
    }
}

impl Leave {
    /// The rider goes on.
    pub fn now(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Drop for CameraStream {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // A reader for a moment, so that a thread that waits for one goes on and sees the flag.
        drop(OpenOptions::new().read(true).write(true).open(&self.pipe));
        let _ = std::fs::remove_file(&self.pipe);
    }
}

fn make_pipe(path: &Path) -> Result<(), StreamError> {
    let failed = |why| StreamError::Pipe {
        path: path.to_owned(),
        why,
    };
    let made = Command::new("mkfifo")
        .arg("-m")
        .arg("600")
        .arg(path)
        .output();
    let made = made.map_err(|error| failed(error.to_string()))?;
    if made.status.success() {
        return Ok(());
    }
    Err(failed(
        String::from_utf8_lossy(&made.stderr).trim().to_owned(),
    ))
}

struct Player {
    camera: Camera,
    empty: Vec<GrayImage>,
    pause: Duration,
    fps: u32,
    coming: mpsc::Receiver<Scene>,
    playing: Option<Playing>,
    read: watch::Sender<bool>,
    frames: usize,
}

impl Player {
    fn run(mut self, path: &Path, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            // Waits until somebody reads.
            let ended = OpenOptions::new()
                .write(true)
                .open(path)
                .and_then(|pipe| self.stream(pipe, stop));
            self.read.send_replace(false);
            match ended {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
                Err(error) => {
                    tracing::warn!(%error, pipe = %path.display(), "camera cannot stream");
                    std::thread::sleep(RETRY);
                }
                Ok(()) => return,
            }
        }
    }

    fn stream(&mut self, pipe: File, stop: &AtomicBool) -> io::Result<()> {
        let mut stream = Y4mWriter::start(pipe, self.camera.size(), self.fps)?;
        self.read.send_replace(true);
        let mut due = clock::monotonic();
        while !stop.load(Ordering::Relaxed) {
            self.next_frame(&mut stream)?;
            due = wait_until(due + self.pause);
        }
        Ok(())
    }

    fn next_frame(&mut self, stream: &mut Y4mWriter<File>) -> io::Result<()> {
        if self.playing.is_none() {
            self.playing = self
                .coming
                .try_recv()
                .ok()
                .map(|scene| Playing::new(scene, self.camera.size()));
        }
        self.frames = self.frames.wrapping_add(1);
        let Some((playing, shot)) = self
            .playing
            .as_mut()
            .and_then(|playing| playing.next_shot().map(|shot| (playing, shot)))
        else {
            self.playing = None;
            let empty = self.empty.get(self.frames % self.empty.len().max(1));
            return empty.map_or(Ok(()), |frame| stream.frame(frame));
        };
        let frame = self.camera.take(&playing.phone, &shot);
        if shot.sees_finders(&playing.phone, self.camera.size())
            && let Some(first) = playing.first_seen.take()
        {
            // Whoever asked may have gone.
            let _ = first.send(clock::now());
        }
        stream.frame(&frame)
    }
}

impl Playing {
    fn new(scene: Scene, size: FrameSize) -> Self {
        let Visit {
            phone,
            held,
            approach,
            hand,
        } = scene.visit;
        Self {
            phone,
            shots: approach.shots(&held, size, &hand).into(),
            leaving: approach.leaving as usize,
            first_seen: Some(scene.first_seen),
            leave: scene.leave,
        }
    }

    fn next_shot(&mut self) -> Option<Shot> {
        if self.leave.0.load(Ordering::Relaxed) {
            let skipped = self.shots.len().saturating_sub(self.leaving);
            self.shots.drain(..skipped);
        }
        self.shots.pop_front()
    }
}

/// Sleeps until `due`; the time from which the next frame counts. A camera that is late drops
/// frames instead of sending a burst.
fn wait_until(due: Instant) -> Instant {
    let now = clock::monotonic();
    if due <= now {
        return now;
    }
    std::thread::sleep(due - now);
    due
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::screen::{Code, Look, Packing};
    use crate::shot::Difficulty;
    use std::io::{BufRead, BufReader, Read};

    const SIZE: FrameSize = FrameSize {
        width: 320,
        height: 240,
    };

    struct Reader(BufReader<File>);

    impl Reader {
        fn open(pipe: &Path) -> Self {
            let mut reader = Self(BufReader::new(File::open(pipe).unwrap()));
            assert_eq!(reader.line(), "YUV4MPEG2 W320 H240 F100:1 Ip A1:1 Cmono\n");
            reader
        }

        fn line(&mut self) -> String {
            let mut line = String::new();
            self.0.read_line(&mut line).unwrap();
            line
        }

        fn frame(&mut self) -> Vec<u8> {
            assert_eq!(self.line(), "FRAME\n");
            let mut pixels = vec![0; SIZE.pixels()];
            self.0.read_exact(&mut pixels).unwrap();
            pixels
        }
    }

    fn text_in(pixels: &[u8]) -> Option<String> {
        let (w, h) = (SIZE.width as usize, SIZE.height as usize);
        let mut picture =
            rqrr::PreparedImage::prepare_from_greyscale(w, h, |x, y| pixels[y * w + x]);
        let (_, text) = picture.detect_grids().first()?.decode().ok()?;
        Some(text)
    }

    fn visit(text: &str) -> Visit {
        let code = Code::new(text.as_bytes(), Packing::Alphanumeric).unwrap();
        let mut hand = Seed::new(3);
        let phone = Phone::new(code, Look::draw(&mut hand));
        let held = Shot::draw(Difficulty::Easy, &phone, SIZE, &mut hand);
        let approach = Approach {
            coming: 3,
            held: 500,
            leaving: 3,
        };
        Visit {
            phone,
            held,
            approach,
            hand,
        }
    }

    #[test]
    fn a_visitor_is_seen_leaves_when_asked_and_makes_room_for_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("camera");
        let stream = CameraStream::start(&pipe, Camera::new(SIZE, &Seed::new(1)), 100).unwrap();
        let mut reader = Reader::open(&pipe);
        assert_eq!(text_in(&reader.frame()), None);
        for text in ["FIRST RIDER", "SECOND RIDER"] {
            let before = clock::now();
            let visiting = stream.show(visit(text));
            let seen = (0..200).any(|_| text_in(&reader.frame()).as_deref() == Some(text));
            assert!(seen, "{text} was never seen");
            visiting.leave.now();
            let first = visiting.first_seen.blocking_recv().unwrap();
            assert!(first >= before && first <= clock::now());
        }
        // Ten frames may stand in the pipe and the reader; then there is only the hall.
        let gone = (0..30).any(|_| text_in(&reader.frame()).is_none());
        assert!(gone, "the last phone never left");
    }

    #[tokio::test]
    async fn a_gate_that_comes_back_gets_a_new_header() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("camera");
        let stream = CameraStream::start(&pipe, Camera::new(SIZE, &Seed::new(1)), 100).unwrap();
        for _ in 0..2 {
            Reader::open(&pipe).frame();
            stream.reading(false).await;
        }
        drop(stream);
        assert!(!pipe.exists());
    }

    #[test]
    fn a_file_in_the_pipes_place_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let camera = Camera::new(SIZE, &Seed::new(1));
        let error = CameraStream::start(file.path(), camera, 30)
            .unwrap_err()
            .to_string();
        assert!(error.contains("File exists"), "{error}");
    }
}
