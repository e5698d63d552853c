//! `GET /v1/posts/{id}/delivery`.

use axum::{Json, extract::State};
use ripple_domain::{Receipt, Stage, StageState, Timestamp, Topic};
use serde::Serialize;
use utoipa::ToSchema;

use super::edit::own_post;
use crate::{
    ApiState, Problem,
    auth::CallerOrAdmin,
    extract::PostPath,
    topics,
    wire::{Id, Time},
};

/// How far a tier has come with a post.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = StageState)]
enum StageStateJson {
    /// Its job waits.
    Pending,
    /// A part is done.
    Running,
    /// All is done.
    Done,
    /// It was given up.
    Dead,
    /// The visibility keeps the post out of this tier.
    Skipped,
}

/// How one tier has dealt with a post.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Stage)]
struct StageJson {
    state: StageStateJson,
    /// Places to deliver to.
    total: u64,
    /// Places that now show the post.
    delivered: u64,
    started_at: Option<Time>,
    done_at: Option<Time>,
    /// From `accepted_at` to `done_at`.
    latency_ms: Option<u64>,
    /// Of the public tier: the paths that now show the post.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pages: Option<Vec<String>>,
}

/// How far the delivery of a post has come.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Receipt)]
pub(crate) struct ReceiptJson {
    post_id: Id,
    /// When the request that made the post arrived.
    accepted_at: Time,
    author: StageJson,
    followers: StageJson,
    public: StageJson,
}

impl StageJson {
    fn new(stage: &Stage, accepted_at: Timestamp) -> Self {
        Self {
            state: match stage.state {
                StageState::Pending => StageStateJson::Pending,
                StageState::Running => StageStateJson::Running,
                StageState::Done => StageStateJson::Done,
                StageState::Dead => StageStateJson::Dead,
                StageState::Skipped => StageStateJson::Skipped,
            },
            total: stage.total,
            delivered: stage.delivered,
            started_at: stage.started_at.map(Time::from),
            done_at: stage.done_at.map(Time::from),
            latency_ms: stage.done_at.map(|done_at| done_at.ms_since(accepted_at)),
            pages: None,
        }
    }
}

impl From<Receipt> for ReceiptJson {
    fn from(receipt: Receipt) -> Self {
        let stage = |stage| StageJson::new(stage, receipt.accepted_at);
        let mut public = stage(&receipt.public);
        public.pages = Some(receipt.pages.iter().filter_map(page_path).collect());
        Self {
            post_id: receipt.post.into(),
            accepted_at: receipt.accepted_at.into(),
            author: stage(&receipt.author),
            followers: stage(&receipt.followers),
            public,
        }
    }
}

/// The path of an indexed topic's page.
fn page_path(topic: &Topic) -> Option<String> {
    Some(match topic {
        Topic::Public => "/v1/timelines/public".to_owned(),
        Topic::Tag(tag) => format!("/v1/tags/{}/posts", topics::path_segment(tag)),
        Topic::Keyword(word) => format!("/v1/keywords/{}/posts", topics::path_segment(word)),
        Topic::Author(_) => return None,
    })
}

/// The delivery receipt of a post; its author or an admin.
#[utoipa::path(
    get,
    path = "/v1/posts/{id}/delivery",
    tag = "posts",
    params(("id" = String, Path, description = "The post's id")),
    responses((status = OK, body = ReceiptJson)),
    security(("token" = [])),
)]
pub(super) async fn get_receipt(
    State(state): State<ApiState>,
    caller: CallerOrAdmin,
    PostPath(id): PostPath,
) -> Result<Json<ReceiptJson>, Problem> {
    if let CallerOrAdmin::Caller(user) = caller {
        own_post(&state, id, user).await?;
    }
    let receipt = state.store().receipt(id).await?;
    let receipt = receipt.ok_or_else(|| Problem::not_found("post"))?;
    Ok(Json(receipt.into()))
}
