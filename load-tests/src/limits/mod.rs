//! What is promised and what is wanted, against what was measured.
//!
//! Latencies are judged outside of faults: a server that is killed on purpose answers nobody. A fault lasts
//! until the server is back and ten seconds more, in which it works off what has waited. Whether posts are
//! where they belong is judged always.

mod budgets;
mod creep;
#[cfg(test)]
mod tests;

pub(crate) use budgets::{budgets, parts};

use crate::{
    generate::record::{Outcome, Sample, latency},
    report::{
        model::{FaultMark, LimitKind, Verdict, Verification},
        units::as_f64,
    },
    run::Measured,
    scenario::{Operation, Scenario},
    watch::Seen,
};

/// How long after a fault latencies are not judged, in seconds: the worst case of the followers tier.
const RECOVERY_S: f64 = 10.0;

/// The worst case of the author's tier, held against the 99.9th percentile: the generator and the server
/// share a machine with others, and the one request in a thousand that meets a pause of the machine tells
/// nothing about the server.
const AUTHOR_MS: f64 = 500.0;
/// The worst cases of the other tiers, held against the slowest post.
const FOLLOWERS_MS: f64 = 10_000.0;
const PUBLIC_MS: f64 = 60_000.0;
/// The part of an operation's requests that may be refused for load, in percent.
const REFUSED_PERCENT: f64 = 1.0;

/// The promises about latency and answers.
pub(crate) fn promises(scenario: &Scenario, measured: &Measured) -> Vec<Verdict> {
    let accepted = measured.of(&[Operation::Post, Operation::Celebrity]);
    let calm = || accepted.iter().filter(|sample| !measured.is_faulty(sample));
    let author = latency(good(calm()));
    let mut verdicts = Vec::new();
    if !accepted.is_empty() {
        let count = accepted
            .iter()
            .filter(|sample| sample.outcome == Outcome::Good)
            .count();
        let count = as_f64(count as u64);
        verdicts.push(at_least("posts accepted", 1.0, count, "posts"));
    }
    if author.count > 0 {
        let found = ms(author.p999);
        verdicts.push(at_most("accept a post, p99.9", AUTHOR_MS, found, "ms"));
    }
    let followers = |seen: &&Seen| !seen.place.is_public();
    let public = |seen: &&Seen| seen.place.is_public();
    let calm = || {
        measured
            .seen
            .iter()
            .filter(|seen| !measured.is_faulty_at(seen.accepted_s))
    };
    let slowest = |after: &mut dyn Iterator<Item = u64>| after.max().map(ms);
    let tiers = [
        (
            "followers see a post on their home page, the slowest",
            FOLLOWERS_MS,
            slowest(&mut calm().filter(followers).filter_map(|seen| seen.after_us)),
        ),
        (
            "followers see a post on their stream, the slowest",
            FOLLOWERS_MS,
            slowest(&mut measured.streamed.iter().filter_map(|stream| {
                let is_calm = !measured.is_faulty_at(stream.accepted_s);
                stream.after_us.filter(|_| is_calm)
            })),
        ),
        (
            "everybody sees a post, the slowest",
            PUBLIC_MS,
            slowest(&mut calm().filter(public).filter_map(|seen| seen.after_us)),
        ),
    ];
    for (what, limit, found) in tiers {
        verdicts.extend(found.map(|found| at_most(what, limit, found, "ms")));
    }
    let looks = measured.seen.iter().map(|seen| seen.after_us);
    let looks = looks.chain(measured.streamed.iter().map(|seen| seen.after_us));
    let not_seen = looks.filter(Option::is_none).count();
    let what = "posts that were never seen";
    verdicts.push(none(what, not_seen as u64, "posts"));
    let wrong = measured.samples.values().flatten().filter(|sample| {
        let is_wrong = sample.outcome != Outcome::Good && !sample.outcome.is_refusal();
        is_wrong && !measured.is_faulty(sample)
    });
    let what = "answers that are neither good nor a refusal for load";
    verdicts.push(none(what, wrong.count() as u64, "answers"));
    // What the server does not tell is not said to hold.
    verdicts.push(none("jobs open at the end", measured.open_at_end, "jobs"));
    if !scenario.faults.is_empty() {
        let what = "faults that could not be made";
        verdicts.push(none(what, measured.faults_failed as u64, "faults"));
    }
    // An overload by design is there to be refused.
    if !scenario.overload {
        verdicts.extend(refused(measured));
    }
    verdicts
}

/// How much of the operation that is refused most is refused outside of faults; none where nothing was
/// asked for.
fn refused(measured: &Measured) -> Option<Verdict> {
    let parts = measured.samples.values().filter_map(|samples| {
        let calm = samples.iter().filter(|sample| !measured.is_faulty(sample));
        let (mut all, mut refused) = (0, 0_u64);
        for sample in calm {
            all += 1;
            refused += u64::from(sample.outcome.is_refusal());
        }
        let percent = as_f64(refused) / as_f64(all) * 100.0;
        (all > 0).then_some(percent)
    });
    let what = "requests refused for load, of the operation with the most";
    let most = parts.max_by(f64::total_cmp)?;
    Some(at_most(what, REFUSED_PERCENT, most, "%"))
}

/// The promises about posts being where they belong.
pub(crate) fn correctness(verification: &Verification) -> Vec<Verdict> {
    let known = |count: u64| (!verification.ended_early).then_some(count);
    let posts = |what: &str, count: u64| none(what, known(count), "posts");
    vec![
        posts("posts missing on a page", verification.missing_count),
        posts("posts more than once on a page", verification.doubled_count),
        posts("posts where they do not belong", verification.strange_count),
        none("jobs in the dead letters", verification.dead_jobs, "jobs"),
    ]
}

fn good<'a>(samples: impl Iterator<Item = &'a Sample>) -> impl Iterator<Item = u64> {
    let good = samples.filter(|sample| sample.outcome == Outcome::Good);
    good.map(|sample| u64::from(sample.took_us))
}

/// A limit that is held where what was measured is not more; not where nothing was measured.
fn at_most(what: &str, limit: f64, measured: impl Into<Option<f64>>, unit: &str) -> Verdict {
    let measured = measured.into();
    Verdict {
        kind: LimitKind::Promise,
        what: what.into(),
        limit,
        measured,
        unit: unit.into(),
        more_is_better: false,
        held: measured.is_some_and(|measured| measured <= limit),
    }
}

/// A limit that is held where what was measured is not less; not where nothing was measured.
fn at_least(what: &str, limit: f64, measured: impl Into<Option<f64>>, unit: &str) -> Verdict {
    let measured = measured.into();
    Verdict {
        more_is_better: true,
        held: measured.is_some_and(|measured| measured >= limit),
        ..at_most(what, limit, measured, unit)
    }
}

/// Something that must not happen at all.
fn none(what: &str, count: impl Into<Option<u64>>, unit: &str) -> Verdict {
    at_most(what, 0.0, count.into().map(as_f64), unit)
}

fn ms(micros: u64) -> f64 {
    as_f64(micros) / 1_000.0
}

/// Whether a time from one moment to another meets a fault or the recovery from it.
pub(crate) fn meets(faults: &[FaultMark], from_s: f64, to_s: f64) -> bool {
    faults
        .iter()
        .any(|fault| from_s <= fault.to_s + RECOVERY_S && to_s >= fault.from_s)
}
