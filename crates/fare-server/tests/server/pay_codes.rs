//! What gates ask about payment platforms' codes: the answer, once and for all; what is kept, and for how long;
//! the four ways in which gate and server may agree or not.

use super::api::{Running, problem};
use super::site::{NOW, Site};
use crate::gate::{Gate, MORNING};
use fare_protocol::pay_code::ask::{PayCodeAnswer, PayCodeAsk, PayCodeOutcome, PayCodeRefusal};
use fare_protocol::{Direction, PassageOutcome, PayCode, RecordId, SignedRecord, UnixMs};
use fare_rules::conflict::{Decision, Why};
use fare_server::charging::PlatformId;
use fare_server::intake::look_at_overruled;
use fare_server::pay_codes::{self, Answered, AskError, Outcome, PayCodes, Seal};
use fare_server::store::StoreError;

const HOUR_MS: i64 = 3_600_000;

pub(crate) fn house() -> PayCodes {
    PayCodes {
        seal: Seal::new(&[5; 32]).unwrap(),
        platforms: vec![PlatformId::Alipay],
    }
}

fn code(platform: &str) -> PayCode {
    PayCode::new(platform.parse().unwrap(), "280000000000000001").unwrap()
}

fn ask(id: RecordId, direction: Direction) -> PayCodeAsk {
    PayCodeAsk {
        id,
        direction,
        at_ms: UnixMs(MORNING),
        code: code("alipay"),
    }
}

impl Site {
    fn asks(&mut self, gate: &Gate, ask: &PayCodeAsk) -> Answered {
        self.asks_of(Some(&house()), gate, ask, NOW)
    }

    fn asks_of(
        &mut self,
        house: Option<&PayCodes>,
        gate: &Gate,
        ask: &PayCodeAsk,
        now: UnixMs,
    ) -> Answered {
        let (settlement, gate) = (&self.settlement, gate.registered());
        let id = ask.code.id();
        let answered = self
            .database
            .write(|tx| pay_codes::answer(tx, settlement, house, (&gate, ask, id), now));
        answered.map_err(|err: AskError| err.to_string()).unwrap()
    }

    /// Whether the code is still there.
    fn keeps_code(&mut self) -> bool {
        let account = code("alipay").id().account();
        let kept = self.database.read(|tx| tx.pay_code(account));
        kept.map_err(|err: StoreError| err.to_string())
            .unwrap()
            .is_some()
    }

    fn forgets(&mut self, now: UnixMs) -> u64 {
        self.database
            .write(|tx| pay_codes::forget(tx, now))
            .map_err(|err: StoreError| err.to_string())
            .unwrap()
    }

    fn overruled(&mut self) -> usize {
        let settlement = &self.settlement;
        let looked = self
            .database
            .write(|tx| look_at_overruled(settlement, tx, NOW));
        looked.map_err(|err| err.to_string()).unwrap()
    }
}

fn outcome(answered: &Answered) -> PayCodeOutcome {
    let answer: PayCodeAnswer = serde_json::from_str(&answered.json).unwrap();
    answer.outcome
}

fn refusal(answered: &Answered) -> PayCodeRefusal {
    match outcome(answered) {
        PayCodeOutcome::Refuse { code, .. } => code,
        admit @ PayCodeOutcome::Admit { .. } => panic!("{admit:?}"),
    }
}

/// The gate admits who shows the code, and somebody goes through.
fn admits(gate: &Gate, direction: Direction, minute: i64) -> [SignedRecord; 2] {
    gate.passes(direction, code("alipay").id().account(), minute)
}

#[test]
fn a_repeat_gets_the_first_answer_whatever_has_changed() {
    let gate = Gate::new("PGY-01", "PGY");
    let mut site = Site::new(&[&gate]);
    let asked = ask(RecordId([1; 16]), Direction::Entry);
    let first = site.asks(&gate, &asked);
    assert_eq!(first.outcome, Outcome::Admitted);
    let account = asked.code.id().account();
    site.database.write(|tx| tx.deny(account, NOW)).unwrap();
    let later = UnixMs(NOW.0 + 1_000);
    let again = site.asks_of(Some(&house()), &gate, &asked, later);
    assert_eq!(
        (again.outcome, &again.json),
        (Outcome::Repeated, &first.json)
    );
    let other = site.asks(&gate, &ask(RecordId([2; 16]), Direction::Entry));
    assert_eq!(refusal(&other), PayCodeRefusal::Denied);
}

#[test]
fn why_a_code_would_not_be_charged() {
    let gate = Gate::new("PGY-01", "PGY");
    let mut site = Site::new(&[&gate]);
    let asked = ask(RecordId([1; 16]), Direction::Entry);
    let nobody = site.asks_of(None, &gate, &asked, NOW);
    assert_eq!(refusal(&nobody), PayCodeRefusal::NotTaken);
    let unknown = PayCodeAsk {
        id: RecordId([2; 16]),
        code: code("unionpay"),
        ..asked
    };
    let unknown = site.asks(&gate, &unknown);
    assert_eq!(refusal(&unknown), PayCodeRefusal::NoPlatform);
    assert!(!site.keeps_code(), "nothing is kept of either");
}

#[test]
fn at_the_exit_the_answer_says_what_the_journey_is_and_what_was_paid() {
    let gates = (Gate::new("PGY-01", "PGY"), Gate::new("XDN-02", "XDN"));
    let mut site = Site::new(&[&gates.0, &gates.1]);
    let entry = admits(&gates.0, Direction::Entry, 1);
    site.asks(&gates.0, &ask(entry[0].record().id, Direction::Entry));
    site.send(&gates.0, &entry.each_ref());
    let answered = site.asks(&gates.1, &ask(RecordId([9; 16]), Direction::Exit));
    let PayCodeOutcome::Admit {
        account,
        open: Some(open),
        paid_before: Some(paid_before),
    } = outcome(&answered)
    else {
        panic!("{answered:?}")
    };
    assert_eq!(account, code("alipay").id().account());
    assert_eq!(open.entry, entry[0].record().id);
    assert_eq!((open.station.as_str(), open.account), ("PGY", account));
    assert_eq!(paid_before.tariff, site.settlement.tariff.hash());
}

/// Yes and yes: the journey is as any other, and nothing is wrong.
#[test]
fn both_say_yes() {
    let gate = Gate::new("PGY-01", "PGY");
    let mut site = Site::new(&[&gate]);
    let entry = admits(&gate, Direction::Entry, 1);
    let answered = site.asks(&gate, &ask(entry[0].record().id, Direction::Entry));
    assert_eq!(answered.outcome, Outcome::Admitted);
    site.send(&gate, &entry.each_ref());
    assert_eq!(site.journeys().len(), 1);
    assert_eq!(site.overruled(), 0);
    assert_eq!(site.conflict_kinds(), Vec::<String>::new());
    let later = UnixMs(NOW.0 + 2 * HOUR_MS);
    assert_eq!(site.forgets(later), 0);
    assert!(site.keeps_code(), "there is a journey to be charged");
}

/// The server's yes that the gate did not use lapses and costs nothing.
#[test]
fn a_yes_that_is_not_used_costs_nothing() {
    let gate = Gate::new("PGY-01", "PGY");
    let mut site = Site::new(&[&gate]);
    site.asks(&gate, &ask(RecordId([1; 16]), Direction::Entry));
    assert!(site.keeps_code());
    assert_eq!(site.forgets(UnixMs(NOW.0 + HOUR_MS)), 0);
    assert_eq!(site.forgets(UnixMs(NOW.0 + HOUR_MS + 1)), 1);
    assert!(!site.keeps_code());
    assert_eq!((site.journeys().len(), site.books().postings), (0, 0));
    site.forgets(UnixMs(NOW.0 + 8 * 24 * HOUR_MS));
    let account = code("alipay").id().account();
    let payer = site.database.read(|tx| tx.payer(account));
    let payer = payer.map_err(|err: StoreError| err.to_string()).unwrap();
    assert_eq!(payer, None, "nothing is left of it");
}

/// An answer that came after the journey was over leaves no code behind.
#[test]
fn a_code_by_which_nothing_is_to_be_charged_is_forgotten_after_an_hour() {
    let gates = (Gate::new("PGY-01", "PGY"), Gate::new("XDN-02", "XDN"));
    let mut site = Site::new(&[&gates.0, &gates.1]);
    let entry = admits(&gates.0, Direction::Entry, 1);
    let exit = admits(&gates.1, Direction::Exit, 40);
    site.send(&gates.0, &entry.each_ref());
    site.asks(&gates.1, &ask(exit[0].record().id, Direction::Exit));
    let later = UnixMs(NOW.0 + 2 * HOUR_MS);
    assert_eq!(site.forgets(later), 0, "the rider is inside");
    site.send(&gates.1, &exit.each_ref());
    assert_eq!(site.journeys()[0].state, "closed");
    assert_eq!(site.forgets(UnixMs(NOW.0 + HOUR_MS)), 0, "just posted");
    assert_eq!(site.forgets(later), 1);
}

/// A gate's yes that the server would have refused: recorded, charged as any other, and shown.
#[test]
fn a_gate_that_overrules_the_server_makes_a_conflict_and_one_journey() {
    let gate = Gate::new("PGY-01", "PGY");
    // Whichever comes first.
    for ask_first in [true, false] {
        let mut site = Site::new(&[&gate]);
        let account = code("alipay").id().account();
        site.database.write(|tx| tx.deny(account, NOW)).unwrap();
        let gate = Gate::new("PGY-01", "PGY");
        let entry = admits(&gate, Direction::Entry, 1);
        let asked = ask(entry[0].record().id, Direction::Entry);
        if ask_first {
            assert_eq!(refusal(&site.asks(&gate, &asked)), PayCodeRefusal::Denied);
            assert_eq!(site.overruled(), 0, "the gate has not admitted anybody yet");
            site.send(&gate, &entry.each_ref());
        } else {
            site.send(&gate, &entry.each_ref());
            assert_eq!(refusal(&site.asks(&gate, &asked)), PayCodeRefusal::Denied);
        }
        assert_eq!(site.overruled(), 1);
        assert_eq!(site.overruled(), 0, "once");
        let conflicts = site.conflicts();
        let [conflict] = conflicts.as_slice() else {
            panic!("{conflicts:?}")
        };
        assert_eq!(conflict.kind, "pay-code-refused");
        assert!(conflict.detail.contains("on the deny list"), "{conflict:?}");
        assert_eq!(site.journeys().len(), 1);
        assert!(site.keeps_code(), "the fare is owed, and can be charged");
    }
    let propose = fare_rules::conflict::ConflictKind::PayCodeRefused.propose(&Default::default());
    assert_eq!(
        (propose.decision, propose.why),
        (Decision::Keep, Why::GateDecided)
    );
}

/// No and no: nothing happened.
#[test]
fn both_say_no() {
    let gate = Gate::new("PGY-01", "PGY");
    let mut site = Site::new(&[&gate]);
    let account = code("alipay").id().account();
    site.database.write(|tx| tx.deny(account, NOW)).unwrap();
    site.asks(&gate, &ask(RecordId([1; 16]), Direction::Entry));
    assert_eq!(site.overruled(), 0);
    assert_eq!((site.journeys().len(), site.conflicts().len()), (0, 0));
    site.forgets(UnixMs(NOW.0 + 2 * HOUR_MS));
    assert!(!site.keeps_code());
}

#[tokio::test]
async fn over_the_network_a_repeat_is_the_same_bytes_and_bad_asks_show_no_code() {
    let gate = Gate::new("PGY-01", "PGY");
    let server = Running::new(&[&gate]).await;
    let post = async |body: String| {
        let url = format!("{}/v1/gates/PGY-01/pay-codes", server.gates);
        server.client.post(url).body(body).send().await.unwrap()
    };
    let asked = serde_json::to_string(&ask(RecordId([1; 16]), Direction::Entry)).unwrap();
    let first = post(asked.clone()).await.text().await.unwrap();
    let read: PayCodeAnswer = serde_json::from_str(&first).unwrap();
    assert!(
        matches!(read.outcome, PayCodeOutcome::Admit { .. }),
        "{first}"
    );
    assert_eq!(post(asked.clone()).await.text().await.unwrap(), first);
    for bad in [
        String::new(),
        "{".to_owned(),
        asked.replace("\"alipay\"", "7"),
        asked.replace("\"280000000000000001\"", "280000000000000001"),
        asked.replace("2800", "28 00"),
    ] {
        let said = problem(post(bad).await).await;
        assert_eq!((said.status, said.title.as_str()), (400, "bad-request"));
        assert!(!said.detail.contains("0000"), "{}", said.detail);
    }
    let long = problem(post(" ".repeat(3_000)).await).await;
    assert_eq!((long.status, long.title.as_str()), (413, "too-large"));
    // Nobody holds out so many phones.
    let mut titles = Vec::new();
    for _ in 0..70 {
        let answer = post(asked.clone()).await;
        if !answer.status().is_success() {
            titles.push(problem(answer).await.title);
        }
    }
    assert!(
        titles.iter().any(|title| title == "too-often"),
        "{titles:?}"
    );
    server.end().await;
}

#[test]
fn no_code_is_kept_longer_than_a_day_and_some() {
    let gate = Gate::new("PGY-01", "PGY");
    let mut site = Site::new(&[&gate]);
    let tap = gate.entry(code("alipay").id().account(), 1);
    let annulled = gate.passage(&tap, PassageOutcome::Passed);
    site.asks(&gate, &ask(tap.record().id, Direction::Entry));
    site.send(&gate, &[&tap, &annulled]);
    assert_eq!(site.forgets(UnixMs(NOW.0 + 30 * HOUR_MS)), 0);
    assert_eq!(site.forgets(UnixMs(NOW.0 + 30 * HOUR_MS + 1)), 1);
    assert!(!site.keeps_code());
}
