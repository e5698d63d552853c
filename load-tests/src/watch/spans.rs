//! When posts must come to a reader with an open stream.

use std::time::Instant;

use super::look::FOLLOWERS_TIME_MAX;

/// A time in which a reader's posts must come to him.
#[derive(Clone, Copy, Debug)]
struct Span {
    from: Instant,
    /// Nothing where it does not end: the stream is open, or can be resumed without a gap.
    to: Option<Instant>,
}

/// When a reader's posts must come to him.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spans(Vec<Span>);

impl Spans {
    /// The stream is open from now on. Where it can be resumed it was never left.
    pub(super) fn open(&mut self, from: Instant) {
        if self.0.last().is_none_or(|span| span.to.is_some()) {
            self.0.push(Span { from, to: None });
        }
    }

    /// The stream broke off, and cannot be resumed.
    pub(super) fn close(&mut self, to: Instant) {
        if let Some(span) = self.0.last_mut() {
            span.to.get_or_insert(to);
        }
    }

    /// Whether a post that was accepted then must come. Not where the stream broke off within the time that
    /// a post may take, and the reader had nothing yet that he could resume from.
    pub(crate) fn expect(&self, accepted: Instant) -> bool {
        self.0.iter().any(|span| {
            let is_long = span.to.is_none_or(|to| to >= accepted + FOLLOWERS_TIME_MAX);
            span.from <= accepted && is_long
        })
    }

    #[cfg(test)]
    pub(super) fn are_closed(&self) -> Vec<bool> {
        self.0.iter().map(|span| span.to.is_some()).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn posts_are_expected_while_a_stream_is_open_or_can_be_resumed() {
        let at = |s| Instant::now() + Duration::from_secs(s);
        let mut spans = Spans::default();
        assert!(!spans.expect(at(5)));
        spans.open(at(10));
        spans.close(at(30));
        spans.open(at(40));
        // What is resumed was not left.
        spans.open(at(50));
        let expected = [5, 15, 25, 35, 45, 500].map(|s| spans.expect(at(s)));
        assert_eq!(expected, [false, true, false, false, true, true]);
    }
}
