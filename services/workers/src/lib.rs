//! Ripple's workers: one consume loop, and above it the followers tier and the public tier.
//!
//! The loop claims jobs in batches, keeps their leases alive, and settles each job by itself. What a
//! tier does with a batch is a `handler::Handler`; what becomes of a job that failed is decided by
//! the pure functions of `decide`. Nothing here knows which store it has.

mod batch;
mod consume;
mod decide;
mod followers;
mod handler;
mod leases;
mod measure;
mod options;
mod public;
mod refresh;
mod replay;
mod run;
mod settle;
mod stage;

pub use options::WorkerOptions;
pub use refresh::FeedRefresher;
pub use run::run;
