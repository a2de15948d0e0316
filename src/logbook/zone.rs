//! Times as people at the station read and type them.

use fare_protocol::UnixMs;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// The time zone in which times are written and read.
#[derive(Clone, Debug)]
pub struct Zone(TimeZone);

/// The text is no time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no time; write 14:30, yesterday, 2026-11-29, \"2026-11-29 14:30\", \
     2026-11-29T14:30:00Z, or 20m, 2h, 3d for so long ago"
)]
pub struct NoTime(String);

impl Zone {
    /// Coordinated universal time.
    pub const fn utc() -> Self {
        Self(TimeZone::UTC)
    }

    /// The computer's time zone, from `TZ` or `/etc/localtime`; UTC where it has none.
    pub fn of_system() -> Self {
        Self(TimeZone::try_system().unwrap_or(TimeZone::UTC))
    }

    #[cfg(test)]
    pub(super) const fn of(zone: TimeZone) -> Self {
        Self(zone)
    }

    /// Its name or, where it has none, its distance from UTC at `at`.
    pub fn name(&self, at: UnixMs) -> String {
        let offset = self.zoned(at).strftime("%:z").to_string();
        match self.0.iana_name() {
            Some("UTC" | "Etc/UTC") => "UTC".to_owned(),
            Some(name) => format!("{name} (UTC{offset})"),
            None if offset == "+00:00" => "UTC".to_owned(),
            None => format!("UTC{offset}"),
        }
    }

    /// `2026-11-29 14:03:22`.
    pub fn short(&self, at: UnixMs) -> String {
        self.zoned(at).strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// `14:03:22.512`.
    pub fn clock(&self, at: UnixMs) -> String {
        self.zoned(at).strftime("%H:%M:%S%.3f").to_string()
    }

    /// `2026-11-29T14:03:22.512+08:00`, for machines.
    pub fn rfc3339(&self, at: UnixMs) -> String {
        self.zoned(at)
            .strftime("%Y-%m-%dT%H:%M:%S%.3f%:z")
            .to_string()
    }

    /// The moment that `text` means, said at `now`: a time of today (or yesterday, if it is still to
    /// come), a day, a day and a time, or so long ago.
    ///
    /// # Errors
    /// When it means none.
    pub fn parse(&self, text: &str, now: UnixMs) -> Result<UnixMs, NoTime> {
        let text = text.trim();
        let found = self
            .word(text, now)
            .or_else(|| ago(text, now))
            .or_else(|| whole(text))
            .or_else(|| self.today_at(text, now))
            .or_else(|| self.local(text));
        found.ok_or_else(|| NoTime(text.to_owned()))
    }

    fn word(&self, text: &str, now: UnixMs) -> Option<UnixMs> {
        let today = self.zoned(now).date();
        match text {
            "now" => Some(now),
            "today" => self.at(today.at(0, 0, 0, 0)),
            "yesterday" => self.at(today.yesterday().ok()?.at(0, 0, 0, 0)),
            _ => None,
        }
    }

    fn today_at(&self, text: &str, now: UnixMs) -> Option<UnixMs> {
        let time = Time::strptime("%H:%M:%S", text).or_else(|_| Time::strptime("%H:%M", text));
        let time = time.ok()?;
        let today = self.zoned(now).date();
        let at = self.at(today.to_datetime(time))?;
        if at <= now {
            Some(at)
        } else {
            self.at(today.yesterday().ok()?.to_datetime(time))
        }
    }

    fn local(&self, text: &str) -> Option<UnixMs> {
        if let Ok(date) = Date::strptime("%Y-%m-%d", text) {
            return self.at(date.at(0, 0, 0, 0));
        }
        let text = text.replace('T', " ");
        let time = DateTime::strptime("%Y-%m-%d %H:%M:%S", &text)
            .or_else(|_| DateTime::strptime("%Y-%m-%d %H:%M", &text));
        self.at(time.ok()?)
    }

    /// In the hour that a clock change skips or repeats, the later and the earlier one.
    fn at(&self, local: DateTime) -> Option<UnixMs> {
        let zoned = local.to_zoned_datetime(self.0.clone()).ok()?;
        Some(UnixMs(zoned.timestamp().as_millisecond()))
    }

    /// Times beyond the calendar's end are written as that end.
    fn zoned(&self, at: UnixMs) -> ZonedDateTime {
        let end = if at.0 < 0 {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        };
        let at = Timestamp::from_millisecond(at.0).unwrap_or(end);
        at.to_zoned_datetime(self.0.clone())
    }
}

/// `20m`, `2h`, `3d`, `45s`.
fn ago(text: &str, now: UnixMs) -> Option<UnixMs> {
    let unit = match text.chars().next_back()? {
        's' => SECOND_MS,
        'm' => MINUTE_MS,
        'h' => HOUR_MS,
        'd' => DAY_MS,
        _ => return None,
    };
    let count: u32 = text.get(..text.len() - 1)?.parse().ok()?;
    let span = i64::from(count).checked_mul(unit)?;
    Some(UnixMs(now.0.checked_sub(span)?))
}

/// With its own distance from UTC.
fn whole(text: &str) -> Option<UnixMs> {
    let at: Timestamp = text.parse().ok()?;
    Some(UnixMs(at.as_millisecond()))
}

/// How long something lasted, as people say it: `0.4 s`, `12 s`, `3 min`, `5 h`, `2 days`.
pub(crate) fn span(ms: i64) -> String {
    let ms = ms.max(0);
    let tenths = ms / 100;
    match ms {
        0..10_000 => format!("{}.{} s", tenths / 10, tenths % 10),
        10_000..120_000 => format!("{} s", ms / SECOND_MS),
        120_000..7_200_000 => format!("{} min", ms / MINUTE_MS),
        7_200_000..172_800_000 => format!("{} h", ms / HOUR_MS),
        _ => format!("{} days", ms / DAY_MS),
    }
}
