//! A report to test with: a minute with a crash and a stall, every tier, and some failures.

use std::collections::BTreeMap;

use chrono::{TimeZone, Utc};

use super::model::{
    AfterReceipt, FaultMark, LAYOUT, Latency, LimitKind, Machine, Misplaced, Operation, Report,
    SaturationStep, Second, Target, TierLatency, Verdict, Verification, WorldFigures,
};

const SECONDS: u32 = 60;

pub(super) fn sample() -> Report {
    Report {
        layout: LAYOUT,
        scenario: "crash".into(),
        description: "The server is killed and started anew, then it stands still for two seconds."
            .into(),
        started_at: Utc.with_ymd_and_hms(2026, 3, 14, 15, 9, 26).unwrap(),
        duration_s: SECONDS.into(),
        seed: 42,
        target: Target {
            url: "http://127.0.0.1:18080".into(),
            is_own: true,
            store: "redis".into(),
            versions: [("redis-server", "7.2.5"), ("ripple", "0.1.0")]
                .map(|(name, version)| (name.into(), version.into()))
                .into(),
            command_lines: vec![
                "redis-server --port 16379 --appendonly yes --appendfsync always".into(),
                "ripple serve --listen 127.0.0.1:18080 --store redis://127.0.0.1:16379 \
                 --rate-limit off --data /tmp/load-test/data"
                    .into(),
            ],
        },
        machine: Machine {
            processor: "Example 9000 at 3.20 GHz".into(),
            processors: 8,
            memory_bytes: 16 << 30,
            system: "Linux 6.8.0".into(),
        },
        world: WorldFigures {
            users: 100_000,
            follows: 1_987_654,
            followers_max: 50_000,
            loaded_in_s: 3.4,
        },
        operations: vec![
            operation(
                "post",
                200.0,
                2_100,
                812_000,
                &[("503", 31), ("connect", 187)],
            ),
            operation(
                "home",
                1_000.0,
                700,
                640_000,
                &[("connect", 901), ("timeout", 4)],
            ),
            operation("tag", 100.0, 900, 610_000, &[]),
            operation("feed", 50.0, 1_200, 605_000, &[("unsent", 2)]),
        ],
        tiers: vec![
            tier("author", "answer", 11_782, 2_100, 812_000, 0),
            tier("followers", "home page", 590, 9_400, 2_410_000, 0),
            tier(
                "followers",
                "home page of the last follower",
                590,
                11_800,
                2_640_000,
                1,
            ),
            tier("followers", "stream", 590, 6_300, 2_380_000, 0),
            tier("followers", "receipt", 590, 5_900, 2_370_000, 0),
            tier("public", "tag page", 590, 312_000, 4_900_000, 0),
            tier("public", "keyword page", 590, 318_000, 4_930_000, 0),
            tier("public", "Atom feed", 0, 0, 0, 3),
            tier("public", "receipt", 590, 287_000, 4_850_000, 0),
        ],
        after_receipts: vec![
            after_receipt("followers", -400, 61_000, 270_000),
            after_receipt("public", 24_000, 41_000, 83_000),
        ],
        seconds: (0..SECONDS).map(second).collect(),
        faults: vec![
            fault(20.0, 22.4, "killed and started anew"),
            fault(42.0, 44.0, "stopped for 2 s"),
        ],
        verification: Verification {
            accepted: 11_782,
            uncertain: 3,
            pages: [
                ("home timeline", 1_500),
                ("tag page", 97),
                ("author timeline", 800),
            ]
            .map(|(name, pages)| (name.into(), pages))
            .into(),
            expected: 412_334,
            missing: vec![Misplaced {
                post: "7123456789012345".into(),
                page: "/v1/timelines/home (user 99971)".into(),
            }],
            missing_count: 1,
            dead_jobs: Some(0),
            ..Verification::default()
        },
        verdicts: vec![
            limit(
                LimitKind::Promise,
                "accept a post, p99.9",
                500.0,
                214.3,
                "ms",
            ),
            limit(
                LimitKind::Promise,
                "followers see a post, the slowest",
                10_000.0,
                2_640.0,
                "ms",
            ),
            limit(
                LimitKind::Promise,
                "everybody sees a post, the slowest",
                60_000.0,
                4_930.0,
                "ms",
            ),
            limit(
                LimitKind::Promise,
                "posts that were never seen",
                0.0,
                0.0,
                "posts",
            ),
            limit(
                LimitKind::Promise,
                "posts missing on a page",
                0.0,
                1.0,
                "posts",
            ),
            Verdict {
                more_is_better: true,
                held: true,
                ..limit(LimitKind::Promise, "posts accepted", 1.0, 11_782.0, "posts")
            },
            limit(
                LimitKind::Budget,
                "accept a post at 200/s, p50",
                5.0,
                2.1,
                "ms",
            ),
            limit(
                LimitKind::Budget,
                "accept a post at 200/s, p99",
                50.0,
                61.2,
                "ms",
            ),
            limit(
                LimitKind::Budget,
                "read a home page at 1000/s, p50",
                2.0,
                0.7,
                "ms",
            ),
            limit(
                LimitKind::Budget,
                "requests refused for load (429, 503)",
                0.0,
                31.0,
                "answers",
            ),
            limit(LimitKind::Budget, "resident memory", 512.0, 301.5, "MB"),
            Verdict {
                measured: None,
                held: false,
                ..limit(
                    LimitKind::Budget,
                    "last of 10,000 followers, p99",
                    250.0,
                    0.0,
                    "ms",
                )
            },
        ],
        saturation: Vec::new(),
    }
}

/// The same from a search for the highest rate.
pub(super) fn sample_of_saturate() -> Report {
    let step = |rate, why: &str| SaturationStep {
        rate,
        held: why.is_empty(),
        why: why.into(),
        author: latency(20_000, 2_500, 90_000),
        followers: latency(400, 12_000, 1_900_000),
        public: latency(400, 400_000, 3_100_000),
        drained_after_s: why.is_empty().then_some(0.8),
    };
    Report {
        scenario: "saturate".into(),
        description: "The highest rate that keeps the promises.".into(),
        faults: Vec::new(),
        saturation: vec![
            step(1_000.0, ""),
            step(4_000.0, "accept a post, p99.9: 1.2 s"),
            step(2_000.0, ""),
            step(3_000.0, "followers see a post, the slowest: 14 s"),
            step(2_500.0, ""),
        ],
        ..sample()
    }
}

fn operation(name: &str, rate: f64, p50: u64, max: u64, bad: &[(&str, u64)]) -> Operation {
    let bad: BTreeMap<String, u64> = bad.iter().map(|(kind, n)| ((*kind).into(), *n)).collect();
    let scheduled = whole(rate) * u64::from(SECONDS);
    let good = scheduled - bad.values().sum::<u64>();
    Operation {
        name: name.into(),
        scheduled,
        good,
        bad,
        rate_wanted: rate,
        rate_reached: good as f64 / f64::from(SECONDS),
        latency: latency(good, p50, max),
    }
}

fn tier(tier: &str, seen_by: &str, count: u64, p50: u64, max: u64, not_seen: u64) -> TierLatency {
    TierLatency {
        tier: tier.into(),
        seen_by: seen_by.into(),
        latency: latency(count, p50, max),
        not_seen,
    }
}

fn after_receipt(tier: &str, p50_us: i64, p99_us: i64, max_us: i64) -> AfterReceipt {
    AfterReceipt {
        tier: tier.into(),
        count: 590,
        p50_us,
        p99_us,
        max_us,
    }
}

/// A distribution with a long tail.
fn latency(count: u64, p50: u64, max: u64) -> Latency {
    if count == 0 {
        return Latency::default();
    }
    let at = |percentile: f64| {
        let nines = (1.0 / (1.0 - percentile / 100.0).max(1e-4)).log2();
        let share = ((nines - 1.0) / 12.3).clamp(-0.04, 1.0);
        whole(p50 as f64 * (max as f64 / p50 as f64).powf(share * share.abs()))
    };
    let mut percentiles: Vec<f64> = vec![0.0, 10.0, 25.0, 50.0, 75.0];
    let tails = (1..=6).flat_map(|part| [1, 2, 3].map(|tail| (part, tail)));
    percentiles.extend(
        tails.map(|(part, tail)| 100.0 - 10_f64.powi(2 - tail) * (1.0 - f64::from(part) * 0.15)),
    );
    percentiles.sort_by(f64::total_cmp);
    let mut curve: Vec<_> = percentiles
        .into_iter()
        .map(|p| (p, at(p).min(max)))
        .collect();
    curve.push((100.0, max));
    Latency {
        count,
        min: at(0.0),
        mean: p50 as f64 * 1.3,
        p50,
        p90: at(90.0),
        p99: at(99.0),
        p999: at(99.9),
        max,
        curve,
    }
}

fn second(at: u32) -> Second {
    // Something that goes up and down without a pattern that is seen at once.
    let noise = (f64::from(at) * 1.7).sin() * 0.5 + (f64::from(at) * 0.61).cos() * 0.5;
    let is_dead = (20..22).contains(&at);
    let is_still = (42..44).contains(&at);
    let slow: f64 = match at {
        22 | 23 => 40.0,
        24..=26 => 4.0,
        42 => 400.0,
        43 => 200.0,
        44 => 6.0,
        _ => 1.0,
    };
    let mut second = Second {
        at_s: at.into(),
        ..Second::default()
    };
    for (name, rate, p50) in [
        ("post", 200.0, 2_100.0),
        ("home", 1_000.0, 700.0),
        ("tag", 100.0, 900.0),
        ("feed", 50.0, 1_200.0),
        ("tier followers", 10.0, 9_400.0),
        ("tier public", 10.0, 312_000.0),
    ] {
        if is_dead {
            if !name.starts_with("tier") {
                second.bad.insert(name.into(), whole(rate));
            }
            continue;
        }
        let p50 = p50 * (1.0 + noise * 0.2) * if p50 > 100_000.0 { slow.min(8.0) } else { slow };
        second.p50.insert(name.into(), whole(p50));
        second.p99.insert(name.into(), whole(p50 * (3.2 + noise)));
        second
            .max
            .insert(name.into(), whole(p50 * (7.0 + noise * 3.0)));
        if !name.starts_with("tier") {
            second
                .good
                .insert(name.into(), whole(rate * (1.0 + noise * 0.04)));
        }
    }
    if at == 45 {
        second.bad.insert("post".into(), 31);
    }
    second
        .memory_bytes
        .insert("load generator".into(), 50 << 20);
    let processes = [("ripple", 180.0, 1.4), ("redis-server", 90.0, 0.6)];
    for (name, mega, share) in processes {
        let grown = mega * (1.0 + f64::from(at) / 120.0);
        if !(is_dead && name == "ripple") {
            let memory = second.memory_bytes.entry(name.into()).or_default();
            *memory = whole(grown * 1_048_576.0);
            let used = if is_still {
                0.01
            } else {
                share * (1.0 + noise * 0.15)
            };
            second.processor_s.insert(name.into(), used);
        }
    }
    second
        .processor_s
        .insert("load generator".into(), 0.5 + noise * 0.05);
    if !is_dead && !is_still {
        let waiting = if slow > 1.0 {
            slow.min(60.0) * 8.0
        } else {
            2.0 + noise * 2.0
        };
        second.backlog.insert("followers".into(), whole(waiting));
        second
            .backlog
            .insert("public".into(), whole(waiting * 2.0 + 30.0));
    }
    second
}

fn fault(from_s: f64, to_s: f64, what: &str) -> FaultMark {
    FaultMark {
        from_s,
        to_s,
        what: what.into(),
    }
}

fn limit(kind: LimitKind, what: &str, limit: f64, measured: f64, unit: &str) -> Verdict {
    Verdict {
        kind,
        what: what.into(),
        limit,
        measured: Some(measured),
        unit: unit.into(),
        more_is_better: false,
        held: measured <= limit,
    }
}

fn whole(value: f64) -> u64 {
    super::units::rounded(value)
}
