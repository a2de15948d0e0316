//! Frames from a camera through Video4Linux, by nokhwa.
//!
//! Asked for are, in this order, layouts whose luma stands there ready to take (YUYV, NV12, grey)
//! and last MJPEG, which costs a JPEG decode for each frame. nokhwa and the crate below it panic on
//! some faults, such as a driver that refuses to stop; every call is contained and becomes a
//! [`SourceError`].

use super::{Frame, FrameName, FrameSource, SourceError, SourceItem, picture};
use crate::clock;
use crate::contain::{contain, install_quiet_hook};
use fare_protocol::UnixMs;
use nokhwa::backends::capture::V4LCaptureDevice;
use nokhwa::camera_traits::CaptureBackendTrait;
use nokhwa::utils::{
    CameraFormat, CameraIndex, FrameFormat, RequestedFormat, RequestedFormatType, Resolution,
};
use nokhwa::{Buffer, NokhwaError};

/// Layouts asked for, the cheapest first.
const LAYOUTS: [FrameFormat; 4] = [
    FrameFormat::YUYV,
    FrameFormat::NV12,
    FrameFormat::GRAY,
    FrameFormat::MJPEG,
];
/// A driver's time of capture further back than this is on another clock than ours.
const CAPTURE_AGE_MS_MAX: i64 = 10_000;

/// An open camera.
pub struct Camera {
    name: String,
    /// Only taken out to be closed.
    device: Option<V4LCaptureDevice<'static>>,
    number: u64,
    spare: Vec<u8>,
}

impl Camera {
    /// Opens `/dev/videoN` and starts it at the size and rate nearest to those wanted.
    ///
    /// # Errors
    /// [`SourceError::Camera`] when it is absent, busy, or offers none of the layouts.
    pub fn open(device: u32, width: u32, height: u32, fps: u32) -> Result<Self, SourceError> {
        install_quiet_hook();
        let name = format!("/dev/video{device}");
        let opened = contain(|| start(device, width, height, fps));
        let device = match opened {
            Ok(Ok(device)) => device,
            Ok(Err(error)) => return Err(fault(&name, error.to_string())),
            Err(panic) => return Err(fault(&name, panic)),
        };
        Ok(Self {
            name,
            device: Some(device),
            number: 0,
            spare: Vec::new(),
        })
    }

    /// Waits for the camera's next buffer.
    fn buffer(&mut self) -> Result<Buffer, SourceError> {
        let device = self.device.as_mut();
        match contain(|| device.map(CaptureBackendTrait::frame)) {
            Ok(Some(Ok(buffer))) => Ok(buffer),
            Ok(Some(Err(error))) => Err(fault(&self.name, error.to_string())),
            Ok(None) => Err(fault(&self.name, "it is closed".to_owned())),
            Err(panic) => Err(fault(&self.name, panic)),
        }
    }
}

fn fault(device: &str, why: String) -> SourceError {
    SourceError::Camera {
        device: device.to_owned(),
        why,
    }
}

/// Tries the layouts in turn; the error is that of the first, which says whether there is a camera.
fn start(
    device: u32,
    width: u32,
    height: u32,
    fps: u32,
) -> Result<V4LCaptureDevice<'static>, NokhwaError> {
    let start_with = |layout| {
        let wanted = CameraFormat::new(Resolution::new(width, height), layout, fps);
        let layouts = [layout];
        let wanted = RequestedFormat::with_formats(RequestedFormatType::Closest(wanted), &layouts);
        let mut camera = V4LCaptureDevice::new(&CameraIndex::Index(device), wanted)?;
        camera.open_stream()?;
        Ok(camera)
    };
    let [first, others @ ..] = LAYOUTS;
    let or_others = |error| {
        others
            .into_iter()
            .find_map(|layout| start_with(layout).ok())
            .ok_or(error)
    };
    start_with(first).or_else(or_others)
}

impl FrameSource for Camera {
    fn next_frame(&mut self) -> Result<Option<SourceItem>, SourceError> {
        let buffer = self.buffer()?;
        let name = FrameName::Number(self.number);
        self.number += 1;
        let at = captured_at(&buffer, clock::now());
        let luma = std::mem::take(&mut self.spare);
        Ok(Some(match frame(&buffer, luma, at) {
            Ok(frame) => SourceItem::Frame { name, frame },
            Err(why) => SourceItem::Skipped { name, why },
        }))
    }

    fn describe(&self) -> String {
        match &self.device {
            Some(device) => format!("camera {}, {}", self.name, device.camera_format()),
            None => format!("camera {}", self.name),
        }
    }

    fn reuse(&mut self, luma: Vec<u8>) {
        self.spare = luma;
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        let device = self.device.take();
        // Closing an unplugged camera may panic; there is nobody left to tell.
        let _panic = contain(|| drop(device));
    }
}

/// The driver's time of capture where it makes sense, else the time the frame arrived.
fn captured_at(buffer: &Buffer, now: UnixMs) -> UnixMs {
    let by_driver = buffer
        .capture_timestamp()
        .and_then(|t| i64::try_from(t.as_millis()).ok());
    by_driver
        .map(UnixMs)
        .filter(|at| (0..=CAPTURE_AGE_MS_MAX).contains(&now.since(*at)))
        .unwrap_or(now)
}

/// The luma of a camera's buffer. Drivers hand over whole pages, so it may be longer than the
/// picture.
fn frame(buffer: &Buffer, mut luma: Vec<u8>, at: UnixMs) -> Result<Frame, String> {
    let (width, height) = (buffer.resolution().x(), buffer.resolution().y());
    let pixels = super::luma_len(width, height).map_err(|error| error.to_string())?;
    let bytes = buffer.buffer();
    let needed = match buffer.source_frame_format() {
        FrameFormat::YUYV => 2 * pixels,
        FrameFormat::GRAY | FrameFormat::NV12 => pixels,
        FrameFormat::MJPEG => {
            return picture::decode(bytes, at).map_err(|error| error.to_string());
        }
        other @ (FrameFormat::RAWRGB | FrameFormat::RAWBGR) => {
            return Err(format!(
                "the camera sends {other}, expected YUYV, NV12, GRAY or MJPEG"
            ));
        }
    };
    let got = bytes.len();
    let plane = bytes
        .get(..needed)
        .ok_or_else(|| format!("{got} bytes, expected {needed}"))?;
    luma.clear();
    luma.extend(plane.iter().step_by(needed / pixels));
    Frame::new(width, height, luma, at).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;
    use std::time::Duration;

    fn buffer(layout: FrameFormat, bytes: &[u8]) -> Buffer {
        Buffer::new(Resolution::new(2, 2), bytes, layout)
    }

    #[test]
    fn luma_is_taken_from_each_layout() {
        for (layout, bytes) in [
            (FrameFormat::YUYV, &b"aUbVcUdV and the rest of the page"[..]),
            (FrameFormat::NV12, b"abcdUV"),
            (FrameFormat::GRAY, b"abcd"),
        ] {
            let frame = frame(&buffer(layout, bytes), vec![0; 99], UnixMs(1)).unwrap();
            assert_eq!(frame.luma(), b"abcd", "{layout}");
        }
    }

    #[test]
    fn a_buffer_that_is_no_picture_is_named() {
        for (layout, bytes, why) in [
            (FrameFormat::YUYV, &b"aUbVcUd"[..], "7 bytes, expected 8"),
            (FrameFormat::GRAY, b"", "0 bytes, expected 4"),
            (
                FrameFormat::MJPEG,
                b"\xff\xd8\xff",
                "it is not a readable PNG, JPEG, WebP or GIF picture",
            ),
            (FrameFormat::RAWRGB, b"rgbrgbrgbrgb", "the camera sends"),
        ] {
            let got = frame(&buffer(layout, bytes), vec![], UnixMs(1)).unwrap_err();
            assert!(got.starts_with(why), "{layout}: {got}");
        }
    }

    #[test]
    fn a_drivers_time_counts_only_when_it_is_on_our_clock() {
        let now = UnixMs(1_000_000);
        for (driver_ms, want) in [
            (None, 1_000_000),
            (Some(999_970), 999_970),
            (Some(5), 1_000_000),
            (Some(1_000_001), 1_000_000),
        ] {
            let resolution = Resolution::new(1, 1);
            let taken = driver_ms.map(Duration::from_millis);
            let buffer = Buffer::with_timestamp(resolution, b"x", FrameFormat::GRAY, taken);
            assert_eq!(captured_at(&buffer, now), UnixMs(want), "{driver_ms:?}");
        }
    }

    #[test]
    fn an_absent_camera_is_an_error_that_names_it() {
        let error = Camera::open(9_999, 1280, 720, 30)
            .err()
            .unwrap()
            .to_string();
        assert!(error.starts_with("camera /dev/video9999: "), "{error}");
    }
}
