//! How pages and their errors are answered.

use askama::Template;
use axum::{
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};

use super::view::error;
use crate::{Problem, ProblemKind, feeds::Site};

/// Nothing is loaded but the style and the icon, and no script runs whatever a post contains.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, HeaderValue); 5] = [
    (
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    ),
    // A deletion holds from the next read on, so what a browser keeps it asks about.
    (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(CONTENT_SECURITY_POLICY),
    ),
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("same-origin"),
    ),
];

/// A page.
pub(super) fn html(page: &impl Template) -> Response {
    match page.render() {
        Ok(body) => (HEADERS, body).into_response(),
        Err(error) => Problem::internal(error).into_response(),
    }
}

/// A page that says what went wrong.
pub(super) fn error_page(site: &Site, problem: Problem) -> Response {
    let kind = problem.kind();
    let advice = match kind {
        ProblemKind::NotFound | ProblemKind::NoRoute => {
            "It may have been deleted, or the address is not quite right."
        }
        ProblemKind::Malformed | ProblemKind::Invalid => "The address is not quite right.",
        _ => "Please try again later.",
    };
    let mut page = html(&error(site, kind.title(), advice));
    // The status, what the headers say (when to try again) and the cause for the log are the
    // problem's own.
    let (problem, _) = problem.into_response().into_parts();
    *page.status_mut() = problem.status;
    for (name, value) in &problem.headers {
        if !page.headers().contains_key(name) {
            page.headers_mut().insert(name, value.clone());
        }
    }
    page.extensions_mut().extend(problem.extensions);
    page
}
