//! The list of refusals: complete, short enough for a display, and documented.

use super::*;
use crate::sample::assert_documented;
use std::collections::BTreeSet;

const INTRODUCTION: &str = "\
# Refusals

Why a rider is not admitted. The table is in order of precedence: the first reason that holds is the
one given. Numbers and codes are stable and never used for anything else again. *Transient*: the
reason goes away by itself, so that the rider may simply try again.

This file is generated from `crates/fare-rules/src/refusal.rs`:
`UPDATE_DOCS=1 cargo nextest run -p fare-rules documented`.

| number | code | transient | the rider reads | staff can do |
|---|---|---|---|---|
";

#[test]
fn the_list_is_complete_and_in_order() {
    assert!(Refusal::ALL.is_sorted(), "order of precedence");
    let numbers: BTreeSet<_> = Refusal::ALL.map(Refusal::number).into();
    let codes: BTreeSet<_> = Refusal::ALL.map(Refusal::code).into();
    assert_eq!(
        (numbers.len(), codes.len()),
        (Refusal::ALL.len(), Refusal::ALL.len())
    );
    assert!(Refusal::ALL.map(Refusal::number).is_sorted());
    let [.., last] = Refusal::ALL;
    assert_eq!(
        last as usize,
        Refusal::ALL.len() - 1,
        "every variant is in the list"
    );
}

#[test]
fn sentences_fit_and_end() {
    for refusal in Refusal::ALL {
        let (rider, staff) = (refusal.rider(), refusal.staff());
        let meaning = refusal.meaning();
        assert!(
            meaning.chars().count() <= 50 && !meaning.ends_with('.'),
            "{meaning}"
        );
        assert_eq!(Refusal::from_code(refusal.code()), Some(refusal));
        assert!(rider.chars().count() <= 60, "{rider}");
        assert!(staff.chars().count() <= 120, "{staff}");
        assert!(
            rider.ends_with('.') && staff.ends_with('.') && !staff.contains('|'),
            "{refusal}"
        );
        assert!(
            refusal
                .code()
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b == b'-'),
            "{refusal}"
        );
    }
}

#[test]
fn the_list_is_documented() {
    let row = |refusal: Refusal| {
        let transient = if refusal.is_transient() { "yes" } else { "no" };
        let (number, code) = (refusal.number(), refusal.code());
        format!(
            "| {number} | `{code}` | {transient} | {} | {} |\n",
            refusal.rider(),
            refusal.staff()
        )
    };
    let rows: String = Refusal::ALL.into_iter().map(row).collect();
    assert_documented("refusals.md", &format!("{INTRODUCTION}{rows}"));
}
