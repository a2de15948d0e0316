//! Riders and the cameras they stand before: the part of a demo or test that is not the metro's.

use crate::approach::Approach;
use crate::camera::Camera;
use crate::cast::Cast;
use crate::clock;
use crate::rider::Rider;
use crate::screen::{Look, Phone, ScreenError};
use crate::screenshot::Screenshot;
use crate::seed::Seed;
use crate::shot::{Difficulty, FrameSize, Shot};
use crate::stream::{CameraStream, Leave, StreamError, Visit, Visiting};
use fare_protocol::{AccountId, GateId, RiderClass, UnixMs};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::Path;
use tokio::sync::oneshot;

/// Frames in which a phone comes, and in which it leaves.
const MOVING_FRAMES: u32 = 5;
/// How long a rider holds the phone at most, in seconds.
const PATIENCE_S: u32 = 8;

/// How the cameras see.
#[derive(Clone, Copy, Debug)]
pub struct Optics {
    /// Size of the frames.
    pub size: FrameSize,
    /// Frames a second.
    pub fps: u32,
    /// How well the riders hold their phones.
    pub difficulty: Difficulty,
}

/// Why a rider cannot show a code.
#[derive(Debug, thiserror::Error)]
pub enum CrowdError {
    /// No such camera.
    #[error("there is no camera at gate {0}; name one that was started")]
    NoCamera(GateId),
    /// The code does not fit the screen.
    #[error("rider {rider} cannot show the code: {source}")]
    Screen {
        /// Which rider.
        rider: u64,
        /// Why.
        source: ScreenError,
    },
    /// A picture's code is not one of ours.
    #[error("the picture cannot be held up: {0}")]
    Picture(#[from] ScreenError),
}

/// Riders by number, cameras by gate.
#[derive(Debug)]
pub struct Crowd {
    seed: Seed,
    cast: Cast,
    optics: Optics,
    riders: HashMap<u64, Rider>,
    lanes: HashMap<GateId, Lane>,
    visits: u64,
}

#[derive(Debug)]
struct Lane {
    stream: CameraStream,
    /// Ends the visit of the rider at the glass.
    leave: Option<Leave>,
}

/// A rider seen by a camera for the first time in this visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// When the first frame that could have been read was handed to the gate.
    pub t_ms: UnixMs,
    /// Whose camera.
    pub gate: GateId,
    /// Which rider.
    pub rider: u64,
    /// Which fares apply to the rider.
    pub class: RiderClass,
}

impl Crowd {
    /// A crowd that can show itself at no gate yet. Riders and issuer are those of
    /// [`Cast::new`] with the same seed.
    pub fn new(seed: &Seed, optics: Optics) -> Self {
        Self {
            seed: seed.clone(),
            cast: Cast::new(seed, clock::now()),
            optics,
            riders: HashMap::new(),
            lanes: HashMap::new(),
            visits: 0,
        }
    }

    /// Puts a camera at `gate`; the gate reads it from the named pipe `pipe`, which is made. The
    /// answer comes when the gate reads it.
    ///
    /// # Errors
    /// When the pipe cannot be made.
    pub fn add_camera(
        &mut self,
        gate: GateId,
        pipe: &Path,
    ) -> Result<impl Future<Output = ()> + Send + use<>, StreamError> {
        let place = self.seed.fork(gate.as_str(), 0);
        let camera = Camera::new(self.optics.size, &place);
        let stream = CameraStream::start(pipe, camera, self.optics.fps)?;
        let watched = stream.reading(true);
        self.lanes.insert(
            gate,
            Lane {
                stream,
                leave: None,
            },
        );
        Ok(watched)
    }

    /// Waits until the gate reads its camera, or nobody does any more.
    ///
    /// # Errors
    /// When there is no camera at `gate`.
    pub fn reading(
        &self,
        gate: GateId,
        wanted: bool,
    ) -> Result<impl Future<Output = ()> + Send + use<>, CrowdError> {
        let lane = self.lanes.get(&gate).ok_or(CrowdError::NoCamera(gate))?;
        Ok(lane.stream.reading(wanted))
    }

    /// Whose account rider `number` uses.
    pub fn account(&self, number: u64) -> AccountId {
        self.cast.rider(number).account()
    }

    /// Rider `number` makes a new code and holds the phone before the camera of `gate`, until
    /// [`Self::leave`]. The answer comes when the camera sees the code.
    ///
    /// # Errors
    /// When there is no camera at `gate`.
    pub fn show(
        &mut self,
        gate: GateId,
        number: u64,
    ) -> Result<oneshot::Receiver<Shown>, CrowdError> {
        let rider = self
            .riders
            .entry(number)
            .or_insert_with(|| self.cast.rider(number));
        let text = rider.make_code(clock::now());
        let phone = rider.show(&text).map_err(|source| CrowdError::Screen {
            rider: number,
            source,
        })?;
        let class = rider.class();
        let first_seen = self.present(gate, phone)?;
        let (sender, shown) = oneshot::channel();
        tokio::spawn(async move {
            if let Ok(t_ms) = first_seen.await {
                // Whoever asked may have lost interest.
                let _ = sender.send(Shown {
                    t_ms,
                    gate,
                    rider: number,
                    class,
                });
            }
        });
        Ok(shown)
    }

    /// Somebody holds a phone with this screen before the camera of `gate`, until [`Self::leave`].
    /// The answer comes when the camera sees the code.
    ///
    /// # Errors
    /// When there is no camera at `gate`, or the code is not one of ours.
    pub fn hold(
        &mut self,
        gate: GateId,
        screenshot: Screenshot,
    ) -> Result<oneshot::Receiver<UnixMs>, CrowdError> {
        let look = Look::draw(&mut self.seed.fork("hold", self.visits));
        self.present(gate, Phone::of_screenshot(screenshot, look)?)
    }

    fn present(
        &mut self,
        gate: GateId,
        phone: Phone,
    ) -> Result<oneshot::Receiver<UnixMs>, CrowdError> {
        let lane = self
            .lanes
            .get_mut(&gate)
            .ok_or(CrowdError::NoCamera(gate))?;
        self.visits += 1;
        let mut hand = self.seed.fork("visit", self.visits);
        let held = Shot::draw(self.optics.difficulty, &phone, self.optics.size, &mut hand);
        let approach = Approach {
            coming: MOVING_FRAMES,
            held: self.optics.fps * PATIENCE_S,
            leaving: MOVING_FRAMES,
        };
        let Visiting { first_seen, leave } = lane.stream.show(Visit {
            phone,
            held,
            approach,
            hand,
        });
        lane.leave = Some(leave);
        Ok(first_seen)
    }

    /// Whoever is before the camera of `gate` goes on.
    ///
    /// # Errors
    /// When there is no camera at `gate`.
    pub fn leave(&mut self, gate: GateId) -> Result<(), CrowdError> {
        let lane = self
            .lanes
            .get_mut(&gate)
            .ok_or(CrowdError::NoCamera(gate))?;
        if let Some(leave) = lane.leave.take() {
            leave.now();
        }
        Ok(())
    }
}
