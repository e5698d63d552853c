//! Feeds as JSON Feed 1.1 (<https://www.jsonfeed.org/version/1.1/>).

use serde::Serialize;

use super::{
    RenderError,
    entry::{Entry, Feed, Person},
};

#[derive(Serialize)]
struct Document<'a> {
    version: &'static str,
    title: &'a str,
    home_page_url: &'a str,
    feed_url: &'a str,
    description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    authors: Vec<Author<'a>>,
    items: Vec<Item<'a>>,
}

#[derive(Serialize)]
struct Author<'a> {
    name: &'a str,
    url: &'a str,
}

#[derive(Serialize)]
struct Item<'a> {
    id: &'a str,
    url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_url: Option<&'a str>,
    title: &'a str,
    content_html: &'a str,
    content_text: &'a str,
    date_published: String,
    date_modified: String,
    authors: Vec<Author<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'a str>,
}

pub(super) fn render(feed: &Feed) -> Result<Vec<u8>, RenderError> {
    let document = Document {
        version: "https://jsonfeed.org/version/1.1",
        title: &feed.title,
        home_page_url: &feed.page_url,
        feed_url: &feed.self_url,
        description: &feed.description,
        next_url: feed.next_url.as_deref(),
        authors: feed.author.iter().map(author).collect(),
        items: feed.entries.iter().map(item).collect(),
    };
    serde_json::to_vec(&document).map_err(|error| RenderError(error.to_string()))
}

fn item(entry: &Entry) -> Item<'_> {
    Item {
        id: &entry.id,
        url: &entry.url,
        external_url: entry.link.as_deref(),
        title: &entry.title,
        content_html: &entry.html,
        content_text: &entry.text,
        date_published: entry.published.to_string(),
        date_modified: entry.updated.to_string(),
        authors: vec![author(&entry.author)],
        tags: entry
            .categories
            .iter()
            .map(|category| category.label.as_str())
            .collect(),
        language: entry.language.as_deref(),
    }
}

fn author(person: &Person) -> Author<'_> {
    Author {
        name: &person.name,
        url: &person.url,
    }
}
