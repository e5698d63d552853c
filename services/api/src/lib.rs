//! Ripple's HTTP side: the web API, the feeds and the web pages.
//!
//! One module per resource holds its request and response types, its handlers and its `router()`.
//! Everything works over an `Arc<dyn Store>`; nothing here knows which store it has.

mod server;
mod state;

mod admission;
mod auth;
mod extract;
mod idempotency;
mod measure;
mod page;
mod problem;
mod request;
mod request_body;
mod wire;

mod admin;
mod feeds;
mod operations;
mod pages;
mod posts;
mod timelines;
mod topics;
mod users;

mod openapi;

use axum::{Router, middleware};

pub use admission::Rate;
pub use auth::{random_token, token_hash, token_of};
pub use feeds::refresh_feeds;
pub use problem::{FieldError, Problem, ProblemKind};
pub use server::{ServerLimits, serve, serve_within};
pub use state::{ApiLimits, ApiOptions, ApiState, Registration};

pub(crate) use problem::Faults;

/// What a process that only does jobs serves over HTTP: its health and its metrics.
pub fn operations_router(state: ApiState) -> Router {
    let (operations, _) = operations::router().split_for_parts();
    complete(operations, state)
}

/// Everything that Ripple serves over HTTP.
pub fn router(state: ApiState) -> Router {
    measure::describe();
    let (documented, document) = openapi::documented().split_for_parts();
    let all = documented
        .merge(pages::router())
        .merge(openapi::documentation(document));
    complete(all, state)
}

/// Adds what every request passes.
fn complete(routes: Router<ApiState>, state: ApiState) -> Router {
    routes
        .fallback(pages::no_route)
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(middleware::from_fn_with_state(
            state.clone(),
            admission::admit,
        ))
        .layer(middleware::from_fn_with_state(
            state.clone(),
            request::observe,
        ))
        .with_state(state)
}
