//! Tests of the load generator on real servers, and what it must notice about bad ones.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod deployment;
mod population;

mod schedule;

mod program;
mod proxy;
mod runs;
