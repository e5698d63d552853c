//! The report of a run, from what it found.

use std::collections::BTreeMap;

use super::{measure::Measured, prepare::Bench, receipts::after_receipts};
use crate::{
    deployment::{Store, machine},
    generate::{
        record::{Outcome, Sample, good, histogram, latency},
        schedule::rate_at,
    },
    report::model::{
        self, LAYOUT, Operation as OperationReport, Report, Second, TierLatency, Verdict,
        Verification,
    },
    scenario::{Operation, Scenario},
    watch::Place,
};

/// How the tiers' places are named.
const PLACES: [(Place, &str, &str); 5] = [
    (Place::Home, "followers", "home page"),
    (
        Place::LastHome,
        "followers",
        "home page of the last follower",
    ),
    (Place::Tag, "public", "tag page"),
    (Place::Keyword, "public", "keyword page"),
    (Place::Feed, "public", "Atom feed"),
];

pub(crate) fn report(
    scenario: &Scenario,
    bench: &Bench,
    measured: &Measured,
    verification: Verification,
    verdicts: Vec<Verdict>,
) -> Report {
    let deployment = &bench.deployment;
    Report {
        layout: LAYOUT,
        scenario: scenario.name.clone(),
        description: scenario.description.clone(),
        started_at: measured.started_at,
        duration_s: measured.duration_s,
        seed: scenario.seed,
        target: model::Target {
            url: bench.api.url().to_owned(),
            is_own: deployment.is_own(),
            store: deployment.store().map_or("unknown", Store::name).to_owned(),
            versions: deployment.versions().clone(),
            command_lines: deployment.command_lines().to_vec(),
        },
        machine: machine(),
        world: bench.world.clone(),
        operations: operations(scenario, measured),
        tiers: tiers(measured),
        after_receipts: after_receipts(measured),
        seconds: seconds(measured),
        faults: measured.faults.clone(),
        verification,
        verdicts,
        saturation: Vec::new(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "rates to be shown")]
fn operations(scenario: &Scenario, measured: &Measured) -> Vec<OperationReport> {
    let operations = Operation::ALL.into_iter().filter_map(|operation| {
        let samples = measured.samples.get(&operation)?;
        if samples.is_empty() {
            return None;
        }
        let mut bad: BTreeMap<String, u64> = BTreeMap::new();
        for sample in samples
            .iter()
            .filter(|sample| sample.outcome != Outcome::Good)
        {
            *bad.entry(sample.outcome.label()).or_default() += 1;
        }
        let latency = latency(good(samples));
        let duration_s = measured.duration_s.max(0.001);
        let rate_wanted = match operation {
            Operation::Herd => samples.len() as f64 / duration_s,
            _ => mean_rate(scenario, operation),
        };
        Some(OperationReport {
            name: operation.name().to_owned(),
            scheduled: samples.len() as u64,
            good: latency.count,
            bad,
            rate_wanted,
            rate_reached: latency.count as f64 / duration_s,
            latency,
        })
    });
    operations.collect()
}

/// The mean rate of an operation in the measured part.
fn mean_rate(scenario: &Scenario, operation: Operation) -> f64 {
    const PARTS: u32 = 1_000;
    let part = |part: u32| scenario.duration_s * (f64::from(part) + 0.5) / f64::from(PARTS);
    let rates = (0..PARTS).map(|number| rate_at(scenario, operation, part(number)));
    rates.sum::<f64>() / f64::from(PARTS)
}

/// How long posts took in each tier, by each way of seeing it.
pub(crate) fn tiers(measured: &Measured) -> Vec<TierLatency> {
    let tier = |tier: &str, seen_by: &str, after: Vec<Option<u64>>| {
        let not_seen = after.iter().filter(|after| after.is_none()).count() as u64;
        let latency = latency(after.into_iter().flatten());
        let is_measured = latency.count + not_seen > 0;
        is_measured.then(|| TierLatency {
            tier: tier.into(),
            seen_by: seen_by.into(),
            latency,
            not_seen,
        })
    };
    let answers = measured.of(&[Operation::Post, Operation::Celebrity]);
    let mut tiers: Vec<_> = vec![tier("author", "answer", good(&answers).map(Some).collect())];
    let receipts = |of: fn(&crate::watch::Receipt) -> Option<u64>| {
        let mut told: Vec<_> = measured.receipts.iter().map(of).collect();
        // Those that could not be read are not there.
        told.resize(told.len().max(measured.receipts_wanted), None);
        told
    };
    for name in ["followers", "public"] {
        for (place, _, seen_by) in PLACES.iter().filter(|(_, tier, _)| *tier == name) {
            let seen = measured.seen.iter().filter(|seen| seen.place == *place);
            tiers.push(tier(
                name,
                seen_by,
                seen.map(|seen| seen.after_us).collect(),
            ));
        }
        if name == "followers" {
            let streamed = measured.streamed.iter().map(|streamed| streamed.after_us);
            tiers.push(tier(name, "stream", streamed.collect()));
            tiers.push(tier(
                name,
                "receipt",
                receipts(|receipt| receipt.followers_us),
            ));
        } else {
            tiers.push(tier(name, "receipt", receipts(|receipt| receipt.public_us)));
        }
    }
    tiers.into_iter().flatten().collect()
}

/// The run second by second: what was observed, with what was answered and seen.
fn seconds(measured: &Measured) -> Vec<Second> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a positive number of seconds"
    )]
    let index = |at_s: f64| at_s.max(0.0) as usize;
    let mut seconds: Vec<Second> = Vec::new();
    let observed = measured.seconds.iter().map(|second| index(second.at_s) + 1);
    let length = observed
        .max()
        .unwrap_or(0)
        .max(index(measured.duration_s.ceil()));
    for second in 0..u32::try_from(length).unwrap_or(0) {
        seconds.push(Second {
            at_s: second.into(),
            ..Second::default()
        });
    }
    for observed in &measured.seconds {
        if let Some(second) = seconds.get_mut(index(observed.at_s)) {
            second.backlog.clone_from(&observed.backlog);
            second.memory_bytes.clone_from(&observed.memory_bytes);
            second.processor_s.clone_from(&observed.processor_s);
        }
    }
    for (operation, samples) in &measured.samples {
        let mut by_second: BTreeMap<usize, Vec<Sample>> = BTreeMap::new();
        for sample in samples {
            by_second.entry(sample.second()).or_default().push(*sample);
        }
        for (at, samples) in by_second {
            let Some(second) = seconds.get_mut(at) else {
                continue;
            };
            let name = operation.name().to_owned();
            let latencies: Vec<u64> = good(&samples).collect();
            let bad = samples.len() - latencies.len();
            second.good.insert(name.clone(), latencies.len() as u64);
            if bad > 0 {
                second.bad.insert(name.clone(), bad as u64);
            }
            add(second, name, latencies);
        }
    }
    for tier in ["followers", "public"] {
        let places: Vec<Place> = PLACES
            .iter()
            .filter(|(_, of, _)| *of == tier)
            .map(|(place, ..)| *place)
            .collect();
        let mut by_second: BTreeMap<usize, Vec<u64>> = BTreeMap::new();
        for seen in measured
            .seen
            .iter()
            .filter(|seen| places.contains(&seen.place))
        {
            by_second
                .entry(index(seen.accepted_s))
                .or_default()
                .extend(seen.after_us);
        }
        for (at, latencies) in by_second {
            if let Some(second) = seconds.get_mut(at) {
                add(second, format!("tier {tier}"), latencies);
            }
        }
    }
    seconds
}

fn add(second: &mut Second, name: String, latencies: Vec<u64>) {
    if latencies.is_empty() {
        return;
    }
    let latencies = histogram(latencies);
    second
        .p50
        .insert(name.clone(), latencies.value_at_quantile(0.5));
    second
        .p99
        .insert(name.clone(), latencies.value_at_quantile(0.99));
    second.max.insert(name, latencies.max());
}
