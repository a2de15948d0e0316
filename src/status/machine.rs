//! The computer that the gate runs on, as far as people should know: room, warmth, time.

use fare_protocol::UnixMs;
use serde::Serialize;
use std::fs;
use std::path::Path;

/// Where Linux says how warm it is.
const THERMAL: &str = "/sys/class/thermal";

/// What is known of the computer.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Machine {
    /// The disk that the journal lies on; nothing when the system does not say.
    pub disk: Option<Disk>,
    /// The warmest of its sensors; nothing when there is none.
    pub warmest: Option<Warmest>,
    /// Whether the system says that its clock was synchronised since the start; nothing when it keeps
    /// no such mark.
    pub clock_synchronised: Option<bool>,
}

/// Room on a disk, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Disk {
    /// In all.
    pub size: u64,
    /// Left for the gate.
    pub free: u64,
}

/// A temperature.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Warmest {
    /// The sensor.
    pub sensor: String,
    /// Degrees Celsius.
    pub celsius: f64,
}

impl Machine {
    /// Looks at the computer and the disk with the journal at `journal`.
    pub fn look(journal: &Path) -> Self {
        Self {
            disk: Disk::of(journal),
            warmest: Warmest::under(Path::new(THERMAL)),
            clock_synchronised: synchronised(Path::new("/run/systemd/timesync")),
        }
    }
}

impl Disk {
    /// The disk with this file, or with the folder that it would be in.
    pub fn of(file: &Path) -> Option<Self> {
        let folder = file
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let stat = rustix::fs::statvfs(folder.unwrap_or(Path::new("."))).ok()?;
        Some(Self {
            size: stat.f_blocks.saturating_mul(stat.f_frsize),
            free: stat.f_bavail.saturating_mul(stat.f_frsize),
        })
    }

    /// How much of it is left, in per cent.
    pub fn free_percent(self) -> u64 {
        self.free
            .saturating_mul(100)
            .checked_div(self.size)
            .unwrap_or(0)
    }
}

impl Warmest {
    /// The warmest sensor in a folder as Linux keeps it.
    pub fn under(folder: &Path) -> Option<Self> {
        let zones = fs::read_dir(folder).ok()?.filter_map(Result::ok);
        let read = |path: &Path, file: &str| {
            let text = fs::read_to_string(path.join(file)).ok()?;
            Some(text.trim().to_owned())
        };
        let warmth = |zone: fs::DirEntry| {
            let thousandths: f64 = read(&zone.path(), "temp")?.parse().ok()?;
            Some(Self {
                sensor: read(&zone.path(), "type").unwrap_or_default(),
                celsius: thousandths / 1_000.0,
            })
        };
        zones
            .filter_map(warmth)
            .max_by(|a, b| a.celsius.total_cmp(&b.celsius))
    }
}

/// systemd-timesyncd touches a file once it has set the clock.
fn synchronised(folder: &Path) -> Option<bool> {
    folder
        .exists()
        .then(|| folder.join("synchronized").exists())
}

/// Whether the computer's time may be right: it is not before the program was written.
pub(super) fn is_plausible(now: UnixMs) -> bool {
    /// 2026-11-01.
    const WRITTEN: UnixMs = UnixMs(1_793_491_200_000);
    now > WRITTEN
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_warmest_sensor_is_told() {
        let dir = tempfile::tempdir().unwrap();
        for (zone, sensor, temp) in [
            ("thermal_zone0", "cpu-thermal\n", "51234\n"),
            ("thermal_zone1", "gpu-thermal\n", "48000\n"),
            ("cooling_device0", "fan\n", ""),
        ] {
            let zone = dir.path().join(zone);
            fs::create_dir(&zone).unwrap();
            fs::write(zone.join("type"), sensor).unwrap();
            fs::write(zone.join("temp"), temp).unwrap();
        }
        let warmest = Warmest::under(dir.path()).unwrap();
        assert_eq!(warmest.sensor, "cpu-thermal");
        assert!((warmest.celsius - 51.234).abs() < 1e-9);
        assert_eq!(Warmest::under(&dir.path().join("nothing")), None);
    }

    #[test]
    fn the_disk_of_a_file_that_is_not_there_yet_is_known() {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::of(&dir.path().join("journal")).unwrap();
        assert!(disk.size >= disk.free && disk.free_percent() <= 100);
        assert_eq!(Disk { size: 0, free: 0 }.free_percent(), 0);
    }
}
