//! Tests of the whole: real processes, real HTTP, real signals.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod client;
mod place;
mod process;
#[expect(dead_code, reason = "the store's own tests use all of it")]
#[path = "../../../../shared/store/tests/it/harness/servers/mod.rs"]
mod servers;

mod command_line;
mod crash;
mod disk;
mod end_to_end;
mod exclusive;
mod redis_trouble;
mod roles;
mod shutdown;
mod takeover;
mod transfer;
