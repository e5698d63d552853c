//! Feeds as Atom (RFC 4287), paged as in RFC 5005.

use atom_syndication as atom;
use chrono::{DateTime, FixedOffset};
use ripple_domain::Timestamp;
use ripple_store::FeedFormat;

use super::{
    RenderError,
    address::media_type,
    entry::{Category, Entry, Feed, Person},
};

pub(super) fn render(feed: &Feed) -> Result<Vec<u8>, RenderError> {
    let pages = [
        ("first", &feed.first_url),
        ("previous", &feed.previous_url),
        ("next", &feed.next_url),
    ];
    let own = media_type(FeedFormat::Atom);
    let mut links = vec![
        link("self", &feed.self_url, Some(own)),
        link("alternate", &feed.page_url, Some("text/html")),
    ];
    for (rel, url) in pages {
        links.extend(url.as_ref().map(|url| link(rel, url, Some(own))));
    }
    let document = atom::Feed {
        title: atom::Text::plain(feed.title.as_str()),
        id: feed.id.clone(),
        updated: time(feed.updated),
        authors: feed.author.iter().map(person).collect(),
        generator: Some(atom::Generator {
            value: "Ripple".into(),
            version: Some(env!("CARGO_PKG_VERSION").into()),
            uri: None,
        }),
        links,
        subtitle: Some(atom::Text::plain(feed.description.as_str())),
        entries: feed.entries.iter().map(entry).collect(),
        ..atom::Feed::default()
    };
    document
        .write_to(Vec::new())
        .map_err(|error| RenderError(error.to_string()))
}

fn entry(entry: &Entry) -> atom::Entry {
    let mut links = vec![link("alternate", &entry.url, Some("text/html"))];
    links.extend(entry.link.as_ref().map(|url| link("related", url, None)));
    let original = entry.original.as_ref();
    links.extend(original.map(|original| link("via", &original.url, Some("text/html"))));
    atom::Entry {
        title: atom::Text {
            lang: entry.language.clone(),
            ..atom::Text::plain(entry.title.as_str())
        },
        id: entry.id.clone(),
        updated: time(entry.updated),
        authors: vec![person(&entry.author)],
        categories: entry.categories.iter().map(category).collect(),
        contributors: original
            .iter()
            .map(|original| person(&original.author))
            .collect(),
        links,
        published: Some(time(entry.published)),
        content: Some(atom::Content {
            lang: entry.language.clone(),
            value: Some(entry.html.clone()),
            content_type: Some("html".into()),
            ..atom::Content::default()
        }),
        ..atom::Entry::default()
    }
}

fn link(rel: &str, href: &str, mime_type: Option<&str>) -> atom::Link {
    atom::Link {
        href: href.into(),
        rel: rel.into(),
        mime_type: mime_type.map(Into::into),
        ..atom::Link::default()
    }
}

fn person(person: &Person) -> atom::Person {
    atom::Person {
        name: person.name.clone(),
        uri: Some(person.url.clone()),
        ..atom::Person::default()
    }
}

fn category(category: &Category) -> atom::Category {
    atom::Category {
        term: category.term.clone(),
        scheme: None,
        label: Some(category.label.clone()),
    }
}

fn time(time: Timestamp) -> DateTime<FixedOffset> {
    time.to_utc().fixed_offset()
}
