//! What is wanted of each store on the same machine, against what was measured.

use super::{at_least, at_most, creep::creep, good, ms, none};
use crate::{
    deployment::Store,
    generate::{
        record::{Sample, latency},
        schedule::rate_at,
    },
    parts::Parts,
    report::{
        model::{Latency, LimitKind, Verdict},
        units::{as_f64, count},
    },
    run::Measured,
    scenario::{Budget, Operation, Scenario},
    watch::{Place, Seen},
};

/// The budgets of a store; times in milliseconds, memory in bytes.
struct Budgets {
    accept: [f64; 2],
    home: [f64; 2],
    public_p99: f64,
    last_of_ten_thousand: f64,
    last_of_million: f64,
    idle_bytes: f64,
    deliveries_per_s: Option<f64>,
    of_ceiling: f64,
    entry_bytes: f64,
}

const EMBEDDED: Budgets = Budgets {
    accept: [3.0, 25.0],
    home: [1.0, 5.0],
    public_p99: 2_000.0,
    last_of_ten_thousand: 50.0,
    last_of_million: 500.0,
    idle_bytes: 50e6,
    deliveries_per_s: Some(40e6),
    of_ceiling: 0.4,
    entry_bytes: 12.0,
};

const REDIS: Budgets = Budgets {
    accept: [5.0, 50.0],
    home: [2.0, 10.0],
    public_p99: 5_000.0,
    last_of_ten_thousand: 250.0,
    last_of_million: 10_000.0,
    idle_bytes: 50e6,
    deliveries_per_s: None,
    of_ceiling: 1.2,
    entry_bytes: 18.0,
};

/// A delivery to the most followers costs at most so much of one to 1,000.
const COST_RATIO: f64 = 1.25;
/// The users among whom the budgets of the parts see followers.
const USERS: u32 = 1_000_000;

/// The budgets that a scenario measures, for the store that was measured.
///
/// Nothing is wanted of somebody else's server but that it refuses nothing and does not get slower.
pub(crate) fn budgets(
    scenario: &Scenario,
    store: Option<Store>,
    idle_bytes: Option<u64>,
    measured: &Measured,
) -> Vec<Verdict> {
    let refused = measured.samples.values().flatten();
    let refused = refused.filter(|sample| sample.outcome.is_refusal()).count();
    let what = "requests refused for load (429, 503)";
    let mut verdicts = vec![wanted(none(what, refused as u64, "answers"))];
    verdicts.extend(creep(scenario, measured).into_iter().map(wanted));
    let Some(limits) = store.map(limits) else {
        return verdicts;
    };
    // A budget that the scenario names is shown also where nothing was measured for it.
    let budget =
        |what: &str, limit, found: Option<u64>| wanted(at_most(what, limit, found.map(ms), "ms"));
    for measure in &scenario.budgets {
        match measure {
            Budget::Accept | Budget::Home => {
                let (operation, what, [p50, p99]) = match measure {
                    Budget::Accept => (Operation::Post, "accept a post", limits.accept),
                    _ => (Operation::Home, "read a home page", limits.home),
                };
                let (rate, at_full) = at_full_rate(scenario, operation);
                let samples = measured.of(&[operation]);
                let found = samples.iter().filter(|sample| at_full(due_s(sample)));
                let found = measured_latency(good(found));
                let found = |figure: fn(&Latency) -> u64| found.as_ref().map(figure);
                let what = |figure| format!("{what} at {rate}/s, {figure}");
                verdicts.push(budget(&what("p50"), p50, found(|of| of.p50)));
                verdicts.push(budget(&what("p99"), p99, found(|of| of.p99)));
            }
            Budget::Public => {
                let (rate, at_full) = at_full_rate(scenario, Operation::Post);
                let seen = measured
                    .seen
                    .iter()
                    .filter(|seen| seen.place.is_public() && at_full(seen.accepted_s));
                let found = measured_latency(seen.filter_map(|seen| seen.after_us));
                let what = format!("public pages at {rate} posts/s, p99");
                let found = found.map(|of| of.p99);
                verdicts.push(budget(&what, limits.public_p99, found));
            }
            Budget::LastOfTenThousand | Budget::LastOfMillion => {
                let is_last = |seen: &&Seen| {
                    seen.place == Place::LastHome && seen.author == measured.celebrity
                };
                let last = measured.seen.iter().filter(is_last);
                let found = measured_latency(last.filter_map(|seen| seen.after_us));
                // The budget is about every fan-out. Those to a million are few: the slowest is judged.
                let (what, limit, found) = match measure {
                    Budget::LastOfTenThousand => (
                        "last of 10,000 followers, p99",
                        limits.last_of_ten_thousand,
                        found.map(|of| of.p99),
                    ),
                    _ => (
                        "last of 1,000,000 followers, the slowest",
                        limits.last_of_million,
                        found.map(|of| of.max),
                    ),
                };
                verdicts.push(budget(what, limit, found));
            }
            Budget::Parts => {
                let what = "resident memory of a process, idle and empty";
                let found = idle_bytes.map(as_f64);
                verdicts.push(wanted(at_most(what, limits.idle_bytes, found, "B")));
            }
        }
    }
    verdicts
}

/// A distribution of which something was measured.
fn measured_latency(latencies: impl IntoIterator<Item = u64>) -> Option<Latency> {
    Some(latency(latencies)).filter(|found| found.count > 0)
}

/// The budgets of a store's parts; none is met where these could not be measured.
pub(crate) fn parts(store: Store, parts: Option<&Parts>) -> Vec<Verdict> {
    let limits = limits(store);
    let (engine, ceiling) = match store {
        Store::Embedded => ("fan-out of one thread", "writes to random cache lines"),
        Store::Redis | Store::RedisCluster => ("fan-out", "redis-benchmark -P 64 LPUSHX"),
    };
    let users = count(parts.map_or(USERS, |parts| parts.users).into());
    let found = |figure: fn(&Parts) -> f64| parts.map(figure);
    let percent = |ratio: f64| ratio * 100.0;
    let rate = limits.deliveries_per_s.map(|limit| {
        let what = format!("{engine}, {users} users");
        at_least(&what, limit, found(|parts| parts.deliveries_per_s), "/s")
    });
    let others = [
        at_least(
            &format!("{engine}, of {ceiling}"),
            percent(limits.of_ceiling),
            found(|parts| parts.of_ceiling).map(percent),
            "%",
        ),
        at_most(
            "memory of an entry of a home timeline",
            limits.entry_bytes,
            found(|parts| parts.entry_bytes),
            "B",
        ),
        at_most(
            &format!("a delivery to {users} costs, of one to 1,000"),
            percent(COST_RATIO),
            found(|parts| parts.cost_ratio).map(percent),
            "%",
        ),
    ];
    rate.into_iter().chain(others).map(wanted).collect()
}

fn limits(store: Store) -> &'static Budgets {
    match store {
        Store::Embedded => &EMBEDDED,
        Store::Redis | Store::RedisCluster => &REDIS,
    }
}

fn wanted(verdict: Verdict) -> Verdict {
    Verdict {
        kind: LimitKind::Budget,
        ..verdict
    }
}

/// The highest rate of an operation, and whether it is reached at a moment.
fn at_full_rate(scenario: &Scenario, operation: Operation) -> (f64, impl Fn(f64) -> bool) {
    let edges = scenario
        .steps
        .iter()
        .flat_map(|step| [step.from_s, step.from_s + step.for_s]);
    let inside = edges
        .chain([0.0])
        .filter(|edge| (0.0..scenario.duration_s).contains(edge));
    let rates = inside.map(|edge| rate_at(scenario, operation, edge));
    let most = rates.fold(0.0, f64::max);
    (most, move |at_s| rate_at(scenario, operation, at_s) >= most)
}

fn due_s(sample: &Sample) -> f64 {
    f64::from(sample.due_ms) / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{run::Measured, scenario::find};

    #[test]
    fn a_budget_that_was_not_measured_is_shown_and_not_met() {
        let steady = find("steady").unwrap();
        let verdicts = budgets(
            &steady,
            Some(Store::Embedded),
            None,
            &Measured::of_nothing(),
        );
        let verdict = |what: &str| {
            let found = verdicts.iter().find(|of| of.what.starts_with(what));
            found.unwrap_or_else(|| panic!("no {what}: {verdicts:#?}"))
        };
        for what in ["accept a post", "read a home", "public", "last of 10,000"] {
            let verdict = verdict(what);
            assert!(verdict.measured.is_none() && !verdict.held, "{verdict:?}");
        }
        let parts = parts(Store::Embedded, None);
        assert_eq!(parts.len(), 4);
        assert!(parts.iter().all(|of| of.measured.is_none() && !of.held));
    }

    #[test]
    fn the_last_of_a_fan_out_is_judged_by_the_slow_ones() {
        let steady = find("steady").unwrap();
        let mut measured = Measured::of_nothing();
        // Nine of ten are quick.
        measured.seen = (0..100)
            .map(|post| Seen {
                post,
                author: measured.celebrity,
                place: Place::LastHome,
                accepted_s: 1.0,
                after_us: Some(if post % 10 == 0 { 900_000 } else { 5_000 }),
            })
            .collect();
        let verdicts = budgets(&steady, Some(Store::Embedded), None, &measured);
        let last = verdicts.iter().find(|of| of.what.starts_with("last of"));
        assert!(!last.unwrap().held, "{last:?}");
    }
}
