//! A look at a page: is the post there?

use std::time::Duration;

use reqwest::{Method, header::HeaderValue};

use super::Place;
use crate::{api::Api, generate::draw::segment};

/// A page that a post is looked for on.
#[derive(Clone, Debug)]
pub(super) struct Look {
    place: Place,
    path: String,
    reader: Option<HeaderValue>,
    /// Whether the first page has only newer posts, so that the post is looked for on older ones.
    is_past: bool,
}

/// Pauses between two looks at the same page: at first, and at most.
const PAUSE_FOLLOWERS: Duration = Duration::from_millis(5);
const PAUSE_PUBLIC: Duration = Duration::from_millis(25);
const PAUSE_MAX: Duration = Duration::from_secs(1);

impl Look {
    fn new(place: Place, path: String) -> Self {
        Self {
            place,
            path,
            reader: None,
            is_past: false,
        }
    }

    /// At a reader's home timeline.
    pub(super) fn home(place: Place, reader: HeaderValue) -> Self {
        Self {
            reader: Some(reader),
            ..Self::new(place, "/v1/timelines/home".into())
        }
    }

    pub(super) fn tag(tag: &str) -> Self {
        Self::new(Place::Tag, format!("/v1/tags/{}/posts", segment(tag)))
    }

    pub(super) fn keyword(word: &str) -> Self {
        Self::new(
            Place::Keyword,
            format!("/v1/keywords/{}/posts", segment(word)),
        )
    }

    pub(super) fn tag_feed(tag: &str) -> Self {
        Self::new(Place::Feed, format!("/tags/{}/feed.atom", segment(tag)))
    }

    pub(super) fn keyword_feed(word: &str) -> Self {
        Self::new(
            Place::Feed,
            format!("/keywords/{}/feed.atom", segment(word)),
        )
    }

    pub(super) const fn place(&self) -> Place {
        self.place
    }

    /// How long to wait before the next look at this age.
    pub(super) fn pause(&self, age: Duration) -> Duration {
        let least = match self.place {
            Place::Home | Place::LastHome => PAUSE_FOLLOWERS,
            Place::Tag | Place::Keyword | Place::Feed => PAUSE_PUBLIC,
        };
        (age / 4).clamp(least, PAUSE_MAX)
    }

    /// Whether the post is there. A request that fails shows nothing.
    pub(super) async fn is_there(&mut self, api: &Api, post: u64) -> bool {
        // From this post on, as a reader comes to it who reads on from the newest one: on a busy page it
        // may be far down before anybody looks.
        let before = post.saturating_add(1);
        let path = match self.place {
            Place::Feed if !self.is_past => self.path.clone(),
            Place::Feed => format!("{}?before={before}", self.path),
            _ => format!("{}?limit=1&before={before}", self.path),
        };
        let request = match &self.reader {
            Some(reader) => api.of(reader, Method::GET, &path),
            None => api.request(Method::GET, &path),
        };
        let Ok(answer) = request.send().await else {
            return false;
        };
        if !answer.status().is_success() {
            return false;
        }
        let Ok(page) = answer.text().await else {
            return false;
        };
        match self.place {
            Place::Feed => {
                let is_there = page.contains(&format!("{post}</id>"));
                self.is_past = !is_there && oldest_entry(&page).is_some_and(|oldest| oldest > post);
                is_there
            }
            _ => page.contains(&format!("\"id\":\"{post}\"")),
        }
    }
}

/// The post of the last entry of an Atom document.
fn oldest_entry(document: &str) -> Option<u64> {
    let (entries, _) = document.rsplit_once("</id>")?;
    let digits = entries.rsplit(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_entry_of_a_feed_is_its_last() {
        let feed = "<id>tag:x,2026:feed</id><entry><id>tag:x:post/17</id></entry>\
                    <entry><id>tag:x:post/9</id></entry>";
        assert_eq!(oldest_entry(feed), Some(9));
        assert_eq!(oldest_entry("<id>tag:x:feed</id>"), None);
    }

    #[test]
    fn pauses_grow_with_the_age() {
        let look = Look::tag("a");
        assert_eq!(look.pause(Duration::ZERO), PAUSE_PUBLIC);
        assert_eq!(
            look.pause(Duration::from_secs(2)),
            Duration::from_millis(500)
        );
        assert_eq!(look.pause(Duration::from_secs(60)), PAUSE_MAX);
    }
}
