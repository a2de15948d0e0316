//! A replay as JUnit XML, which test runners and continuous integration read: one test case for
//! each frame, a failure for each difference.

use super::outcome::{FrameOutcome, MISSING, ReplayOutcome, SkippedFrame};
use super::summary::Summary;
use std::fmt::{self, Write};

/// Writes the report.
///
/// # Errors
/// Only those of `out`; a `String` has none.
pub fn write(outcome: &ReplayOutcome, out: &mut impl Write) -> fmt::Result {
    let suite = Xml(&outcome.recording);
    let summary = Summary::of(outcome);
    let missing = outcome.comparison.as_ref().map_or(&[][..], |c| &c.missing);
    let tests = outcome.frames.len() + outcome.skipped.len() + missing.len();
    let failures = outcome.differences().len();
    let skipped = outcome
        .skipped
        .iter()
        .filter(|skipped| !skipped.expected)
        .count();
    let seconds = outcome.wall.as_secs_f64();
    let counts = format!(
        "tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\" \
         time=\"{seconds:.3}\""
    );
    writeln!(out, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    writeln!(out, r#"<testsuites name="faregate replay" {counts}>"#)?;
    writeln!(out, r#"  <testsuite name="{suite}" {counts}>"#)?;
    for frame in &outcome.frames {
        write_frame(frame, &suite, out)?;
    }
    for frame in &outcome.skipped {
        write_skipped(frame, &suite, out)?;
    }
    for file in missing {
        write_failure(file, &suite, 0.0, MISSING, out)?;
    }
    writeln!(
        out,
        "    <system-out>{}</system-out>",
        Xml(&summary.to_string())
    )?;
    writeln!(out, "  </testsuite>")?;
    writeln!(out, "</testsuites>")
}

fn write_frame(frame: &FrameOutcome, suite: &Xml<'_>, out: &mut impl Write) -> fmt::Result {
    let seconds = frame.decode_ms / 1000.0;
    match frame.difference() {
        Some(what) => write_failure(&frame.name, suite, seconds, what, out),
        None => {
            let name = Xml(&frame.name);
            writeln!(
                out,
                r#"    <testcase classname="{suite}" name="{name}" time="{seconds:.6}"/>"#
            )
        }
    }
}

fn write_skipped(frame: &SkippedFrame, suite: &Xml<'_>, out: &mut impl Write) -> fmt::Result {
    let SkippedFrame {
        name,
        why,
        expected,
    } = frame;
    if *expected {
        return write_failure(name, suite, 0.0, &format!("skipped: {why}"), out);
    }
    let (name, why) = (Xml(name), Xml(why));
    writeln!(
        out,
        r#"    <testcase classname="{suite}" name="{name}" time="0">"#
    )?;
    writeln!(out, r#"      <skipped message="{why}"/>"#)?;
    writeln!(out, "    </testcase>")
}

fn write_failure(
    name: &str,
    suite: &Xml<'_>,
    seconds: f64,
    what: &str,
    out: &mut impl Write,
) -> fmt::Result {
    let (name, what) = (Xml(name), Xml(what));
    writeln!(
        out,
        r#"    <testcase classname="{suite}" name="{name}" time="{seconds:.6}">"#
    )?;
    writeln!(
        out,
        r#"      <failure type="difference" message="{what}">{what}</failure>"#
    )?;
    writeln!(out, "    </testcase>")
}

/// Text escaped for XML and HTML, in content or between double quotes. Characters that XML 1.0 does
/// not allow at all become U+FFFD.
pub(super) struct Xml<'a>(pub(super) &'a str);

impl fmt::Display for Xml<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                '\n' | '\r' | '\t' => write!(f, "&#{};", u32::from(c))?,
                '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => f.write_char('\u{fffd}')?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
