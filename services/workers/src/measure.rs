//! What the workers measure.

use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};
use ripple_domain::Tier;

const TIER_LATENCY: &str = "ripple_tier_latency_seconds";
const DELIVERIES: &str = "ripple_deliveries_total";

/// Tells the recorder what the metrics are.
pub(crate) fn describe() {
    describe_histogram!(
        TIER_LATENCY,
        Unit::Seconds,
        "From accepting a post, or from the arrival of its request in the author tier, until the tier was done with it"
    );
    describe_counter!(
        DELIVERIES,
        Unit::Count,
        "Home timelines and inboxes that posts were delivered to"
    );
}

/// A tier was done with a job `latency_ms` after it was accepted.
pub(crate) fn done(tier: Tier, latency_ms: u64) {
    #[expect(clippy::cast_precision_loss, reason = "a latency is far below 2^52 ms")]
    let seconds = latency_ms as f64 / 1_000.0;
    histogram!(TIER_LATENCY, "tier" => tier.name()).record(seconds);
}

/// Posts were delivered to `places` home timelines and inboxes.
pub(crate) fn delivered(places: u64) {
    counter!(DELIVERIES).increment(places);
}
