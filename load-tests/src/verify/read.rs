//! Reads a page to below the first post of the run.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde::Deserialize;

use super::expected::{Kind, Page};
use crate::{
    api::Api,
    generate::{ledger::text_hash, people::People},
};

/// How often a page is asked for again that was refused or not answered, and the pause before.
const TRIES_MAX: u32 = 20;
const PAUSE: Duration = Duration::from_millis(250);

/// A post on a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) id: u64,
    /// The hash of its text.
    pub(super) text: u64,
}

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

/// All posts of a page down to the post `floor`. What cannot be read is not there: its posts are missing.
pub(super) async fn all(api: &Api, people: &People, page: &Page, floor: u64) -> Vec<Item> {
    let mut items = Vec::new();
    let mut next = Some(format!("{}?limit=100", page.path));
    while let Some(path) = next {
        let Some(read) = read(api, people, page, &path).await else {
            break;
        };
        let mut is_below = false;
        for post in read.items {
            let Ok(id) = post.id.parse() else { continue };
            is_below |= id < floor;
            if id >= floor {
                let text = text_hash(&post.text);
                items.push(Item { id, text });
            }
        }
        next = read.next.filter(|_| !is_below);
    }
    items
}

async fn read(api: &Api, people: &People, page: &Page, path: &str) -> Option<PageJson> {
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
