//! Where Ripple keeps everything: the store traits with their semantics, the stores, and the reading
//! of pages that works on every store.
//!
//! The traits are cut at atomic units, not at tables. [`Facts`] are the truth: they change in commits,
//! and a commit carries the jobs that it causes. [`Queue`] hands out those jobs. [`ReadModels`] are
//! what the jobs write and what pages are read from; all of them can be rebuilt from the facts.
//!
//! Nothing above this crate knows which store it has: it holds an `Arc<dyn Store>`.

mod clock;
mod error;
mod facts;
mod hydration;
mod queue;
mod read_models;

pub mod embedded;
pub mod home;
pub mod reading;
pub mod redis;
pub mod transfer;

pub use clock::Clock;
pub use error::{CommitError, StoreError};
pub use facts::{
    Committed, Facts, FollowLine, Idempotency, ImportCounts, ImportedPost, PostCommit, TokenHash,
    UserCounts,
};
pub use hydration::{Authored, Hydrated};
pub use queue::{
    Claim, DeadJob, Fate, LatencySummary, Lease, Queue, QueueLimits, Settlement, StageProgress,
    TierStats,
};
pub use read_models::{
    Delivery, FeedDocument, FeedFormat, FeedKey, Home, IndexWrite, Indexed, PULLED_AUTHORS_MAX,
    Pushed, ReadModels, Warming,
};

/// A store: everything that Ripple needs of one.
#[async_trait::async_trait]
pub trait Store: Facts + Queue + ReadModels {
    /// The clock by which the store makes ids and deadlines.
    fn clock(&self) -> &Clock;

    /// Resolves when the store can no longer keep its promises (a failed fsync, say), with the
    /// reason. The process must then end: from that moment on no commit succeeds.
    async fn failed(&self) -> String;

    /// Does the work that nobody waits for: cools home timelines that were not read for long, forgets
    /// idempotency keys older than 24 hours. To be called about once a minute; safe at any time, and
    /// from several processes.
    async fn housekeep(&self) -> Result<(), StoreError>;

    /// Whether the store can serve now; the error says what is wrong, for `/readyz`.
    async fn ready(&self) -> Result<(), StoreError>;

    /// Makes everything durable that was handed over so far. Later commits fail with
    /// [`StoreError::Unavailable`]. Call it last: once the store is dropped after it, another process
    /// can open it.
    async fn close(&self);
}
