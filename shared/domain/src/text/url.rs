//! Addresses: `http://…`, `https://…`, and domains without a scheme under a top-level domain that
//! exists.

mod domain;
mod tail;

use std::ops::Range;

use super::char_class::{base_before, is_latin};

pub(super) use domain::{domain_end, whole_labels_end};

/// Where the addresses of `text` stand, in order, as ranges of bytes. Punctuation behind an address
/// and parentheses that it does not pair are no part of it.
///
/// With a scheme any host counts, also `localhost`. An e-mail address is none.
pub fn urls(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let bytes = text.as_bytes();
    let mut settled = 0; // where the last address ends
    let mut run = 0; // where the run of characters of a domain around `i` begins
    let mut i = 0;
    while i < bytes.len() {
        let (end, url) = match bytes[i] {
            b':' if bytes[i..].starts_with(b"://") => (i + 3, with_scheme(text, settled, i)),
            b'.' => (domain::run_end(text, run), without_scheme(text, run)),
            byte => {
                i += 1;
                if !domain::is_domain_byte(byte) {
                    run = i;
                }
                continue;
            }
        };
        i = end;
        if let Some(url) = url {
            i = url.end;
            settled = i;
            found.push(url);
        }
        run = i;
    }
    found
}

/// The address whose `://` stands at `colon`, if it does not reach back before `floor`.
fn with_scheme(text: &str, floor: usize, colon: usize) -> Option<Range<usize>> {
    let before = &text.as_bytes()[floor..colon];
    let ends_with = |scheme: &[u8]| {
        before.len() >= scheme.len()
            && before[before.len() - scheme.len()..].eq_ignore_ascii_case(scheme)
    };
    let length = if ends_with(b"https") {
        5
    } else if ends_with(b"http") {
        4
    } else {
        return None;
    };
    let start = colon - length;
    if !may_begin(text, start) {
        return None;
    }
    let host_end = domain::host_end(text, colon + 3)?;
    Some(start..tail::end(text, host_end))
}

/// The address without a scheme whose domain begins at `start`.
fn without_scheme(text: &str, start: usize) -> Option<Range<usize>> {
    let goes_on = base_before(text, start).is_some_and(|c| c == '/');
    if goes_on || !may_begin(text, start) {
        return None;
    }
    let end = domain_end(text, start)?;
    // `finished.It` is a missing space and no domain in the country `it`.
    let tld = text[start..end].rsplit('.').next()?;
    let titlecase =
        tld.as_bytes()[0].is_ascii_uppercase() && tld[1..] == tld[1..].to_ascii_lowercase();
    if titlecase {
        return None;
    }
    let ends_run = end == domain::run_end(text, start);
    Some(start..if ends_run { tail::end(text, end) } else { end })
}

/// Whether an address may begin at `start`: not within a word in Latin letters, nor as the rest of
/// an e-mail address, a tag or a cashtag.
fn may_begin(text: &str, start: usize) -> bool {
    base_before(text, start)
        .is_none_or(|c| !is_latin(c) && !matches!(c, '@' | '＠' | '#' | '＃' | '$'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        urls(text).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn with_a_scheme() {
        for url in [
            "http://example.com",
            "https://example.com/",
            "HTTPS://EXAMPLE.COM/Path",
            "http://localhost:8080/a",
            "http://192.168.0.1",
            "http://[::1]:8080/x",
            "http://example.com/#fragment",
            "http://example.com#fragment",
            "http://example.com?q=1&r=%20#f",
            "http://example.com/wiki/Ripple_(water)",
            "http://example.com/a_(b_(c))/d",
            "http://example.com/~ada/+%ff-x",
            "http://example.com/слова/été",
            "http://example.com/Hatfield–McCoy",
            "http://example.com/@ada/1",
            "http://münchen.example/straße",
            "http://✪df.ws/e",
            "http://foobar.みんな/",
            "http://あ-あ.com",
        ] {
            assert_eq!(found(url), [url]);
            assert_eq!(found(&format!("see ({url}), or")), [url], "in parentheses");
            assert_eq!(
                found(&format!("日本語{url} 日本語")),
                [url],
                "after Japanese"
            );
            assert_eq!(found(&format!("\"{url}\".")), [url], "in quotes");
        }
    }

    #[test]
    fn without_a_scheme() {
        for (text, urls) in [
            ("example.com", &["example.com"] as &[_]),
            (
                "www.example.co.uk, foo.jp.",
                &["www.example.co.uk", "foo.jp"],
            ),
            ("これはexample.com/pathです", &["example.com/path"]),
            ("example.com:8080/x?", &["example.com:8080/x"]),
            ("EXAMPLE.COM", &["EXAMPLE.COM"]),
            ("example.com.nosuchtld", &["example.com"]),
            ("foo.nosuchtld", &[]),
            ("the end.It was", &[]),
            ("ada@example.com", &[]),
            ("＠example.com #example.com $example.com", &[]),
            ("/example.com -example.com .example.com", &[]),
            ("3.14 e.g. U.S.A. ...", &[]),
            ("exámple.com", &[]),
            ("example.comé", &[]),
            ("example.com-x example.com+x example.com@x", &[]),
        ] {
            assert_eq!(found(text), urls, "{text}");
        }
    }

    #[test]
    fn where_an_address_ends() {
        for (text, url) in [
            ("http://example.com/これは", "http://example.com/"),
            ("http://example.comこれは", "http://example.com"),
            ("http://localhostで", "http://localhost"),
            ("http://example.com/에서", "http://example.com/"),
            ("http://example.com.", "http://example.com"),
            ("http://example.com/a...", "http://example.com/a"),
            ("http://example.com/a!?", "http://example.com/a"),
            ("http://example.com/a)b", "http://example.com/a"),
            ("http://example.com/a(b", "http://example.com/a"),
            ("[x](http://example.com/a)", "http://example.com/a"),
            ("<http://example.com/a>", "http://example.com/a"),
            ("http://example.com/a…", "http://example.com/a"),
            ("http://example.com/a،", "http://example.com/a"),
            ("http://example.com/a\u{202C}", "http://example.com/a"),
            ("http://example.com/=\u{338}x", "http://example.com/"),
        ] {
            assert_eq!(found(text), [url], "{text}");
        }
    }

    #[test]
    fn what_is_no_address() {
        for text in [
            "http://",
            "http:// example",
            "://",
            "ftp://example",
            "xhttp://example",
            "#http://a",
            "@http://a",
            "http://.",
            "http://-",
            "http://[",
            "http://[]",
            "http:/example",
        ] {
            assert_eq!(found(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn one_behind_the_other() {
        assert_eq!(
            found("http://a.example/http://b.example http://c http://http://d.com foo.http://e"),
            [
                "http://a.example/http://b.example",
                "http://c",
                "http://http",
                "http://e"
            ]
        );
    }
}
