//! The pages of tags and keywords.

use axum::extract::State;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use ripple_domain::{PostId, Tier};
use ripple_store::reading::Page as PageOf;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    ApiState, Problem,
    auth::Viewer,
    extract::{PageQuery, PathText},
    feeds::Subject,
    page::{Page, PageParams, complete_up_to},
    posts::PostJson,
    timelines::post_page,
};

pub(crate) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(read_tag))
        .routes(routes!(read_keyword))
}

/// The posts with a tag, in any spelling that folds to it; 404 for what can be no tag.
#[utoipa::path(
    get,
    path = "/v1/tags/{tag}/posts",
    tag = "reading",
    params(("tag" = String, Path, description = "The tag without `#`"), PageParams),
    responses((status = OK, body = Page<PostJson>)),
    security((), ("token" = [])),
)]
async fn read_tag(
    State(state): State<ApiState>,
    Viewer(viewer): Viewer,
    PathText(tag): PathText,
    query: PageQuery<PostId>,
) -> Result<Page<PostJson>, Problem> {
    let subject = Subject::tag(&tag).ok_or_else(|| Problem::not_found("tag"))?;
    let as_of = complete_up_to(&state, Tier::Public).await?;
    let page = PageOf::Topic(subject.topic());
    post_page(&state, viewer, &page, &query, as_of).await
}

/// The posts with a word, in any spelling that folds to it; 404 for what can be no keyword: a stop
/// word, a number, several words.
#[utoipa::path(
    get,
    path = "/v1/keywords/{keyword}/posts",
    tag = "reading",
    params(("keyword" = String, Path, description = "The word, in any spelling"), PageParams),
    responses((status = OK, body = Page<PostJson>)),
    security((), ("token" = [])),
)]
async fn read_keyword(
    State(state): State<ApiState>,
    Viewer(viewer): Viewer,
    PathText(keyword): PathText,
    query: PageQuery<PostId>,
) -> Result<Page<PostJson>, Problem> {
    let subject = Subject::keyword(&keyword).ok_or_else(|| Problem::not_found("keyword"))?;
    let as_of = complete_up_to(&state, Tier::Public).await?;
    let page = PageOf::Topic(subject.topic());
    post_page(&state, viewer, &page, &query, as_of).await
}

/// What RFC 3986 calls unreserved may stand in a path as it is.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A text as one segment of a path.
pub(crate) fn path_segment(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, RESERVED)
}
