//! `[[alone]]`: how often one account is let in while the server's news is old, and what first rides may cost together,
//! stricter as it grows older.

use super::check::Checker;
use super::raw::RawAlone;
use fare_protocol::Millis;
use fare_rules::{ALONE_STEPS_MAX, AloneStep};
use toml::Spanned;

/// News is fetched every few seconds, and a gate that cannot reach the server notices within so long.
const AFTER_LEAST_MS: u32 = 60_000;

impl Checker<'_> {
    /// The steps, the lowest age first. They need a server whose news can be old.
    pub(super) fn alone(
        &mut self,
        raw: &[Spanned<RawAlone>],
        has_server: bool,
    ) -> Option<[Option<AloneStep>; ALONE_STEPS_MAX]> {
        let mut steps = [None; ALONE_STEPS_MAX];
        if let Some(first) = raw.first().filter(|_| !has_server) {
            let message =
                "[[alone]] is about the server's news, and there is no [server]; remove it";
            return self.wrong(first.span(), message.to_owned());
        }
        if let Some(more) = raw.get(ALONE_STEPS_MAX) {
            let message = format!(
                "there are {} [[alone]]; write at most {ALONE_STEPS_MAX}",
                raw.len()
            );
            return self.wrong(more.span(), message);
        }
        let mut before: Option<AloneStep> = None;
        for (place, raw) in steps.iter_mut().zip(raw) {
            let step = self.alone_step(raw, before)?;
            (*place, before) = (Some(step), Some(step));
        }
        Some(steps)
    }

    /// One step, which allows no more than the one before.
    fn alone_step(
        &mut self,
        raw: &Spanned<RawAlone>,
        before: Option<AloneStep>,
    ) -> Option<AloneStep> {
        let RawAlone {
            after_ms,
            entries_max,
            first_rides_max_minor,
        } = raw.get_ref();
        let (after, entries) = (*after_ms.get_ref(), *entries_max.get_ref());
        let least = before.map_or(AFTER_LEAST_MS, |step| step.after.0.saturating_add(1));
        if after < least {
            let message =
                format!("after_ms is {after}; write {least} or more: older news comes later");
            return self.wrong(after_ms.span(), message);
        }
        if before.is_some_and(|step| entries > step.entries) {
            let message = "entries_max grows; older news must not allow more";
            return self.wrong(entries_max.span(), message.to_owned());
        }
        let most = first_rides_max_minor.as_ref();
        let first_rides_minor = most.map(|most| i64::from(*most.get_ref()));
        if let Some(limit) = before.and_then(|step| step.first_rides_minor)
            && first_rides_minor.is_none_or(|most| most > limit)
        {
            let message = format!(
                "older news must not allow more: write first_rides_max_minor, {limit} at most"
            );
            return self.wrong(most.map_or_else(|| raw.span(), Spanned::span), message);
        }
        Some(AloneStep {
            after: Millis(after),
            entries,
            first_rides_minor,
        })
    }
}
