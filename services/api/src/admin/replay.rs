//! `POST /v1/admin/replay`: the posts of a time go through a tier again.

use axum::{Json, extract::State, http::StatusCode};
use ripple_domain::{JobKind, Tier, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    ApiState, Faults, Problem, auth::Admin, extract::JsonBody, idempotency::IdempotencyKey,
};

/// What to replay.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Replay {
    /// `followers` or `public`.
    tier: String,
    /// From this moment on (RFC 3339).
    from: String,
    /// Up to this moment, not included (RFC 3339).
    to: String,
}

/// What was enqueued.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Replayed {
    /// How many jobs: one for each post.
    jobs: u64,
}

/// Posts read at a time.
const CHUNK: usize = 1_000;

/// Sends the posts of a time through a tier again. All work of a tier can be repeated without harm,
/// so the same request sent twice costs work and changes nothing.
#[utoipa::path(
    post,
    path = "/v1/admin/replay",
    tag = "admin",
    request_body = Replay,
    responses((status = ACCEPTED, body = Replayed)),
    security(("token" = [])),
)]
pub(super) async fn replay_posts(
    State(state): State<ApiState>,
    _: Admin,
    _: IdempotencyKey,
    JsonBody { value, .. }: JsonBody<Replay>,
) -> Result<(StatusCode, Json<Replayed>), Problem> {
    let mut faults = Faults::default();
    let tier = value.tier.parse::<Tier>();
    if let Err(error) = &tier {
        faults.add("tier", error.to_string());
    }
    let mut time = |field: &str, text: &str| {
        Timestamp::parse_rfc3339(text)
            .map_err(|error| faults.add(field, error.to_string()))
            .unwrap_or_default()
    };
    let from = time("from", &value.from);
    let to = time("to", &value.to);
    if from > to {
        faults.add("to", "must not lie before from");
    }
    faults.refuse()?;
    let tier = tier.map_err(|error| Problem::invalid("tier", error.to_string()))?;

    let mut jobs = 0;
    let mut after = None;
    loop {
        let posts = state.store().post_log(from, to, after, CHUNK).await?;
        let Some(last) = posts.last() else { break };
        after = Some(last.id);
        let kinds = posts.iter().map(|post| match tier {
            Tier::Followers => JobKind::deliver(post.id),
            Tier::Public => JobKind::Index { post: post.id },
        });
        state.store().enqueue(kinds.collect()).await?;
        jobs += posts.len() as u64;
    }
    Ok((StatusCode::ACCEPTED, Json(Replayed { jobs })))
}
