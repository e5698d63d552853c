//! The run as a table with few rows: what the charts show, for those who do not see them.

use crate::report::{
    model::{Report, Second},
    rows::server_memory,
    units::{as_f64, count, duration, latency, number, with_unit},
};

use super::letter;

/// A table has at most so many rows.
const ROWS_MAX: f64 = 120.0;
/// Steps that people count in, in seconds.
const STEPS_S: [f64; 9] = [1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0];

pub(super) struct Timeline {
    pub(super) step: String,
    pub(super) rows: Vec<Row>,
}

/// A step of the run.
pub(super) struct Row {
    pub(super) from: String,
    /// Good and bad answers a second; p99 of author, followers and public; open jobs, memory of the server,
    /// processors.
    pub(super) cells: [String; 8],
    /// The letters of the faults in it.
    pub(super) faults: String,
}

impl Timeline {
    pub(super) fn of(report: &Report) -> Self {
        let last = report
            .seconds
            .last()
            .map_or(0.0, |second| second.at_s + 1.0);
        let fits = |step: &&f64| last / **step <= ROWS_MAX;
        let longest = STEPS_S[STEPS_S.len() - 1];
        let step = STEPS_S.iter().find(fits).copied().unwrap_or(longest);
        let steps = report
            .seconds
            .chunk_by(|one, next| (one.at_s / step).floor() == (next.at_s / step).floor());
        let rows = steps.map(|seconds| {
            let from = seconds
                .first()
                .map_or(0.0, |first| (first.at_s / step).floor() * step);
            Row {
                from: duration_or_zero(from),
                cells: cells(seconds),
                faults: faults(report, from, from + step),
            }
        });
        Self {
            step: duration(step),
            rows: rows.collect(),
        }
    }
}

fn cells(seconds: &[Second]) -> [String; 8] {
    let length = as_f64(seconds.len() as u64).max(1.0);
    let per_s = |times: u64| number((as_f64(times) / length).round());
    let worst = |name: &str| {
        let all = seconds.iter().filter_map(|second| second.p99.get(name));
        or_dash(all.max().copied().map(latency))
    };
    let most = |of: fn(&Second) -> Option<u64>| seconds.iter().filter_map(of).max();
    let backlog = most(|second| {
        let open = &second.backlog;
        (!open.is_empty()).then(|| open.values().sum())
    });
    let memory = most(server_memory);
    let is_known = seconds.iter().any(|of| !of.processor_s.is_empty());
    let processors: f64 = seconds.iter().flat_map(|of| of.processor_s.values()).sum();
    [
        per_s(seconds.iter().flat_map(|of| of.good.values()).sum()),
        per_s(seconds.iter().flat_map(|of| of.bad.values()).sum()),
        worst("post"),
        worst("tier followers"),
        worst("tier public"),
        or_dash(backlog.map(count)),
        or_dash(memory.map(|bytes| with_unit(as_f64(bytes), "B"))),
        or_dash(is_known.then(|| format!("{:.1}", processors / length))),
    ]
}

fn faults(report: &Report, from_s: f64, to_s: f64) -> String {
    let faults = report.faults.iter().enumerate();
    let within = faults.filter(|(_, fault)| fault.from_s < to_s && fault.to_s >= from_s);
    let letters: Vec<_> = within.map(|(at, _)| letter(at)).collect();
    letters.join(", ")
}

fn or_dash(figure: Option<String>) -> String {
    figure.unwrap_or_else(|| "–".into())
}

/// The begin is at zero seconds, not at zero microseconds.
fn duration_or_zero(seconds: f64) -> String {
    if seconds == 0.0 {
        return "0\u{a0}s".into();
    }
    duration(seconds)
}
