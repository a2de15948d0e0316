//! The chain and the notes as one stream of lines, in the order of time, forwards or backwards.

use super::{Admitted, Happening, Helped, Line, Passing};
use crate::journal::{Edge, Event, JournalError, JournalView, Kept};
use fare_protocol::{PassageOutcome, Record, RecordBody, UnixMs};
use std::collections::VecDeque;

/// Rows read at once.
const PAGE: usize = 500;

/// Lines of a journal.
pub struct Lines<'v> {
    view: &'v JournalView,
    confirmations: Rows<Kept>,
    events: Rows<Event>,
    forwards: bool,
    /// The tap that is still under way is not told before it is over.
    holds: bool,
}

/// Where a line stream begins: behind these, the confirmations' places and the notes' numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    confirmation: i64,
    event: i64,
}

impl Place {
    /// Behind everything, whatever comes.
    pub const LAST: Self = Self {
        confirmation: i64::MAX,
        event: i64::MAX,
    };

    /// Behind everything that is there now, but before the tap that is under way.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn end(view: &JournalView) -> Result<Self, JournalError> {
        let (newest, event) = (view.newest_record()?, view.newest_event()?);
        let last = view.confirmations(Edge::Before(newest + 1), 1)?;
        let under_way = match last.first() {
            Some(kept) if kept.seq == newest => view.passage(kept.id)?.is_none(),
            Some(_) | None => false,
        };
        Ok(Self {
            confirmation: newest - i64::from(under_way),
            event,
        })
    }
}

/// The place from which everything at or after `since` follows. Clocks are set back now and then: a
/// page of older rows ends the search.
///
/// # Errors
/// When the journal cannot be read.
pub fn start_of(view: &JournalView, since: UnixMs) -> Result<Place, JournalError> {
    Ok(Place {
        confirmation: first(since, |edge| {
            let rows = view.confirmations(edge, PAGE)?;
            Ok(rows.iter().map(|row| (row.seq, row.at)).collect())
        })?,
        event: first(since, |edge| {
            let rows = view.events(edge, PAGE)?;
            Ok(rows.iter().map(|row| (row.id, row.at)).collect())
        })?,
    })
}

/// The number before the first row at or after `since`.
fn first(
    since: UnixMs,
    read: impl Fn(Edge) -> Result<Vec<(i64, UnixMs)>, JournalError>,
) -> Result<i64, JournalError> {
    let (mut before, mut found) = (i64::MAX, i64::MAX);
    loop {
        let rows = read(Edge::Before(before))?;
        let wanted = rows.iter().filter(|(_, at)| *at >= since);
        let first = wanted.map(|(number, _)| *number).min();
        found = found.min(first.unwrap_or(i64::MAX));
        match rows.last() {
            Some((last, _)) if first.is_some() => before = *last,
            Some(_) | None => break,
        }
    }
    Ok(found.saturating_sub(1))
}

impl<'v> Lines<'v> {
    /// So many older lines in a row end a search for newer ones.
    pub const OLDER_MAX: usize = PAGE;

    /// The newest confirmation that can be read: it tells whose journal this is.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn newest_record(view: &JournalView) -> Result<Option<Record>, JournalError> {
        let newest = view.confirmations(Edge::Before(i64::MAX), 1)?;
        Ok(newest.first().and_then(|kept| kept.record))
    }

    /// Everything behind `place`, oldest first.
    pub fn after(view: &'v JournalView, place: Place) -> Self {
        Self {
            view,
            confirmations: Rows::new(Edge::After(place.confirmation)),
            events: Rows::new(Edge::After(place.event)),
            forwards: true,
            holds: false,
        }
    }

    /// Everything up to `place`, newest first.
    pub fn before(view: &'v JournalView, place: Place) -> Self {
        let next = |number: i64| Edge::Before(number.saturating_add(1));
        Self {
            confirmations: Rows::new(next(place.confirmation)),
            events: Rows::new(next(place.event)),
            forwards: false,
            ..Self::after(view, place)
        }
    }

    /// Everything, newest first.
    pub fn backwards(view: &'v JournalView) -> Self {
        Self::before(view, Place::LAST)
    }

    /// Waits with a tap until it is over: then `next_line` goes on after an end.
    pub fn holding(mut self) -> Self {
        self.holds = true;
        self
    }

    /// The next line; nothing when there is none yet.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn next_line(&mut self) -> Result<Option<Line>, JournalError> {
        let view = self.view;
        let kept = self
            .confirmations
            .peek(|edge| view.confirmations(edge, PAGE))?;
        let event = self.events.peek(|edge| view.events(edge, PAGE))?;
        let kept_first = match (kept, event) {
            (Some(kept), Some(event)) if self.forwards => kept.at <= event.at,
            (Some(kept), Some(event)) => kept.at > event.at,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (None, None) => return Ok(None),
        };
        if !kept_first {
            return Ok(self.events.take().map(Line::of_event));
        }
        let Some(kept) = kept else { return Ok(None) };
        let (line, seq) = (line_of(view, kept)?, kept.seq);
        if self.holds && is_under_way(&line) && seq == view.newest_record()? {
            return Ok(None);
        }
        self.confirmations.take();
        Ok(Some(line))
    }
}

fn line_of(view: &JournalView, kept: &Kept) -> Result<Line, JournalError> {
    let unreadable = Line::Happening(Happening::Unreadable {
        seq: kept.seq,
        at: kept.at,
    });
    let Some(record) = kept.record else {
        return Ok(unreadable);
    };
    let (seq, sent) = (kept.seq, kept.sent);
    Ok(match record.body {
        RecordBody::Confirmation(confirmation) => Line::Admitted(Box::new(Admitted {
            seq,
            record,
            confirmation,
            passing: passing(view, kept)?,
            sent,
        })),
        RecordBody::LetThrough(what) => Line::LetThrough(Box::new(Helped {
            seq,
            record,
            what,
            passing: passing(view, kept)?,
            sent,
        })),
        RecordBody::ModeChange(change) => {
            let at = record.stamp.at;
            Line::Happening(Happening::ModeChange { at, change })
        }
        RecordBody::Config(change) => {
            let at = record.stamp.at;
            Line::Happening(Happening::Config { at, change })
        }
        RecordBody::Passage(_) => unreadable,
    })
}

/// What followed a record for which the barrier opened.
fn passing(view: &JournalView, kept: &Kept) -> Result<Passing, JournalError> {
    let passage = view.passage(kept.id)?;
    let passage = passage.map(|passage| (passage.body, passage.stamp.at));
    Ok(match passage {
        Some((RecordBody::Passage(passage), at)) => match passage.outcome {
            PassageOutcome::Passed => Passing::Passed {
                after_ms: at.since(kept.at),
            },
            PassageOutcome::Annulled(annulment) => Passing::Annulled(annulment),
            PassageOutcome::Unknown => Passing::Unknown,
        },
        Some((
            RecordBody::Confirmation(_)
            | RecordBody::LetThrough(_)
            | RecordBody::ModeChange(_)
            | RecordBody::Config(_),
            _,
        ))
        | None => Passing::UnderWay,
    })
}

fn is_under_way(line: &Line) -> bool {
    match line {
        Line::Admitted(admitted) => admitted.passing == Passing::UnderWay,
        Line::LetThrough(helped) => helped.passing == Passing::UnderWay,
        Line::Refused(_) | Line::Happening(_) => false,
    }
}

/// Rows of one table, read page by page.
struct Rows<T> {
    edge: Edge,
    read: VecDeque<T>,
}

/// A row with a number.
trait Numbered {
    fn number(&self) -> i64;
}

impl Numbered for Kept {
    fn number(&self) -> i64 {
        self.seq
    }
}

impl Numbered for Event {
    fn number(&self) -> i64 {
        self.id
    }
}

impl<T: Numbered> Rows<T> {
    const fn new(edge: Edge) -> Self {
        Self {
            edge,
            read: VecDeque::new(),
        }
    }

    fn peek(
        &mut self,
        page: impl Fn(Edge) -> Result<Vec<T>, JournalError>,
    ) -> Result<Option<&T>, JournalError> {
        if self.read.is_empty() {
            self.read = page(self.edge)?.into();
            if let Some(last) = self.read.back() {
                self.edge = match self.edge {
                    Edge::After(_) => Edge::After(last.number()),
                    Edge::Before(_) => Edge::Before(last.number()),
                };
            }
        }
        Ok(self.read.front())
    }

    fn take(&mut self) -> Option<T> {
        self.read.pop_front()
    }
}
