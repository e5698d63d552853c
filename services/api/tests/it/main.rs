//! The API over real HTTP, on the embedded store.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod app;
mod raw;
mod tokens;

mod auth;
mod bad_input;
mod connections;
mod documents;
mod feeds;
mod idempotency;
mod limits;
mod operations;
mod pages;
mod posts;
mod request_bodies;
mod users;
mod visibility;
mod web_pages;
