//! What is wanted of each store on the same machine, against what was measured.

use super::{at_least, at_most, good, ms, none};
use crate::{
    deployment::Store,
    generate::{
        record::{Sample, latency},
        schedule::rate_at,
    },
    parts::Parts,
    report::{
        model::{LimitKind, Verdict},
        units::count,
    },
    run::Measured,
    scenario::{Budget, Operation, Scenario},
    watch::Place,
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

/// The budgets that a scenario measures, for the store that was measured.
///
/// Nothing is wanted of somebody else's server but that it refuses nothing.
pub(crate) fn budgets(
    scenario: &Scenario,
    store: Option<Store>,
    idle_bytes: Option<u64>,
    measured: &Measured,
) -> Vec<Verdict> {
    let refused = measured.samples.values().flatten();
    let refused = refused.filter(|sample| sample.outcome.is_refusal()).count();
    let none = none("requests refused for load (429, 503)", refused, "answers");
    let mut verdicts = vec![wanted(none)];
    let Some(limits) = store.map(limits) else {
        return verdicts;
    };
    let mut budget = |what: String, limit, found: u64| {
        verdicts.push(wanted(at_most(&what, limit, ms(found), "ms")));
    };
    let mut idle = None;
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
                let found = latency(good(found));
                if found.count > 0 {
                    budget(format!("{what} at {rate}/s, p50"), p50, found.p50);
                    budget(format!("{what} at {rate}/s, p99"), p99, found.p99);
                }
            }
            Budget::Public => {
                let (rate, at_full) = at_full_rate(scenario, Operation::Post);
                let seen = measured.seen.iter().filter(|seen| {
                    let is_public = !matches!(seen.place, Place::Home | Place::LastHome);
                    is_public && at_full(seen.accepted_s)
                });
                let found = latency(seen.filter_map(|seen| seen.after_us));
                if found.count > 0 {
                    let what = format!("public pages at {rate} posts/s, p99");
                    budget(what, limits.public_p99, found.p99);
                }
            }
            Budget::LastOfTenThousand | Budget::LastOfMillion => {
                let (followers, limit) = match measure {
                    Budget::LastOfTenThousand => ("10,000", limits.last_of_ten_thousand),
                    _ => ("1,000,000", limits.last_of_million),
                };
                let last = measured.seen.iter().filter(|seen| {
                    seen.place == Place::LastHome && seen.author == measured.celebrity
                });
                let found = latency(last.filter_map(|seen| seen.after_us));
                if found.count > 0 {
                    budget(
                        format!("last of {followers} followers, p50"),
                        limit,
                        found.p50,
                    );
                }
            }
            Budget::Parts => {
                if let Some(bytes) = idle_bytes {
                    let what = "resident memory of a process, idle and empty";
                    #[expect(clippy::cast_precision_loss, reason = "a size to be shown")]
                    let found = bytes as f64;
                    idle = Some(at_most(what, limits.idle_bytes, found, "B"));
                }
            }
        }
    }
    verdicts.extend(idle.map(wanted));
    verdicts
}

/// The budgets of a store's parts.
pub(crate) fn parts(store: Store, parts: &Parts) -> Vec<Verdict> {
    let limits = limits(store);
    let (engine, ceiling) = match store {
        Store::Embedded => ("fan-out of one thread", "writes to random cache lines"),
        _ => ("fan-out", "redis-benchmark -P 64 LPUSHX"),
    };
    let rate = limits.deliveries_per_s.map(|limit| {
        let what = format!("{engine}, {} users", count(parts.users.into()));
        at_least(&what, limit, parts.deliveries_per_s, "/s")
    });
    let percent = |ratio: f64| ratio * 100.0;
    let others = [
        at_least(
            &format!("{engine}, of {ceiling}"),
            percent(limits.of_ceiling),
            percent(parts.of_ceiling),
            "%",
        ),
        at_most(
            "memory of an entry of a home timeline",
            limits.entry_bytes,
            parts.entry_bytes,
            "B",
        ),
        at_most(
            &format!(
                "a delivery to {} costs, of one to 1,000",
                count(parts.users.into())
            ),
            percent(COST_RATIO),
            percent(parts.cost_ratio),
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
