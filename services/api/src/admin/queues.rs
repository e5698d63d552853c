//! `GET /v1/admin/queues`, and pausing and resuming a tier.

use axum::{Json, extract::State, http::StatusCode};
use ripple_domain::Tier;
use ripple_store::TierStats;
use serde::Serialize;
use utoipa::ToSchema;

use super::tier_of;
use crate::{ApiState, Problem, auth::Admin, extract::PathText, idempotency::IdempotencyKey};

/// Latencies from accept to done of the last minute, in milliseconds.
#[derive(Debug, Serialize, ToSchema)]
struct Latency {
    p50: u64,
    p99: u64,
    max: u64,
}

/// A tier's queue.
#[derive(Debug, Serialize, ToSchema)]
struct QueueState {
    #[schema(value_type = String)]
    tier: &'static str,
    /// Jobs that can be claimed.
    ready: u64,
    /// Jobs that wait for their moment.
    delayed: u64,
    /// Jobs that are claimed.
    in_flight: u64,
    /// Jobs that were given up.
    dead: u64,
    /// The age of the oldest job that is not done, in milliseconds; null when there is none.
    oldest_age_ms: Option<u64>,
    paused: bool,
    /// Jobs done a second, over the last minute.
    done_per_s: f64,
    latency_ms: Latency,
}

/// The queues of all tiers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Queues {
    tiers: Vec<QueueState>,
}

/// The state of every tier's queue.
#[utoipa::path(
    get,
    path = "/v1/admin/queues",
    tag = "admin",
    responses((status = OK, body = Queues)),
    security(("token" = [])),
)]
pub(super) async fn list_queues(
    State(state): State<ApiState>,
    _: Admin,
) -> Result<Json<Queues>, Problem> {
    let mut tiers = Vec::new();
    for tier in Tier::ALL {
        let stats = state.store().tier_stats(tier).await?;
        tiers.push(queue_state(&state, &stats));
    }
    Ok(Json(Queues { tiers }))
}

fn queue_state(state: &ApiState, stats: &TierStats) -> QueueState {
    let now = state.now();
    QueueState {
        tier: stats.tier.name(),
        ready: stats.ready,
        delayed: stats.delayed,
        in_flight: stats.in_flight,
        dead: stats.dead,
        oldest_age_ms: stats.oldest_accepted_at.map(|time| now.ms_since(time)),
        paused: stats.paused,
        done_per_s: stats.done_per_s,
        latency_ms: Latency {
            p50: stats.latency_ms.p50,
            p99: stats.latency_ms.p99,
            max: stats.latency_ms.max,
        },
    }
}

/// Stops the claiming of a tier's jobs. Posts are still accepted.
#[utoipa::path(
    post,
    path = "/v1/admin/queues/{tier}/pause",
    tag = "admin",
    params(("tier" = String, Path, description = "`followers` or `public`")),
    responses((status = NO_CONTENT)),
    security(("token" = [])),
)]
pub(super) async fn pause_queue(
    State(state): State<ApiState>,
    _: Admin,
    _: IdempotencyKey,
    PathText(tier): PathText,
) -> Result<StatusCode, Problem> {
    state.store().pause(tier_of(&tier)?, true).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lets a tier's jobs be claimed again.
#[utoipa::path(
    post,
    path = "/v1/admin/queues/{tier}/resume",
    tag = "admin",
    params(("tier" = String, Path, description = "`followers` or `public`")),
    responses((status = NO_CONTENT)),
    security(("token" = [])),
)]
pub(super) async fn resume_queue(
    State(state): State<ApiState>,
    _: Admin,
    _: IdempotencyKey,
    PathText(tier): PathText,
) -> Result<StatusCode, Problem> {
    state.store().pause(tier_of(&tier)?, false).await?;
    Ok(StatusCode::NO_CONTENT)
}
