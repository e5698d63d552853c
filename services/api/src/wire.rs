//! How ids and times are written in JSON: ids as strings of decimal digits, times as RFC 3339 in UTC
//! with milliseconds.

use ripple_domain::{JobId, PostId, Timestamp, UserId};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

/// An id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, pattern = "^[0-9]+$", example = "1747382400123")]
pub(crate) struct Id(u64);

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl From<PostId> for Id {
    fn from(id: PostId) -> Self {
        Self(id.0)
    }
}

impl From<UserId> for Id {
    fn from(id: UserId) -> Self {
        Self(id.0.into())
    }
}

impl From<JobId> for Id {
    fn from(id: JobId) -> Self {
        Self(id.0)
    }
}

/// A moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, format = DateTime, example = "2026-03-01T12:00:00.000Z")]
pub(crate) struct Time(pub(crate) Timestamp);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl From<Timestamp> for Time {
    fn from(time: Timestamp) -> Self {
        Self(time)
    }
}
