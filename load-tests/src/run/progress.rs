//! How a load goes, while it is sent.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use indicatif::ProgressBar;

use super::prepare::Bench;
use crate::{
    generate::{Running, record::Recorder},
    scenario::Scenario,
};

/// How often the progress bar is written anew.
const PROGRESS: Duration = Duration::from_millis(500);

/// Shows how the load goes until all of it has been sent.
pub(super) async fn show_until_sent(
    running: &mut Running,
    scenario: &Scenario,
    bench: &Bench,
    begin: Instant,
) {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a positive number of seconds"
    )]
    let bar = bench.bar(&scenario.name, scenario.duration_s.ceil() as u64);
    let recorder = Arc::clone(&running.recorder);
    let mut shown = Instant::now();
    loop {
        let in_flight = running.in_flight();
        tokio::select! {
            () = running.sent() => break,
            () = tokio::time::sleep(PROGRESS) => {}
        }
        let since = shown.elapsed();
        shown = Instant::now();
        bar.set_position(shown.saturating_duration_since(begin).as_secs());
        show(&bar, scenario, since, in_flight, &recorder);
    }
    bar.finish_and_clear();
}

#[expect(clippy::cast_precision_loss, reason = "figures to be shown")]
fn show(
    bar: &ProgressBar,
    scenario: &Scenario,
    since: Duration,
    in_flight: usize,
    recorder: &Recorder,
) {
    let mut bad_all = 0;
    let mut parts = Vec::new();
    for operation in scenario.rates.keys() {
        let (count, bad, p99) = recorder.news(*operation);
        bad_all += bad;
        let per_s = count as f64 / since.as_secs_f64();
        let p99_ms = p99 as f64 / 1_000.0;
        if parts.len() < 3 {
            parts.push(format!(
                "{} {per_s:.0}/s p99 {p99_ms:.1} ms",
                operation.name()
            ));
        }
    }
    bar.set_message(format!(
        "{}, {bad_all} bad, {in_flight} waiting",
        parts.join(", ")
    ));
}
