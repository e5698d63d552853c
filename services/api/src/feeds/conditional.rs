//! Conditional requests (RFC 9110, section 13).

use std::time::{Duration, SystemTime};

use axum::http::{HeaderMap, header};
use headers::{ETag, HeaderMapExt, IfModifiedSince, IfNoneMatch, LastModified};
use ripple_domain::Timestamp;

/// The last second that an HTTP date can write.
const SECONDS_MAX: u64 = 253_402_300_799;

/// What a document answers a conditional request with.
#[derive(Clone, Debug)]
pub(super) struct Validators {
    /// Names the bytes.
    pub(super) etag: ETag,
    /// When they last changed; `None` where it is not known.
    pub(super) changed: Option<Timestamp>,
}

impl Validators {
    /// Whether the client has these bytes. `If-Modified-Since` counts only without `If-None-Match`.
    pub(super) fn client_has_it(&self, request: &HeaderMap) -> bool {
        if request.contains_key(header::IF_NONE_MATCH) {
            let matches = request.typed_get::<IfNoneMatch>();
            return matches.is_some_and(|matches| !matches.precondition_passes(&self.etag));
        }
        match (request.typed_get::<IfModifiedSince>(), self.changed) {
            (Some(since), Some(changed)) => !since.is_modified(date(seconds(changed))),
            _ => false,
        }
    }

    /// Adds them to an answer that is given at `now`.
    ///
    /// A date names a whole second, and there may be another change within it. So a change of this
    /// very second (or of a time to come: clocks are set back) is told as one of the second before: a
    /// client that comes back with this date gets the document once more rather than never.
    pub(super) fn write(&self, response: &mut HeaderMap, now: Timestamp) {
        response.typed_insert(self.etag.clone());
        if let Some(changed) = self.changed {
            let told = seconds(changed).min(seconds(now).saturating_sub(1));
            response.typed_insert(LastModified::from(date(told)));
        }
    }
}

/// When the bytes that replace those of `before` count as changed: never within the same second,
/// whatever the clock does.
pub(super) fn changed_at(now: Timestamp, before: Option<Timestamp>) -> Timestamp {
    let Some(before) = before else { return now };
    let next_second =
        Timestamp::from_ms(before.as_ms() - before.as_ms().rem_euclid(1_000)).plus_ms(1_000);
    now.max(next_second)
}

fn date(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn seconds(time: Timestamp) -> u64 {
    (time.ms_since(Timestamp::from_ms(0)) / 1_000).min(SECONDS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A whole second.
    const THEN: Timestamp = Timestamp::from_ms(1_772_366_400_000);

    fn validators(changed: Timestamp) -> Validators {
        Validators {
            etag: "\"a\"".parse().unwrap(),
            changed: Some(changed),
        }
    }

    fn request(headers: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = headers.iter();
        pairs
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect()
    }

    /// The date that an answer tells.
    fn told(changed: Timestamp, now: Timestamp) -> String {
        let mut headers = HeaderMap::new();
        validators(changed).write(&mut headers, now);
        headers["last-modified"].to_str().unwrap().to_owned()
    }

    #[test]
    fn if_none_match_decides_where_it_is_given() {
        let has_it = |headers: &[_]| validators(THEN).client_has_it(&request(headers));
        let later = "Sun, 01 Mar 2027 12:00:00 GMT";
        assert!(has_it(&[("if-none-match", "\"b\", W/\"a\"")]));
        assert!(has_it(&[("if-none-match", "*")]));
        assert!(!has_it(&[("if-none-match", "\"b\"")]));
        assert!(!has_it(&[
            ("if-none-match", "\"b\""),
            ("if-modified-since", later)
        ]));
        assert!(!has_it(&[
            ("if-none-match", "nonsense"),
            ("if-modified-since", later)
        ]));
        assert!(!has_it(&[]));
    }

    #[test]
    fn if_modified_since_counts_whole_seconds() {
        let has_it = |changed, since| {
            validators(changed).client_has_it(&request(&[("if-modified-since", since)]))
        };
        assert!(has_it(THEN, "Sun, 01 Mar 2026 12:00:00 GMT"));
        assert!(has_it(THEN.plus_ms(999), "Sun, 01 Mar 2026 12:00:00 GMT"));
        assert!(!has_it(THEN, "Sun, 01 Mar 2026 11:59:59 GMT"));
        assert!(!has_it(THEN, "yesterday"));
    }

    #[test]
    fn two_changes_within_a_second_are_told_apart() {
        let first = changed_at(THEN.plus_ms(200), None);
        let date = told(first, THEN.plus_ms(300));
        let second = changed_at(THEN.plus_ms(700), Some(first));
        let since = request(&[("if-modified-since", &date)]);
        assert!(!validators(second).client_has_it(&since));
        // The same with a clock that was set back in between.
        let second = changed_at(THEN.plus_ms(-60_000), Some(first));
        assert!(!validators(second).client_has_it(&since));
    }

    #[test]
    fn no_date_lies_in_the_future() {
        assert_eq!(
            told(THEN, THEN.plus_ms(5_000)),
            "Sun, 01 Mar 2026 12:00:00 GMT"
        );
        assert_eq!(
            told(THEN.plus_ms(9_000), THEN),
            "Sun, 01 Mar 2026 11:59:59 GMT"
        );
        // What a damaged clock gives must not end the process.
        told(Timestamp::from_ms(i64::MAX), Timestamp::from_ms(i64::MAX));
        told(Timestamp::from_ms(i64::MIN), Timestamp::from_ms(i64::MIN));
    }
}
