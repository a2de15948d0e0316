//! Real journals, read as staff read them.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::journal::tests::{Gate, confirmation, passage, stamp};
use crate::journal::{GateNote, JournalView};
use crate::stages::{Stage, Stages};
use Direction::{Entry, Exit};
use fare_protocol::{CodeRef, CommandId, LetThroughBy, Millis, Modes, Passage, PassageOutcome};
use fare_rules::{Draft, LetThroughDraft, Note, PassageDraft};
use std::time::Duration;

/// 2026-11-29 06:03:22 UTC, 14:03:22 in Shanghai.
const START: i64 = 1_795_932_202_000;

fn refused(gate: &Gate, refusal: Refusal, account: u8, ms: i64) {
    let note = Note::Refused {
        refusal,
        shown: CodeRef([1; 16]),
        account: Some(AccountId([account; 16])),
    };
    let mut stages = Stages::of_frame(UnixMs(ms - 30), Duration::from_millis(20), UnixMs(ms));
    stages.set(Stage::Verify, Duration::from_micros(300));
    gate.journal
        .note_refused(&note, Some(Entry), &stages, stamp(ms));
}

/// A gate where one went in, one was refused, one went out, one did not go through.
fn gate() -> Gate {
    let gate = Gate::new();
    gate.ride(1, Entry, 0xab, START);
    refused(&gate, Refusal::Passback, 0xab, START + 5_000);
    gate.journal
        .note_gate(&GateNote::Unread(Unread::Glare), stamp(START + 6_000));
    gate.commit(confirmation(3, Exit, 0xcd), START + 10_000);
    let nobody = PassageOutcome::Annulled(Annulment::TimedOut);
    gate.commit(
        passage(4, 3, Exit, 0xcd, START + 10_000, nobody),
        START + 15_000,
    );
    gate.journal
        .note(Note::FireAlarm(true), stamp(START + 20_000));
    gate.commit(confirmation(5, Entry, 0xef), START + 30_000);
    gate
}

/// Looks at the journal once all notes are in the file.
fn view(gate: Gate) -> (Gate, JournalView) {
    gate.journal.close().unwrap();
    let view = JournalView::open(&gate.path()).unwrap();
    (gate, view)
}

fn forwards(view: &JournalView, filter: &Filter) -> Vec<String> {
    let place = start_of(view, UnixMs(i64::MIN)).unwrap();
    let mut lines = Lines::after(view, place);
    let zone = Zone::utc();
    let mut texts = Vec::new();
    while let Some(line) = lines.next_line().unwrap() {
        if filter.wants(&line) {
            texts.push(text(&line, None, &zone));
        }
    }
    texts
}

#[test]
fn each_tap_is_one_line_in_plain_words() {
    let (_gate, view) = view(gate());
    let all = forwards(&view, &Filter::default());
    let expected = [
        "2026-11-29 06:03:22  000001  entry  …abab  admitted             passed after 1.0 s",
        "2026-11-29 06:03:27  r1      entry  …abab  refused 60           the account has entered and \
         not left. Look whether two riders share the account, or an exit is missing.",
        "2026-11-29 06:03:28  -       -      -      not read: glare      a lamp is mirrored in it. Ask \
         the rider to tilt the phone.",
        "2026-11-29 06:03:32  000003  exit   …cdcd  admitted             annulled: nobody went through \
         in time; nothing is charged",
        "2026-11-29 06:03:42  -       -      -      FIRE ALARM           the barrier is open for everybody",
        "2026-11-29 06:03:52  000005  entry  …efef  admitted             under way",
    ];
    assert_eq!(all, expected);
}

#[test]
fn what_happens_to_the_gate_itself_is_told_in_words_too() {
    let gate = Gate::new();
    for note in [
        Note::ClockUnsure {
            unsure: true,
            error: Millis(9_000),
        },
        Note::ModeChanged(Modes::both(Mode::Closed)),
        Note::BarrierFailed,
        Note::UnaskedPassage,
    ] {
        gate.journal.note(note, stamp(START));
    }
    let (_gate, view) = view(gate);
    let told = forwards(&view, &Filter::default()).join("\n");
    for words in [
        "CLOCK UNSURE         ",
        "mode changed         to closed",
        "barrier fault        it did not obey. Clear the lane",
        "passage unasked      somebody went through",
    ] {
        assert!(told.contains(words), "no {words:?} in\n{told}");
    }
}

#[test]
fn backwards_is_forwards_the_other_way_round() {
    let (_gate, view) = view(gate());
    let mut lines = Lines::backwards(&view);
    let mut texts = Vec::new();
    while let Some(line) = lines.next_line().unwrap() {
        texts.push(text(&line, None, &Zone::utc()));
    }
    texts.reverse();
    assert_eq!(texts, forwards(&view, &Filter::default()));
}

#[test]
fn filters_leave_what_they_name() {
    let (_gate, view) = view(gate());
    let taps = |filter: Filter| -> Vec<String> {
        let name = |line: String| line.split_whitespace().nth(2).unwrap().to_owned();
        forwards(&view, &filter).into_iter().map(name).collect()
    };
    let all = Filter::default;
    assert_eq!(
        taps(Filter {
            refused: true,
            ..all()
        }),
        ["r1", "-"]
    );
    let reasons = vec!["60".parse().unwrap()];
    assert_eq!(taps(Filter { reasons, ..all() }), ["r1"]);
    let reasons = vec!["denied".parse().unwrap()];
    assert_eq!(taps(Filter { reasons, ..all() }), [] as [&str; 0]);
    let tail = Some(account_tail("…ABAB").unwrap());
    assert_eq!(
        taps(Filter {
            account_tail: tail,
            ..all()
        }),
        ["000001", "r1"]
    );
    let receipt = Some("03".to_owned());
    assert_eq!(taps(Filter { receipt, ..all() }), ["000003"]);
    let (since, until) = (Some(UnixMs(START + 5_000)), Some(UnixMs(START + 10_000)));
    assert_eq!(
        taps(Filter {
            since,
            until,
            ..all()
        }),
        ["r1", "-"]
    );
    assert!("61x".parse::<Reason>().is_err());
    assert!(
        account_tail("12345").is_err() && account_tail("…").is_err() && account_tail("xy").is_err()
    );
}

#[test]
fn what_is_read_from_a_time_on_begins_there_even_when_the_clock_was_set_back() {
    let gate = Gate::new();
    gate.ride(1, Entry, 7, START);
    gate.ride(3, Entry, 7, START + 100_000);
    gate.ride(5, Entry, 7, START + 50_000);
    gate.ride(7, Entry, 7, START + 60_000);
    let (_gate, view) = view(gate);
    let mut lines = Lines::after(&view, start_of(&view, UnixMs(START + 55_000)).unwrap());
    let mut seen = Vec::new();
    while let Some(line) = lines.next_line().unwrap() {
        seen.push(line.tap().unwrap().to_string());
    }
    assert_eq!(seen, ["000003", "000005", "000007"]);
}

#[test]
fn who_follows_sees_a_tap_once_it_is_over() {
    let gate = gate();
    let view = JournalView::open(&gate.path()).unwrap();
    let end = Place::end(&view).unwrap();
    let mut lines = Lines::after(&view, end).holding();
    let mut told_until_now = || {
        let mut told = String::new();
        while let Some(line) = lines.next_line().unwrap() {
            told.push_str(&text(&line, None, &Zone::utc()));
        }
        told
    };
    assert!(!told_until_now().contains("000005"), "it is under way");
    gate.commit(
        passage(6, 5, Entry, 0xef, START + 30_000, PassageOutcome::Passed),
        START + 31_500,
    );
    assert!(told_until_now().contains("passed after 1.5 s"));
}

#[test]
fn the_story_of_an_admitted_tap_has_its_timings() {
    let gate = Gate::new();
    gate.commit(confirmation(1, Exit, 0xab), START);
    let mut stages = Stages::of_frame(
        UnixMs(START - 20),
        Duration::from_millis(12),
        UnixMs(START - 5),
    );
    for (stage, us) in [
        (Stage::Verify, 300),
        (Stage::Lookup, 120),
        (Stage::Decide, 10),
        (Stage::Commit, 1_800),
        (Stage::Open, 22_000),
    ] {
        stages.set(stage, Duration::from_micros(us));
    }
    let confirmation = id_of_first(&gate);
    gate.journal.note_gate(
        &GateNote::Timings {
            confirmation,
            stages,
        },
        stamp(START + 30),
    );
    gate.commit(
        passage(2, 1, Exit, 0xab, START, PassageOutcome::Passed),
        START + 1_200,
    );
    let (_gate, view) = view(gate);
    let story = Story::find(&view, "000001").unwrap().unwrap();
    let told = story.text(&Zone::utc());
    for part in [
        "tap 000001: exit admitted",
        "gate PGY-01 (PGY, line 1, lane 3); its clock was right to 20 ms",
        "account …abab, receipt",
        "06:03:21.980         0 ms  frame taken",
        "        15 ms  code read (12.0 ms)",
        "        17 ms  recorded on the disk (1.8 ms)",
        "        39 ms  barrier open (22.0 ms)",
        "06:03:23.200      1220 ms  went through",
        "the server has not answered yet",
    ] {
        assert!(told.contains(part), "no {part:?} in\n{told}");
    }
    let json = serde_json::to_value(story.json(None, &Zone::utc())).unwrap();
    assert_eq!(json["stages_us"]["commit"], 1_800);
    assert_eq!(json["frame_at_ms"], START - 20);
    assert_eq!(json["passage"], "passed");
}

fn id_of_first(gate: &Gate) -> RecordId {
    let view = JournalView::open(&gate.path()).unwrap();
    Lines::newest_record(&view).unwrap().unwrap().id
}

#[test]
fn the_story_of_a_refused_tap_says_what_to_do() {
    let (_gate, view) = view(gate());
    let told = Story::find(&view, "r1")
        .unwrap()
        .unwrap()
        .text(&Zone::utc());
    for part in [
        "tap r1: entry refused 60, the account has entered and not left",
        "account …abab",
        "signatures checked (0.30 ms)",
        "the rider read: You have already entered. Please ask staff.",
        "what to do:     Look whether two riders share the account",
    ] {
        assert!(told.contains(part), "no {part:?} in\n{told}");
    }
    assert!(Story::find(&view, "r9").unwrap().is_none());
}

#[test]
fn nothing_that_is_printed_names_an_account() {
    let (_gate, view) = view(gate());
    let mut lines = Lines::backwards(&view);
    while let Some(line) = lines.next_line().unwrap() {
        let zone = Zone::utc();
        let json = serde_json::to_string(&LineJson::new(&line, None, &zone)).unwrap();
        for said in [text(&line, None, &zone), json] {
            assert!(
                !said.contains("ababab") && !said.contains("cdcdcd") && !said.contains("010101"),
                "{said}"
            );
        }
    }
}

#[test]
fn a_copy_is_read() {
    let (gate, _) = view(gate());
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join("a copy, 100%?.journal");
    std::fs::copy(gate.path(), &copy).unwrap();
    let view = JournalView::open(&copy).unwrap();
    assert_eq!(forwards(&view, &Filter::default()).len(), 6);
}

#[test]
fn what_is_no_journal_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let says = |path: &std::path::Path| match JournalView::open(path) {
        Ok(_) => panic!("{} was opened", path.display()),
        Err(err) => err.to_string(),
    };
    let text = dir.path().join("text");
    assert!(says(&text).contains("there is no journal"));
    std::fs::write(
        &text,
        "once upon a time, a file that was quite long ".repeat(99),
    )
    .unwrap();
    assert!(says(&text).contains("is damaged"));
    let empty = dir.path().join("empty");
    std::fs::write(&empty, "").unwrap();
    assert!(says(&empty).contains("is no gate's journal"));
}

mod times {
    use super::*;
    use jiff::tz::TimeZone;

    fn zone(name: &str) -> Zone {
        Zone::of(TimeZone::posix(name).unwrap())
    }

    fn parsed(zone: &Zone, text: &str) -> Option<i64> {
        zone.parse(text, UnixMs(START)).ok().map(|at| at.0)
    }

    #[test]
    fn people_may_write_times_as_they_are_used_to() {
        let shanghai = zone("CST-8");
        assert_eq!(shanghai.short(UnixMs(START)), "2026-11-29 14:03:22");
        let minute = START - 22_000;
        for (text, at) in [
            ("14:03", minute),
            ("14:03:22", START),
            ("14:04", minute + 60_000 - 86_400_000),
            ("2026-11-29 14:03", minute),
            ("2026-11-29T14:03:22", START),
            ("2026-11-29T06:03:22Z", START),
            ("2026-11-29T07:03:22+01:00", START),
            ("today", START - 50_602_000),
            ("2026-11-29", START - 50_602_000),
            ("yesterday", START - 50_602_000 - 86_400_000),
            ("90s", START - 90_000),
            ("20m", START - 1_200_000),
            ("3d", START - 259_200_000),
            (" now ", START),
        ] {
            assert_eq!(parsed(&shanghai, text), Some(at), "{text}");
        }
        for text in [
            "",
            "14",
            "25:00",
            "2026-13-01",
            "x",
            "-5m",
            "5 m",
            "m",
            "2026-11-29 7pm",
        ] {
            assert_eq!(parsed(&shanghai, text), None, "{text}");
        }
    }

    #[test]
    fn an_hour_that_comes_twice_and_one_that_never_comes_have_a_time() {
        let berlin = zone("CET-1CEST,M3.5.0,M10.5.0/3");
        let at = |text: &str| berlin.rfc3339(UnixMs(parsed(&berlin, text).unwrap()));
        assert_eq!(at("2026-03-29 02:30"), "2026-03-29T03:30:00.000+02:00");
        assert_eq!(at("2026-10-25 02:30"), "2026-10-25T02:30:00.000+02:00");
    }

    #[test]
    fn spans_are_said_as_people_say_them() {
        for (ms, said) in [
            (-5, "0.0 s"),
            (412, "0.4 s"),
            (9_999, "9.9 s"),
            (12_300, "12 s"),
            (180_000, "3 min"),
            (5 * 3_600_000, "5 h"),
            (3 * 86_400_000, "3 days"),
        ] {
            assert_eq!(span(ms), said);
        }
    }
}

#[test]
// long: two of them, every way to read it
fn whom_staff_let_through_is_a_line_of_its_own() {
    let gate = Gate::new();
    let helped = |n: u8, by| {
        Draft::LetThrough(LetThroughDraft {
            id: RecordId([n; 16]),
            what: LetThrough {
                direction: Exit,
                by,
                reason: "phone is dead".parse().unwrap(),
            },
        })
    };
    let command = LetThroughBy::Server(CommandId([9; 16]));
    let passed = |n: u8, of: u8, outcome| {
        Draft::Passage(PassageDraft {
            id: RecordId([n; 16]),
            passage: Passage {
                confirmation: RecordId([of; 16]),
                outcome,
            },
            direction: Exit,
            account: None,
            confirmed_at: UnixMs(START),
        })
    };
    let note = Note::LetThrough {
        record: RecordId([1; 16]),
        direction: Exit,
    };
    gate.commit(helped(1, LetThroughBy::Staff), START);
    gate.journal.note(note, stamp(START));
    gate.commit(passed(2, 1, PassageOutcome::Passed), START + 1_000);
    gate.commit(helped(3, command), START + 10_000);
    let nobody = PassageOutcome::Annulled(Annulment::TimedOut);
    gate.commit(passed(4, 3, nobody), START + 15_000);
    let (_gate, view) = view(gate);
    assert_eq!(
        forwards(&view, &Filter::default()),
        [
            "2026-11-29 06:03:22  010101  exit   -      let through          by staff: phone is dead; \
             passed after 1.0 s",
            "2026-11-29 06:03:32  030303  exit   -      let through          by server: phone is dead; \
             annulled: nobody went through in time",
        ]
    );
    let story = Story::find(&view, "030303").unwrap().unwrap();
    let text = story.text(&Zone::utc());
    for words in [
        "exit let through by server",
        "nobody is charged",
        "command 0909",
    ] {
        assert!(text.contains(words), "no {words:?} in\n{text}");
    }
    let json = serde_json::to_value(story.json(None, &Zone::utc())).unwrap();
    assert_eq!(
        (&json["kind"], &json["passage"], &json["detail"]),
        (
            &"let-through".into(),
            &"annulled".into(),
            &"by server: phone is dead".into()
        )
    );
    let refused = Filter {
        refused: true,
        ..Filter::default()
    };
    assert!(forwards(&view, &refused).is_empty());
}
