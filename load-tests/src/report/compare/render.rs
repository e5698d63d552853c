//! A comparison on the terminal.

use super::{Change, Comparison, LatencyChange, Movement, VerdictChange, noise::EXPLANATION};
use crate::report::{
    rows::FIGURES,
    style::{Style, Tone},
    text::Text,
    units::{latency, number, rounded},
    words,
};

/// The whole comparison as text that ends with a line break.
pub fn render(comparison: &Comparison, style: &Style) -> String {
    let mut text = Text::new(*style);
    let [before, after] = &comparison.runs;
    text.line(&style.paint(Tone::Heading, "Two load tests"));
    text.line(&format!(" before  {before}"));
    text.line(&format!(" after   {after}"));
    if !comparison.warnings.is_empty() {
        text.heading("Not the same in both: compare with care");
        for warning in &comparison.warnings {
            text.line(&style.paint(Tone::Odd, format!(" ! {warning}")));
        }
    }
    verdicts(&mut text, &comparison.verdicts);
    rates(&mut text, &comparison.rates);
    latencies(&mut text, &comparison.latencies);
    text.blank();
    text.line(&style.paint(Tone::Quiet, EXPLANATION));
    text.blank();
    text.line(&summary(comparison, style));
    text.written
}

fn verdicts(text: &mut Text, changes: &[VerdictChange]) {
    if changes.is_empty() {
        return;
    }
    text.heading("Promises and budgets");
    let style = text.style;
    let rows: Vec<_> = changes
        .iter()
        .map(|change| {
            let [before, after] = [&change.before, &change.after];
            let measured = [before, after].map(|verdict| match verdict {
                Some(verdict) if verdict.measured.is_some() => {
                    let sign = if verdict.held { '✓' } else { '✗' };
                    format!("{} {sign}", words::measured(verdict))
                }
                _ => "–".into(),
            });
            let [measured_before, measured_after] = measured;
            let limit = after.as_ref().or(before.as_ref()).map(words::allows);
            let outcome = match (change.movement, after) {
                (Movement::Better | Movement::Worse, Some(after)) => marked(
                    style,
                    change.movement,
                    format!("now {}", words::outcome(after)),
                ),
                _ => String::new(),
            };
            [
                change.what.clone(),
                limit.unwrap_or_default(),
                measured_before,
                measured_after,
                outcome,
            ]
        })
        .collect();
    text.table(["what", "limit", "before", "after", ""], 1..4, rows);
}

fn rates(text: &mut Text, changes: &[Change]) {
    if changes.is_empty() {
        return;
    }
    text.heading("Good answers a second");
    let style = text.style;
    let rows: Vec<_> = changes
        .iter()
        .map(|change| {
            let figure = |value: Option<f64>| value.map_or_else(|| "–".into(), number);
            [
                change.name.clone(),
                figure(change.before),
                figure(change.after),
                ratio(style, change),
            ]
        })
        .collect();
    text.table(["operation", "before", "after", ""], 1..4, rows);
}

fn latencies(text: &mut Text, changes: &[LatencyChange]) {
    if changes.is_empty() {
        return;
    }
    text.heading("Latencies");
    let style = text.style;
    let mut rows: Vec<[String; 7]> = Vec::new();
    for LatencyChange { name, figures } in changes {
        let row = |heading: String, run: &str, of: &dyn Fn(&Change) -> String| {
            let mut row: [String; 7] = Default::default();
            row[0] = heading;
            row[1] = style.paint(Tone::Quiet, run);
            for (cell, change) in row[2..].iter_mut().zip(figures) {
                *cell = of(change);
            }
            row
        };
        let figure = |value: Option<f64>| {
            value.map_or_else(|| "–".into(), |micros| latency(rounded(micros)))
        };
        rows.push(row(name.clone(), "before", &|change| figure(change.before)));
        rows.push(row(String::new(), "after", &|change| figure(change.after)));
        rows.push(row(String::new(), "ratio", &|change| ratio(style, change)));
    }
    let [p50, p90, p99, p999, max] = FIGURES;
    text.table(["", "", p50, p90, p99, p999, max], 2..7, rows);
}

/// The ratio with a mark where it is beyond noise.
fn ratio(style: Style, change: &Change) -> String {
    let Some(ratio) = change.ratio() else {
        return "–".into();
    };
    marked(style, change.movement, format!("×{ratio:.2}"))
}

fn marked(style: Style, movement: Movement, text: String) -> String {
    match movement {
        Movement::Better => style.paint(Tone::Good, format!("{text} better")),
        Movement::Worse => style.paint(Tone::Bad, format!("{text} worse")),
        Movement::Same => text,
        Movement::Unknown => style.paint(Tone::Quiet, text),
    }
}

fn summary(comparison: &Comparison, style: &Style) -> String {
    let latencies = comparison.latencies.iter().flat_map(|of| &of.figures);
    let figures: Vec<_> = latencies.chain(&comparison.rates).collect();
    let moved = |wanted: Movement| {
        let moved = figures.iter().filter(|change| change.movement == wanted);
        moved.count()
    };
    let (better, worse) = (moved(Movement::Better), moved(Movement::Worse));
    let tone = match (comparison.breaks_a_promise(), worse) {
        (true, _) => Tone::Bad,
        (false, 0) => Tone::Good,
        _ => Tone::Odd,
    };
    let figures = if better == 1 { "figure" } else { "figures" };
    let mut summary = format!("{better} {figures} became better, {worse} worse.");
    if comparison.breaks_a_promise() {
        summary.push_str(" A promise that was kept before is broken now.");
    }
    style.paint(tone, summary)
}
