//! What the screen shows, and how it follows from what the lane asks for.

use super::symbol::Symbol;
use crate::clock;
use crate::decode::Unread;
use fare_protocol::{Direction, Money, SignedRecord, UnixMs};
use fare_rules::tariff::ByProducts;
use fare_rules::{Display, Draft, Effect};
use serde::Serialize;
use tokio::sync::watch;

/// What the screen shows, as the page is told it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Screen {
    /// Counts the changes since the daemon's start.
    pub change: u64,
    /// When the lane decided so.
    pub at_ms: UnixMs,
    /// What is to be seen.
    #[serde(flatten)]
    pub view: View,
    /// Why a code that is held out cannot be read, by its code; only while ready.
    pub hint: Option<&'static str>,
    /// The admitted rider's receipt.
    pub receipt: Option<Symbol>,
}

/// What is to be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "view", rename_all = "kebab-case")]
pub enum View {
    /// Show your code here.
    Ready,
    /// The rider's record is being written.
    Wait,
    /// Go through.
    Admitted {
        /// In or out.
        direction: Direction,
        /// What it costs; at exits where the entry is known.
        fare: Option<Money>,
        /// By which products it is paid; where a picture tells.
        by: ByProducts,
        /// What is left of the account's stored value after that; where a picture tells.
        balance: Option<Money>,
        /// How old that is, when the gate's data are no longer fresh.
        as_of_ms: Option<UnixMs>,
    },
    /// Not this time.
    Refused {
        /// The refusal's stable number; the page has its sentence.
        number: u16,
    },
    /// Nobody is admitted here.
    Closed,
    /// Go through, no code needed.
    FreePassage,
    /// The gate cannot work at the moment.
    OutOfService,
}

impl From<Display> for View {
    fn from(display: Display) -> Self {
        match display {
            Display::Ready => Self::Ready,
            Display::Asking => Self::Wait,
            Display::Admitted {
                direction,
                account: _,
                fare,
                by,
                balance,
                as_of,
            } => Self::Admitted {
                direction,
                fare,
                by,
                balance,
                as_of_ms: as_of,
            },
            Display::Refused(refusal) => Self::Refused {
                number: refusal.number(),
            },
            Display::Closed => Self::Closed,
            // As when the barrier is open for all: no code is needed.
            Display::LetThrough | Display::FreePassage => Self::FreePassage,
            Display::OutOfService => Self::OutOfService,
        }
    }
}

/// The lane's end of the screen.
#[derive(Debug)]
pub struct Panel {
    screen: watch::Sender<Screen>,
    receipts: bool,
}

impl Panel {
    /// A panel that says "out of service" until the lane has said anything, and what looks at it.
    /// With `receipts` it shows them.
    pub fn new(receipts: bool) -> (Self, watch::Receiver<Screen>) {
        let (screen, looking) = watch::channel(Screen {
            change: 0,
            at_ms: clock::now(),
            view: View::OutOfService,
            hint: None,
            receipt: None,
        });
        (Self { screen, receipts }, looking)
    }

    /// Shows what follows from one of the lane's effects, if anything does.
    pub fn follow(&self, effect: &Effect) {
        match effect {
            Effect::Show(display) => self.show((*display).into(), None),
            // Whatever the journal answers, the lane shows something else after it.
            Effect::Commit(Draft::Confirmation(_)) => self.show(View::Wait, None),
            Effect::Commit(
                Draft::LetThrough(_) | Draft::Passage(_) | Draft::ModeChange(_) | Draft::Config(_),
            )
            | Effect::Ask(_)
            | Effect::Open
            | Effect::OpenForAll
            | Effect::Close
            | Effect::Wake(_)
            | Effect::Note(_)
            | Effect::Finished => {}
        }
    }

    /// Tells the rider why the code is not read, if the screen has nothing more important to say.
    pub fn hint(&self, why: Unread) {
        let view = self.screen.borrow().view;
        match view {
            View::Ready => self.show(view, Some(why.code())),
            View::Wait
            | View::Admitted { .. }
            | View::Refused { .. }
            | View::Closed
            | View::FreePassage
            | View::OutOfService => {}
        }
    }

    /// Shows the receipt of the rider who is just being admitted. To be told after the barrier: it
    /// takes its time.
    pub fn receipt(&self, record: &SignedRecord) {
        let admitted = matches!(self.screen.borrow().view, View::Admitted { .. });
        if !self.receipts || !admitted {
            return;
        }
        let receipt = Symbol::of_receipt(record);
        self.screen.send_modify(|screen| {
            screen.change = screen.change.saturating_add(1);
            screen.receipt = receipt;
        });
    }

    fn show(&self, view: View, hint: Option<&'static str>) {
        self.screen.send_modify(|screen| {
            *screen = Screen {
                change: screen.change.saturating_add(1),
                at_ms: clock::now(),
                view,
                hint,
                receipt: None,
            };
        });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use fare_protocol::{AccountId, Currency};
    use fare_rules::Refusal;
    use serde_json::json;

    fn page_is_told(panel: &Panel) -> serde_json::Value {
        let mut told = serde_json::to_value(&*panel.screen.borrow()).unwrap();
        let fields = told.as_object_mut().unwrap();
        fields.remove("at_ms");
        fields.remove("receipt");
        told
    }

    #[test]
    fn the_page_is_told_what_the_lane_shows() {
        let (panel, _looking) = Panel::new(true);
        assert_eq!(
            page_is_told(&panel),
            json!({"change": 0, "view": "out-of-service", "hint": null})
        );
        panel.follow(&Effect::Show(Display::Admitted {
            direction: Direction::Exit,
            account: AccountId([7; 16]),
            fare: Some(Money::new(600, Currency::CNY)),
            by: ByProducts {
                rides_left: Some(3),
                ..ByProducts::default()
            },
            balance: Some(Money::new(3_750, Currency::CNY)),
            as_of: Some(UnixMs(5)),
        }));
        assert_eq!(
            page_is_told(&panel),
            json!({"change": 1, "view": "admitted", "direction": "exit", "as_of_ms": 5,
                   "fare": {"minor": 600, "currency": "CNY"},
                   "by": {"pass": false, "rides_left": 3, "coupon": false},
                   "balance": {"minor": 3_750, "currency": "CNY"}, "hint": null})
        );
        panel.follow(&Effect::Show(Display::Refused(Refusal::NoEntry)));
        assert_eq!(
            page_is_told(&panel),
            json!({"change": 2, "view": "refused", "number": 62, "hint": null})
        );
    }

    #[test]
    fn a_hint_is_given_only_while_the_gate_waits_for_a_rider() {
        let (panel, _looking) = Panel::new(true);
        panel.hint(Unread::TooNear);
        assert_eq!(page_is_told(&panel)["hint"], json!(null));
        panel.follow(&Effect::Show(Display::Ready));
        panel.hint(Unread::TooNear);
        assert_eq!(page_is_told(&panel)["hint"], json!("too-near"));
        panel.follow(&Effect::Show(Display::Refused(Refusal::NotOurs)));
        assert_eq!(page_is_told(&panel)["hint"], json!(null));
    }
}
