//! The rows of the tables, which the terminal and the page share.

use std::collections::BTreeMap;

use crate::deployment::GENERATOR;

use super::{
    model::{
        AfterReceipt, Latency, Operation, Report, SaturationStep, Second, TierLatency, Verification,
    },
    units::{as_f64, count, difference, duration, latency, number, share, with_unit},
};

/// How a post was seen by those whom the server tells.
const RECEIPT: &str = "receipt";

/// The names of a latency's figures, in order.
pub(crate) const FIGURES: [&str; 5] = ["p50", "p90", "p99", "p99.9", "max"];

/// A way in which posts of a tier were seen.
pub(crate) struct TierRow {
    pub(crate) seen_by: String,
    pub(crate) count: String,
    /// Empty where all were seen.
    pub(crate) not_seen: String,
    /// As [`FIGURES`].
    pub(crate) figures: [String; 5],
    /// Whether it says what the server tells of itself, or how far that is from what was seen.
    pub(crate) is_aside: bool,
}

/// The tiers by name: what was seen, what the receipts say, and the difference of the two, post by post.
pub(crate) fn tiers(report: &Report) -> Vec<(&str, Vec<TierRow>)> {
    let mut tiers: Vec<(&str, Vec<TierRow>)> = Vec::new();
    for tier in &report.tiers {
        let row = tier_row(tier);
        match tiers.iter_mut().find(|(name, _)| *name == tier.tier) {
            Some((_, rows)) => rows.push(row),
            None => tiers.push((&tier.tier, vec![row])),
        }
    }
    for (name, rows) in &mut tiers {
        let of_receipts = report.after_receipts.iter().filter(|of| of.tier == *name);
        rows.extend(of_receipts.map(after_receipt_row));
    }
    tiers
}

fn tier_row(tier: &TierLatency) -> TierRow {
    TierRow {
        seen_by: tier.seen_by.clone(),
        count: count(tier.latency.count),
        not_seen: nothing_as_blank(tier.not_seen),
        figures: figures(&tier.latency),
        is_aside: tier.seen_by == RECEIPT,
    }
}

fn after_receipt_row(of: &AfterReceipt) -> TierRow {
    let figure = |figure: &str| match figure {
        "p50" => difference(of.p50_us),
        "p99" => difference(of.p99_us),
        "max" => difference(of.max_us),
        _ => String::new(),
    };
    TierRow {
        seen_by: format!("last seen less {RECEIPT}"),
        count: count(of.count),
        not_seen: String::new(),
        figures: FIGURES.map(figure),
        is_aside: true,
    }
}

/// The names of a memory's figures, in order.
pub(crate) const MEMORY: [&str; 3] = ["start", "end", "most"];

/// The resident memory of each process: its name, and as [`MEMORY`].
pub(crate) fn memory(report: &Report) -> Vec<(String, [String; 3])> {
    let mut processes: BTreeMap<&str, [u64; 3]> = BTreeMap::new();
    for (name, bytes) in report.seconds.iter().flat_map(|of| &of.memory_bytes) {
        let [_, end, most] = processes.entry(name).or_insert([*bytes; 3]);
        (*end, *most) = (*bytes, (*most).max(*bytes));
    }
    let rows = processes.into_iter().map(|(name, found)| {
        let figures = found.map(|bytes| with_unit(as_f64(bytes), "B"));
        (name.into(), figures)
    });
    rows.collect()
}

/// The resident memory of the server's processes in a second, in bytes; none where it was not measured.
pub(crate) fn server_memory(second: &Second) -> Option<u64> {
    let processes = second.memory_bytes.iter();
    let of_server = processes.filter(|(name, _)| *name != GENERATOR);
    let bytes: Vec<u64> = of_server.map(|(_, bytes)| *bytes).collect();
    (!bytes.is_empty()).then(|| bytes.iter().sum())
}

/// A kind of request.
pub(crate) struct OperationRow {
    pub(crate) name: String,
    pub(crate) wanted: String,
    pub(crate) reached: String,
    pub(crate) scheduled: String,
    /// The share of what was due.
    pub(crate) good: String,
    /// How many were good.
    pub(crate) count: String,
    /// How many were bad and of what kind; empty where none was.
    pub(crate) bad: String,
    /// As [`FIGURES`].
    pub(crate) figures: [String; 5],
}

/// The operations, in the report's order.
pub(crate) fn operations(report: &Report) -> Vec<OperationRow> {
    let row = |operation: &Operation| OperationRow {
        name: operation.name.clone(),
        wanted: number(operation.rate_wanted),
        reached: number(operation.rate_reached),
        scheduled: count(operation.scheduled),
        good: share(operation.good, operation.scheduled),
        count: count(operation.latency.count),
        bad: bad(operation),
        figures: figures(&operation.latency),
    };
    report.operations.iter().map(row).collect()
}

fn bad(operation: &Operation) -> String {
    let kinds = operation.bad.iter();
    let kinds: Vec<_> = kinds
        .map(|(kind, times)| format!("{}\u{a0}×\u{a0}{kind}", count(*times)))
        .collect();
    kinds.join(", ")
}

/// What was looked for in the verification, how often, and whether that is as it should be.
pub(crate) fn verification(found: &Verification) -> Vec<(String, String, bool)> {
    let known = |name: &str, times: u64| (name.into(), count(times), true);
    let none = |name: &str, times: u64| (name.into(), count(times), times == 0);
    let mut rows = vec![
        known("posts accepted", found.accepted),
        known("posts of unknown fate", found.uncertain),
    ];
    if found.ended_early {
        rows.push((
            "ended before all pages were read".into(),
            "yes".into(),
            false,
        ));
    }
    for (kind, pages) in &found.pages {
        rows.push(known(&format!("pages read: {kind}"), *pages));
    }
    rows.extend([
        known("entries expected", found.expected),
        none("missing", found.missing_count),
        none("more than once", found.doubled_count),
        none("where they do not belong", found.strange_count),
        (
            "jobs in the dead letters".into(),
            found.dead_jobs.map_or_else(|| "unknown".into(), count),
            found.dead_jobs == Some(0),
        ),
    ]);
    rows
}

/// A rate that was tried.
pub(crate) struct StepRow {
    pub(crate) rate: String,
    pub(crate) held: bool,
    pub(crate) why: String,
    /// p99 of author, followers, public.
    pub(crate) p99: [String; 3],
    /// How long after the load the queues were empty; a dash where they did not become so.
    pub(crate) drained: String,
}

/// The steps of a search for the highest rate, in the order of trying.
pub(crate) fn saturation(steps: &[SaturationStep]) -> Vec<StepRow> {
    let row = |step: &SaturationStep| StepRow {
        rate: number(step.rate),
        held: step.held,
        why: step.why.clone(),
        p99: [&step.author, &step.followers, &step.public].map(|of| figures(of)[2].clone()),
        drained: step.drained_after_s.map_or_else(|| "–".into(), duration),
    };
    steps.iter().map(row).collect()
}

/// A latency's figures; dashes where nothing was measured.
pub(crate) fn figures(of: &Latency) -> [String; 5] {
    if of.count == 0 {
        return std::array::from_fn(|_| "–".into());
    }
    values(of).map(latency)
}

/// A latency's figures in microseconds, as [`FIGURES`].
pub(crate) fn values(of: &Latency) -> [u64; 5] {
    [of.p50, of.p90, of.p99, of.p999, of.max]
}

/// The mean number of good answers a second, of all operations.
pub(crate) fn answered_per_s(report: &Report) -> f64 {
    let good: u64 = report.operations.iter().map(|of| of.good).sum();
    as_f64(good) / report.duration_s.max(f64::MIN_POSITIVE)
}

fn nothing_as_blank(times: u64) -> String {
    if times == 0 {
        return String::new();
    }
    count(times)
}
