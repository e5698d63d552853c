//! Ripple's HTTP side: the web API, the feeds and the web pages.
//!
//! One module per resource holds its request and response types, its handlers and its `router()`.
//! Everything works over an `Arc<dyn Store>`; nothing here knows which store it has.

#![expect(dead_code, reason = "the resources that use the extractors follow")]

mod state;

mod auth;
mod extract;
mod problem;

mod admin;
mod feeds;
mod pages;

mod openapi;

use axum::Router;

pub use auth::{random_token, token_hash, token_of};
pub use problem::{FieldError, Problem, ProblemKind};
pub use state::{ApiLimits, ApiOptions, ApiState, Registration};

/// Everything that Ripple serves over HTTP.
pub fn router(state: ApiState) -> Router {
    let (documented, _document) = openapi::documented().split_for_parts();
    documented
        .merge(pages::router())
        .fallback(problem::no_route)
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(axum::middleware::from_fn_with_state(
            state.clone(),
            auth::identify,
        ))
        .with_state(state)
}
