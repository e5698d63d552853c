//! The workers on the real embedded store, with faults where a test needs them.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod faulty;
mod town;

mod delivery;
mod drain;
mod fairness;
mod faults;
mod leases;
mod pulled;
mod replay;
