//! Stored records and their encoding: postcard, each in an enum whose first byte is the version, so
//! that a later version can add a variant and still read what this one wrote.

use ripple_domain::{Handle, Timestamp, User, UserId};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{StoreError, TokenHash};

/// Encodes a record.
pub(super) fn encode<T: Serialize>(record: &T) -> Result<Vec<u8>, StoreError> {
    postcard::to_allocvec(record).map_err(|error| StoreError::Unavailable {
        reason: format!("encoding a record: {error}"),
    })
}

/// Decodes a record of the kind `what`.
pub(super) fn decode<T: DeserializeOwned>(
    what: &'static str,
    bytes: &[u8],
) -> Result<T, StoreError> {
    postcard::from_bytes(bytes).map_err(|_| StoreError::Corrupt { what })
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum UserRecord {
    V1(User),
}

/// What belongs to a user who is to be created, so that anybody can complete it: it follows his record in
/// the proposal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum ProposalRecord {
    V1 {
        token: Option<TokenHash>,
        /// The request's idempotency key, and the hash of the request.
        idempotency: Option<([u8; 32], [u8; 32])>,
    },
}

/// What the idempotency key of a request that creates a user holds. The handle tells whether the user
/// with this id is the one who was created then.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum UserIdempotencyRecord {
    V1 {
        request: [u8; 32],
        used_at: Timestamp,
        id: UserId,
        handle: Handle,
    },
}
