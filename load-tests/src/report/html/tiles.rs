//! What is told first: main figures, and limits beside what was measured.

use crate::report::{
    model::{LimitKind, Report, Verdict},
    rows::{answered_per_s, server_memory},
    units::{as_f64, count, number, share, with_unit},
    words,
};

/// Something that was measured, beside its limits.
pub(super) struct Tile {
    pub(super) what: String,
    pub(super) value: String,
    /// Which figure of a distribution it is: `p99`, `the slowest`; empty where it is none.
    pub(super) figure: String,
    /// How much of the limit it takes, in percent.
    pub(super) fill: String,
    /// `good`, `odd` (a budget was missed) or `bad` (a promise was broken).
    pub(super) class: &'static str,
    pub(super) limits: Vec<Limit>,
}

/// Something that must not happen at all.
pub(super) struct Check {
    pub(super) what: String,
    pub(super) value: String,
    pub(super) limit: Limit,
}

/// A limit, in words.
pub(super) struct Limit {
    pub(super) kind: &'static str,
    pub(super) allows: String,
    pub(super) sign: char,
    pub(super) outcome: &'static str,
    pub(super) class: &'static str,
}

/// Tiles for limits on how much, checks for what must not happen. A promise and a budget on the same thing
/// share a tile.
pub(super) fn of(verdicts: &[Verdict]) -> (Vec<Tile>, Vec<Check>) {
    let (mut tiles, mut checks): (Vec<(&str, Tile)>, Vec<Check>) = (Vec::new(), Vec::new());
    for verdict in verdicts {
        let limit = Limit::of(verdict);
        let value = words::measured(verdict);
        let what = &verdict.what;
        if verdict.limit == 0.0 && !verdict.more_is_better {
            checks.push(Check {
                what: what.clone(),
                value,
                limit,
            });
            continue;
        }
        let same = tiles
            .iter_mut()
            .find(|(of, tile)| of == what && tile.value == value);
        if let Some((_, tile)) = same {
            tile.class = worse(tile.class, limit.class);
            tile.limits.push(limit);
            continue;
        }
        let (subject, figure) = parted(what);
        let tile = Tile {
            what: subject.into(),
            value,
            figure: figure.into(),
            fill: format!("{:.1}", fill(verdict)),
            class: limit.class,
            limits: vec![limit],
        };
        tiles.push((what, tile));
    }
    (tiles.into_iter().map(|(_, tile)| tile).collect(), checks)
}

/// Name, value and a note.
pub(super) fn figures(report: &Report) -> Vec<(&'static str, String, String)> {
    let mut figures = Vec::new();
    if let Some(rate) = words::highest(&report.saturation) {
        let note = "that keeps all promises".into();
        figures.push(("highest rate", format!("{}/s", number(rate)), note));
    }
    let wanted: f64 = report.operations.iter().map(|of| of.rate_wanted).sum();
    let scheduled = report.operations.iter().map(|of| of.scheduled).sum();
    let good = report.operations.iter().map(|of| of.good).sum();
    if !report.operations.is_empty() {
        figures.push((
            "requests answered well",
            format!("{}/s", number(answered_per_s(report).round())),
            format!("of {}/s wanted", number(wanted.round())),
        ));
        let note = format!("{} of {}", count(good), count(scheduled));
        figures.push(("share of those due", share(good, scheduled), note));
    }
    let accepted = report.verification.accepted;
    if accepted > 0 {
        let note = format!(
            "by {} users, with those of the warm-up",
            count(report.world.users)
        );
        figures.push(("posts accepted", count(accepted), note));
    }
    let seconds = report.seconds.iter();
    if let Some(most) = seconds.filter_map(server_memory).max() {
        let most = with_unit(as_f64(most), "B");
        figures.push(("memory of the server", most, "resident, at most".into()));
    }
    figures
}

impl Limit {
    fn of(verdict: &Verdict) -> Self {
        let (kind, class) = match (verdict.kind, verdict.held) {
            (LimitKind::Promise, true) => ("promise", "good"),
            (LimitKind::Promise, false) => ("promise", "bad"),
            (LimitKind::Budget, true) => ("budget", "good"),
            (LimitKind::Budget, false) => ("budget", "odd"),
        };
        Self {
            kind,
            allows: words::allows(verdict),
            sign: if verdict.held { '✓' } else { '✗' },
            outcome: words::outcome(verdict),
            class,
        }
    }
}

fn worse(one: &'static str, other: &'static str) -> &'static str {
    let all = ["bad", "odd"].into_iter();
    let mut met = all.filter(|class| [one, other].contains(class));
    met.next().unwrap_or("good")
}

/// `accept a post, p99` is `accept a post` and `p99`.
fn parted(what: &str) -> (&str, &str) {
    let is_figure = |end: &str| {
        let percentile = end.strip_prefix('p');
        percentile.is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
            || end.starts_with("the ")
    };
    match what.rsplit_once(", ") {
        Some((subject, figure)) if is_figure(figure) => (subject, figure),
        _ => (what, ""),
    }
}

fn fill(verdict: &Verdict) -> f64 {
    let Some(measured) = verdict.measured else {
        return 0.0;
    };
    let filled = measured / verdict.limit * 100.0;
    if filled.is_finite() {
        filled.clamp(0.0, 100.0)
    } else {
        100.0
    }
}
