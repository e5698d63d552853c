use std::{any::Any, error::Error};

use async_trait::async_trait;
use ripple_store::{Claim, Fate, StageProgress, StoreError};

/// What a tier does with a batch of its jobs.
#[async_trait]
pub(crate) trait Handler: Send + Sync {
    /// Works on the claims and says what came of each, in their order. An error speaks for the whole
    /// batch: nothing is known of any job in it, and the loop tries them one by one. All work must
    /// be idempotent, because a batch that failed may have been done in part.
    async fn handle(&self, claims: &[Claim]) -> Result<Vec<Outcome>, AttemptError>;
}

/// What came of a job's attempt.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It went well and is to be settled.
    Settle {
        fate: Fate,
        progress: Option<StageProgress>,
        /// Places that were delivered to.
        deliveries: u64,
    },
    /// The store has settled it together with the work; `held` is false where the lease had ended.
    Settled { held: bool },
    /// It failed, and the others of its batch may not have.
    Failed(AttemptError),
}

/// An attempt failed. The variants name the operation.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AttemptError {
    #[error("reading the posts failed")]
    ReadPosts(#[source] StoreError),
    #[error("reading the author's follower count failed")]
    ReadCounts(#[source] StoreError),
    #[error("reading the receipt failed")]
    ReadReceipt(#[source] StoreError),
    #[error("entering the post in the recipients' inboxes failed")]
    PushInboxes(#[source] StoreError),
    #[error("pushing to the home timelines failed")]
    PushHome(#[source] StoreError),
    #[error("writing the indexes failed")]
    Index(#[source] StoreError),
    #[error("reading the log of posts failed")]
    ReadLog(#[source] StoreError),
    #[error("enqueueing jobs failed")]
    Enqueue(#[source] StoreError),
    #[error("this tier does no such work")]
    WrongKind,
    #[error("the attempt panicked: {0}")]
    Panicked(String),
    #[error("the attempt took longer than {0} ms")]
    TookTooLong(u64),
}

impl AttemptError {
    /// Whether the store could not be reached or was full, which says nothing about the job.
    pub(crate) fn is_outage(&self) -> bool {
        match self {
            Self::ReadPosts(error)
            | Self::ReadCounts(error)
            | Self::ReadReceipt(error)
            | Self::PushInboxes(error)
            | Self::PushHome(error)
            | Self::Index(error)
            | Self::ReadLog(error)
            | Self::Enqueue(error) => matches!(
                error,
                StoreError::Unavailable { .. } | StoreError::Overloaded { .. }
            ),
            Self::WrongKind | Self::Panicked(_) | Self::TookTooLong(_) => false,
        }
    }
}

/// An error with all its causes, for a log line or a dead letter.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// What a panic said.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
        .into()
}
