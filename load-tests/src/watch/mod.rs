//! Looks for posts where readers see them: on the home pages and streams of followers, on tag and keyword
//! pages, in Atom feeds. A sample of posts is looked for; each look is a request like any reader's.

mod events;
mod look;
mod receipts;
mod spans;
mod stream;
#[cfg(test)]
mod tests;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::{Semaphore, mpsc::UnboundedReceiver};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub(crate) use receipts::{Receipt, receipts};
pub(crate) use stream::{Streamed, Streams};

use self::look::Look;
use crate::{
    api::Api,
    generate::{
        lot::{self, Purpose},
        people::People,
        record::micros,
        send::Sighting,
    },
    run::Patience,
    scenario::{Scenario, WatchSpec},
};

/// A post that is not seen after this time counts as not seen: a little more than the worst case of the
/// public tier.
const SEEN_AFTER_MAX: Duration = Duration::from_secs(70);
/// Looks that are under way at once. Further ones wait for a moment.
const LOOKS_MAX: usize = 128;
/// Posts and places that are looked at in the same time. Beyond them no further post is looked for, which is
/// counted.
const WATCHES_MAX: usize = 20_000;

/// Where a post is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// The home page of a follower drawn by lot.
    Home,
    /// The home pages of those who may be the last followers that a post comes to
    /// ([`last_followers`](People::last_followers)), until the last of them has it.
    LastHome,
    /// The page of its tag.
    Tag,
    /// The page of a keyword.
    Keyword,
    /// The Atom feed of its tag, or of its keyword where it has no tag.
    Feed,
}

impl Place {
    /// Whether the public tier writes it; the followers tier writes the others.
    pub(crate) const fn is_public(self) -> bool {
        !matches!(self, Self::Home | Self::LastHome)
    }
}

/// What came of looking for a post.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    /// The post's id.
    pub(crate) post: u64,
    /// Its author.
    pub(crate) author: u32,
    /// Where it was looked for.
    pub(crate) place: Place,
    /// When it was accepted, in seconds since the begin of the run.
    pub(crate) accepted_s: f64,
    /// How long after that it was seen, in microseconds; `None` where the time for it ran out.
    pub(crate) after_us: Option<u64>,
}

/// What came of looking for the posts of a load.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watched {
    /// Of each post and place.
    pub(crate) seen: Vec<Seen>,
    /// Posts and places that were given up before the time for them had run out: nobody knows whether they
    /// would have been seen in it.
    pub(crate) undecided: u64,
    /// Posts and places that were not looked at, as too many were looked at already.
    pub(crate) skipped: u64,
}

impl Watched {
    /// Tells on the standard error output what is not known.
    pub(crate) fn warn(&self) {
        let counts = [
            (
                self.undecided,
                "could not be waited for until they must be seen",
            ),
            (
                self.skipped,
                "were not looked for, as too many were already",
            ),
        ];
        for (count, what) in counts.iter().filter(|(count, _)| *count > 0) {
            eprintln!("warning: {count} posts on pages {what}");
        }
    }
}

/// Looks for posts.
pub(crate) struct Watch {
    api: Api,
    people: Arc<People>,
    begin: Instant,
    spec: WatchSpec,
    looks: Semaphore,
    watches: TaskTracker,
    seed: u64,
    watched: Mutex<Watched>,
    give_up: CancellationToken,
}

impl Watch {
    pub(crate) fn new(
        api: Api,
        people: Arc<People>,
        begin: Instant,
        scenario: &Scenario,
    ) -> Arc<Self> {
        Arc::new(Self {
            api,
            people,
            begin,
            spec: scenario.watch.clone(),
            seed: scenario.seed,
            looks: Semaphore::new(LOOKS_MAX),
            watches: TaskTracker::new(),
            watched: Mutex::default(),
            give_up: CancellationToken::new(),
        })
    }

    /// Looks for posts as they come, until no more can come; then [`Watch::end`] waits for what was begun.
    pub(crate) async fn run(self: Arc<Self>, mut posts: UnboundedReceiver<Sighting>) {
        while let Some(post) = posts.recv().await {
            for look in self.looks_for(&post) {
                if self.watches.len() < WATCHES_MAX {
                    self.watches
                        .spawn(Arc::clone(&self).find(post.clone(), look));
                } else {
                    self.watched().skipped += 1;
                }
            }
        }
    }

    /// Waits until everything was seen or the time for it is over; as long as there is patience.
    pub(crate) async fn end(&self, patience: &Patience) -> Watched {
        self.watches.close();
        tokio::select! {
            () = self.watches.wait() => {}
            () = patience.over() => {
                // Nobody knows whether they would have been seen in time.
                self.give_up.cancel();
                self.watches.wait().await;
            }
        }
        std::mem::take(&mut self.watched())
    }

    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where a post is looked for: drawn for this post alone, so that answers that come in another order
    /// change nothing.
    fn looks_for(&self, post: &Sighting) -> Vec<Look> {
        let mut rng = lot::rng(self.seed, Purpose::Watch, post.operation, post.number);
        let is_public = rng.u32(..self.spec.public_one_in.max(1)) == 0;
        let people = &self.people;
        let token = |reader: &u32| people.token(*reader).cloned();
        let last = people.last_followers(post.author);
        let last: Vec<_> = last.iter().filter_map(token).collect();
        let mut looks = Vec::new();
        if !last.is_empty() {
            looks.push(Look::home(Place::LastHome, last));
        }
        let homes = people.watched_followers(post.author, self.spec.followers, &mut rng);
        let homes = homes.iter().filter_map(token);
        looks.extend(homes.map(|reader| Look::home(Place::Home, vec![reader])));
        if is_public {
            let (tag, keyword) = (&post.text.tag, &post.text.keyword);
            looks.extend(tag.as_deref().map(Look::tag));
            looks.extend(keyword.as_deref().map(Look::keyword));
            let feed = tag.as_deref().map(Look::tag_feed);
            looks.extend(feed.or_else(|| keyword.as_deref().map(Look::keyword_feed)));
        }
        looks
    }

    /// Looks for a post until it is there, and notes what came of it.
    async fn find(self: Arc<Self>, post: Sighting, mut look: Look) {
        let found = self.look(&post, &mut look);
        let after_us = match self.give_up.run_until_cancelled(found).await {
            Some(after_us) => after_us,
            None if post.accepted.elapsed() > look.seen_within() => None,
            None => {
                self.watched().undecided += 1;
                return;
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
        self.watched().seen.push(seen);
    }

    /// Looks again and again until the post is there; how long it took in microseconds, and nothing where
    /// it is not there in time. The longer it takes, the longer the pauses: a latency is told to a quarter
    /// of it at worst, and looking costs the server little.
    async fn look(&self, post: &Sighting, look: &mut Look) -> Option<u64> {
        while post.accepted.elapsed() <= SEEN_AFTER_MAX {
            let place = self.looks.acquire().await;
            let is_there = look.is_there(&self.api, post.id).await;
            drop(place);
            let age = post.accepted.elapsed();
            if is_there {
                return Some(micros(age));
            }
            tokio::time::sleep(look.pause(age)).await;
        }
        None
    }
}
