//! `POST /v1/admin/replay`: the posts of a time go through a tier again.

use axum::{Json, extract::State, http::StatusCode};
use ripple_domain::{Tier, Timestamp};
use ripple_store::transfer::replay;
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

/// What was begun.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Replayed {
    /// How many jobs there will be: one for each post.
    jobs: u64,
}

/// Sends the posts of a time through a tier again, behind the jobs of new posts.
///
/// When this is answered the replay is durable as a whole, as one job that enqueues those of the posts a
/// piece at a time; `jobs` counts the posts that there are now. All work of a tier can be repeated
/// without harm, so the same request sent twice costs work and changes nothing. Without an answer
/// nothing may have been begun: send it again.
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

    let jobs = replay(state.store(), tier, from, to).await?;
    Ok((StatusCode::ACCEPTED, Json(Replayed { jobs })))
}
