//! Pay codes: recognised, asked about, and what the server's answer means for the lane.

use super::{Controller, unreadable_journal};
use crate::config::PayCodesConfig;
use crate::journal::Told;
use fare_protocol::pay_code::PayCodeId;
use fare_protocol::wire::{PayCodeAnswer, PayCodeAsk, PayCodeOutcome, PayCodeRefusal};
use fare_protocol::{
    CodeRef, PayCode, PayCodePatterns, RecordId, RiderClass, Stamp, VerifiedCredential,
};
use fare_rules::{Answered, Effect, Event, Facts, Question, Refusal, Said};

/// What this gate knows of pay codes. Codes are in memory alone, and two at most.
pub(super) struct PayCodes {
    patterns: PayCodePatterns,
    /// Whether the gate takes them; else it recognises them to say so, and to keep them secret.
    taken: bool,
    /// The one that was shown last: it is there in the next frame too, and costs some milliseconds.
    last: Option<Known>,
    /// The one that the server is asked about.
    asked: Option<(RecordId, Known)>,
}

#[derive(Clone)]
struct Known {
    code: PayCode,
    id: PayCodeId,
}

impl PayCodes {
    pub(super) fn new(config: Option<&PayCodesConfig>) -> Self {
        let patterns = config.map(|config| config.patterns.clone());
        Self {
            patterns: patterns.unwrap_or_default(),
            taken: config.is_some(),
            last: None,
            asked: None,
        }
    }

    pub(super) fn looks_like_one(&self, scanned: &[u8]) -> bool {
        self.patterns.recognise(scanned).is_some()
    }

    /// A pay code shown with this tap: what tells a repeat of it, and what it is taken for.
    pub(super) fn recognise(
        &mut self,
        scanned: &[u8],
        tap: RecordId,
    ) -> Option<(CodeRef, Result<VerifiedCredential, Refusal>)> {
        let code = self.patterns.recognise(scanned)?;
        let known = match self.last.take().filter(|known| known.code == code) {
            Some(known) => known,
            None => Known {
                id: code.id(),
                code,
            },
        };
        let id = known.id;
        self.last = Some(known);
        let credential = match self.taken {
            true => Ok(id.at(tap).into()),
            false => Err(Refusal::PayCodeNotTaken),
        };
        Some((id.shown(), credential))
    }

    /// Keeps the code of this tap when the lane wants to ask about it.
    pub(super) fn keep_asked(&mut self, tap: RecordId, effects: &[Effect]) {
        let asks = |effect: &Effect| matches!(effect, Effect::Ask(question) if question.id == tap);
        if effects.iter().any(asks) {
            self.asked = self.last.clone().map(|known| (tap, known));
        }
    }

    fn asked(&self, id: RecordId) -> Option<&Known> {
        let (tap, known) = self.asked.as_ref()?;
        (*tap == id).then_some(known)
    }
}

impl Controller {
    /// What the server is to be asked, with the code; never to be logged or kept.
    pub fn asked(&self, question: &Question, now: Stamp) -> Option<PayCodeAsk> {
        let known = self.pay_codes.asked(question.id)?;
        Some(PayCodeAsk {
            id: question.id,
            direction: question.direction,
            at_ms: now.at,
            code: known.code.clone(),
        })
    }

    /// What follows from the server's answer about a pay code; or from none, when it cannot be reached.
    pub fn answered(
        &mut self,
        id: RecordId,
        answer: Option<PayCodeAnswer>,
        now: Stamp,
    ) -> Vec<Effect> {
        let Some(known) = self.pay_codes.asked(id) else {
            return Vec::new();
        };
        let said = match answer {
            Some(answer) => self.said(known.id, id, answer, now),
            None => Said::Nothing,
        };
        self.on(Event::Answered(Box::new(Answered { id, said })), now)
    }

    fn said(&self, code: PayCodeId, id: RecordId, answer: PayCodeAnswer, now: Stamp) -> Said {
        let (open, paid_before) = match answer.outcome {
            PayCodeOutcome::Admit {
                account,
                open,
                paid_before,
            } if answer.id == id && account == code.account() => (open, paid_before),
            PayCodeOutcome::Admit { account, .. } => {
                let (expected, tap) = (code.account(), answer.id);
                tracing::error!(%account, %expected, %tap, asked = %id, "an answer about another pay code");
                return Said::Nothing;
            }
            PayCodeOutcome::Refuse { code, reason } => {
                tracing::info!(tap = %id, code = code.code(), reason, "pay code refused by the server");
                return Said::No(match code {
                    PayCodeRefusal::Denied => Refusal::Denied,
                    PayCodeRefusal::NotTaken | PayCodeRefusal::NoPlatform => {
                        Refusal::PayCodeNotAccepted
                    }
                });
            }
        };
        let told = Told {
            open: open.filter(|open| open.account == code.account()),
            as_of: answer.as_of_ms,
        };
        match self.journal.facts_of_account(code.account(), Some(told)) {
            Ok(facts) => {
                // What was paid before is told of one journey.
                let paid_before = paid_before.filter(|_| facts.open_journey == told.open);
                let quote = facts.open_journey.and_then(|open| {
                    let told = (paid_before.as_ref(), &[][..]);
                    self.quote(&open, RiderClass::Adult, told, now.at)
                });
                Said::Yes(Facts { quote, ..facts })
            }
            Err(err) => Said::No(unreadable_journal(&err)),
        }
    }
}
