//! What every store promises, as tests: the conformance suite, the interleavings of rebuilds and
//! fan-outs, and what the embedded store does when its disk fails.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod conformance;
mod embedded_faults;
mod harness;
mod interleavings;
mod redis_checks;
mod redis_faults;
mod redis_homes;
mod redis_posts;
mod redis_queue;
mod redis_users;
