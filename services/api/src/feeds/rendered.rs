//! Tests of whole documents: what they look like, that they are well-formed and complete whatever the
//! posts hold.

use std::sync::Arc;

use insta::assert_snapshot;
use proptest::prelude::*;
use quick_xml::{
    Reader,
    escape::unescape,
    events::{BytesStart, Event},
};
use ripple_domain::{Post, PostId, User, Window};
use ripple_store::FeedFormat;
use serde_json::Value;

use super::{
    address::{FORMATS, Site},
    document::render,
    entry::Feed,
    listing::Listing,
    samples::{ada, every_kind, listed, listing, post},
    subject::Subject,
};

fn rendered(listing: &Listing, format: FeedFormat) -> String {
    let site = Site::new("https://ripple.example");
    let document = render(&Feed::new(&site, listing, format), format).unwrap();
    String::from_utf8(document).unwrap()
}

/// One element a line.
fn lines(xml: &str) -> String {
    xml.replace("><", ">\n<")
}

#[test]
fn every_kind_of_post() {
    let page = listing(Subject::Public, every_kind());
    assert_snapshot!("atom", lines(&rendered(&page, FeedFormat::Atom)));
    assert_snapshot!("rss", lines(&rendered(&page, FeedFormat::Rss)));
    let json: Value = serde_json::from_str(&rendered(&page, FeedFormat::Json)).unwrap();
    insta::assert_json_snapshot!("json", json);
}

#[test]
fn an_older_page_of_an_author() {
    let page = Listing {
        window: Window::of_page(Some(PostId::MAX), None),
        has_older: true,
        ..listing(
            Subject::Author(ada()),
            vec![listed(&ada(), post(&ada(), 1, "One"))],
        )
    };
    assert_snapshot!("atom_older", lines(&rendered(&page, FeedFormat::Atom)));
    assert_snapshot!("rss_older", lines(&rendered(&page, FeedFormat::Rss)));
    let json: Value = serde_json::from_str(&rendered(&page, FeedFormat::Json)).unwrap();
    insta::assert_json_snapshot!("json_older", json);
}

#[test]
fn a_feed_without_posts() {
    let page = listing(Subject::Tag("café".into()), vec![]);
    assert_snapshot!("atom_empty", lines(&rendered(&page, FeedFormat::Atom)));
    for format in FORMATS {
        check(&page, format);
    }
}

#[test]
fn an_edit_moves_the_time_and_nothing_else_of_the_identity() {
    let before = post(&ada(), 1, "Before");
    let after = Post {
        text: "After".into(),
        edited_at: Some(before.created_at().plus_ms(5_000)),
        revision: 1,
        ..before.clone()
    };
    let entry = |post: &Post| {
        let page = listing(Subject::Public, vec![listed(&ada(), post.clone())]);
        let feed = rendered(&page, FeedFormat::Atom);
        (page.fingerprint(), atom(&feed).entries.remove(0))
    };
    let ((print_before, before), (print_after, after)) = (entry(&before), entry(&after));
    assert_eq!((before.id, before.published), (after.id, after.published));
    assert_eq!((after.updated - before.updated).num_milliseconds(), 5_000);
    assert_ne!(print_before, print_after);
}

#[test]
fn a_page_that_got_an_older_one_is_another_document() {
    let last = listing(Subject::Public, every_kind());
    let not_last = Listing {
        has_older: true,
        ..last.clone()
    };
    assert_ne!(last.fingerprint(), not_last.fingerprint());
}

fn atom(text: &str) -> atom_syndication::Feed {
    atom_syndication::Feed::read_from(text.as_bytes()).unwrap()
}

fn is_xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// Reads XML as strictly as a reader may, and returns its elements as paths.
fn elements(xml: &str) -> Vec<String> {
    assert!(xml.chars().all(is_xml_char), "{xml:?}");
    let mut reader = Reader::from_str(xml);
    let config = reader.config_mut();
    config.check_end_names = true;
    config.check_comments = true;
    let (mut path, mut found) = (Vec::new(), Vec::new());
    let mut enter = |path: &[String], element: &BytesStart<'_>| {
        let name = element.name().as_ref().to_owned();
        for attribute in element.attributes().with_checks(true) {
            let attribute = attribute.unwrap();
            let value = attribute.value;
            assert!(!value.contains('<'), "{value}");
            assert!(unescape(&value).unwrap().chars().all(is_xml_char));
        }
        found.push([path, std::slice::from_ref(&name)].concat().join("/"));
        name
    };
    loop {
        match reader.read_event().unwrap() {
            Event::Start(element) => {
                let name = enter(&path, &element);
                path.push(name);
            }
            Event::Empty(element) => drop(enter(&path, &element)),
            Event::End(_) => drop(path.pop()),
            Event::Text(text) => assert!(!text.contains("]]>")),
            Event::GeneralRef(name) => {
                let reference = format!("&{};", &*name);
                assert!(unescape(&reference).unwrap().chars().all(is_xml_char));
            }
            Event::CData(_) | Event::Decl(_) => {}
            Event::Eof => break,
            other => panic!("{other:?}"),
        }
    }
    assert!(path.is_empty());
    found
}

fn count(elements: &[String], path: &str) -> usize {
    elements.iter().filter(|element| *element == path).count()
}

/// What every document of the format must have, whatever the posts hold.
fn check(page: &Listing, format: FeedFormat) {
    let document = rendered(page, format);
    let posts = page.posts.len();
    match format {
        FeedFormat::Atom => {
            let elements = elements(&document);
            for required in ["feed/id", "feed/title", "feed/updated"] {
                assert_eq!(count(&elements, required), 1, "{required}");
            }
            for required in [
                "id",
                "title",
                "updated",
                "published",
                "author/name",
                "content",
            ] {
                let path = format!("feed/entry/{required}");
                assert_eq!(count(&elements, &path), posts, "{path}");
            }
            let feed = atom(&document);
            assert_eq!(feed.entries.len(), posts);
            for entry in feed.entries {
                assert!(entry.id.starts_with("tag:ripple.example,2026-"));
                assert!(!entry.title.value.trim().is_empty());
                assert!(!entry.authors[0].name.trim().is_empty());
                assert!(entry.updated >= entry.published.unwrap());
                assert!(feed.updated >= entry.updated);
            }
        }
        FeedFormat::Rss => {
            let elements = elements(&document);
            for required in ["title", "link", "description"] {
                let path = format!("rss/channel/{required}");
                assert_eq!(count(&elements, &path), 1, "{path}");
            }
            for required in [
                "title",
                "link",
                "guid",
                "pubDate",
                "description",
                "dc:creator",
            ] {
                let path = format!("rss/channel/item/{required}");
                assert_eq!(count(&elements, &path), posts, "{path}");
            }
            let channel = rss::Channel::read_from(document.as_bytes()).unwrap();
            for item in channel.items {
                assert!(!item.title.unwrap().trim().is_empty());
                assert!(!item.guid.unwrap().permalink);
                chrono::DateTime::parse_from_rfc2822(&item.pub_date.unwrap()).unwrap();
            }
        }
        FeedFormat::Json => {
            let json: Value = serde_json::from_str(&document).unwrap();
            assert_eq!(json["version"], "https://jsonfeed.org/version/1.1");
            assert!(!json["title"].as_str().unwrap().is_empty());
            let items = json["items"].as_array().unwrap();
            assert_eq!(items.len(), posts);
            for item in items {
                for text in ["id", "url", "title", "content_html", "content_text"] {
                    let text = item[text].as_str().unwrap();
                    assert!(text.chars().all(is_xml_char));
                }
                for time in ["date_published", "date_modified"] {
                    chrono::DateTime::parse_from_rfc3339(item[time].as_str().unwrap()).unwrap();
                }
            }
        }
    }
}

/// Text of what is likely to break something, and of everything else.
fn any_text() -> impl Strategy<Value = String> {
    let nasty = prop::sample::select(vec![
        "]]>",
        "<![CDATA[",
        "<!--",
        "&",
        "&#0;",
        "&amp;",
        "<",
        ">",
        "\"",
        "'",
        "\r",
        "\n\n",
        "\0",
        "\u{fffe}",
        "\u{ffff}",
        "\u{1b}",
        "\u{85}",
        "\u{202e}",
        "\u{301}",
        "#tag",
        "＃東京",
        "@ada",
        "http://a.example/?x=\"<&'>",
        "https://",
        " ",
        "👩‍👩‍👧‍👦",
    ]);
    let anything = any::<char>().prop_map(String::from);
    let part = prop_oneof![nasty.prop_map(str::to_owned), anything, "[a-z]{1,100}"];
    prop::collection::vec(part, 0..40).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn documents_are_well_formed_and_complete(
        text in any_text(),
        name in any_text(),
        bio in any_text(),
        link in any_text(),
        language in any_text(),
        tag in any_text(),
        subject in 0..4,
    ) {
        let author = Arc::new(User { display_name: name, bio, ..(*ada()).clone() });
        let post = Post {
            link: Some(format!("http://a.example/{link}")),
            language: Some(language),
            ..post(&author, 1, &text)
        };
        let subject = match subject {
            0 => Subject::Public,
            1 => Subject::Tag(tag),
            2 => Subject::Keyword(tag),
            _ => Subject::Author(author.clone()),
        };
        let mut posts = every_kind();
        posts.push(listed(&author, post));
        let page = listing(subject, posts);
        for format in FORMATS {
            check(&page, format);
        }
    }
}
