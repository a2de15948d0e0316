//! The page's two pictures, as inline SVG with a title and a description for those who hear them.

use super::super::outcome::{FrameOutcome, ReplayOutcome};
use super::super::summary::Spread;
use super::escape;
use std::fmt::Write;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 180.0;
const BASE: f64 = 150.0;
const BARS: usize = 40;

/// How decode times are spread.
pub(super) fn latencies(outcome: &ReplayOutcome) -> String {
    let values: Vec<f64> = outcome.frames.iter().map(|frame| frame.decode_ms).collect();
    let Some(spread) = Spread::of(values.clone()) else { return String::new() };
    let step = (spread.max / BARS as f64).max(f64::MIN_POSITIVE);
    let mut counts = [0_u32; BARS];
    for value in &values {
        counts[((value / step) as usize).min(BARS - 1)] += 1;
    }
    let most = counts.iter().copied().max().unwrap_or(1).max(1);
    let mut bars = String::new();
    for (n, &count) in counts.iter().enumerate() {
        let height = f64::from(count) / f64::from(most) * (BASE - 20.0);
        let (x, y) = (n as f64 * WIDTH / BARS as f64, BASE - height);
        let (from, to) = (n as f64 * step, (n + 1) as f64 * step);
        let _ = writeln!(
            bars,
            "<rect class=\"bar\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{height:.1}\">\
             <title>{from:.1} to {to:.1} ms: {count} frames</title></rect>",
            WIDTH / BARS as f64 - 2.0,
        );
    }
    let labels = format!(
        "<text x=\"0\" y=\"170\">0 ms</text><text x=\"{WIDTH}\" y=\"170\" text-anchor=\"end\">\
         {:.1} ms</text>",
        spread.max
    );
    figure("Decode latency", &format!("Histogram of {} frames: {spread} ms", values.len()), &bars, &labels)
}

/// Decisions over the recording's time: admitted above, refused below.
pub(super) fn decisions(outcome: &ReplayOutcome) -> String {
    let (Some(first), Some(last)) = (outcome.frames.first(), outcome.frames.last()) else {
        return String::new();
    };
    let decided: Vec<&FrameOutcome> =
        outcome.frames.iter().filter(|frame| frame.decision.is_some()).collect();
    if decided.is_empty() {
        return String::new();
    }
    let span = (last.at.since(first.at) as f64).max(1.0);
    let mut dots = String::new();
    for frame in &decided {
        let Some(decision) = &frame.decision else { continue };
        let x = frame.at.since(first.at) as f64 / span * (WIDTH - 12.0) + 6.0;
        let (y, class) = if decision.number.is_none() { (60.0, "dot") } else { (110.0, "refused") };
        let _ = writeln!(
            dots,
            "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y}\" r=\"4\"><title>{}: {}</title></circle>",
            escape(&frame.name),
            escape(&decision.label),
        );
    }
    let seconds = span / 1000.0;
    let labels = format!(
        "<text x=\"0\" y=\"45\">admitted</text><text x=\"0\" y=\"95\">refused</text>\
         <text x=\"0\" y=\"170\">0 s</text>\
         <text x=\"{WIDTH}\" y=\"170\" text-anchor=\"end\">{seconds:.1} s</text>"
    );
    figure("Decisions over time", &format!("{} decisions in {seconds:.1} s", decided.len()), &dots, &labels)
}

fn figure(title: &str, description: &str, marks: &str, labels: &str) -> String {
    let description = escape(description);
    format!(
        "<section><h2>{title}</h2><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         aria-label=\"{title}. {description}\"><title>{title}</title><desc>{description}</desc>\n\
         <line class=\"axis\" x1=\"0\" y1=\"{BASE}\" x2=\"{WIDTH}\" y2=\"{BASE}\"/>\n\
         {marks}{labels}</svg><p>{description}</p></section>\n"
    )
}
