//! Conditional requests (RFC 9110, section 13).

use std::time::{Duration, SystemTime};

use axum::http::{HeaderMap, header};
use headers::{ETag, HeaderMapExt, IfModifiedSince, IfNoneMatch, LastModified};
use ripple_domain::Timestamp;

/// The last second that an HTTP date can write.
const SECONDS_MAX: u64 = 253_402_300_799;

/// What a document of this moment answers a conditional request with.
#[derive(Clone, Debug)]
pub(super) struct Validators {
    /// Names the bytes.
    pub(super) etag: ETag,
    /// When they last changed, as it may be told now; `None` where it is not known.
    pub(super) last_modified: Option<SystemTime>,
}

impl Validators {
    /// Whether the client has these bytes. `If-Modified-Since` counts only without `If-None-Match`.
    pub(super) fn client_has_it(&self, request: &HeaderMap) -> bool {
        if request.contains_key(header::IF_NONE_MATCH) {
            let matches = request.typed_get::<IfNoneMatch>();
            return matches.is_some_and(|matches| !matches.precondition_passes(&self.etag));
        }
        match (request.typed_get::<IfModifiedSince>(), self.last_modified) {
            (Some(since), Some(last_modified)) => !since.is_modified(last_modified),
            _ => false,
        }
    }

    /// Adds them to an answer.
    pub(super) fn write(&self, response: &mut HeaderMap) {
        response.typed_insert(self.etag.clone());
        if let Some(last_modified) = self.last_modified {
            response.typed_insert(LastModified::from(last_modified));
        }
    }
}

/// The time of the last change as it may be told at `now`, in whole seconds.
///
/// A date names a whole second, and there may be another change within it. So a change of this very
/// second (or of a time to come: clocks are set back) is told as one of the second before: a client
/// that comes back with this date gets the document once more rather than never.
pub(super) fn told(last_modified: Timestamp, now: Timestamp) -> SystemTime {
    let changed = seconds(last_modified);
    let latest = seconds(now).saturating_sub(1);
    SystemTime::UNIX_EPOCH + Duration::from_secs(changed.min(latest))
}

/// When the bytes that replace those of `before` count as changed: never within the same second,
/// whatever the clock does.
pub(super) fn changed_at(now: Timestamp, before: Option<Timestamp>) -> Timestamp {
    let Some(before) = before else { return now };
    let next_second =
        Timestamp::from_ms(before.as_ms() - before.as_ms().rem_euclid(1_000)).plus_ms(1_000);
    now.max(next_second)
}

fn seconds(time: Timestamp) -> u64 {
    (time.ms_since(Timestamp::from_ms(0)) / 1_000).min(SECONDS_MAX)
}
