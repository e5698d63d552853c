//! Feeds as RSS 2.0, with what it lacks borrowed from Atom and Dublin Core.

use std::collections::BTreeMap;

use ripple_domain::Timestamp;
use ripple_store::FeedFormat;
use rss::extension::{
    Extension, ExtensionMap,
    atom::{AtomExtension, Link},
    dublincore::DublinCoreExtension,
};

use super::{
    RenderError,
    address::media_type,
    entry::{Entry, Feed},
};

pub(super) fn render(feed: &Feed) -> Result<Vec<u8>, RenderError> {
    let pages = [
        ("first", &feed.first_url),
        ("previous", &feed.previous_url),
        ("next", &feed.next_url),
    ];
    let own = media_type(FeedFormat::Rss);
    let mut links = vec![link("self", &feed.self_url, Some(own))];
    for (rel, url) in pages {
        links.extend(url.as_ref().map(|url| link(rel, url, Some(own))));
    }
    let channel = rss::Channel {
        title: feed.title.clone(),
        link: feed.page_url.clone(),
        description: feed.description.clone(),
        last_build_date: Some(rfc_822(feed.updated)),
        generator: Some(concat!("Ripple ", env!("CARGO_PKG_VERSION")).into()),
        docs: Some("https://www.rssboard.org/rss-specification".into()),
        atom_ext: Some(AtomExtension { links }),
        items: feed.entries.iter().map(item).collect(),
        ..rss::Channel::default()
    };
    channel
        .write_to(Vec::new())
        .map_err(|error| RenderError(error.to_string()))
}

fn item(entry: &Entry) -> rss::Item {
    let mut links = Vec::new();
    links.extend(entry.link.as_ref().map(|url| link("related", url, None)));
    let original = entry.original.as_ref();
    links.extend(original.map(|original| link("via", &original.url, Some("text/html"))));
    rss::Item {
        title: Some(entry.title.clone()),
        link: Some(entry.url.clone()),
        description: Some(entry.html.clone()),
        categories: entry
            .categories
            .iter()
            .map(|category| rss::Category {
                name: category.label.clone(),
                domain: None,
            })
            .collect(),
        guid: Some(rss::Guid {
            value: entry.id.clone(),
            permalink: false,
        }),
        pub_date: Some(rfc_822(entry.published)),
        extensions: updated(entry.updated),
        atom_ext: (!links.is_empty()).then_some(AtomExtension { links }),
        // RSS's own author is an e-mail address, and nobody's is known here.
        dublin_core_ext: Some(DublinCoreExtension {
            creators: vec![entry.author.name.clone()],
            contributors: original
                .iter()
                .map(|original| original.author.name.clone())
                .collect(),
            languages: entry.language.iter().cloned().collect(),
            ..DublinCoreExtension::default()
        }),
        ..rss::Item::default()
    }
}

/// RSS has no time of the last change of an item.
fn updated(time: Timestamp) -> ExtensionMap {
    let element = Extension {
        name: "atom:updated".into(),
        value: Some(time.to_string()),
        ..Extension::default()
    };
    let elements = BTreeMap::from([("updated".into(), vec![element])]);
    BTreeMap::from([("atom".into(), elements)])
}

fn link(rel: &str, href: &str, mime_type: Option<&str>) -> Link {
    Link {
        href: href.into(),
        rel: rel.into(),
        mime_type: mime_type.map(Into::into),
        ..Link::default()
    }
}

/// A date of RFC 822 with the four digits of a year that RSS prefers.
fn rfc_822(time: Timestamp) -> String {
    time.to_utc()
        .format("%a, %d %b %Y %H:%M:%S GMT")
        .to_string()
}
