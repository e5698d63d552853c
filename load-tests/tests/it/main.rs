//! Tests of the load generator on real servers.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod deployment;
mod population;
