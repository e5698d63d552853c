//! What the errors of a store become. It stands here alone.

use ripple_store::{CommitError, StoreError};

use super::{Problem, ProblemKind};

/// An error with those that caused it, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

/// Seconds after which a client may ask again when the store cannot say.
const RETRY_AFTER_S: u32 = 5;

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let cause = chain(&error);
        match error {
            StoreError::Overloaded { retry_after_s } => {
                Self::overloaded("too many requests wait", retry_after_s)
            }
            StoreError::Unavailable { .. } => {
                Self::overloaded("the server takes no writes now", RETRY_AFTER_S)
            }
            StoreError::Read { .. } | StoreError::Corrupt { .. } => {
                return Self::internal(cause);
            }
        }
        .caused_by(cause)
    }
}

impl From<CommitError> for Problem {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::HandleTaken => {
                Self::new(ProblemKind::HandleTaken, "another user has this handle")
            }
            CommitError::NotFound { what } => Self::not_found(what),
            CommitError::Forbidden { .. } => Self::forbidden("this belongs to another user"),
            CommitError::IdempotencyMismatch => Self::new(
                ProblemKind::KeyReused,
                "the same Idempotency-Key came with another body before",
            ),
            CommitError::Backlog {
                tier,
                retry_after_s,
            } => Self::overloaded(format!("too much waits in the {tier} tier"), retry_after_s),
            CommitError::Store(error) => error.into(),
        }
    }
}
