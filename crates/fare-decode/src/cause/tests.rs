//! Tests of areas and of what riders are told; `tests/causes.rs` has the causes on rendered frames.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::area::{Area, washed_out};
use super::*;
use crate::reader::Blocks;

/// Blocks of which those have edges that `has_edges` says.
fn area(columns: usize, rows: usize, has_edges: impl Fn(usize, usize) -> bool) -> Area {
    let range: Vec<_> = (0..columns * rows)
        .map(|at| match has_edges(at % columns, at / columns) {
            true => (20, 200),
            false => (20, 30),
        })
        .collect();
    Area::fine(Blocks {
        columns,
        rows,
        range: &range,
    })
}

#[test]
fn a_line_of_edges_is_no_area_and_a_square_is() {
    assert_eq!(area(40, 30, |column, _| column == 20).count, 0);
    let square = area(40, 30, |column, row| {
        (10..20).contains(&column) && (10..20).contains(&row)
    });
    // Next to its sides too few are around: 20 of 25.
    assert_eq!((square.count, square.edge), (36, 0));
}

#[test]
fn an_area_at_the_side_of_the_frame_is_seen_there() {
    let cut = area(40, 30, |column, row| column < 12 && (5..20).contains(&row));
    assert!((11..=15).contains(&cut.edge), "{}", cut.edge);
    assert_eq!(area(1, 1, |_, _| true).count, 1);
    assert_eq!(area(3, 70, |_, _| true).count, 210);
}

#[test]
fn places_of_a_large_area_are_kept_evenly() {
    let all = area(160, 90, |_, _| true);
    let rows: Vec<_> = all.some.iter().map(|(_, row)| row).collect();
    assert_eq!(all.count, 160 * 90);
    assert!((128..=256).contains(&rows.len()), "{}", rows.len());
    assert!(rows[0] < 2 && *rows.last().unwrap() > 87, "{rows:?}");
}

#[test]
fn white_paper_is_not_washed_out_and_a_lamp_is() {
    for (level, count) in [((226, 240), 0), ((240, 255), 100)] {
        let blocks = Blocks {
            columns: 10,
            rows: 10,
            range: &[level; 100],
        };
        assert_eq!(washed_out(blocks, |_| true), count);
        assert_eq!(washed_out(blocks, |_| false), 0);
    }
}

#[test]
fn codes_and_hints_are_short_and_different() {
    for why in Unread::ALL {
        assert!(why.hint().len() <= 40, "{}", why.hint());
        let same = |other: &Unread| other.code() == why.code() || other.hint() == why.hint();
        assert_eq!(Unread::ALL.iter().filter(|other| same(other)).count(), 1);
    }
}
