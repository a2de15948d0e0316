//! `POST /v1/modes`: gates in another mode, all of them or none.
//!
//! ```text
//! {"gates": ["PGY-01"], "mode": "closed", "direction": "exit", "reason": "crowd on the platform"}
//! -> {"told": [{"gate": "PGY-01", "modes": "entry normal, exit closed"}]}
//! ```
//! The request carries an `Idempotency-Key` of its own: sent again, it gets the first answer and tells
//! nobody anything; the same key with another request is refused.

use super::Staff;
use super::once::Once;
use super::who::Who;
use crate::api::problem::Problem;
use crate::clock;
use crate::modes::{self, GATES_MAX, ModesError, Wanted};
use crate::staff::May;
use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use fare_protocol::{Direction, GateId, Mode, Reason};
use serde::{Deserialize, Serialize};

const FIELDS: [&str; 4] = ["gates", "mode", "direction", "reason"];

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    gates: Vec<GateId>,
    mode: String,
    #[serde(default)]
    direction: Option<String>,
    reason: String,
}

#[derive(Serialize)]
struct Told {
    told: Vec<ToldGate>,
}

#[derive(Serialize)]
struct ToldGate {
    gate: GateId,
    modes: String,
}

pub(super) async fn tell(
    State(staff): State<Staff>,
    who: Who,
    headers: HeaderMap,
    asked: Result<Json<Asked>, JsonRejection>,
) -> Result<Response, Problem> {
    let person = who.may(May::SetModes)?.clone();
    let Json(asked) = asked.map_err(|err| {
        let expected = "gates, mode, direction (or none) and reason";
        Problem::bad_json(expected, &err, &FIELDS)
    })?;
    let once = Once::of(&headers, "POST /v1/modes", &asked)?;
    let wanted = wanted(&asked)?;
    let work = move |tx: &crate::store::Tx<'_>| {
        let now = clock::now();
        if let Some(first) = once.answered(tx, &person.name)? {
            return Ok(first);
        }
        let told = modes::tell(tx, &wanted, now)?;
        for command in &told {
            let about = format!("{}: {}", command.gate, command.modes);
            let why = wanted.reason.to_string();
            tx.audit(&person.does("gate-mode", &about, &why), now)?;
        }
        let told = told.into_iter().map(|command| ToldGate {
            gate: command.gate,
            modes: command.modes.to_string(),
        });
        let told = Told {
            told: told.collect(),
        };
        once.keep(tx, &person.name, &told, now)
    };
    let answer = staff.app.store.write(work).await?;
    Ok(answer.into_response())
}

fn wanted(asked: &Asked) -> Result<Wanted, Problem> {
    let got = asked.gates.len();
    if !(1..=GATES_MAX).contains(&got) {
        let detail = format!("`gates` names {got} gates, expected 1 to {GATES_MAX}");
        return Err(Problem::bad_request(detail).about("gates"));
    }
    let mode: Mode = asked.mode.parse().map_err(|_| {
        let codes = Mode::ALL.map(Mode::code).join(", ");
        Problem::bad_request(format!("`mode` is none of {codes}")).about("mode")
    })?;
    let direction = asked.direction.as_deref().map(|code| {
        let detail = "`direction` is \"entry\", \"exit\" or absent for both";
        Direction::from_code(code).ok_or_else(|| Problem::bad_request(detail).about("direction"))
    });
    let direction = direction.transpose()?;
    let reason: Reason = asked.reason.trim().parse()?;
    let mut gates = asked.gates.clone();
    gates.sort();
    gates.dedup();
    Ok(Wanted {
        gates,
        mode,
        direction,
        reason,
    })
}

impl From<ModesError> for Problem {
    fn from(err: ModesError) -> Self {
        match err {
            ModesError::NoGate(_) => {
                Self::new(StatusCode::NOT_FOUND, "no-such-gate", err.to_string()).about("gates")
            }
            ModesError::Ids(_) | ModesError::Store(_) => Self::unavailable(&err),
        }
    }
}
