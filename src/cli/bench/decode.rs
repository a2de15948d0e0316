//! `faregate bench decode`: the decoder over pictures whose content is known.

use crate::bench::decode::{self, DecodeFigures, Group, Ratio, TIMED_LOOKS, Tally};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// Decodes the pictures of manifests and counts, by set and in all, what is read and in what time.
///
/// Each picture is shown to all decoders in turn, in one thread: once to warm up, then three times;
/// milliseconds are the thread's processor time.
#[derive(Debug, clap::Args)]
pub(super) struct DecodeArgs {
    /// Measure other decoders too, in the same run; needs a build with the feature `peers`
    #[arg(long)]
    peers: bool,
    /// Print one JSON object with all figures, picture by picture too
    #[arg(long)]
    json: bool,
    /// CSV with the columns file (from the manifest's folder), expected (a JSON list of texts) and, if
    /// there, set and kind (neg…: nothing may be read)
    #[arg(required = true, value_name = "MANIFEST")]
    manifests: Vec<PathBuf>,
}

pub(super) fn run(args: &DecodeArgs) -> anyhow::Result<ExitCode> {
    let mut contenders = if args.peers {
        decode::ours_and_peers()?
    } else {
        vec![decode::ours()]
    };
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} pictures, {eta} left") {
        bar.set_style(style);
    }
    let figures = decode::decode(&args.manifests, &mut contenders, &mut |seen, total| {
        bar.set_length(total as u64);
        bar.set_position(seen as u64);
    });
    bar.finish_and_clear();
    let figures = figures?;
    let mut out = io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&figures)?)?;
    } else {
        write_tables(&figures, &mut out)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn write_tables(figures: &DecodeFigures, out: &mut impl Write) -> io::Result<()> {
    let pictures = figures.pictures.len();
    writeln!(
        out,
        "{pictures} pictures. Milliseconds are the thread's processor time for a picture, each the \
         median of {TIMED_LOOKS} looks."
    )?;
    write_table("", &decoders(figures), out)?;
    write_table(figures.decoders[0], &ours(figures), out)?;
    if figures.ratios.is_empty() {
        return Ok(());
    }
    type Cell = (&'static str, fn(&Tally) -> String);
    let cells: [Cell; 4] = [
        ("read", |tally| tally.read.to_string()),
        ("wrong text", |tally| tally.wrong.to_string()),
        ("median ms", |tally| ms(tally.cpu_ms.p50)),
        ("p95 ms", |tally| ms(tally.cpu_ms.p95)),
    ];
    for (title, cell) in cells {
        write_table(title, &by_set(figures, cell), out)?;
    }
    let title = format!("{} / peer", figures.decoders[0]);
    write_table(&title, &ratios(figures), out)
}

/// The sets, then all pictures with a code, those without, and the noise frames.
fn groups(figures: &DecodeFigures) -> impl Iterator<Item = &Group> {
    let all = [&figures.with_code, &figures.without_code, &figures.noise];
    figures.sets.iter().chain(all.into_iter().flatten())
}

/// A line for each decoder: the pictures with a code, then the empty ones.
fn decoders(figures: &DecodeFigures) -> Vec<Vec<String>> {
    let header = row([
        "decoder",
        "read",
        "wrong text",
        "panics",
        "median ms",
        "p95 ms",
        "no code: wrong text",
        "median ms",
        "noise: median ms",
    ]);
    let line = |(at, decoder): (usize, &&'static str)| {
        let with = tally(&figures.with_code, at);
        let without = tally(&figures.without_code, at);
        vec![
            (*decoder).to_owned(),
            or_dash(with, |tally| tally.read.to_string()),
            or_dash(with, |tally| tally.wrong.to_string()),
            or_dash(with, |tally| tally.panicked.to_string()),
            or_dash(with, |tally| ms(tally.cpu_ms.p50)),
            or_dash(with, |tally| ms(tally.cpu_ms.p95)),
            or_dash(without, |tally| tally.wrong.to_string()),
            or_dash(without, |tally| ms(tally.cpu_ms.p50)),
            or_dash(tally(&figures.noise, at), |tally| ms(tally.cpu_ms.p50)),
        ]
    };
    let lines = figures.decoders.iter().enumerate().map(line);
    std::iter::once(header).chain(lines).collect()
}

/// A line for each set: ours, and beside it what the best peer and all peers together read.
fn ours(figures: &DecodeFigures) -> Vec<Vec<String>> {
    let mut header = row([
        "set",
        "pictures",
        "read",
        "wrong text",
        "median ms",
        "p95 ms",
    ]);
    if !figures.ratios.is_empty() {
        header.extend(row(["best peer", "its read", "any peer"]));
    }
    let line = |group: &Group| {
        let ours = &group.tallies[0];
        let mut line = vec![
            group.name.clone(),
            group.pictures.to_string(),
            ours.read.to_string(),
            ours.wrong.to_string(),
            ms(ours.cpu_ms.p50),
            ms(ours.cpu_ms.p95),
        ];
        if let Some(any) = group.read_by_any_peer {
            let best = group.best_peer.as_ref();
            line.push(best.map_or_else(dash, |best| best.decoder.to_owned()));
            line.push(best.map_or(0, |best| best.read).to_string());
            line.push(any.to_string());
        }
        line
    };
    std::iter::once(header)
        .chain(groups(figures).map(line))
        .collect()
}

/// A line for each set with one figure of every decoder.
fn by_set(figures: &DecodeFigures, cell: fn(&Tally) -> String) -> Vec<Vec<String>> {
    let decoders = figures.decoders.iter().copied();
    let header = row(["set", "pictures"].into_iter().chain(decoders));
    let line = |group: &Group| {
        let mut line = vec![group.name.clone(), group.pictures.to_string()];
        line.extend(group.tallies.iter().map(cell));
        line
    };
    std::iter::once(header)
        .chain(groups(figures).map(line))
        .collect()
}

/// A line for each peer: our times over its.
fn ratios(figures: &DecodeFigures) -> Vec<Vec<String>> {
    let header = row(["peer", "median", "p95", "no code, median", "noise, median"]);
    let shown = |ratio: Option<f64>| ratio.map_or_else(dash, |ratio| format!("{ratio:.2}"));
    let line = |ratio: &Ratio| {
        let figures = [
            ratio.median,
            ratio.p95,
            ratio.empty_median,
            ratio.noise_median,
        ];
        let mut line = vec![ratio.peer.to_owned()];
        line.extend(figures.map(shown));
        line
    };
    std::iter::once(header)
        .chain(figures.ratios.iter().map(line))
        .collect()
}

fn row<'a>(cells: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    cells.into_iter().map(str::to_owned).collect()
}

fn tally(group: &Option<Group>, decoder: usize) -> Option<&Tally> {
    group.as_ref().and_then(|group| group.tallies.get(decoder))
}

fn or_dash(tally: Option<&Tally>, cell: fn(&Tally) -> String) -> String {
    tally.map_or_else(dash, cell)
}

fn dash() -> String {
    "-".to_owned()
}

fn ms(ms: f64) -> String {
    format!("{ms:.2}")
}

/// The first column stands to the left, figures to the right, as wide as they need to be.
fn write_table(title: &str, rows: &[Vec<String>], out: &mut impl Write) -> io::Result<()> {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..rows.first().map_or(0, Vec::len)).map(width).collect();
    writeln!(out)?;
    if !title.is_empty() {
        writeln!(out, "{title}")?;
    }
    for row in rows {
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            match column {
                0 => write!(out, "{cell:<width$}")?,
                _ => write!(out, "  {cell:>width$}")?,
            }
        }
        writeln!(out)?;
    }
    Ok(())
}
