//! What a report says in sentences.

use super::{
    model::{FaultMark, LimitKind, Machine, Report, SaturationStep, Target, Verdict, WorldFigures},
    units::{bytes, count, duration, moment, number, with_unit},
};

/// Limits of one kind, and how many held.
pub(crate) struct Limits<'a> {
    /// All of them.
    pub(crate) all: Vec<&'a Verdict>,
    /// Those that were measured and did not hold.
    pub(crate) broken: Vec<&'a Verdict>,
    /// Those that were not measured.
    pub(crate) unknown: Vec<&'a Verdict>,
}

/// The promises or the budgets of a report.
pub(crate) fn limits(report: &Report, kind: LimitKind) -> Limits<'_> {
    let of_kind = report.verdicts.iter().filter(|limit| limit.kind == kind);
    let all: Vec<_> = of_kind.collect();
    let not_held = all.iter().copied().filter(|limit| !limit.held);
    let (broken, unknown) = not_held.partition(|limit| limit.measured.is_some());
    Limits {
        all,
        broken,
        unknown,
    }
}

/// The verdict on the promises, in a sentence.
pub(crate) fn promises(report: &Report) -> String {
    let limits = limits(report, LimitKind::Promise);
    if limits.all.is_empty() {
        return "No promise was put to the test.".into();
    }
    sentence(&limits, ["promise", "kept", "broken"])
}

/// The verdict on the budgets, in a sentence; none where there are none.
pub(crate) fn budgets(report: &Report) -> Option<String> {
    let limits = limits(report, LimitKind::Budget);
    (!limits.all.is_empty()).then(|| sentence(&limits, ["budget", "met", "missed"]))
}

/// How many limits held, and which did not.
fn sentence(limits: &Limits<'_>, [limit, good, bad]: [&str; 3]) -> String {
    let all = limits.all.len();
    let some = |which: &[&Verdict], what: &str| {
        let were = if which.len() == 1 { "was" } else { "were" };
        let names = names(which);
        format!("{} of {all} {limit}s {were} {what}: {names}.", which.len())
    };
    let mut sentences = Vec::new();
    if !limits.broken.is_empty() {
        sentences.push(some(&limits.broken, bad));
    }
    if !limits.unknown.is_empty() {
        sentences.push(some(&limits.unknown, "not measured"));
    }
    match (sentences.is_empty(), all) {
        (true, 1) => format!("The {limit} was {good}."),
        (true, _) => format!("All {all} {limit}s were {good}."),
        (false, _) => sentences.join(" "),
    }
}

/// What a search for the highest rate found, in a sentence; none where there was no search.
pub(crate) fn found(report: &Report) -> Option<String> {
    if report.saturation.is_empty() {
        return None;
    }
    Some(match highest(&report.saturation) {
        Some(rate) => format!(
            "The highest rate that keeps all promises is {} posts a second.",
            number(rate)
        ),
        None => "No rate that was tried keeps all promises.".into(),
    })
}

/// The highest rate at which all promises held.
pub(crate) fn highest(steps: &[SaturationStep]) -> Option<f64> {
    let held = steps.iter().filter(|step| step.held);
    held.map(|step| step.rate).reduce(f64::max)
}

/// What a limit allows.
pub(crate) fn allows(verdict: &Verdict) -> String {
    let sign = if verdict.more_is_better { '≥' } else { '≤' };
    let limit = with_unit(verdict.limit, &verdict.unit);
    // "At most none" is said more simply.
    if verdict.limit == 0.0 && !verdict.more_is_better {
        return "none".into();
    }
    format!("{sign}\u{a0}{limit}")
}

/// What was measured; a dash where nothing was.
pub(crate) fn measured(verdict: &Verdict) -> String {
    let with_unit = |measured| with_unit(measured, &verdict.unit);
    verdict.measured.map_or_else(|| "–".into(), with_unit)
}

/// What became of a limit, in a word or two.
pub(crate) fn outcome(verdict: &Verdict) -> &'static str {
    match (verdict.kind, verdict.held) {
        (_, false) if verdict.measured.is_none() => "not measured",
        (LimitKind::Promise, true) => "kept",
        (LimitKind::Promise, false) => "broken",
        (LimitKind::Budget, true) => "met",
        (LimitKind::Budget, false) => "missed",
    }
}

/// What was measured and where: pairs of a name and a text.
pub(crate) fn circumstances(report: &Report) -> Vec<(&'static str, String)> {
    let target = &report.target;
    let own = if target.is_own {
        "started for this run"
    } else {
        "somebody else's"
    };
    let mut world = world(&report.world);
    let loaded_in_s = report.world.loaded_in_s;
    if loaded_in_s > 0.0 {
        world.push_str(&format!("; loaded in {}", duration(loaded_in_s)));
    }
    vec![
        ("server", format!("{}, {own}", target.url)),
        ("store", target.store.clone()),
        ("versions", versions(target)),
        ("machine", machine(&report.machine)),
        ("world", world),
        (
            "load",
            format!(
                "{} from {}, seed {}",
                duration(report.duration_s),
                moment(report.started_at),
                report.seed
            ),
        ),
    ]
}

/// The versions of what was measured.
pub(crate) fn versions(target: &Target) -> String {
    if target.versions.is_empty() {
        return "unknown".into();
    }
    let versions = target.versions.iter();
    let versions: Vec<_> = versions
        .map(|(name, version)| format!("{name} {version}"))
        .collect();
    versions.join(", ")
}

/// Where the generator ran.
pub(crate) fn machine(machine: &Machine) -> String {
    format!(
        "{}, {} processors, {} memory, {}",
        machine.processor,
        machine.processors,
        bytes(machine.memory_bytes),
        machine.system
    )
}

/// How large a world is.
pub(crate) fn world(world: &WorldFigures) -> String {
    format!(
        "{} users, {} follows, at most {} followers",
        count(world.users),
        count(world.follows),
        count(world.followers_max)
    )
}

/// When a fault was.
pub(crate) fn span(fault: &FaultMark) -> String {
    format!("{:.1}–{:.1}\u{a0}s", fault.from_s, fault.to_s)
}

fn names(limits: &[&Verdict]) -> String {
    let names: Vec<_> = limits.iter().map(|limit| limit.what.as_str()).collect();
    names.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::sample;

    #[test]
    fn a_promise_that_was_not_measured_is_neither_kept_nor_broken() {
        let mut report = sample();
        let of = |verdict: &mut Verdict, measured| (verdict.measured, verdict.held) = measured;
        report
            .verdicts
            .iter_mut()
            .for_each(|verdict| of(verdict, (Some(0.0), true)));
        of(&mut report.verdicts[0], (None, false));
        assert_eq!(
            promises(&report),
            "1 of 6 promises was not measured: accept a post, p99.9."
        );
        assert!(!report.holds(), "nobody knows");
        assert_eq!(budgets(&report).unwrap(), "All 6 budgets were met.");
    }
}
