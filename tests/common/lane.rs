//! A gate at work before riders: its board on a pty, its camera's pipe, the real daemon.

use super::{PATIENCE, Process, Site, until};
use fare_sim::board::{Board, BoardEvent, BoardHandle, Habits};
use fare_sim::city::GateFiles;
use fare_sim::crowd::{Crowd, Optics};
use fare_sim::screenshot::Screenshot;
use fare_sim::shot::{Difficulty, FrameSize};
use tokio::time::timeout;

/// A small camera that riders hold their phones well to.
pub const OPTICS: Optics = Optics {
    size: FrameSize::VGA,
    fps: 15,
    difficulty: Difficulty::Easy,
};

/// A gate at work.
pub struct Lane {
    pub files: GateFiles,
    pub board: BoardHandle,
    pub crowd: Crowd,
    pub daemon: Process,
}

impl Lane {
    pub async fn open(site: &Site, files: GateFiles) -> Self {
        Self::open_as(site, files, (OPTICS, Habits::default()), "ready").await
    }

    /// Open once the daemon has logged `ready` and watches the camera.
    pub async fn open_as(
        site: &Site,
        files: GateFiles,
        (optics, habits): (Optics, Habits),
        ready: &str,
    ) -> Self {
        let board = Board::spawn(&files.board, habits).unwrap();
        let (crowd, watched) = riders(site, &files, optics);
        let daemon = Process::gate(&files.config);
        daemon.wait_for(ready);
        watched.await;
        Self {
            files,
            board,
            crowd,
            daemon,
        }
    }

    pub async fn sees(&mut self, wanted: BoardEvent) {
        let seen = came(&mut self.board, wanted).await;
        assert!(seen, "no {wanted:?}: {:#?}", self.daemon.log());
    }

    /// A rider shows a code and goes through.
    pub async fn enters(&mut self, rider: u64) {
        self.crowd.show(self.files.gate, rider).unwrap();
        self.sees(BoardEvent::Passed).await;
        self.crowd.leave(self.files.gate).unwrap();
    }

    /// Somebody holds this screen to the glass and walks through.
    pub async fn lets_through(&mut self, screenshot: Screenshot) {
        let _seen = self.crowd.hold(self.files.gate, screenshot).unwrap();
        for wanted in [BoardEvent::Opened, BoardEvent::Passed] {
            self.sees(wanted).await;
        }
        self.crowd.leave(self.files.gate).unwrap();
    }

    /// Somebody holds this screen to the glass and is refused.
    pub fn refuses(&mut self, screenshot: Screenshot, refusal: &str) {
        let _seen = self.crowd.hold(self.files.gate, screenshot).unwrap();
        let journal = rusqlite::Connection::open(&self.files.journal).unwrap();
        let told = "SELECT count(*) FROM events WHERE kind = 'refused' AND code = ?1";
        let refused = until(|| {
            let told: u32 = journal
                .query_row(told, [refusal], |row| row.get(0))
                .unwrap();
            (told > 0).then_some(())
        });
        assert!(refused.is_some(), "{refusal}: {:#?}", self.daemon.log());
        self.crowd.leave(self.files.gate).unwrap();
    }

    /// How many records the gate has made.
    pub fn records_made(&self) -> u32 {
        let journal = rusqlite::Connection::open(&self.files.journal).unwrap();
        let all = "SELECT count(*) FROM records";
        journal.query_row(all, [], |row| row.get(0)).unwrap()
    }
}

/// Riders before a gate's camera; the answer comes when the gate watches it.
pub fn riders(
    site: &Site,
    files: &GateFiles,
    optics: Optics,
) -> (Crowd, impl Future<Output = ()> + use<>) {
    let mut crowd = Crowd::new(&site.seed, optics);
    let watched = crowd.add_camera(files.gate, &files.camera).unwrap();
    (crowd, watched)
}

/// Answers once the board has seen this.
pub async fn event(board: &mut BoardHandle, wanted: BoardEvent) {
    assert!(came(board, wanted).await, "no {wanted:?}");
}

async fn came(board: &mut BoardHandle, wanted: BoardEvent) -> bool {
    let found = async {
        while let Some(happening) = board.next_event().await {
            if happening.event == wanted {
                return;
            }
        }
        panic!("the board is gone");
    };
    timeout(PATIENCE, found).await.is_ok()
}
