//! A replay as one self-contained page: figures, decode times as a histogram, decisions over time,
//! failures with their pictures, every frame. It loads nothing and runs nothing.

mod chart;
mod data_url;

use super::junit::Xml;
use super::outcome::{Difference, FrameOutcome, ReplayOutcome};
use super::summary::{Spread, Summary};
use std::fmt::{self, Write};

/// Most frames listed, so that a browser opens the page at once.
pub const FRAMES_LISTED_MAX: usize = 5_000;
/// Most failures shown with what went wrong.
pub const FAILURES_SHOWN_MAX: usize = 1_000;

const STYLE: &str = include_str!("html/report.css");

/// The report as HTML.
pub fn page(outcome: &ReplayOutcome) -> String {
    let mut out = String::new();
    // A `String` takes whatever is written to it.
    let _ = write_page(outcome, &mut out);
    out
}

fn write_page(outcome: &ReplayOutcome, out: &mut String) -> fmt::Result {
    let summary = Summary::of(outcome);
    let title = Xml(&outcome.recording);
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>Replay of {title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n"
    )?;
    write_head(&summary, out)?;
    write_figures(&summary, out)?;
    chart::write_histogram(outcome, out)?;
    chart::write_timeline(outcome, out)?;
    write_failures(outcome, out)?;
    write_skipped(outcome, out)?;
    write_frames(outcome, out)?;
    out.write_str("</main>\n</body>\n</html>\n")
}

fn write_head(summary: &Summary, out: &mut String) -> fmt::Result {
    let (class, verdict) = match &summary.compared {
        None => ("plain", "played; nothing was expected of it".to_owned()),
        Some(compared) if compared.differences == 0 => (
            "good",
            format!("as expected: all {} frames compared", compared.as_expected),
        ),
        Some(compared) => {
            let of = compared.as_expected + compared.differences;
            (
                "bad",
                format!(
                    "{} of {of} differ from what was expected",
                    compared.differences
                ),
            )
        }
    };
    writeln!(
        out,
        "<header>\n<p class=\"eyebrow\">faregate replay</p>\n<h1>{}</h1>\n\
         <p class=\"verdict {class}\">{verdict}</p>\n</header>",
        Xml(&summary.recording)
    )
}

/// The figures at the top: a name, a value, and a word beside it.
fn write_figures(summary: &Summary, out: &mut String) -> fmt::Result {
    let seconds = format!("in {:.1} s", summary.wall_ms as f64 / 1000.0);
    let share = match summary.frames {
        0 => String::new(),
        frames => format!(
            "{:.0} % of the frames",
            summary.decoded as f64 * 100.0 / frames as f64
        ),
    };
    let decisions: u64 = summary.decisions.values().sum();
    let admitted = summary.decisions.get("admit").copied().unwrap_or(0);
    let mut figures = vec![
        ("Frames", summary.frames.to_string(), seconds),
        ("Decoded", summary.decoded.to_string(), share),
        (
            "Decisions",
            decisions.to_string(),
            format!("{admitted} admitted"),
        ),
        (
            "Skipped",
            summary.skipped.to_string(),
            "could not be read".to_owned(),
        ),
    ];
    if let Some(Spread { p50, p95, p99, .. }) = summary.decode_ms {
        let rest = format!("p95 {p95:.1} · p99 {p99:.1}");
        figures.push(("Decode, median", format!("{p50:.1} ms"), rest));
    }
    out.write_str("<section aria-label=\"Figures\">\n<dl class=\"figures\">\n")?;
    for (name, value, beside) in figures {
        writeln!(
            out,
            "<div><dt>{name}</dt><dd><b>{value}</b><span>{beside}</span></dd></div>"
        )?;
    }
    out.write_str("</dl>\n</section>\n")
}

fn write_failures(outcome: &ReplayOutcome, out: &mut String) -> fmt::Result {
    let failed: Vec<_> = outcome
        .frames
        .iter()
        .filter(|frame| frame.failed())
        .collect();
    let others: Vec<_> = outcome
        .differences()
        .into_iter()
        .skip(differing(outcome))
        .collect();
    if failed.is_empty() && others.is_empty() {
        return Ok(());
    }
    let count = failed.len() + others.len();
    writeln!(out, "<section aria-labelledby=\"failures\">")?;
    writeln!(
        out,
        "<h2 id=\"failures\">Failures <span class=\"count\">{count}</span></h2>"
    )?;
    write_cut(count, FAILURES_SHOWN_MAX, out)?;
    out.write_str(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"failures\">\n\
         <ul class=\"failures\">\n",
    )?;
    for frame in failed.iter().take(FAILURES_SHOWN_MAX) {
        write_failure(frame, out)?;
    }
    let room = FAILURES_SHOWN_MAX.saturating_sub(failed.len());
    for Difference { name, what } in others.iter().take(room) {
        let (name, what) = (Xml(name), Xml(what));
        writeln!(
            out,
            "<li><div class=\"nothing\">no picture</div><b>{name}</b><p>{what}</p></li>"
        )?;
    }
    out.write_str("</ul></div>\n</section>\n")
}

/// How many of the differences are those of frames, which stand first.
fn differing(outcome: &ReplayOutcome) -> usize {
    outcome
        .frames
        .iter()
        .filter(|frame| frame.difference().is_some())
        .count()
}

fn write_failure(frame: &FrameOutcome, out: &mut String) -> fmt::Result {
    let what = match (frame.difference(), &frame.nothing) {
        (Some(difference), _) => difference.to_owned(),
        (None, Some(nothing)) => nothing.to_string(),
        (None, None) => String::new(),
    };
    let (name, what) = (Xml(&frame.name), Xml(&what));
    out.write_str("<li>")?;
    match &frame.thumbnail {
        Some(thumbnail) => write!(
            out,
            "<img src=\"{}\" alt=\"the frame\" width=\"{}\" height=\"{}\" loading=\"lazy\">",
            data_url::png(thumbnail),
            thumbnail.width,
            thumbnail.height
        )?,
        None => out.write_str("<div class=\"nothing\">picture not kept</div>")?,
    }
    // The style cuts a long text short; the tooltip has all of it.
    writeln!(out, "<b>{name}</b><p title=\"{what}\">{what}</p></li>")
}

fn write_skipped(outcome: &ReplayOutcome, out: &mut String) -> fmt::Result {
    if outcome.skipped.is_empty() {
        return Ok(());
    }
    let count = outcome.skipped.len();
    writeln!(out, "<section aria-labelledby=\"skipped\">")?;
    writeln!(
        out,
        "<h2 id=\"skipped\">Skipped <span class=\"count\">{count}</span></h2>"
    )?;
    let caption = "What should have been frames and could not be read";
    open_table(caption, &["Name", "Why"], out)?;
    for skipped in &outcome.skipped {
        let (name, why) = (Xml(&skipped.name), Xml(&skipped.why));
        writeln!(out, "<tr><th scope=\"row\">{name}</th><td>{why}</td></tr>")?;
    }
    close_table(out)
}

fn write_frames(outcome: &ReplayOutcome, out: &mut String) -> fmt::Result {
    let count = outcome.frames.len();
    writeln!(out, "<section aria-labelledby=\"frames\">")?;
    writeln!(
        out,
        "<h2 id=\"frames\">Frames <span class=\"count\">{count}</span></h2>"
    )?;
    write_cut(count, FRAMES_LISTED_MAX, out)?;
    let start = outcome
        .frames
        .iter()
        .map(|frame| frame.at)
        .min()
        .unwrap_or_default();
    let headings = ["Frame", "Time, s", "Decode, ms", "Came to", "Content"];
    open_table("Every frame in the order played", &headings, out)?;
    for frame in outcome.frames.iter().take(FRAMES_LISTED_MAX) {
        write_row(frame, frame.at.since(start) as f64 / 1000.0, out)?;
    }
    close_table(out)
}

fn write_row(frame: &FrameOutcome, seconds: f64, out: &mut String) -> fmt::Result {
    let sentence = match (&frame.decision, &frame.nothing) {
        (Some(decision), _) => decision.sentence.clone(),
        (None, Some(nothing)) => nothing.to_string(),
        (None, None) => String::new(),
    };
    let content = frame.content().unwrap_or_default();
    writeln!(
        out,
        "<tr{}><th scope=\"row\">{}</th><td class=\"number\">{seconds:.3}</td>\
         <td class=\"number\">{:.1}</td><td><span class=\"kind {}\">{}</span> {}</td>\
         <td class=\"content\">{}</td></tr>",
        if frame.failed() {
            " class=\"failed\""
        } else {
            ""
        },
        Xml(&frame.name),
        frame.decode_ms,
        chart::class_of(frame),
        Xml(frame.kind()),
        Xml(&sentence),
        Xml(&content)
    )
}

/// Says so where a list does not hold everything.
fn write_cut(count: usize, shown: usize, out: &mut String) -> fmt::Result {
    if count <= shown {
        return Ok(());
    }
    writeln!(
        out,
        "<p class=\"cut\">The first {shown} of {count}; <code>--json</code> has all.</p>"
    )
}

fn open_table(caption: &str, headings: &[&str], out: &mut String) -> fmt::Result {
    let label = Xml(caption);
    write!(
        out,
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{label}\"><table>\n\
         <caption>{label}</caption>\n<thead><tr>"
    )?;
    for heading in headings {
        write!(out, "<th scope=\"col\">{heading}</th>")?;
    }
    out.write_str("</tr></thead>\n<tbody>\n")
}

fn close_table(out: &mut String) -> fmt::Result {
    out.write_str("</tbody>\n</table></div>\n</section>\n")
}

#[cfg(test)]
mod tests;
