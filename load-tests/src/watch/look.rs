//! A look at a page: is the post there?

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::{Method, header::HeaderValue};

use super::Place;
use crate::{api::Api, generate::draw::segment};

/// A page that a post is looked for on.
#[derive(Clone, Debug)]
pub(super) struct Look {
    place: Place,
    path: String,
    /// Who looks, of those who have not seen it yet; nobody in particular at what everybody may read.
    readers: Vec<Option<HeaderValue>>,
    /// Whether the first page has only newer posts, so that the post is looked for on older ones.
    is_past: bool,
}

/// Pauses between two looks at the same page: at first, and at most.
const PAUSE_FOLLOWERS: Duration = Duration::from_millis(5);
const PAUSE_PUBLIC: Duration = Duration::from_millis(25);
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// The worst cases of the tiers.
pub(super) const FOLLOWERS_TIME_MAX: Duration = Duration::from_secs(10);
const PUBLIC_TIME_MAX: Duration = Duration::from_secs(60);

impl Look {
    fn new(place: Place, path: String) -> Self {
        Self {
            place,
            path,
            readers: vec![None],
            is_past: false,
        }
    }

    /// At the home timelines of some readers, until the last of them has it.
    pub(super) fn home(place: Place, readers: Vec<HeaderValue>) -> Self {
        Self {
            readers: readers.into_iter().map(Some).collect(),
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

    /// After this age nobody may be without it: the worst case of its tier.
    pub(super) const fn seen_within(&self) -> Duration {
        match self.place {
            Place::Home | Place::LastHome => FOLLOWERS_TIME_MAX,
            Place::Tag | Place::Keyword | Place::Feed => PUBLIC_TIME_MAX,
        }
    }

    /// How long to wait before the next look at this age.
    pub(super) fn pause(&self, age: Duration) -> Duration {
        let least = match self.place {
            Place::Home | Place::LastHome => PAUSE_FOLLOWERS,
            Place::Tag | Place::Keyword | Place::Feed => PAUSE_PUBLIC,
        };
        (age / 4).clamp(least, PAUSE_MAX)
    }

    /// Whether the post is there, for all who look. A request that fails shows nothing.
    pub(super) async fn is_there(&mut self, api: &Api, post: u64) -> bool {
        let reads = self.readers.iter();
        let pages = join_all(reads.map(|reader| self.page(api, reader.as_ref(), post))).await;
        if self.place == Place::Feed {
            let page = pages.into_iter().flatten().next().unwrap_or_default();
            let is_there = page.contains(&format!("{post}</id>"));
            self.is_past = !is_there && oldest_entry(&page).is_some_and(|oldest| oldest > post);
            return is_there;
        }
        let entry = format!("\"id\":\"{post}\"");
        let mut seen = pages
            .into_iter()
            .map(|page| page.is_some_and(|page| page.contains(&entry)));
        self.readers.retain(|_| !seen.next().unwrap_or(false));
        self.readers.is_empty()
    }

    /// The page on which the post must be; nothing where the request fails.
    async fn page(&self, api: &Api, reader: Option<&HeaderValue>, post: u64) -> Option<String> {
        // From this post on, as a reader comes to it who reads on from the newest one: on a busy page it
        // may be far down before anybody looks.
        let before = post.saturating_add(1);
        let path = match self.place {
            Place::Feed if !self.is_past => self.path.clone(),
            Place::Feed => format!("{}?before={before}", self.path),
            _ => format!("{}?limit=1&before={before}", self.path),
        };
        let request = match reader {
            Some(reader) => api.of(reader, Method::GET, &path),
            None => api.request(Method::GET, &path),
        };
        let answer = request.send().await.ok()?;
        if !answer.status().is_success() {
            return None;
        }
        answer.text().await.ok()
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
