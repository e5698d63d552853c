//! What the API measures.

use std::time::Duration;

use metrics::{Unit, describe_gauge, describe_histogram, gauge, histogram};
use ripple_domain::Timestamp;
use ripple_store::TierStats;

const TIER_LATENCY: &str = "ripple_tier_latency_seconds";
const QUEUE_JOBS: &str = "ripple_queue_jobs";
const OLDEST_AGE: &str = "ripple_queue_oldest_age_seconds";
const REQUEST_DURATION: &str = "ripple_http_request_duration_seconds";

/// Tells the recorder what the metrics are. The tiers' latencies are described where most of them are
/// measured, with the workers.
pub(crate) fn describe() {
    describe_gauge!(
        QUEUE_JOBS,
        Unit::Count,
        "Jobs of a tier that are ready, delayed, in flight or dead"
    );
    describe_gauge!(
        OLDEST_AGE,
        Unit::Seconds,
        "For how long the oldest job of a tier that is not done has been in the queue"
    );
    describe_histogram!(
        REQUEST_DURATION,
        Unit::Seconds,
        "From the arrival of a request's header until its answer begins"
    );
}

/// A post was accepted so long after its request had arrived.
pub(crate) fn accepted(latency: Duration) {
    histogram!(TIER_LATENCY, "tier" => "author").record(latency);
}

/// A request was answered.
pub(crate) fn answered(
    method: &'static str,
    route: String,
    status_class: &'static str,
    duration: Duration,
) {
    histogram!(
        REQUEST_DURATION,
        "method" => method,
        "route" => route,
        "status" => status_class,
    )
    .record(duration);
}

/// How a tier's queue is at `now`.
pub(crate) fn queue(stats: &TierStats, now: Timestamp) {
    let jobs = [
        ("ready", stats.ready),
        ("delayed", stats.delayed),
        ("in_flight", stats.in_flight),
        ("dead", stats.dead),
    ];
    let tier = stats.tier.name();
    for (state, count) in jobs {
        #[expect(clippy::cast_precision_loss, reason = "2^53 jobs are not to be had")]
        gauge!(QUEUE_JOBS, "tier" => tier, "state" => state).set(count as f64);
    }
    let age_ms = stats
        .oldest_accepted_at
        .map_or(0, |accepted_at| now.ms_since(accepted_at));
    #[expect(clippy::cast_precision_loss, reason = "2^53 ms are 285,000 years")]
    gauge!(OLDEST_AGE, "tier" => tier).set(age_ms as f64 / 1_000.0);
}
