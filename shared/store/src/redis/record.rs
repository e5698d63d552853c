//! Stored records and their encoding: postcard, each in an enum whose first byte is the version, so
//! that a later version can add a variant and still read what this one wrote.

use serde::{Serialize, de::DeserializeOwned};

use crate::StoreError;

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
