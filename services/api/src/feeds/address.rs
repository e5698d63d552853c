//! Addresses: where pages, feeds and posts are found, and the ids by which feeds name them for good.

use std::{net::Ipv6Addr, sync::Arc};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use ripple_domain::{Handle, PostId};
use ripple_store::FeedFormat;
use url::{Host, Url};

use crate::topics::path_segment;

/// The year in which the ids of feeds were laid down. It is a part of the ids: a feed with another
/// id is another feed to its readers.
const FEED_IDS_SINCE: &str = "2026";

/// Every feed format.
pub(crate) const FORMATS: [FeedFormat; 3] = [FeedFormat::Atom, FeedFormat::Rss, FeedFormat::Json];

/// The last part of a feed's path.
pub(crate) const fn document_name(format: FeedFormat) -> &'static str {
    match format {
        FeedFormat::Atom => "feed.atom",
        FeedFormat::Rss => "feed.rss",
        FeedFormat::Json => "feed.json",
    }
}

/// The media type of a feed in links.
pub(crate) const fn media_type(format: FeedFormat) -> &'static str {
    match format {
        FeedFormat::Atom => "application/atom+xml",
        FeedFormat::Rss => "application/rss+xml",
        FeedFormat::Json => "application/feed+json",
    }
}

/// The name of a format, as shown to people.
pub(crate) const fn format_name(format: FeedFormat) -> &'static str {
    match format {
        FeedFormat::Atom => "Atom",
        FeedFormat::Rss => "RSS",
        FeedFormat::Json => "JSON Feed",
    }
}

/// The path of a tag's page.
pub(crate) fn tag_path(folded: &str) -> String {
    format!("/tags/{}", path_segment(folded))
}

/// The path of a keyword's page.
pub(crate) fn keyword_path(folded: &str) -> String {
    format!("/keywords/{}", path_segment(folded))
}

/// The path of a user's page.
pub(crate) fn user_path(handle: &Handle) -> String {
    format!("/users/{handle}")
}

/// The path of a post's page.
pub(crate) fn post_path(id: PostId) -> String {
    format!("/posts/{id}")
}

/// The address under which readers reach this server.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    base_url: Arc<str>,
    host: String,
    authority: String,
    path_prefix: String,
}

impl Site {
    /// The site at `public_url`.
    pub(crate) fn new(public_url: &str) -> Self {
        let base_url = public_url.trim_end_matches('/');
        let url = Url::parse(base_url).ok();
        let host = url.as_ref().and_then(Url::host);
        let authority = match &host {
            Some(Host::Domain(name)) => name.to_ascii_lowercase(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => reverse_name(*address),
            None => "localhost".into(),
        };
        let path = url.as_ref().map_or("", Url::path);
        Self {
            base_url: base_url.into(),
            host: host.map_or_else(|| "localhost".into(), |host| host.to_string()),
            authority,
            path_prefix: path.trim_end_matches('/').into(),
        }
    }

    /// What every address of the site begins with; no slash at the end.
    pub(crate) fn base_url(&self) -> &Arc<str> {
        &self.base_url
    }

    /// The host, as shown to people.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// What every path of the site begins with, as a browser asks for it; no slash at the end.
    pub(crate) fn path_prefix(&self) -> &str {
        &self.path_prefix
    }

    /// The address of `path`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }

    /// The `tag:` id (RFC 4151) of a post: it depends on what never changes with an edit.
    pub(crate) fn post_tag(&self, id: PostId) -> String {
        let day = id.time().to_utc().format("%Y-%m-%d");
        format!("tag:{},{day}:posts/{id}", self.authority)
    }

    /// The `tag:` id of what is at `path` for good.
    pub(crate) fn feed_tag(&self, path: &str) -> String {
        let name = path.trim_start_matches('/');
        format!("tag:{},{FEED_IDS_SINCE}:{name}", self.authority)
    }
}

/// A `tag:` id is made of a DNS name, which cannot hold an IPv6 address but in its reverse form
/// (RFC 3596).
fn reverse_name(address: Ipv6Addr) -> String {
    let mut name = String::with_capacity(72);
    for byte in address.octets().into_iter().rev() {
        name.push_str(&format!("{:x}.{:x}.", byte & 0xf, byte >> 4));
    }
    name + "ip6.arpa"
}

/// An `http` or `https` address in the characters that RFC 3986 allows: `url` keeps some that feed
/// readers and validators refuse. `None` where it is no such address.
pub(crate) fn strict_url(text: &str) -> Option<String> {
    let url = Url::parse(text.trim()).ok()?;
    let host = url.host_str()?;
    let is_web = matches!(url.scheme(), "http" | "https");
    let host_fits = match url.host()? {
        Host::Domain(name) => name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b)),
        Host::Ipv4(_) | Host::Ipv6(_) => true,
    };
    // A user's name in an address is a trick more often than a need.
    let has_user = !url.username().is_empty() || url.password().is_some();
    if !is_web || !host_fits || has_user {
        return None;
    }
    let port = url.port().map_or(String::new(), |port| format!(":{port}"));
    let rest = &url[url::Position::BeforePath..];
    Some(format!(
        "{}://{host}{port}{}",
        url.scheme(),
        strict_rest(rest)
    ))
}

/// Encodes what may not stand in a path, query or fragment, and a `%` that begins no encoding.
fn strict_rest(rest: &str) -> String {
    let mut strict = String::with_capacity(rest.len());
    let mut fragment = false;
    for (at, c) in rest.char_indices() {
        let is_encoding = || {
            let digits = rest.as_bytes().get(at + 1..at + 3);
            digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
        };
        let fits = match c {
            '%' => is_encoding(),
            '#' => !std::mem::replace(&mut fragment, true),
            _ => c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@/?".contains(c),
        };
        if fits {
            strict.push(c);
        } else {
            strict.extend(utf8_percent_encode(
                c.encode_utf8(&mut [0; 4]),
                NON_ALPHANUMERIC,
            ));
        }
    }
    strict
}

#[cfg(test)]
mod tests {
    use ripple_domain::Timestamp;

    use super::*;

    fn post_id() -> PostId {
        PostId::compose(Timestamp::from_ms(1_772_366_400_123), 0, 0).unwrap()
    }

    #[test]
    fn ids_name_the_host_and_the_day() {
        let site = Site::new("https://Social.Example:8443/ripple/");
        assert_eq!(
            site.post_tag(post_id()),
            format!("tag:social.example,2026-03-01:posts/{}", post_id())
        );
        assert_eq!(
            site.feed_tag("/tags/caf%C3%A9"),
            "tag:social.example,2026:tags/caf%C3%A9"
        );
        assert_eq!(site.path_prefix(), "/ripple");
        assert_eq!(site.url("/x"), "https://Social.Example:8443/ripple/x");
    }

    #[test]
    fn an_address_in_place_of_a_name_still_makes_an_id() {
        assert_eq!(
            Site::new("http://127.0.0.1:8080").feed_tag("/public"),
            "tag:127.0.0.1,2026:public"
        );
        let id = Site::new("http://[::1]:8080").feed_tag("/public");
        assert!(id.starts_with("tag:1.0.0.0.") && id.ends_with(".ip6.arpa,2026:public"));
    }

    #[test]
    fn parts_of_paths_are_encoded() {
        assert_eq!(tag_path("café/../x?#"), "/tags/caf%C3%A9%2F..%2Fx%3F%23");
    }

    #[test]
    fn links_are_held_to_rfc_3986() {
        for (given, strict) in [
            ("https://example.org", Some("https://example.org/")),
            (
                "http://example.org/a|b[c]^`{}\"<>?q=|[]#f#g",
                Some("http://example.org/a%7Cb%5Bc%5D%5E%60%7B%7D%22%3C%3E?q=%7C%5B%5D#f%23g"),
            ),
            (
                "http://example.org/100%/%zz/%41",
                Some("http://example.org/100%25/%25zz/%41"),
            ),
            ("http://[::1]:81/x", Some("http://[::1]:81/x")),
            (
                "https://東京.example/日本",
                Some("https://xn--1lqs71d.example/%E6%97%A5%E6%9C%AC"),
            ),
            ("javascript:alert(1)", None),
            ("http://a{b/", None),
            ("http://paypal.com@evil.example/", None),
            ("mailto:a@b.c", None),
            ("", None),
        ] {
            assert_eq!(strict_url(given).as_deref(), strict, "{given}");
        }
    }
}
