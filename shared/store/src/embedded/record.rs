//! Stored records and their encoding: postcard, each in an enum whose first byte is the version, so
//! that a later version can add a variant and still read what this one wrote.

use std::sync::Arc;

use fjall::Slice;
use ripple_domain::{Job, Post, Stage, Timestamp, Topic, User, UserId};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::StoreError;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum UserRecord {
    V1(User),
}

/// A post, or what is left of one that was deleted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum PostRecord {
    V1(Arc<Post>),
    DeletedV1 {
        author: UserId,
        deleted_at: Timestamp,
    },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum IdempotencyRecord {
    V1 {
        request: [u8; 32],
        used_at: Timestamp,
        answer: Answer,
    },
}

/// What a request with an idempotency key was answered with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    Post(Arc<Post>),
    User(UserId),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum JobRecord {
    V1 {
        job: Job,
        /// Its place in the queue: its deadline, or later when the rest of it went to the tail.
        order: Timestamp,
        not_before: Option<Timestamp>,
    },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum DeadRecord {
    V1 {
        job: Job,
        error: String,
        dead_at: Timestamp,
    },
}

/// What the indexes hold of a post.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum IndexedRecord {
    V1 { revision: u32, topics: Vec<Topic> },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum StageRecord {
    V1 {
        author_done_at: Timestamp,
        stage: Stage,
    },
}

/// Encodes a record.
pub(super) fn encode<T: Serialize>(record: &T) -> Result<Slice, StoreError> {
    let bytes = postcard::to_allocvec(record).map_err(|error| StoreError::Unavailable {
        reason: format!("encoding a record: {error}"),
    })?;
    Ok(bytes.into())
}

/// Decodes a record of the kind `what`.
pub(super) fn decode<T: DeserializeOwned>(
    what: &'static str,
    bytes: &[u8],
) -> Result<T, StoreError> {
    postcard::from_bytes(bytes).map_err(|_| StoreError::Corrupt { what })
}

/// A user id as it is stored by itself.
pub(super) fn decode_user_id(what: &'static str, bytes: &[u8]) -> Result<UserId, StoreError> {
    let bytes = bytes.try_into().map_err(|_| StoreError::Corrupt { what })?;
    Ok(UserId(u32::from_be_bytes(bytes)))
}
