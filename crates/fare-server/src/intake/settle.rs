//! What a tap changes: journeys, money, what gates are told, conflicts. The rules are
//! [`fare_rules::journey`]'s; here they are carried out.

use super::{Intake, IntakeError};
use crate::products::Wanted;
use crate::store::About;
use fare_protocol::Direction;
use fare_protocol::wire::{FeedChange, OpenJourney};
use fare_rules::conflict::ConflictKind;
use fare_rules::journey::{
    Action, Charge, Evidence, Finding, Journey, Link, Neighbours, Standing, Tap,
};
use fare_rules::ledger::Posting;

/// An entry with the exit that it is charged for.
pub(super) struct Pair {
    pub(super) entry: Tap,
    pub(super) charge: Charge,
}

impl Intake<'_> {
    /// Brings the journeys next to `tap` up to date; answers those that are charged or held now.
    pub(super) fn settle(&mut self, tap: &Tap) -> Result<Vec<Pair>, IntakeError> {
        let (before, after) = self.tx.neighbours(tap)?;
        let around = Neighbours {
            before: before.as_ref(),
            tap,
            after: after.as_ref(),
        };
        for finding in around.findings() {
            self.find(&finding)?;
        }
        let mut pairs = Vec::new();
        for link in around.links() {
            let (state, changed) = self.follow(&link)?;
            let entry = *link.entry;
            pairs.extend(state.charge().map(|charge| Pair { entry, charge }));
            if changed {
                self.reprice_after(&entry)?;
            }
        }
        Ok(pairs)
    }

    /// Brings the journey of one entry up to date; answers whether what it costs or uses has changed.
    fn follow(&mut self, link: &Link<'_>) -> Result<(Journey, bool), IntakeError> {
        let entry = link.entry;
        let Some(row) = self.tx.journey(entry.account(), entry.id)? else {
            return Ok((Journey::Tapped, false));
        };
        let passed = entry.standing() == Standing::Passed;
        let exit = link
            .next
            .filter(|next| passed && next.direction() == Direction::Exit);
        let none = (None, Wanted::These(Vec::new()));
        let (fare, mut wanted) = match exit {
            Some(exit) => match row.state.fare_for(exit.id) {
                Some(fare) => (Some(fare), Wanted::Same),
                None => self.fare(entry, exit)?.map_or(none, |priced| {
                    let fare = priced.price.charged.fare;
                    (Some(fare), Wanted::These(priced.uses))
                }),
            },
            None => none,
        };
        let mut event = link.event(|_| fare);
        let over = passed && exit.is_none() && self.now >= row.due;
        let decided = over && self.tx.is_decided(entry.account(), entry.id)?;
        if over {
            let (maximum, uses) = self.maximum(link, row.due)?;
            event = event.once_over(maximum.filter(|_| !decided));
            if !decided {
                wanted = uses;
            }
        }
        let (state, actions) = row.state.on(event);
        if state != row.state && !decided {
            let decided = self.tx.in_force_for_entry(entry.account(), entry.id)?;
            self.overtake(link.next.unwrap_or(entry), decided)?;
            if state.exit().is_some() {
                // The exit has come after all: what the rider said of it is no longer needed.
                self.conflict(entry, ConflictKind::ExitClaimed, None, None)?;
            }
        }
        self.tx.update_journey(entry, state, link.next)?;
        for action in actions {
            self.act(entry, action, row.state)?;
        }
        // Also when its exit came first, and gates never heard of the journey.
        if state != row.state && matches!(state, Journey::Closed(_)) {
            self.tx.end_paper_code(entry.account(), self.now)?;
        }
        let uses_others = self.use_products(entry, [row.state, state], &wanted)?;
        let changed = uses_others || state.charge() != row.state.charge();
        Ok((state, changed))
    }

    /// Carries out one action; `was` is what the journey was before.
    pub(super) fn act(
        &mut self,
        entry: &Tap,
        action: Action,
        was: Journey,
    ) -> Result<(), IntakeError> {
        let (account, line) = (entry.account(), entry.confirmation.location.line);
        let posting = match action {
            Action::Open => {
                let journey = OpenJourney {
                    account,
                    entry: entry.id,
                    station: entry.station(),
                    line,
                    entered_at_ms: entry.at,
                };
                self.tx.reopen_paper_code(account)?;
                return Ok(self.tx.tell(&FeedChange::JourneyOpened(journey))?);
            }
            Action::Close => {
                let change = FeedChange::JourneyClosed {
                    account,
                    entry: entry.id,
                };
                // Before gates forget the journey: in between they would let the paper code in once more.
                self.tx.end_paper_code(account, self.now)?;
                return Ok(self.tx.tell(&change)?);
            }
            Action::Conflict(kind) => {
                return self.conflict(entry, kind, Some(sentence(kind, entry)), None);
            }
            Action::Hold(fare) => Posting::hold(account, fare),
            Action::Capture(fare) => Posting::capture(fare),
            Action::Void(fare) => Posting::void(account, fare),
            Action::Reverse(fare) => Posting::reverse(account, fare),
        };
        let about = About {
            account,
            entry: Some(entry.id),
            conflict: None,
        };
        let id = self.new_id()?;
        self.tx.post(id, about, &posting?, self.now)?;
        if let Action::Reverse(_) = action {
            self.tx.note_exit(account, id, was.exit())?;
        }
        Ok(())
    }

    fn find(&mut self, finding: &Finding<'_>) -> Result<(), IntakeError> {
        let Finding {
            tap,
            kind,
            stands,
            other,
        } = *finding;
        if kind == ConflictKind::ExitWithoutEntry && !stands {
            let decided = self.tx.in_force_for_exit(tap.account(), tap.id)?;
            self.overtake(tap, decided)?;
        }
        if kind == ConflictKind::ExitWithoutEntry && stands {
            self.wait_for_entry(tap)?;
        }
        let detail = stands.then(|| sentence(kind, tap));
        self.conflict(tap, kind, detail, other)
    }
}

/// What happened at `tap`, for staff.
fn sentence(kind: ConflictKind, tap: &Tap) -> String {
    let (gate, at) = (tap.gate, crate::clock::rfc3339(tap.at));
    let what = match kind {
        ConflictKind::DoubleEntry => "entered, and was admitted at another gate too",
        ConflictKind::EntryTwice => "entered, then entered again without an exit between",
        ConflictKind::ExitWithoutEntry => "left without an entry, or its record is still to come",
        ConflictKind::PictureTwice => {
            "left by a picture by which somebody else had left already; that journey is charged once"
        }
        ConflictKind::PassageUnknown => match (tap.direction(), tap.evidence) {
            (_, Some(Evidence::Expired)) => {
                "the gate cannot tell whether the rider went through, and no later tap has told"
            }
            (Direction::Entry, _) => "the gate cannot tell; the rider is taken to be inside",
            (Direction::Exit, _) => "the gate cannot tell; the fare stays held",
        },
        ConflictKind::Repaired => "entered; a late record changed the exit, the fare was reversed",
        ConflictKind::SameCode
        | ConflictKind::SecondPassage
        | ConflictKind::QuoteDiffers
        | ConflictKind::Unpriced
        | ConflictKind::ExitClaimed
        | ConflictKind::Overtaken
        | ConflictKind::Asked
        | ConflictKind::WrongStation
        | ConflictKind::ClockOutOfBounds
        | ConflictKind::ChainGap
        | ConflictKind::ChainFork
        | ConflictKind::AfterRevocation
        | ConflictKind::PayCodeRefused => kind.code(),
    };
    format!("gate {gate}, {at}: {what}")
}
