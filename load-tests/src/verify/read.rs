//! Reads a page to below the first post of the run, and a feed's document.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    expected::{Kind, Page},
    walk::{Found, Item, Walk},
};
use crate::{
    api::Api,
    generate::{ledger::text_hash, people::People},
};

/// How often a page is asked for again that was refused or not answered, and the pause before.
const TRIES_MAX: u32 = 20;
const PAUSE: Duration = Duration::from_millis(250);
/// Posts of the public page that are read: the newest so many of a long run.
const PUBLIC_MAX: usize = 50_000;
/// Posts of a feed's first document.
const FEED_POSTS: usize = 50;

#[derive(Deserialize)]
struct PageJson {
    items: Vec<PostJson>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct PostJson {
    id: String,
    text: String,
}

/// A JSON Feed.
#[derive(Deserialize)]
struct FeedJson {
    items: Vec<EntryJson>,
}

#[derive(Deserialize)]
struct EntryJson {
    /// A URI whose last segment is the post's id.
    id: String,
    content_text: String,
}

/// All posts of a page down to the post `floor`. What cannot be read is not there: its posts are missing.
pub(super) async fn all(api: &Api, people: &People, page: &Page, floor: u64) -> Found {
    match page.kind {
        Kind::Feed(_) => feed(api, people, page, floor).await,
        Kind::Public => pages(api, people, page, Walk::new(floor, PUBLIC_MAX)).await,
        _ => pages(api, people, page, Walk::new(floor, usize::MAX)).await,
    }
}

async fn pages(api: &Api, people: &People, page: &Page, mut walk: Walk) -> Found {
    let mut next = Some(format!("{}?limit=100", page.path));
    while let Some(path) = next {
        let Some(read) = read::<PageJson>(api, people, page, &path).await else {
            break;
        };
        let items = read.items.iter().filter_map(|post| {
            Some(Item {
                id: post.id.parse().ok()?,
                text: text_hash(&post.text),
            })
        });
        walk.add(items);
        next = read.next.filter(|next| walk.goes_on(next));
    }
    walk.end()
}

/// The newest posts of a feed, whose first document has so many of them or all.
async fn feed(api: &Api, people: &People, page: &Page, floor: u64) -> Found {
    let mut walk = Walk::new(floor, FEED_POSTS);
    if let Some(read) = read::<FeedJson>(api, people, page, &page.path).await {
        let entries = read.items.iter().filter_map(|entry| {
            let (_, id) = entry.id.rsplit_once('/')?;
            Some(Item {
                id: id.parse().ok()?,
                text: text_hash(&entry.content_text),
            })
        });
        walk.add(entries);
    }
    walk.end()
}

async fn read<T: DeserializeOwned>(
    api: &Api,
    people: &People,
    page: &Page,
    path: &str,
) -> Option<T> {
    for _ in 0..TRIES_MAX {
        let request = match page.kind {
            Kind::Home(reader) => api.of(people.token(reader)?, Method::GET, path),
            _ => api.request(Method::GET, path),
        };
        match request.send().await {
            Ok(answer) if answer.status().is_success() => return answer.json().await.ok(),
            // There never was a post with it.
            Ok(answer) if answer.status() == StatusCode::NOT_FOUND => return None,
            Ok(_) | Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
    None
}
