//! Finds the highest rate of posts that keeps the promises and could go on for ever, by bisection.

use std::time::Duration;

use crate::{
    generate::record::{Outcome, good, latency},
    limits,
    report::model::{LimitKind, Report, SaturationStep},
    run::{Bench, Measured, RunError, finish, measure, open_jobs_at_end},
    scenario::{Operation, SaturateSpec, Scenario},
    watch::Place,
};

/// A rate is reached where so much of it was answered well.
const REACHED: f64 = 0.98;

/// A rate can go on for ever where what it leaves behind is done within this part of its time, or within
/// the least time, in seconds, which is that of the last jobs. A server that is slower than its load is late
/// by more: in a short step it still meets the worst cases of the tiers.
const DRAIN_PART: f64 = 0.1;
const DRAIN_S_MIN: f64 = 2.0;

/// How long a step that left jobs behind is waited for beyond its own time for that.
const BETWEEN_MAX: Duration = Duration::from_secs(300);

/// The rates that are tried, one after the other. Pure.
#[derive(Clone, Debug)]
pub(crate) struct Search {
    spec: SaturateSpec,
    /// The highest rate that held.
    held: Option<f64>,
    /// The lowest that did not.
    broke: Option<f64>,
}

impl Search {
    /// A search that has tried nothing.
    pub(crate) fn new(spec: SaturateSpec) -> Self {
        Self {
            spec,
            held: None,
            broke: None,
        }
    }

    /// The rate to be tried next; none where the search is over.
    pub(crate) fn next(&self) -> Option<f64> {
        match (self.held, self.broke) {
            (None, None) => Some(self.spec.from),
            (Some(held), None) if held >= self.spec.to => None,
            (Some(held), None) => Some((held * 2.0).min(self.spec.to)),
            // Not even the first: lower, down to a rate that is no load.
            (None, Some(broke)) => Some(broke / 2.0).filter(|rate| *rate >= 1.0),
            (Some(held), Some(broke)) => {
                let is_near = broke - held <= held * self.spec.precision;
                (!is_near).then(|| f64::midpoint(held, broke).round())
            }
        }
    }

    /// Notes what came of a rate.
    pub(crate) fn tried(&mut self, rate: f64, held: bool) {
        match held {
            true => self.held = Some(self.held.map_or(rate, |known| known.max(rate))),
            false => self.broke = Some(self.broke.map_or(rate, |known| known.min(rate))),
        }
    }
}

/// Searches; the report is that of the highest rate that held, with all steps.
pub(crate) async fn search(
    spec: SaturateSpec,
    scenario: &Scenario,
    bench: &Bench,
) -> Result<Report, RunError> {
    let mut search = Search::new(spec);
    let mut steps = Vec::new();
    let mut best: Option<(Scenario, Measured)> = None;
    let mut last = None;
    while let Some(rate) = search.next() {
        let mut step = scenario.clone();
        step.rates.insert(Operation::Post, rate);
        step.name = format!("{} at {rate:.0}/s", scenario.name);
        // Other texts than in the step before.
        step.seed = scenario.seed.wrapping_add(steps.len() as u64);
        let measured = measure(&step, bench).await?;
        if bench.stop.is_cancelled() {
            last = Some((step, measured));
            break;
        }
        let why = broken(&step, &measured);
        search.tried(rate, why.is_none());
        steps.push(outcome(rate, why.clone(), &measured));
        let is_empty = measured.drained_after_s.is_some();
        match why {
            None => best = Some((step, measured)),
            Some(_) => last = Some((step, measured)),
        }
        if !is_empty && !is_emptied(bench).await {
            // What a further step showed would be this one's backlog.
            if let Some(step) = steps.last_mut() {
                step.why += "; the search ends, as jobs stayed open";
            }
            break;
        }
    }
    let Some((mut step, measured)) = best.or(last) else {
        return Err(RunError::Stopped);
    };
    step.name.clone_from(&scenario.name);
    step.seed = scenario.seed;
    let mut report = finish(&step, bench, measured).await?;
    report.saturation = steps;
    Ok(report)
}

/// Waits until nothing of a step is left.
async fn is_emptied(bench: &Bench) -> bool {
    let bar = bench.bar("waiting for empty queues", 0);
    let is_empty = tokio::select! {
        open = open_jobs_at_end(&bench.api, tokio::time::sleep(BETWEEN_MAX)) => open == Some(0),
        () = bench.stop.cancelled() => false,
    };
    bar.finish_and_clear();
    is_empty
}

/// Why a rate cannot go on for ever: what it left behind took too long.
fn overtaxes(duration_s: f64, drained_after_s: Option<f64>) -> Option<String> {
    let limit_s = (duration_s * DRAIN_PART).max(DRAIN_S_MIN);
    match drained_after_s {
        None => Some("the queues did not become empty in time".into()),
        Some(after_s) if after_s > limit_s => Some(format!(
            "the queues became empty {after_s:.1} s after the load (a rate that can go on: {limit_s:.1} s)"
        )),
        Some(_) => None,
    }
}

/// Why a step did not hold, in words.
fn broken(step: &Scenario, measured: &Measured) -> Option<String> {
    let verdicts = limits::promises(step, measured);
    let verdict = verdicts
        .iter()
        .find(|v| v.kind == LimitKind::Promise && !v.held);
    if let Some(verdict) = verdict {
        let limit = if verdict.more_is_better {
            "at least"
        } else {
            "at most"
        };
        let measured = verdict
            .measured
            .map(|of| format!("{of:.0} {}", verdict.unit));
        return Some(format!(
            "{}: {} (promised: {limit} {:.0})",
            verdict.what,
            measured.as_deref().unwrap_or("not known"),
            verdict.limit
        ));
    }
    let posts = measured.of(&[Operation::Post]);
    let count = |is: &dyn Fn(Outcome) -> bool| posts.iter().filter(|s| is(s.outcome)).count();
    let refused = count(&|outcome| outcome.is_refusal());
    if refused > 0 {
        return Some(format!("{refused} posts were refused for load"));
    }
    #[expect(clippy::cast_precision_loss, reason = "a rate to be compared")]
    let reached = count(&|outcome| outcome == Outcome::Good) as f64 / step.duration_s;
    let wanted = step.rates.get(&Operation::Post).copied().unwrap_or(0.0);
    // By chance there are fewer arrivals in one run than in another.
    let chance = 3.0 * (wanted / step.duration_s).sqrt();
    if reached < wanted * REACHED - chance {
        return Some(format!(
            "only {reached:.0} of {wanted:.0} posts a second were answered"
        ));
    }
    overtaxes(step.duration_s, measured.drained_after_s)
}

fn outcome(rate: f64, why: Option<String>, measured: &Measured) -> SaturationStep {
    let seen = |place: Place| {
        let seen = measured.seen.iter().filter(move |seen| seen.place == place);
        latency(seen.filter_map(|seen| seen.after_us))
    };
    SaturationStep {
        rate,
        held: why.is_none(),
        why: why.unwrap_or_default(),
        author: latency(good(&measured.of(&[Operation::Post]))),
        followers: seen(Place::Home),
        public: seen(Place::Tag),
        drained_after_s: measured.drained_after_s,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a search finds where the truth is known, and how many rates it tries.
    fn found(spec: SaturateSpec, truth: f64) -> (Option<f64>, usize) {
        let mut search = Search::new(spec);
        let mut tries = 0;
        while let Some(rate) = search.next() {
            search.tried(rate, rate <= truth);
            tries += 1;
            assert!(tries < 40, "it goes on for ever");
        }
        (search.held, tries)
    }

    const SPEC: SaturateSpec = SaturateSpec {
        from: 1_000.0,
        to: 64_000.0,
        precision: 0.1,
    };

    #[test]
    fn the_highest_rate_is_found_from_below_and_from_above() {
        for truth in [300.0, 1_000.0, 5_500.0, 63_000.0] {
            let (highest, tries) = found(SPEC, truth);
            let highest = highest.unwrap();
            assert!(
                highest <= truth && highest * 1.1 >= truth * 0.99,
                "{highest} of {truth}"
            );
            assert!(tries <= 12, "{tries}");
        }
    }

    #[test]
    fn a_rate_that_leaves_much_behind_does_not_hold() {
        assert_eq!(overtaxes(12.0, Some(1.9)), None);
        assert_eq!(overtaxes(60.0, Some(5.9)), None);
        // A tier that manages a quarter of the rate needs three times as long again.
        let why = overtaxes(12.0, Some(36.0)).unwrap();
        assert!(why.contains("36.0 s after the load"), "{why}");
        assert!(overtaxes(60.0, Some(6.1)).is_some());
        assert!(overtaxes(12.0, None).is_some());
    }

    #[test]
    fn a_search_ends_at_its_bounds() {
        assert_eq!(found(SPEC, 1e9).0, Some(64_000.0));
        assert_eq!(found(SPEC, 0.0).0, None);
    }
}
