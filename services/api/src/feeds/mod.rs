//! Feeds: Atom, RSS 2.0 and JSON Feed documents of topics.
//!
//! A request names a [`Subject`] and a format. Its [`Listing`] is read from the store as somebody
//! without a token sees it, each time: that is what makes a deletion hold at once. The listing's
//! fingerprint decides whether the client, or the store, has the document already; if neither has,
//! the listing becomes a feed in no format yet (`entry`), and that is written as Atom, RSS or JSON.

mod document;
mod listing;
mod subject;

mod atom;
mod entry;
mod json;
mod rss;

pub(crate) mod address;
pub(crate) mod html;
pub(crate) mod plain;
mod spans;

mod conditional;

#[cfg(test)]
mod rendered;
#[cfg(test)]
pub(crate) mod samples;

use axum::{
    extract::{FromRequestParts, Path, State},
    http::{HeaderMap, request::Parts},
    response::Response,
};
use ripple_domain::{PostId, Window};
use ripple_store::FeedFormat;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    ApiState, Problem,
    extract::{PageQuery, PathText},
};

pub(crate) use address::Site;
pub use document::refresh_feeds;
pub(crate) use entry::title;
pub(crate) use listing::{Listed, Listing, read_one};
pub(crate) use subject::{Subject, display_name, named};

/// A document could not be written; the reason is for the log.
#[derive(Clone, Debug, thiserror::Error)]
#[error("rendering a feed failed: {0}")]
struct RenderError(String);

impl From<RenderError> for Problem {
    fn from(error: RenderError) -> Self {
        Self::internal(error)
    }
}

pub(crate) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(public))
        .routes(routes!(tag))
        .routes(routes!(keyword))
        .routes(routes!(author))
}

/// The window that a request asks for.
fn window(query: &PageQuery<PostId>) -> Window {
    Window::of_page(query.before, query.after)
}

/// The format of the document with this name.
fn format(document: &str) -> Result<FeedFormat, Problem> {
    address::FORMATS
        .into_iter()
        .find(|format| address::document_name(*format) == document)
        .ok_or_else(|| Problem::not_found("feed document"))
}

/// The name in the path and the format of the document that is asked for.
struct Named(String, FeedFormat);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        let Path((name, document)) =
            path.map_err(|_| Problem::malformed("the path is not UTF-8"))?;
        Ok(Self(name, format(&document)?))
    }
}

/// The feed of all public posts
///
/// The newest 50 posts; older ones by `before`, as in RFC 5005. Conditional requests are answered
/// from `ETag` and `Last-Modified`.
#[utoipa::path(
    get,
    path = "/public/{document}",
    tag = "feeds",
    params(
        (
            "document" = String,
            Path,
            description = "`feed.atom` (Atom), `feed.rss` (RSS 2.0) or `feed.json` (JSON Feed 1.1)"
        ),
        ("before" = Option<String>, Query, description = "Only posts older than this one"),
        ("after" = Option<String>, Query, description = "Only posts newer than this one"),
    ),
    responses(
        (status = OK, description = "The feed", content(
            (String = "application/atom+xml"),
            (String = "application/rss+xml"),
            (Object = "application/feed+json"),
        )),
        (status = NOT_MODIFIED, description = "The client has this document"),
    ),
)]
async fn public(
    State(state): State<ApiState>,
    PathText(document): PathText,
    query: PageQuery<PostId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let format = format(&document)?;
    let subject = Subject::Public;
    document::serve(&state, &headers, subject, format, window(&query)).await
}

/// The feed of a tag
///
/// The newest 50 posts; older ones by `before`, as in RFC 5005. Conditional requests are answered
/// from `ETag` and `Last-Modified`.
#[utoipa::path(
    get,
    path = "/tags/{tag}/{document}",
    tag = "feeds",
    params(
        ("tag" = String, Path, description = "The tag without `#`, in any spelling that folds to it"),
        (
            "document" = String,
            Path,
            description = "`feed.atom` (Atom), `feed.rss` (RSS 2.0) or `feed.json` (JSON Feed 1.1)"
        ),
        ("before" = Option<String>, Query, description = "Only posts older than this one"),
        ("after" = Option<String>, Query, description = "Only posts newer than this one"),
    ),
    responses(
        (status = OK, description = "The feed", content(
            (String = "application/atom+xml"),
            (String = "application/rss+xml"),
            (Object = "application/feed+json"),
        )),
        (status = NOT_MODIFIED, description = "The client has this document"),
    ),
)]
async fn tag(
    State(state): State<ApiState>,
    Named(name, format): Named,
    query: PageQuery<PostId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let subject = Subject::tag(&name).ok_or_else(|| Problem::not_found("tag"))?;
    document::serve(&state, &headers, subject, format, window(&query)).await
}

/// The feed of a word
///
/// The newest 50 posts; older ones by `before`, as in RFC 5005. Conditional requests are answered
/// from `ETag` and `Last-Modified`.
#[utoipa::path(
    get,
    path = "/keywords/{keyword}/{document}",
    tag = "feeds",
    params(
        ("keyword" = String, Path, description = "The word, in any spelling that folds to it"),
        (
            "document" = String,
            Path,
            description = "`feed.atom` (Atom), `feed.rss` (RSS 2.0) or `feed.json` (JSON Feed 1.1)"
        ),
        ("before" = Option<String>, Query, description = "Only posts older than this one"),
        ("after" = Option<String>, Query, description = "Only posts newer than this one"),
    ),
    responses(
        (status = OK, description = "The feed", content(
            (String = "application/atom+xml"),
            (String = "application/rss+xml"),
            (Object = "application/feed+json"),
        )),
        (status = NOT_MODIFIED, description = "The client has this document"),
    ),
)]
async fn keyword(
    State(state): State<ApiState>,
    Named(name, format): Named,
    query: PageQuery<PostId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let subject = Subject::keyword(&name).ok_or_else(|| Problem::not_found("keyword"))?;
    document::serve(&state, &headers, subject, format, window(&query)).await
}

/// The feed of an author
///
/// The newest 50 posts; older ones by `before`, as in RFC 5005. Conditional requests are answered
/// from `ETag` and `Last-Modified`.
#[utoipa::path(
    get,
    path = "/users/{handle}/{document}",
    tag = "feeds",
    params(
        ("handle" = String, Path, description = "The author's handle"),
        (
            "document" = String,
            Path,
            description = "`feed.atom` (Atom), `feed.rss` (RSS 2.0) or `feed.json` (JSON Feed 1.1)"
        ),
        ("before" = Option<String>, Query, description = "Only posts older than this one"),
        ("after" = Option<String>, Query, description = "Only posts newer than this one"),
    ),
    responses(
        (status = OK, description = "The feed", content(
            (String = "application/atom+xml"),
            (String = "application/rss+xml"),
            (Object = "application/feed+json"),
        )),
        (status = NOT_MODIFIED, description = "The client has this document"),
    ),
)]
async fn author(
    State(state): State<ApiState>,
    Named(name, format): Named,
    query: PageQuery<PostId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let subject = Subject::author(state.store(), &name).await?;
    let subject = subject.ok_or_else(|| Problem::not_found("user"))?;
    document::serve(&state, &headers, subject, format, window(&query)).await
}
