//! The home timeline and the public page.

use axum::extract::State;
use ripple_domain::{PostId, Tier, Timestamp, Topic, UserId, Window};
use ripple_store::reading::{self, Page as PageOf};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    ApiState, Problem,
    auth::{Caller, Viewer},
    extract::PageQuery,
    page::{Page, PageParams, complete_up_to},
    posts::{PostJson, post_jsons},
};

pub(crate) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(read_home))
        .routes(routes!(read_public))
}

/// The reader's home timeline.
#[utoipa::path(
    get,
    path = "/v1/timelines/home",
    tag = "reading",
    params(PageParams),
    responses((status = OK, body = Page<PostJson>)),
    security(("token" = [])),
)]
async fn read_home(
    State(state): State<ApiState>,
    Caller(reader): Caller,
    query: PageQuery<PostId>,
) -> Result<Page<PostJson>, Problem> {
    let as_of = complete_up_to(&state, Tier::Followers).await?;
    post_page(&state, Some(reader), &PageOf::Home, &query, as_of).await
}

/// The public page.
#[utoipa::path(
    get,
    path = "/v1/timelines/public",
    tag = "reading",
    params(PageParams),
    responses((status = OK, body = Page<PostJson>)),
    security((), ("token" = [])),
)]
async fn read_public(
    State(state): State<ApiState>,
    Viewer(viewer): Viewer,
    query: PageQuery<PostId>,
) -> Result<Page<PostJson>, Problem> {
    let as_of = complete_up_to(&state, Tier::Public).await?;
    post_page(&state, viewer, &PageOf::Topic(Topic::Public), &query, as_of).await
}

/// A page of posts that is complete up to `as_of`.
pub(crate) async fn post_page(
    state: &ApiState,
    viewer: Option<UserId>,
    page: &PageOf,
    query: &PageQuery<PostId>,
    as_of: Timestamp,
) -> Result<Page<PostJson>, Problem> {
    let window = Window::of_page(query.before, query.after);
    let limit = query.read_limit();
    let read = reading::read_page(state.store(), viewer, page, window, limit).await?;
    let cut = query.cut_read(read.shown, read.broke_off_at, |shown| shown.post.id);
    Ok(Page {
        items: post_jsons(state, &cut.items),
        next: cut.next,
        prev: cut.prev,
        as_of: as_of.into(),
    })
}
