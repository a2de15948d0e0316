//! A rider's own journeys, each with its receipt: what it cost and why.

use super::auth::RiderAsks;
use super::{Riders, StationName};
use crate::api::problem::Problem;
use crate::store::{Correction, OwnExit, OwnJourney, StoreError};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use fare_protocol::wire::Envelope;
use fare_protocol::{Currency, Direction, FareStep, Money, RecordId, StepValue, UnixMs, Voucher};
use fare_rules::Tariff;
use fare_rules::completion::Clue;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Most journeys in one answer.
const LISTED_MAX: u32 = 50;

/// Most exits without an entry in one answer.
const EXITS_MAX: u32 = 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    before: Option<i64>,
    most: Option<u32>,
}

/// Journeys, newest first. When there are more, ask with the last one's `entered_at_ms` as `before`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Journeys {
    /// At most 50.
    pub journeys: Vec<JourneyView>,
    /// Exits of which no entry has come, newest first, at most 20, whatever `before` says.
    pub exits: Vec<ExitView>,
    /// What is left of the account's stored value, less fares not yet paid from it; below zero it owes. None for
    /// who pays otherwise.
    pub balance: Option<Money>,
    /// When the server looked.
    pub as_of_ms: UnixMs,
}

/// One journey as its rider sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct JourneyView {
    /// Names it: its entry confirmation.
    pub entry: RecordId,
    /// How far it has come: the names of [`fare_rules::journey::Journey`].
    pub state: String,
    /// Where it began.
    pub from: StationName,
    /// By the entry gate's clock.
    pub entered_at_ms: UnixMs,
    /// Where it ended.
    pub to: Option<StationName>,
    /// By the exit gate's clock.
    pub left_at_ms: Option<UnixMs>,
    /// What is held (`held`) or paid (`closed`).
    pub fare: Option<Money>,
    /// How the fare came about, from the exit voucher; empty when there is none about this fare.
    pub steps: Vec<StepView>,
    /// The exit voucher itself, as the server signed it.
    pub voucher: Option<Envelope>,
    /// Where a missing exit is taken to have been, by which the fare was found.
    pub completed: Option<CompletedView>,
    /// What the rider said of a missing exit.
    pub correction: Option<CorrectionView>,
}

/// An exit of which no entry has come, and what that costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct ExitView {
    /// Names it: its exit confirmation.
    pub exit: RecordId,
    /// Where.
    pub at: StationName,
    /// By the exit gate's clock.
    pub left_at_ms: UnixMs,
    /// `waiting` for the entry's record, `charged` by the tariff or by staff, or `kept`: staff charge nothing.
    pub state: &'static str,
    /// What it costs; of one that is charged.
    pub fare: Option<Money>,
    /// How that came about, where the tariff says so.
    pub steps: Vec<StepView>,
}

/// One step of a price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct StepView {
    /// What was looked at: one of [`fare_protocol::FareReason::CODES`].
    pub code: &'static str,
    /// Its values by their names; a station's is its [`StationName`], amounts are minor units of the fare's currency.
    pub values: Map<String, Value>,
    /// The same as an English sentence, for who does not know the code.
    pub text: String,
    /// What it adds, in minor units of the fare's currency.
    pub minor: i64,
}

/// A missing exit as what is known tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct CompletedView {
    /// Where.
    pub at: StationName,
    /// How sure that is, in per cent.
    pub percent: u32,
    /// What points there; each with its `sign`: `receipt`, `next-tap`, or `habit` with `same` and `of`.
    pub because: Vec<Clue>,
}

/// What the rider said of a missing exit, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct CorrectionView {
    /// Where the rider left.
    pub station: StationName,
    /// When.
    pub left_at_ms: UnixMs,
    /// In the rider's words.
    pub note: String,
    /// When it was sent.
    pub sent_ms: UnixMs,
    /// `waiting` for staff, `decided` by them, or `cleared`: the exit came after all.
    pub state: &'static str,
}

pub(super) async fn list(
    State(riders): State<Riders>,
    asked: Result<Query<Asked>, QueryRejection>,
    RiderAsks { rider, .. }: RiderAsks,
) -> Result<Json<Journeys>, Problem> {
    let Query(Asked { before, most }) = asked.map_err(|err| {
        let expected = "?before=UNIX_MS&most=N, both whole";
        Problem::bad_query(expected, &err, &["before", "most"])
    })?;
    let before = UnixMs(before.unwrap_or(i64::MAX));
    let most = most.unwrap_or(LISTED_MAX).min(LISTED_MAX);
    let account = rider.account;
    let tariff = &riders.app.settlement.tariff;
    let (currency, as_of_ms) = (tariff.currency(), crate::clock::now());
    let work = move |tx: &crate::store::Tx<'_>| {
        let journeys = tx.own_journeys(account, before, most)?;
        let exits = tx.own_exits(account, EXITS_MAX)?;
        Ok::<_, StoreError>((journeys, exits, tx.left_to_spend(account, currency)?))
    };
    let (journeys, exits, balance) = riders.app.store.read(work).await?;
    let journeys = journeys.into_iter().map(|own| view(own, tariff));
    let settlement = &riders.app.settlement;
    let exits = exits.iter().map(|own| {
        let then = settlement.tariff_at(own.left);
        exit_view(own, tariff, &then)
    });
    Ok(Json(Journeys {
        journeys: journeys.collect(),
        exits: exits.collect(),
        balance,
        as_of_ms,
    }))
}

/// The journey as its rider sees it.
pub(super) fn view(own: OwnJourney, tariff: &Tariff) -> JourneyView {
    let receipt = own.exit_voucher.and_then(|bytes| {
        let (voucher, _) = Voucher::parse(&bytes).ok()?;
        let Voucher::Exit(voucher) = voucher else {
            return None;
        };
        // After a repair the newest voucher may be about what is charged no longer.
        let fits = Some(voucher.fare) == own.fare && Some(voucher.to) == own.to;
        let currency = voucher.fare.currency;
        let steps = voucher.steps.iter();
        let steps = steps.map(|step| step_view(step, currency, tariff));
        fits.then(|| (steps.collect(), Envelope(bytes)))
    });
    let (steps, voucher) = receipt.map_or((Vec::new(), None), |(steps, voucher)| {
        (steps, Some(voucher))
    });
    JourneyView {
        entry: own.entry,
        state: own.state,
        from: StationName::of(own.from, tariff),
        entered_at_ms: own.entered_at,
        to: own.to.map(|to| StationName::of(to, tariff)),
        left_at_ms: own.left_at,
        fare: own.fare,
        steps,
        voucher,
        completed: own.completed.map(|completed| CompletedView {
            at: StationName::of(completed.station, tariff),
            percent: completed.percent,
            because: completed.because,
        }),
        correction: own.correction.map(|said| correction_view(said, tariff)),
    }
}

/// `tariff` has the names, `then` is the one by which the exit was decided.
fn exit_view(own: &OwnExit, tariff: &Tariff, then: &Tariff) -> ExitView {
    let maximum = then.maximum(Direction::Entry, own.class);
    let said = maximum.filter(|quote| Some(quote.fare) == own.fare);
    let steps = said.iter().flat_map(|quote| &quote.steps);
    let currency = then.currency();
    ExitView {
        exit: own.exit,
        at: StationName::of(own.station, tariff),
        left_at_ms: own.left,
        state: match (own.is_decided, own.fare) {
            (false, _) => "waiting",
            (true, Some(_)) => "charged",
            (true, None) => "kept",
        },
        fare: own.fare,
        steps: steps
            .map(|step| step_view(step, currency, tariff))
            .collect(),
    }
}

fn step_view(step: &FareStep, currency: Currency, tariff: &Tariff) -> StepView {
    let shown = |value| match value {
        StepValue::Station(id) => json!(StationName::of(id, tariff)),
        StepValue::Text(_)
        | StepValue::Word(_)
        | StepValue::Number(_)
        | StepValue::Minor(_)
        | StepValue::Rounding(_)
        | StepValue::Absent => json!(value),
    };
    let values = step.reason.values().into_iter();
    StepView {
        code: step.reason.code(),
        values: values
            .map(|(name, value)| (name.to_owned(), shown(value)))
            .collect(),
        text: step.text(currency),
        minor: step.minor,
    }
}

fn correction_view(said: Correction, tariff: &Tariff) -> CorrectionView {
    let state = match said.how.as_deref() {
        None => "waiting",
        Some("cleared") => "cleared",
        Some(_) => "decided",
    };
    CorrectionView {
        station: StationName::of(said.station, tariff),
        left_at_ms: said.left,
        note: said.note,
        sent_ms: said.sent,
        state,
    }
}
