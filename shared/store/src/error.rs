use std::sync::Arc;

use ripple_domain::{Tier, UserId};

/// A store could not answer. The variants name the operation that failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// Reading failed.
    #[error("reading {what} failed")]
    Read {
        /// What was read.
        what: &'static str,
        /// Why it failed.
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// A stored record cannot be understood: it was damaged, or written by a newer version.
    #[error("a stored {what} cannot be understood")]
    Corrupt {
        /// What was read.
        what: &'static str,
    },
    /// Writing failed, or the store has been closed or has failed before.
    #[error("the store takes no writes: {reason}")]
    Unavailable {
        /// Why, for the log.
        reason: String,
    },
    /// Too many others wait for the same; the same request may succeed after `retry_after_s`.
    #[error("too many requests wait")]
    Overloaded {
        /// Seconds to wait, at least 1.
        retry_after_s: u32,
    },
}

impl StoreError {
    /// `what` could not be read because of `source`.
    pub fn read(
        what: &'static str,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        Self::Read {
            what,
            source: Arc::new(source),
        }
    }
}

/// A commit was refused or failed. Nothing of it has happened, unless the variant says otherwise.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CommitError {
    /// Another user has the handle.
    #[error("the handle is taken")]
    HandleTaken,
    /// The user, post or token that the commit changes does not exist (any more).
    #[error("there is no such {what}")]
    NotFound {
        /// What does not exist.
        what: &'static str,
    },
    /// The user may not change this.
    #[error("user {user} may not change this")]
    Forbidden {
        /// Who tried.
        user: UserId,
    },
    /// The idempotency key was used before, with another request.
    #[error("the idempotency key was used with another request")]
    IdempotencyMismatch,
    /// The tier's backlog is at its bound, in jobs or in age.
    #[error("the backlog of the {tier} tier is full")]
    Backlog {
        /// The tier.
        tier: Tier,
        /// Seconds to wait, at least 1.
        retry_after_s: u32,
    },
    /// The store could not carry it out. After [`StoreError::Unavailable`] it is unknown whether the
    /// commit is durable; after the others nothing has happened.
    #[error(transparent)]
    Store(#[from] StoreError),
}
