//! What two runs do not have in common.

use crate::report::{model::Report, units::duration, words};

/// One sentence for everything that makes the figures of two runs hard to compare.
pub(super) fn warnings(before: &Report, after: &Report) -> Vec<String> {
    let load = |report: &Report| {
        let operations = report.operations.iter();
        let rates = operations.map(|of| format!("{} {:.0}/s", of.name, of.rate_wanted));
        rates.collect::<Vec<_>>().join(", ")
    };
    let faults = |report: &Report| {
        let faults: Vec<_> = report
            .faults
            .iter()
            .map(|fault| fault.what.as_str())
            .collect();
        if faults.is_empty() {
            "none".into()
        } else {
            faults.join(", ")
        }
    };
    let own = |report: &Report| {
        let own = if report.target.is_own {
            "one of its own"
        } else {
            "somebody else's"
        };
        own.to_owned()
    };
    type Named<'a> = (&'a str, &'a dyn Fn(&Report) -> String);
    let all: [Named<'_>; 10] = [
        ("scenario", &|report| report.scenario.clone()),
        ("store", &|report| report.target.store.clone()),
        ("machine", &|report| words::machine(&report.machine)),
        ("world", &|report| words::world(&report.world)),
        // A run is never as long as another to the last digit.
        ("duration", &|report| duration(report.duration_s.round())),
        ("load", &load),
        ("faults", &faults),
        ("seed", &|report| report.seed.to_string()),
        ("server", &own),
        ("versions", &|report| words::versions(&report.target)),
    ];
    let different = all.into_iter().filter_map(|(name, of)| {
        let (before, after) = (of(before), of(after));
        (before != after).then(|| format!("{name}: {before} before, {after} after"))
    });
    different.collect()
}
