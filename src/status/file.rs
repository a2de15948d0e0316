//! Files that others read at any moment: they hold the old or the new, never half of it.

use super::Published;
use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Anybody on the gate may read these: they hold no secret and name no rider.
const MODE: u32 = 0o644;

/// Puts `text` in the place of what is at `path`. It is not synced: after a power cut it is of no use.
///
/// # Errors
/// When its folder cannot be written to.
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    let new = beside(path);
    let mut file = File::create(&new)?;
    file.set_permissions(Permissions::from_mode(MODE))?;
    file.write_all(text.as_bytes())?;
    fs::rename(&new, path)
}

/// What the daemon published at `path`.
///
/// # Errors
/// When there is nothing, or nothing that this program understands.
pub fn read(path: &Path) -> io::Result<Published> {
    let text = fs::read_to_string(path)?;
    serde_json::from_str(&text).map_err(io::Error::from)
}

/// Collectors of `*.prom` must not see it, so the ending goes last.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    PathBuf::from(name)
}
