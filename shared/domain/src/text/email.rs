//! E-mail addresses: their parts are no keywords.

use std::ops::Range;

use super::url::whole_labels_end;

/// The longest part before the `@` (RFC 5321).
const LOCAL_BYTES_MAX: usize = 64;

/// Where the e-mail addresses of `text` stand, in order, and whatever else is written alike: any host
/// counts.
pub(super) fn emails(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for (at, _) in text.match_indices('@') {
        let floor = found.last().map_or(0, |last| last.end);
        let local = text.as_bytes()[floor.min(at)..at]
            .iter()
            .rev()
            .take(LOCAL_BYTES_MAX)
            .take_while(|byte| byte.is_ascii_alphanumeric() || b"._%+-".contains(byte))
            .count();
        if local == 0 {
            continue;
        }
        let end = whole_labels_end(text, at + 1);
        if end > at + 1 {
            found.push(at - local..end);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_an_email_address() {
        for (text, emails_found) in [
            ("ada@example.com", &["ada@example.com"] as &[_]),
            (
                "<first.last+x@mail.example.co.uk>.",
                &["first.last+x@mail.example.co.uk"],
            ),
            ("は@example.com @example.com ada@ ada@.", &[]),
            (
                "ada@localhost. ada@b.nosuchtld",
                &["ada@localhost", "ada@b.nosuchtld"],
            ),
            ("a@b.com@c.org", &["a@b.com"]),
            ("a@bé a@b.com.é", &["a@b.com"]),
        ] {
            let found: Vec<_> = emails(text).into_iter().map(|range| &text[range]).collect();
            assert_eq!(found, emails_found, "{text}");
        }
    }
}
