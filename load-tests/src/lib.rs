//! Ripple's load tests: worlds to measure in, load, what readers see of it, and how that is shown.

pub mod api;
pub mod cli;
pub mod scenario;

pub mod deployment;
pub mod population;

pub mod generate;
pub mod run;
mod verify;
mod watch;

mod limits;
pub mod parts;
mod saturate;

pub mod report;
pub mod world;
