//! The report's two charts as inline SVG. Each has a title and a description for those who do not
//! see it, and every mark a tooltip.

use crate::replay::junit::Xml;
use crate::replay::outcome::{FrameOutcome, ReplayOutcome};
use crate::replay::summary::Spread;
use std::collections::BTreeMap;
use std::fmt::{self, Write};

/// Both charts are drawn this wide and scaled to the page, in SVG units.
const WIDTH: f64 = 960.0;
/// Room for the labels left of the plot.
const LEFT: f64 = 160.0;
/// Room right of the plot.
const RIGHT: f64 = 24.0;
/// Bars of the histogram aimed at; round edges make it a few more or fewer.
const BINS: f64 = 40.0;
/// Top of the histogram's plot; the names of its marks stand above.
const PLOT_TOP: f64 = 60.0;
/// Height of the histogram's plot.
const PLOT_HEIGHT: f64 = 190.0;
/// Foot of the histogram's plot.
const PLOT_FOOT: f64 = PLOT_TOP + PLOT_HEIGHT;
/// Columns of the timeline.
const COLUMNS: usize = 160;
/// Height of one row of the timeline.
const ROW_HEIGHT: f64 = 30.0;
/// Ticks aimed at on an axis.
const TICKS: f64 = 8.0;

/// The colour class of what a frame came to.
pub(super) fn class_of(frame: &FrameOutcome) -> &'static str {
    match (&frame.decision, &frame.nothing) {
        (Some(decision), _) if decision.label == "admit" => "good",
        (Some(_), _) => "bad",
        (None, Some(_)) => "quiet",
        (None, None) => "plain",
    }
}

/// Decode times as a histogram. The few slowest share the last bar, or they would flatten all
/// others.
pub(super) fn write_histogram(outcome: &ReplayOutcome, out: &mut String) -> fmt::Result {
    let times: Vec<f64> = outcome.frames.iter().map(|frame| frame.decode_ms).collect();
    let Some(spread) = Spread::of(times.clone()) else {
        return Ok(());
    };
    let bins = Bins::of(&times, spread);
    let Spread { p50, p95, p99, max } = spread;
    write!(
        out,
        "<section aria-labelledby=\"times\">\n<h2 id=\"times\">Decode time</h2>\n\
         <svg viewBox=\"0 0 {WIDTH} 290\" role=\"img\" \
         aria-labelledby=\"times-title times-desc\">\n\
         <title id=\"times-title\">How long decoding a frame took</title>\n\
         <desc id=\"times-desc\">Histogram over {} frames. Median {p50:.1} ms, 95th percentile \
         {p95:.1} ms, 99th percentile {p99:.1} ms, slowest {max:.1} ms.</desc>\n",
        times.len()
    )?;
    bins.write_axes(out)?;
    bins.write_bars(out)?;
    bins.write_marks(&[("p50", p50), ("p95", p95), ("p99", p99)], out)?;
    out.write_str("</svg>\n</section>\n")
}

/// The bars of the histogram: equal steps from 0, the last one open to the right.
struct Bins {
    step_ms: f64,
    counts: Vec<usize>,
}

impl Bins {
    fn of(times: &[f64], spread: Spread) -> Self {
        let shown_ms = spread.max.min(spread.p99 * 1.25).max(0.001);
        let step_ms = round_step(shown_ms / BINS);
        let mut counts = vec![0; (shown_ms / step_ms) as usize + 1];
        let last = counts.len() - 1;
        for time in times {
            counts[((time / step_ms) as usize).min(last)] += 1;
        }
        Self { step_ms, counts }
    }

    fn highest(&self) -> usize {
        self.counts.iter().copied().max().unwrap_or(0).max(1)
    }

    fn end_ms(&self) -> f64 {
        self.counts.len() as f64 * self.step_ms
    }

    fn x(&self, ms: f64) -> f64 {
        LEFT + (WIDTH - LEFT - RIGHT) * (ms / self.end_ms()).min(1.0)
    }

    fn y(&self, count: f64) -> f64 {
        PLOT_TOP + PLOT_HEIGHT * (1.0 - count / self.highest() as f64)
    }

    fn write_axes(&self, out: &mut String) -> fmt::Result {
        let right = WIDTH - RIGHT;
        for count in ticks(self.highest() as f64, 4.0, 1.0) {
            let y = self.y(count);
            writeln!(
                out,
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>"
            )?;
            let text_y = y + 4.0;
            writeln!(
                out,
                "<text class=\"end\" x=\"{}\" y=\"{text_y:.1}\">{count}</text>",
                LEFT - 10.0
            )?;
        }
        for ms in ticks(self.end_ms(), TICKS, 0.0) {
            writeln!(
                out,
                "<text class=\"middle\" x=\"{:.1}\" y=\"270\">{}</text>",
                self.x(ms),
                short(ms)
            )?;
        }
        writeln!(
            out,
            "<text class=\"end\" x=\"{}\" y=\"286\">milliseconds</text>",
            WIDTH - RIGHT
        )?;
        writeln!(
            out,
            "<text class=\"end\" x=\"{}\" y=\"{}\">frames</text>",
            LEFT - 10.0,
            PLOT_TOP - 14.0
        )
    }

    fn write_bars(&self, out: &mut String) -> fmt::Result {
        let last = self.counts.len() - 1;
        for (index, &count) in self
            .counts
            .iter()
            .enumerate()
            .filter(|(_, count)| **count > 0)
        {
            let (from, to) = (
                index as f64 * self.step_ms,
                (index + 1) as f64 * self.step_ms,
            );
            let (x, y) = (self.x(from) + 1.0, self.y(count as f64));
            let (width, height) = ((self.x(to) - x - 1.0).max(1.0), PLOT_FOOT - y);
            let span = if index == last {
                format!("{} ms and more", short(from))
            } else {
                format!("{} to {} ms", short(from), short(to))
            };
            writeln!(
                out,
                "<rect class=\"bar\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" \
                 height=\"{height:.1}\"><title>{span}: {count} frames</title></rect>"
            )?;
        }
        Ok(())
    }

    /// Upright lines at some values, their names one below the other so that they never overlap.
    fn write_marks(&self, marks: &[(&str, f64)], out: &mut String) -> fmt::Result {
        for (index, (name, ms)) in marks.iter().enumerate() {
            let (x, y) = (self.x(*ms), 12.0 + 17.0 * index as f64);
            let (class, text_x) = if x > WIDTH * 0.8 {
                ("mark end", x - 6.0)
            } else {
                ("mark", x + 6.0)
            };
            writeln!(
                out,
                "<line class=\"mark\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{}\" y2=\"{PLOT_FOOT}\"/>\
                 <text class=\"{class}\" x=\"{text_x:.1}\" y=\"{y}\">{name} {ms:.1} ms</text>",
                y - 10.0
            )?;
        }
        Ok(())
    }
}

/// What frames came to over time: a row for each kind, a cell for each slice of time, the darker
/// the more frames.
pub(super) fn write_timeline(outcome: &ReplayOutcome, out: &mut String) -> fmt::Result {
    let Some(timeline) = Timeline::of(&outcome.frames) else {
        return Ok(());
    };
    let height = 44.0 + ROW_HEIGHT * timeline.rows.len() as f64;
    write!(
        out,
        "<section aria-labelledby=\"decisions\">\n<h2 id=\"decisions\">Decisions over time</h2>\n\
         <svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-labelledby=\"decisions-title decisions-desc\">\n\
         <title id=\"decisions-title\">What the frames came to over time</title>\n\
         <desc id=\"decisions-desc\">Over {:.1} seconds of recording: {}.</desc>\n",
        timeline.span_s,
        Xml(&timeline.described())
    )?;
    for (index, row) in timeline.rows.iter().enumerate() {
        timeline.write_row(row, ROW_HEIGHT * index as f64, out)?;
    }
    timeline.write_axis(height, out)?;
    out.write_str("</svg>\n</section>\n")
}

struct Timeline {
    span_s: f64,
    rows: Vec<Row>,
}

struct Row {
    kind: String,
    class: &'static str,
    cells: Vec<usize>,
}

impl Timeline {
    fn of(frames: &[FrameOutcome]) -> Option<Self> {
        let start = frames.iter().map(|frame| frame.at).min()?;
        let end = frames.iter().map(|frame| frame.at).max()?;
        let span_ms = end.since(start).max(1);
        let mut rows: BTreeMap<(u8, &str), Row> = BTreeMap::new();
        for frame in frames {
            let (kind, class) = (frame.kind(), class_of(frame));
            let row = rows.entry((order(class), kind)).or_insert_with(|| Row {
                kind: kind.to_owned(),
                class,
                cells: vec![0; COLUMNS],
            });
            let share = frame.at.since(start) as f64 / span_ms as f64;
            row.cells[((share * COLUMNS as f64) as usize).min(COLUMNS - 1)] += 1;
        }
        Some(Self {
            span_s: span_ms as f64 / 1000.0,
            rows: rows.into_values().collect(),
        })
    }

    fn described(&self) -> String {
        let rows = self
            .rows
            .iter()
            .map(|row| format!("{} {}", row.kind, row.count()));
        rows.collect::<Vec<_>>().join(", ")
    }

    fn x(&self, share: f64) -> f64 {
        LEFT + (WIDTH - LEFT - RIGHT) * share
    }

    fn write_row(&self, row: &Row, top: f64, out: &mut String) -> fmt::Result {
        let (kind, class, count) = (Xml(&row.kind), row.class, row.count());
        let middle = top + ROW_HEIGHT / 2.0 + 4.0;
        writeln!(
            out,
            "<text class=\"end\" x=\"{}\" y=\"{middle}\">{kind} \
             <tspan class=\"much\">{count}</tspan></text>\
             <rect class=\"track\" x=\"{LEFT}\" y=\"{}\" width=\"{}\" height=\"{}\"/>",
            LEFT - 10.0,
            top + 4.0,
            WIDTH - LEFT - RIGHT,
            ROW_HEIGHT - 8.0
        )?;
        let most = row.cells.iter().copied().max().unwrap_or(1).max(1);
        for (index, &cell) in row.cells.iter().enumerate().filter(|(_, cell)| **cell > 0) {
            let share = |at: usize| at as f64 / COLUMNS as f64;
            let (from, to) = (share(index) * self.span_s, share(index + 1) * self.span_s);
            // The faintest cell must still be seen.
            let opacity = 0.35 + 0.65 * cell as f64 / most as f64;
            writeln!(
                out,
                "<rect class=\"cell {class}\" x=\"{:.1}\" y=\"{}\" width=\"{:.1}\" height=\"{}\" \
                 opacity=\"{opacity:.2}\">\
                 <title>{from:.1} to {to:.1} s: {kind} {cell}</title></rect>",
                self.x(share(index)),
                top + 4.0,
                (WIDTH - LEFT - RIGHT) / COLUMNS as f64,
                ROW_HEIGHT - 8.0
            )?;
        }
        Ok(())
    }

    fn write_axis(&self, height: f64, out: &mut String) -> fmt::Result {
        for seconds in ticks(self.span_s, TICKS, 0.0) {
            let (x, y) = (self.x(seconds / self.span_s), height - 24.0);
            writeln!(
                out,
                "<text class=\"middle\" x=\"{x:.1}\" y=\"{y}\">{}</text>",
                short(seconds)
            )?;
        }
        let y = height - 6.0;
        writeln!(
            out,
            "<text class=\"end\" x=\"{}\" y=\"{y}\">seconds since the first frame</text>",
            WIDTH - RIGHT
        )
    }
}

impl Row {
    fn count(&self) -> usize {
        self.cells.iter().sum()
    }
}

/// Admitted first, then refusals, then what was only read, then nothing.
fn order(class: &str) -> u8 {
    match class {
        "good" => 0,
        "bad" => 1,
        "plain" => 2,
        _ => 3,
    }
}

/// The smallest of 1, 2, 5, 10, 20, … (and fractions) not below `least`.
fn round_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    let factor = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .find(|factor| factor * power >= least * 0.999);
    factor.unwrap_or(10.0) * power
}

/// Round values from 0 to `end`, about `wanted` of them and at least `step_min` apart.
fn ticks(end: f64, wanted: f64, step_min: f64) -> Vec<f64> {
    let step = round_step(end / wanted).max(step_min);
    (0..=(end / step) as usize)
        .map(|number| number as f64 * step)
        .collect()
}

/// A tick's value without needless digits.
fn short(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_and_ticks_are_round() {
        for (least, step) in [
            (0.9, 1.0),
            (1.0, 1.0),
            (1.1, 2.0),
            (3.0, 5.0),
            (7.0, 10.0),
            (0.012, 0.02),
        ] {
            let got = round_step(least);
            assert!((got - step).abs() < 1e-9, "{least}: {got}");
        }
        assert_eq!(ticks(1.0, 4.0, 1.0), [0.0, 1.0], "counts have no fractions");
        assert_eq!(ticks(10.0, 5.0, 0.0), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(
            (
                short(0.02).as_str(),
                short(10.0).as_str(),
                short(0.0).as_str()
            ),
            ("0.02", "10", "0")
        );
    }

    #[test]
    fn every_time_falls_into_a_bar_and_the_slowest_share_the_last() {
        let mut times: Vec<f64> = (0..1_000).map(|n| n as f64 / 100.0).collect();
        times.push(900.0);
        let spread = Spread::of(times.clone()).unwrap_or(Spread {
            p50: 0.0,
            p95: 0.0,
            p99: 0.0,
            max: 0.0,
        });
        let bins = Bins::of(&times, spread);
        assert_eq!(bins.counts.iter().sum::<usize>(), times.len());
        assert!(
            bins.end_ms() < 20.0,
            "one slow frame must not flatten the rest: {}",
            bins.end_ms()
        );
        assert_eq!(bins.counts.last(), Some(&1));
    }

    #[test]
    fn equal_or_zero_times_still_make_a_chart() {
        for time in [0.0, 7.5] {
            let spread = Spread {
                p50: time,
                p95: time,
                p99: time,
                max: time,
            };
            let bins = Bins::of(&[time; 3], spread);
            assert_eq!(bins.counts.iter().sum::<usize>(), 3);
            assert!(bins.x(time).is_finite() && bins.y(3.0).is_finite());
        }
    }
}
