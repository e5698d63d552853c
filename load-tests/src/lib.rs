//! Ripple's load tests: worlds to measure in, what a run found, and how it is shown.

pub mod api;
pub mod deployment;
pub mod population;
pub mod report;
pub mod world;
