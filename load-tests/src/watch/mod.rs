//! Looks for posts where readers see them: on the home pages and streams of followers, on tag and keyword
//! pages, in Atom feeds. A sample of posts is looked for; each look is a request like any reader's.

mod look;
mod receipts;
mod stream;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::{Semaphore, mpsc::UnboundedReceiver};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use receipts::{Receipt, receipts};
pub(crate) use stream::{Arrival, Streams};

use self::look::Look;
use crate::{
    api::Api,
    generate::{people::People, record::micros, send::Sighting},
    run::Patience,
    scenario::WatchSpec,
};

/// A post that is not seen after this time counts as not seen: a little more than the worst case of the
/// public tier.
const SEEN_AFTER_MAX: Duration = Duration::from_secs(70);
/// Looks that are under way at once. Further ones wait for a moment.
const LOOKS_MAX: usize = 128;
/// Posts and places that are looked at in the same time. Beyond them no further post is looked for, which
/// the report tells by the count of what was measured.
const WATCHES_MAX: usize = 20_000;

/// Where a post is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The home page of a follower drawn by lot.
    Home,
    /// The home page of the last follower, by number, whose timeline is warm.
    LastHome,
    /// The page of its tag.
    Tag,
    /// The page of a keyword.
    Keyword,
    /// The Atom feed of its tag, or of its keyword where it has no tag.
    Feed,
}

/// What came of looking for a post.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// The post's id.
    pub post: u64,
    /// Its author.
    pub author: u32,
    /// Where it was looked for.
    pub place: Place,
    /// When it was accepted, in seconds since the begin of the run.
    pub accepted_s: f64,
    /// How long after that it was seen, in microseconds; `None` where the time for it ran out.
    pub after_us: Option<u64>,
}

/// Looks for posts.
pub(crate) struct Watch {
    api: Api,
    people: Arc<People>,
    begin: Instant,
    spec: WatchSpec,
    looks: Semaphore,
    watches: TaskTracker,
    seen: Mutex<Vec<Seen>>,
    give_up: CancellationToken,
}

impl Watch {
    pub(crate) fn new(api: Api, people: Arc<People>, begin: Instant, spec: WatchSpec) -> Arc<Self> {
        Arc::new(Self {
            api,
            people,
            begin,
            spec,
            looks: Semaphore::new(LOOKS_MAX),
            watches: TaskTracker::new(),
            seen: Mutex::default(),
            give_up: CancellationToken::new(),
        })
    }

    /// Looks for posts as they come, until no more can come.
    pub(crate) async fn run(self: Arc<Self>, mut posts: UnboundedReceiver<Sighting>, seed: u64) {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut count = 0;
        while let Some(post) = posts.recv().await {
            count += 1;
            let is_public = count % self.spec.public_one_in == 0;
            for look in self.looks_for(&post, is_public, &mut rng) {
                if self.watches.len() < WATCHES_MAX {
                    self.watches
                        .spawn(Arc::clone(&self).find(post.clone(), look));
                }
            }
        }
        self.watches.close();
    }

    /// Waits until everything was seen or the time for it is over; as long as there is patience.
    pub(crate) async fn end(&self, patience: &Patience) -> Vec<Seen> {
        self.watches.close();
        tokio::select! {
            () = self.watches.wait() => {}
            () = patience.over() => {
                // Nobody knows whether they would have been seen in time.
                self.give_up.cancel();
                self.watches.wait().await;
            }
        }
        std::mem::take(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn looks_for(&self, post: &Sighting, is_public: bool, rng: &mut fastrand::Rng) -> Vec<Look> {
        let (people, followers) = (&self.people, self.spec.followers);
        let followers = people.watched_followers(post.author, followers, rng);
        let homes = followers.iter().enumerate().filter_map(|(place, reader)| {
            let place = if place == 0 {
                Place::LastHome
            } else {
                Place::Home
            };
            Some(Look::home(place, people.token(*reader)?.clone()))
        });
        let mut looks: Vec<Look> = homes.collect();
        if is_public {
            let (tag, keyword) = (&post.text.tag, &post.text.keyword);
            looks.extend(tag.as_deref().map(Look::tag));
            looks.extend(keyword.as_deref().map(Look::keyword));
            let feed = tag.as_deref().map(Look::tag_feed);
            looks.extend(feed.or_else(|| keyword.as_deref().map(Look::keyword_feed)));
        }
        looks
    }

    /// Looks again and again until the post is there. The longer it takes, the longer the pauses: a
    /// latency is told to a quarter of it at worst, and looking costs the server little.
    async fn find(self: Arc<Self>, post: Sighting, mut look: Look) {
        let after_us = loop {
            if post.accepted.elapsed() > SEEN_AFTER_MAX {
                break None;
            }
            let Ok(place) = self.looks.acquire().await else {
                return;
            };
            let is_there = tokio::select! {
                is_there = look.is_there(&self.api, post.id) => is_there,
                () = self.give_up.cancelled() => return,
            };
            drop(place);
            let age = post.accepted.elapsed();
            if is_there {
                break Some(micros(age));
            }
            tokio::select! {
                () = tokio::time::sleep(look.pause(age)) => {}
                () = self.give_up.cancelled() => return,
            }
        };
        let accepted = post.accepted.saturating_duration_since(self.begin);
        let seen = Seen {
            post: post.id,
            author: post.author,
            place: look.place(),
            accepted_s: accepted.as_secs_f64(),
            after_us,
        };
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(seen);
    }
}
