//! One log line for each thing that happened at the lane. Accounts are masked, codes never shown.

use fare_rules::Note;

// long: one arm for each kind of note
pub(super) fn log(note: &Note) {
    match note {
        Note::Admitted {
            confirmation,
            shown,
            direction,
            account,
            fare,
        } => tracing::info!(
            tap = %confirmation, code = %shown, %account, fare = fare.map(tracing::field::display),
            "{direction} admitted"
        ),
        Note::LetThrough { record, direction } => {
            tracing::info!(tap = %record, "{direction} let through by staff");
        }
        Note::NotLetThrough { record } => {
            tracing::error!(%record, "not recorded, so nobody is let through");
        }
        Note::Refused {
            refusal,
            shown,
            account,
        } => tracing::info!(
            refusal = refusal.code(), number = refusal.number(), code = %shown,
            account = account.map(tracing::field::display), staff = refusal.staff(),
            "refused"
        ),
        Note::Passed {
            confirmation,
            after,
        } => {
            tracing::info!(tap = %confirmation, after_ms = after.0, "passed");
        }
        Note::Annulled {
            confirmation,
            annulment,
        } => {
            tracing::info!(tap = %confirmation, ?annulment, "annulled");
        }
        Note::PassageUnknown { confirmation } => {
            tracing::warn!(tap = %confirmation, "passage unknown, the barrier was open for all");
        }
        Note::UnaskedPassage => tracing::warn!("somebody went through unasked"),
        Note::FreePassage => tracing::info!("free passage used"),
        Note::PassageNotCommitted { passage } => {
            tracing::error!(%passage, "the journal did not take a passage, trying again");
        }
        Note::BarrierFailed => tracing::error!("the barrier did not obey"),
        Note::FireAlarm(on) => tracing::warn!(on, "fire alarm"),
        Note::ModeChanged(modes) => tracing::info!(%modes, "mode changed"),
        Note::ClockUnsure {
            unsure: true,
            error,
        } => tracing::warn!(
            error_ms = error.0,
            "the clock may be off by too much to judge the times of codes"
        ),
        Note::ClockUnsure {
            unsure: false,
            error,
        } => tracing::info!(error_ms = error.0, "the clock is good again"),
    }
}
