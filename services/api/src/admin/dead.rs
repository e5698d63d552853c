//! The dead letters of a tier: listing, replaying and purging them.

use axum::{Json, extract::State, http::StatusCode};
use ripple_domain::{JobId, Tier};
use ripple_store::DeadJob;
use serde::Serialize;
use utoipa::ToSchema;

use super::tier_of;
use crate::{
    ApiState, Problem,
    auth::Admin,
    extract::{PageQuery, PathText, TierJobPath},
    idempotency::IdempotencyKey,
    page::{Page, PageParams, committed_up_to},
    wire::{Id, Time},
};

/// A job that was given up.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeadJob)]
pub(crate) struct DeadJobJson {
    id: Id,
    /// What it does: `deliver`, `index` or `replay`.
    #[schema(value_type = String)]
    kind: &'static str,
    /// The post that it is about; null for a replay.
    #[schema(value_type = Option<String>)]
    post_id: Option<Id>,
    attempts: u32,
    /// Why it was given up.
    error: String,
    dead_at: Time,
}

impl From<&DeadJob> for DeadJobJson {
    fn from(dead: &DeadJob) -> Self {
        Self {
            id: dead.job.id.into(),
            kind: dead.job.kind.name(),
            post_id: dead.job.kind.post().map(Id::from),
            attempts: dead.job.attempts,
            error: dead.error.clone(),
            dead_at: dead.dead_at.into(),
        }
    }
}

/// How many jobs it was.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Count {
    count: u64,
}

/// The dead letters of a tier, the newest job first.
#[utoipa::path(
    get,
    path = "/v1/admin/queues/{tier}/dead",
    tag = "admin",
    params(("tier" = String, Path, description = "`followers` or `public`"), PageParams),
    responses((status = OK, body = Page<DeadJobJson>)),
    security(("token" = [])),
)]
pub(super) async fn list_dead(
    State(state): State<ApiState>,
    _: Admin,
    PathText(tier): PathText,
    query: PageQuery<JobId>,
) -> Result<Page<DeadJobJson>, Problem> {
    let tier = tier_of(&tier)?;
    let as_of = committed_up_to(&state);
    let jobs = match query.after {
        Some(after) if query.is_upwards() => {
            dead_above(&state, tier, after, query.read_limit()).await?
        }
        after => {
            let store = state.store();
            let mut jobs = store
                .dead_jobs(tier, query.before, query.read_limit())
                .await?;
            jobs.retain(|dead| after.is_none_or(|after| dead.job.id > after));
            jobs
        }
    };
    let cut = query.cut(jobs, |dead| dead.job.id);
    Ok(Page {
        items: cut.items.iter().map(DeadJobJson::from).collect(),
        next: cut.next,
        prev: cut.prev,
        as_of: as_of.into(),
    })
}

/// Dead letters read at a time when looking upwards.
const CHUNK: usize = 1_000;

/// The `limit` dead letters next above `after`, newest first. The store reads downwards only, so this
/// passes through all that are newer; there are few.
async fn dead_above(
    state: &ApiState,
    tier: Tier,
    after: JobId,
    limit: usize,
) -> Result<Vec<DeadJob>, Problem> {
    let mut found: Vec<DeadJob> = Vec::new();
    let mut before = None;
    loop {
        let jobs = state.store().dead_jobs(tier, before, CHUNK).await?;
        let read = jobs.len();
        before = jobs.last().map(|dead| dead.job.id);
        found.extend(jobs.into_iter().filter(|dead| dead.job.id > after));
        found.drain(..found.len().saturating_sub(limit));
        if read < CHUNK || before.is_some_and(|before| before <= after) {
            return Ok(found);
        }
    }
}

/// Puts a dead letter back into the queue. Done twice, the second time finds none.
#[utoipa::path(
    post,
    path = "/v1/admin/queues/{tier}/dead/{id}/replay",
    tag = "admin",
    params(
        ("tier" = String, Path, description = "`followers` or `public`"),
        ("id" = String, Path, description = "The job's id"),
    ),
    responses((status = NO_CONTENT)),
    security(("token" = [])),
)]
pub(super) async fn replay_dead(
    State(state): State<ApiState>,
    _: Admin,
    _: IdempotencyKey,
    TierJobPath(tier, job): TierJobPath,
) -> Result<StatusCode, Problem> {
    found(state.store().replay_dead(tier, Some(job)).await?)
}

/// Puts all dead letters of a tier back into the queue. Done twice, the second time finds none.
#[utoipa::path(
    post,
    path = "/v1/admin/queues/{tier}/dead/replay",
    tag = "admin",
    params(("tier" = String, Path, description = "`followers` or `public`")),
    responses((status = OK, body = Count)),
    security(("token" = [])),
)]
pub(super) async fn replay_all_dead(
    State(state): State<ApiState>,
    _: Admin,
    _: IdempotencyKey,
    PathText(tier): PathText,
) -> Result<Json<Count>, Problem> {
    let count = state.store().replay_dead(tier_of(&tier)?, None).await?;
    Ok(Json(Count { count }))
}

/// Forgets a dead letter.
#[utoipa::path(
    delete,
    path = "/v1/admin/queues/{tier}/dead/{id}",
    tag = "admin",
    params(
        ("tier" = String, Path, description = "`followers` or `public`"),
        ("id" = String, Path, description = "The job's id"),
    ),
    responses((status = NO_CONTENT)),
    security(("token" = [])),
)]
pub(super) async fn purge_dead(
    State(state): State<ApiState>,
    _: Admin,
    TierJobPath(tier, job): TierJobPath,
) -> Result<StatusCode, Problem> {
    found(state.store().purge_dead(tier, Some(job)).await?)
}

/// Forgets all dead letters of a tier.
#[utoipa::path(
    delete,
    path = "/v1/admin/queues/{tier}/dead",
    tag = "admin",
    params(("tier" = String, Path, description = "`followers` or `public`")),
    responses((status = OK, body = Count)),
    security(("token" = [])),
)]
pub(super) async fn purge_all_dead(
    State(state): State<ApiState>,
    _: Admin,
    PathText(tier): PathText,
) -> Result<Json<Count>, Problem> {
    let count = state.store().purge_dead(tier_of(&tier)?, None).await?;
    Ok(Json(Count { count }))
}

fn found(count: u64) -> Result<StatusCode, Problem> {
    match count {
        0 => Err(Problem::not_found("dead letter")),
        _ => Ok(StatusCode::NO_CONTENT),
    }
}
