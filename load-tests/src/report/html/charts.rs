//! The data of the charts, column by column.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::letter;
use crate::report::model::{Report, Second};

/// How the series of tiers begin in a second's figures.
const TIER: &str = "tier ";
/// The operation that is the author's tier.
const POST: &str = "post";

#[derive(Serialize)]
pub(super) struct Charts<'a> {
    curves: Vec<Curve<'a>>,
    faults: Vec<Band>,
    at_s: Vec<f64>,
    latencies: Vec<LatencyOverTime>,
    good: Vec<Line<u64>>,
    good_in_all: Vec<Option<u64>>,
    bad_in_all: Vec<Option<u64>>,
    backlog: Vec<Line<u64>>,
    memory_bytes: Vec<Line<u64>>,
    processor_s: Vec<Line<f64>>,
}

#[derive(Serialize)]
struct Curve<'a> {
    tier: &'a str,
    seen_by: &'a str,
    count: u64,
    points: &'a [(f64, u64)],
}

#[derive(Serialize)]
struct Band {
    from_s: f64,
    to_s: f64,
    letter: String,
}

#[derive(Serialize)]
struct LatencyOverTime {
    title: String,
    note: &'static str,
    p50: Vec<Option<u64>>,
    p99: Vec<Option<u64>>,
    max: Vec<Option<u64>>,
}

#[derive(Serialize)]
struct Line<T> {
    name: String,
    values: Vec<Option<T>>,
}

impl<'a> Charts<'a> {
    pub(super) fn of(report: &'a Report) -> Self {
        let seconds = report.seconds.as_slice();
        let curves = report.tiers.iter().map(|tier| Curve {
            tier: &tier.tier,
            seen_by: &tier.seen_by,
            count: tier.latency.count,
            points: &tier.latency.curve,
        });
        let faults = report.faults.iter().enumerate();
        let bands = faults.map(|(at, fault)| Band {
            from_s: fault.from_s,
            to_s: fault.to_s,
            letter: letter(at),
        });
        Self {
            curves: curves.collect(),
            faults: bands.collect(),
            at_s: seconds.iter().map(|second| second.at_s).collect(),
            latencies: latencies(report),
            good: lines(seconds, |second| &second.good),
            good_in_all: in_all(seconds, |second| &second.good),
            bad_in_all: in_all(seconds, |second| &second.bad),
            backlog: lines(seconds, |second| &second.backlog),
            memory_bytes: lines(seconds, |second| &second.memory_bytes),
            processor_s: lines(seconds, |second| &second.processor_s),
        }
    }
}

/// The tiers, then the other operations in the report's order, then what the report has no name for.
fn latencies(report: &Report) -> Vec<LatencyOverTime> {
    let seconds = report.seconds.as_slice();
    let mut known = names(seconds, |second| &second.p50);
    let operations = report.operations.iter().map(|of| of.name.clone());
    let mut wanted: Vec<String> = [POST, "tier followers", "tier public"]
        .map(Into::into)
        .into();
    wanted.extend(operations);
    let mut order: Vec<String> = Vec::new();
    for name in wanted {
        if known.remove(&name) {
            order.push(name);
        }
    }
    order.extend(known);
    let chart = |name: String| LatencyOverTime {
        p50: values(seconds, &name, |second| &second.p50),
        p99: values(seconds, &name, |second| &second.p99),
        max: values(seconds, &name, |second| &second.max),
        note: match name.as_str() {
            POST => "from when a post was due to its answer",
            "tier followers" => "from acceptance to home pages",
            "tier public" => "from acceptance to public pages",
            _ => "from when it was due to its answer",
        },
        title: match name.as_str() {
            POST => "Author".into(),
            _ => capitalised(name.strip_prefix(TIER).unwrap_or(&name)),
        },
    };
    order.into_iter().map(chart).collect()
}

fn lines<T: Copy>(
    seconds: &[Second],
    of: impl Fn(&Second) -> &BTreeMap<String, T>,
) -> Vec<Line<T>> {
    let names = names(seconds, &of).into_iter();
    let lines = names.map(|name| Line {
        values: values(seconds, &name, &of),
        name,
    });
    lines.collect()
}

fn names<T>(seconds: &[Second], of: impl Fn(&Second) -> &BTreeMap<String, T>) -> BTreeSet<String> {
    let names = seconds.iter().flat_map(|second| of(second).keys().cloned());
    names.collect()
}

fn values<T: Copy>(
    seconds: &[Second],
    name: &str,
    of: impl Fn(&Second) -> &BTreeMap<String, T>,
) -> Vec<Option<T>> {
    let values = seconds.iter().map(|second| of(second).get(name).copied());
    values.collect()
}

/// The sum of all operations. A second that has neither good nor bad answers was not measured.
fn in_all(seconds: &[Second], of: impl Fn(&Second) -> &BTreeMap<String, u64>) -> Vec<Option<u64>> {
    let sums = seconds.iter().map(|second| {
        let is_measured = !second.good.is_empty() || !second.bad.is_empty();
        is_measured.then(|| of(second).values().sum())
    });
    sums.collect()
}

fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(letters).collect()
}
