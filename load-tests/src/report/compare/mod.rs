//! Two reports side by side: what became better, what became worse, and whether they can be compared at
//! all.

mod differences;
mod noise;
mod render;

use super::{
    model::{Latency, LimitKind, Report, TierLatency, Verdict},
    rows::{FIGURES, values},
    units::{as_f64, moment},
    words,
};

pub use noise::Movement;
pub use render::render;

/// What two runs have in common, and what not.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The scenarios, with the moments at which they began.
    pub runs: [String; 2],
    /// What is not the same in both, and makes their figures hard to compare.
    pub warnings: Vec<String>,
    /// What became of the limits of either.
    pub verdicts: Vec<VerdictChange>,
    /// Rates of good answers.
    pub rates: Vec<Change>,
    /// Latencies of operations and tiers.
    pub latencies: Vec<LatencyChange>,
}

/// A limit in both runs.
#[derive(Clone, Debug, PartialEq)]
pub struct VerdictChange {
    /// What it limits.
    pub what: String,
    /// A promise or a budget.
    pub kind: LimitKind,
    /// The limit and what was measured before; none where it was not judged.
    pub before: Option<Verdict>,
    /// The same after.
    pub after: Option<Verdict>,
    /// [`Movement::Worse`] where it held and does not any more, [`Movement::Better`] the other way round.
    pub movement: Movement,
}

/// A figure in both runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// What it is: the operation or the percentile.
    pub name: String,
    /// In the first run; none where it was not measured.
    pub before: Option<f64>,
    /// In the second run.
    pub after: Option<f64>,
    /// Whether it became better or worse beyond noise.
    pub movement: Movement,
}

impl Change {
    /// How many times the first figure the second is.
    pub fn ratio(&self) -> Option<f64> {
        let ratio = self.after? / self.before?;
        ratio.is_finite().then_some(ratio)
    }
}

/// A distribution of latencies in both runs.
#[derive(Clone, Debug, PartialEq)]
pub struct LatencyChange {
    /// The operation, or the tier and how it was seen.
    pub name: String,
    /// p50, p90, p99, p99.9 and max, in microseconds.
    pub figures: Vec<Change>,
}

impl Comparison {
    /// Whether a promise that held does not hold any more.
    pub fn breaks_a_promise(&self) -> bool {
        self.verdicts
            .iter()
            .any(|change| change.kind == LimitKind::Promise && change.movement == Movement::Worse)
    }
}

/// Compares a report with one from before.
pub fn compare(before: &Report, after: &Report) -> Comparison {
    Comparison {
        runs: [before, after].map(|report| {
            let started_at = moment(report.started_at);
            format!("{}, {started_at}", report.scenario)
        }),
        warnings: differences::warnings(before, after),
        verdicts: verdicts(before, after),
        rates: rates(before, after),
        latencies: latencies(before, after),
    }
}

fn verdicts(before: &Report, after: &Report) -> Vec<VerdictChange> {
    let key = |verdict: &Verdict| (verdict.kind, verdict.what.clone());
    let pairs = paired(&before.verdicts, &after.verdicts, key);
    let changes = pairs.into_iter().map(|((kind, what), before, after)| {
        let movement = match (before.map(|of| of.held), after.map(|of| of.held)) {
            (Some(true), Some(false)) => Movement::Worse,
            (Some(false), Some(true)) => Movement::Better,
            (Some(_), Some(_)) => Movement::Same,
            _ => Movement::Unknown,
        };
        VerdictChange {
            what,
            kind,
            before: before.cloned(),
            after: after.cloned(),
            movement,
        }
    });
    changes.collect()
}

fn rates(before: &Report, after: &Report) -> Vec<Change> {
    let pairs = paired(&before.operations, &after.operations, |of| of.name.clone());
    let mut changes: Vec<_> = pairs
        .into_iter()
        .map(|(name, before, after)| {
            let [before, after] = [before, after].map(|of| of.map(|of| of.rate_reached));
            Change {
                name,
                before,
                after,
                movement: noise::of_rates(before, after),
            }
        })
        .collect();
    let found = [before, after].map(|report| words::highest(&report.saturation));
    if found.iter().any(Option::is_some) {
        let [before, after] = found;
        changes.push(Change {
            name: "highest rate that keeps all promises".into(),
            before,
            after,
            movement: noise::of_rates(before, after),
        });
    }
    changes
}

fn latencies(before: &Report, after: &Report) -> Vec<LatencyChange> {
    let operations = paired(&before.operations, &after.operations, |of| of.name.clone());
    let operations = operations.into_iter().map(|(name, before, after)| {
        latency(
            name,
            before.map(|of| &of.latency),
            after.map(|of| &of.latency),
        )
    });
    let key = |tier: &TierLatency| (tier.tier.clone(), tier.seen_by.clone());
    let tiers = paired(&before.tiers, &after.tiers, key);
    let tiers = tiers.into_iter().map(|((tier, seen_by), before, after)| {
        let name = format!("{tier}: {seen_by}");
        latency(
            name,
            before.map(|of| &of.latency),
            after.map(|of| &of.latency),
        )
    });
    let is_measured = |change: &LatencyChange| {
        let mut figures = change.figures.iter();
        figures.any(|figure| figure.before.or(figure.after).is_some())
    };
    tiers.chain(operations).filter(is_measured).collect()
}

fn latency(name: String, before: Option<&Latency>, after: Option<&Latency>) -> LatencyChange {
    let [before, after] = [before, after].map(|of| of.filter(|of| of.count > 0));
    let figures = FIGURES.iter().enumerate().map(|(at, figure)| {
        let value = |of: Option<&Latency>| of.map(|of| as_f64(values(of)[at]));
        Change {
            name: (*figure).into(),
            before: value(before),
            after: value(after),
            movement: noise::of_latencies(at, before, after),
        }
    });
    LatencyChange {
        name,
        figures: figures.collect(),
    }
}

/// What has the same key in both, in the order of the first; then what only the second has.
fn paired<'a, T, K: PartialEq>(
    before: &'a [T],
    after: &'a [T],
    key: impl Fn(&T) -> K,
) -> Vec<(K, Option<&'a T>, Option<&'a T>)> {
    let of = |all: &'a [T], wanted: &K| all.iter().find(|one| key(one) == *wanted);
    let first = before.iter().map(|one| {
        let wanted = key(one);
        let other = of(after, &wanted);
        (wanted, Some(one), other)
    });
    let others = after.iter().filter(|one| of(before, &key(one)).is_none());
    first
        .chain(others.map(|one| (key(one), None, Some(one))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{sample::sample, style::Style};

    const PLAIN: Style = Style {
        width: 130,
        colour: false,
    };

    /// A run on another machine in which posts became slower, pages faster, and nothing is missing.
    fn other() -> Report {
        let mut other = sample();
        other.target.store = "embedded".into();
        other.machine.processors = 4;
        other.seed = 43;
        let author = &mut other.tiers[0].latency;
        (author.p50, author.p90, author.p99) = (author.p50 * 2, author.p90 + 20, author.p99 * 3);
        let home = &mut other.operations[1];
        home.latency.p50 /= 2;
        home.rate_reached *= 0.8;
        other.tiers.retain(|tier| tier.seen_by != "stream");
        for verdict in &mut other.verdicts {
            match verdict.what.as_str() {
                "posts missing on a page" => (verdict.measured, verdict.held) = (Some(0.0), true),
                "accept a post, p99.9" => (verdict.measured, verdict.held) = (Some(640.0), false),
                _ => {}
            }
        }
        other
    }

    #[test]
    fn a_run_is_the_same_as_itself() {
        let comparison = compare(&sample(), &sample());
        assert!(comparison.warnings.is_empty(), "{:?}", comparison.warnings);
        let figures = comparison.latencies.iter().flat_map(|of| &of.figures);
        let mut moved = figures
            .chain(&comparison.rates)
            .filter(|change| change.movement.is_change());
        assert_eq!(moved.next(), None);
        assert!(!comparison.breaks_a_promise());
    }

    #[test]
    fn what_became_better_and_worse_is_told() {
        let comparison = compare(&sample(), &other());
        assert!(comparison.breaks_a_promise());
        insta::assert_snapshot!(render(&comparison, &PLAIN));
    }

    #[test]
    fn the_other_way_round_is_the_opposite() {
        let there = compare(&sample(), &other());
        let back = compare(&other(), &sample());
        for (there, back) in there.verdicts.iter().zip(&back.verdicts) {
            assert_eq!(there.movement, back.movement.reversed(), "{}", there.what);
        }
        for there in &there.latencies {
            let same = back.latencies.iter().find(|of| of.name == there.name);
            for (there, back) in there.figures.iter().zip(&same.unwrap().figures) {
                assert_eq!(there.movement, back.movement.reversed(), "{}", there.name);
            }
        }
    }
}
