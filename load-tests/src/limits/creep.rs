//! What gets worse the longer a run goes on: memory that grows, latency that creeps.

use super::{at_most, good};
use crate::{
    generate::record::latency,
    report::{model::Verdict, units::as_f64},
    run::Measured,
    scenario::{Operation, Scenario},
};

/// In a shorter run, a server is still warming up.
const DURATION_S_MIN: f64 = 120.0;
/// By how much memory may grow, and how much of the latency from before a latency may be, in percent.
const GROWTH_PERCENT: f64 = 25.0;
const LATENCY_PERCENT: f64 = 200.0;
/// Latencies below this one, in microseconds, are all the same: they differ by what else the machine does.
const LATENCY_US_MIN: u64 = 1_000;

/// The last tenth of a long run against its second; the first is that in which caches fill. Nothing of runs
/// whose rates change.
pub(super) fn creep(scenario: &Scenario, measured: &Measured) -> Vec<Verdict> {
    if measured.duration_s < DURATION_S_MIN || !scenario.steps.is_empty() {
        return Vec::new();
    }
    let memory = memory_growth(measured).map(|percent| {
        let what = "growth of resident memory, last tenth over second";
        at_most(what, GROWTH_PERCENT, percent, "%")
    });
    let latencies = [Operation::Post, Operation::Home].map(|operation| {
        let percent = latency_ratio(measured, operation)?;
        let what = format!("{} p99, last tenth of second", operation.name());
        Some(at_most(&what, LATENCY_PERCENT, percent, "%"))
    });
    memory
        .into_iter()
        .chain(latencies.into_iter().flatten())
        .collect()
}

/// The second tenth and the last.
fn tenths(duration_s: f64) -> [std::ops::Range<f64>; 2] {
    let tenth = duration_s / 10.0;
    [tenth..tenth * 2.0, duration_s - tenth..duration_s]
}

/// By how much the memory of Ripple's processes grew, in percent; a store of its own grows by what is posted.
fn memory_growth(measured: &Measured) -> Option<f64> {
    let [early, late] = tenths(measured.duration_s).map(|tenth| {
        let seconds = measured.seconds.iter();
        let bytes = seconds
            .filter(|second| tenth.contains(&second.at_s))
            .map(|second| {
                let ripple = second.memory_bytes.iter();
                let ripple = ripple.filter(|(name, _)| name.starts_with("ripple"));
                ripple.map(|(_, bytes)| *bytes).sum::<u64>()
            });
        // A server that was killed has none for a moment.
        let bytes: Vec<u64> = bytes.filter(|bytes| *bytes > 0).collect();
        let mean = as_f64(bytes.iter().sum()) / as_f64(bytes.len() as u64);
        (!bytes.is_empty()).then_some(mean)
    });
    Some((late? / early? - 1.0) * 100.0)
}

/// How much of an operation's p99 in the second tenth that in the last is, in percent.
fn latency_ratio(measured: &Measured, operation: Operation) -> Option<f64> {
    let samples = measured.samples.get(&operation)?;
    let [early, late] = tenths(measured.duration_s).map(|tenth| {
        let of_tenth = samples.iter().filter(|sample| {
            let due_s = f64::from(sample.due_ms) / 1_000.0;
            tenth.contains(&due_s) && !measured.is_faulty(sample)
        });
        let found = latency(good(of_tenth));
        (found.count > 0).then(|| as_f64(found.p99.max(LATENCY_US_MIN)))
    });
    Some(late? / early? * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        generate::record::{Outcome, Sample},
        report::model::Second,
        scenario::find,
    };

    /// Two hundred seconds in which memory and latency grow by these factors.
    fn growing(memory: f64, took: f64) -> Measured {
        let mut measured = Measured::of_nothing();
        measured.duration_s = 200.0;
        let by = |factor: f64, second: u32| 1.0 + (factor - 1.0) * f64::from(second) / 200.0;
        measured.seconds = (0..200)
            .map(|second| Second {
                at_s: f64::from(second),
                memory_bytes: [
                    ("ripple", 1e8 * by(memory, second)),
                    ("load generator", 1e8 * by(9.0, second)),
                ]
                .map(|(name, bytes)| (name.into(), crate::report::units::rounded(bytes)))
                .into(),
                ..Second::default()
            })
            .collect();
        let sample = |second: u32| Sample {
            due_ms: second * 1_000,
            took_us: u32::try_from(crate::report::units::rounded(5_000.0 * by(took, second)))
                .unwrap(),
            outcome: Outcome::Good,
        };
        measured
            .samples
            .insert(Operation::Home, (0..200).map(sample).collect());
        measured
    }

    fn missed(measured: &Measured) -> Vec<String> {
        let verdicts = creep(&find("soak").unwrap(), measured).into_iter();
        let missed = verdicts.filter(|verdict| !verdict.held);
        missed.map(|verdict| verdict.what).collect()
    }

    #[test]
    fn memory_that_grows_and_latency_that_creeps_are_noticed() {
        assert!(missed(&growing(1.2, 1.5)).is_empty());
        assert_eq!(creep(&find("soak").unwrap(), &growing(1.2, 1.5)).len(), 2);
        assert!(missed(&growing(2.0, 1.0))[0].starts_with("growth of resident memory"));
        assert_eq!(
            missed(&growing(1.0, 4.0)),
            ["home p99, last tenth of second"]
        );
    }

    #[test]
    fn a_short_run_and_one_whose_rates_change_are_not_judged() {
        let mut short = growing(2.0, 4.0);
        short.duration_s = 100.0;
        assert!(missed(&short).is_empty());
        assert!(creep(&find("steady").unwrap(), &growing(2.0, 4.0)).is_empty());
    }
}
