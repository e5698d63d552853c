//! Import, export and rebuilding through a running server: what `ripple import --url` and its sisters
//! call.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    body::{Body, Bytes},
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use ripple_store::{
    ImportCounts, Store, StoreError,
    transfer::{
        BadLine, Batch, Batches, ExportFollows, ExportPosts, FOLLOWS_A_BATCH, FollowFormat, Format,
        POSTS_A_BATCH, PostFormat, Rebuild, rebuild,
    },
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    ApiState, Problem, ProblemKind,
    auth::Admin,
    extract::{PathText, body_too_large, refuse_declared},
};

pub(crate) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(import_follows))
        .routes(routes!(import_posts))
        .routes(routes!(export_follows))
        .routes(routes!(export_posts))
        .routes(routes!(start_rebuild))
}

/// The longest body of an import, in bytes. Longer files come in several requests.
const IMPORT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The longest time in which it may arrive.
const IMPORT_BODY_TIME_MAX: Duration = Duration::from_secs(60);
/// Bad lines that an answer names; the rest is counted.
const BAD_LINES_MAX: usize = 1_000;

/// What an import did.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct ImportAnswer {
    /// Lines that were new.
    added: u64,
    /// Lines that had been imported before, or tell of posts of this server.
    known: u64,
    /// Lines that only pass on a post which is not there, and so were left out.
    left_out: u64,
    /// Lines that were skipped.
    bad: u64,
    /// Users that were created on the way.
    users_created: u64,
    /// The lines that were skipped, at most 1,000 of them.
    bad_lines: Vec<SkippedLine>,
}

/// A line that was skipped.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SkippedLine {
    /// Its number in the body, from 1 on.
    line: u64,
    /// Why it cannot be used.
    reason: String,
}

/// Imports follows: `follower followee` a line; `#` and `%` begin comments. Users are created where
/// there are none. Lines that cannot be used are skipped and named in the answer.
#[utoipa::path(
    post,
    path = "/v1/admin/import/follows",
    tag = "admin",
    request_body(content = String, content_type = "text/plain", description = "At most 4 MiB."),
    responses(
        (status = 200, body = ImportAnswer),
        (status = 401, description = "The admin token is needed."),
        (status = 413, description = "The body is longer than 4 MiB."),
        (status = 503, description = "The server has too much to do; `Retry-After` says when to try again."),
    )
)]
async fn import_follows(
    Admin: Admin,
    State(state): State<ApiState>,
    body: Body,
) -> Result<Json<ImportAnswer>, Problem> {
    let batches = read_batches(body, FollowFormat, FOLLOWS_A_BATCH).await?;
    let mut answer = ImportAnswer::default();
    for batch in batches {
        let lines = batch.items.into_iter().map(|(_, line)| line).collect();
        answer.add(state.store().import_follows(lines).await?, batch.bad);
    }
    Ok(Json(answer))
}

/// Imports posts: a JSON object a line, with `author`, `text` and, where wanted, `created_at`,
/// `visibility`, `recipients`, `link`, `language`, `id`, and `reply_to` or `repost_of` with the `id` of
/// an earlier line. A line whose `id` was imported before is skipped, and so is one that was exported
/// from this server; a line without an `id` is known by what it says, and by how many equal lines stand
/// before it in the same body. Users are created where there are none.
#[utoipa::path(
    post,
    path = "/v1/admin/import/posts",
    tag = "admin",
    request_body(content = String, content_type = "application/x-ndjson", description = "At most 4 MiB."),
    responses(
        (status = 200, body = ImportAnswer),
        (status = 401, description = "The admin token is needed."),
        (status = 413, description = "The body is longer than 4 MiB."),
        (status = 503, description = "The server has too much to do; `Retry-After` says when to try again."),
    )
)]
async fn import_posts(
    Admin: Admin,
    State(state): State<ApiState>,
    body: Body,
) -> Result<Json<ImportAnswer>, Problem> {
    let format = PostFormat::new(state.now());
    let batches = read_batches(body, format, POSTS_A_BATCH).await?;
    let mut answer = ImportAnswer::default();
    for batch in batches {
        let posts = batch.items.into_iter().map(|(_, line)| line.post).collect();
        answer.add(state.store().import_posts(posts).await?, batch.bad);
    }
    Ok(Json(answer))
}

impl ImportAnswer {
    fn add(&mut self, counts: ImportCounts, bad: Vec<BadLine>) {
        self.added += counts.added;
        self.known += counts.known;
        self.left_out += counts.left_out;
        self.users_created += counts.users_created;
        self.bad += bad.len() as u64;
        let room = BAD_LINES_MAX.saturating_sub(self.bad_lines.len());
        let named = bad.into_iter().take(room).map(|line| SkippedLine {
            line: line.number,
            reason: line.reason,
        });
        self.bad_lines.extend(named);
    }
}

/// Reads a body of lines. That is work for a processor, so it is done beside the requests.
async fn read_batches<F>(
    body: Body,
    format: F,
    items_max: usize,
) -> Result<Vec<Batch<F::Item>>, Problem>
where
    F: Format<Item: Send> + Send + 'static,
{
    let bytes = read_body(body).await?;
    let read = move || Batches::new(&*bytes, format, items_max).collect::<Result<_, _>>();
    let read = tokio::task::spawn_blocking(read).await;
    read.map_err(Problem::internal)?.map_err(Problem::internal)
}

async fn read_body(body: Body) -> Result<Bytes, Problem> {
    refuse_declared(&body, IMPORT_BYTES_MAX)?;
    let body = Limited::new(body, IMPORT_BYTES_MAX).collect();
    match tokio::time::timeout(IMPORT_BODY_TIME_MAX, body).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(body_too_large(IMPORT_BYTES_MAX)),
        Ok(Err(_)) => Err(Problem::malformed("the body ends before its end")),
        Err(_) => Err(Problem::new(
            ProblemKind::Timeout,
            "the body of an import must arrive within a minute",
        )),
    }
}

/// Exports the follower graph, as it can be imported.
#[utoipa::path(
    get,
    path = "/v1/admin/export/follows",
    tag = "admin",
    responses(
        (status = 200, body = String, content_type = "text/plain", description = "`follower followee` a line."),
        (status = 401, description = "The admin token is needed."),
    )
)]
async fn export_follows(Admin: Admin, State(state): State<ApiState>) -> Response {
    let export = ExportFollows::new(state.store_arc());
    let next = |mut export: ExportFollows| async move {
        let lines = export.next().await?;
        Ok::<_, StoreError>(lines.map(|lines| (lines, export)))
    };
    let lines = Body::from_stream(stream::try_unfold(export, next));
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], lines).into_response()
}

/// Exports all posts, oldest first, as they can be imported.
#[utoipa::path(
    get,
    path = "/v1/admin/export/posts",
    tag = "admin",
    responses(
        (status = 200, body = String, content_type = "application/x-ndjson", description = "A JSON object a line."),
        (status = 401, description = "The admin token is needed."),
    )
)]
async fn export_posts(Admin: Admin, State(state): State<ApiState>) -> Response {
    let export = ExportPosts::new(state.store_arc());
    let next = |mut export: ExportPosts| async move {
        let lines = export.next().await?;
        Ok::<_, StoreError>(lines.map(|lines| (lines, export)))
    };
    let lines = Body::from_stream(stream::try_unfold(export, next));
    ([(header::CONTENT_TYPE, "application/x-ndjson")], lines).into_response()
}

/// A rebuild was begun.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RebuildAnswer {
    /// Posts that go through the public tier again for it, a piece at a time and behind new posts; none
    /// for what is done with the next reads.
    jobs: u64,
}

/// Derives read models anew from the facts: `home` timelines and `feeds` with their next read, the
/// pages of `topics` by jobs of the public tier. What is left to do is durable when this is answered.
#[utoipa::path(
    post,
    path = "/v1/admin/rebuild/{what}",
    tag = "admin",
    params(("what" = String, Path, description = "`home`, `topics` or `feeds`")),
    responses(
        (status = 202, body = RebuildAnswer),
        (status = 401, description = "The admin token is needed."),
        (status = 404, description = "There is no such read model."),
    )
)]
async fn start_rebuild(
    Admin: Admin,
    State(state): State<ApiState>,
    PathText(what): PathText,
) -> Result<(StatusCode, Json<RebuildAnswer>), Problem> {
    let what: Rebuild = what.parse().map_err(|_| Problem::not_found("read model"))?;
    let store: Arc<dyn Store> = state.store_arc();
    // In a task of its own, so that it is finished when the client goes away.
    let rebuilt = tokio::spawn(async move { rebuild(&*store, what).await }).await;
    let jobs = rebuilt.map_err(Problem::internal)??;
    Ok((StatusCode::ACCEPTED, Json(RebuildAnswer { jobs })))
}
