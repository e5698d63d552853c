//! The fan-out engine: carries a batch of posts to the home timelines of their authors' followers.
//!
//! What costs is memory: a million timelines do not fit into any cache, so a push is a cache miss.
//! The engine makes the misses few and lets them overlap. It walks the lists author by author, as they
//! lie in memory, and only notes who gets what, in a bucket for each shard of users; then it takes
//! each shard's lock once and works its bucket off, where nothing but the rings themselves misses the
//! cache. A lock for each delivery, or lists kept by shard, take two to five times as long.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use super::{
    followers::FollowerLists,
    homes::{HomeTimelines, PLACE_MASK, Posted, SHARD_BITS, Slow},
};
use crate::{Delivery, Pushed};

/// Deliveries that are worked on together. What a push needs of them stays in the first-level cache.
const DELIVERIES_MAX: usize = 1_024;
/// A bucket that holds this many items is emptied before it takes more.
const BUCKET_ITEMS_MAX: usize = 1_024;
const BUCKET_ITEMS_MIN: usize = 64;
/// Items of all buckets together (4 MB), as long as that leaves each one the least.
const ITEMS_MAX: usize = 1 << 20;

/// The engine. Any number of threads may push through it at once.
#[derive(Default)]
pub struct FanOut {
    /// One for each thread that ever pushed at the same time as others.
    scratches: Mutex<Vec<Scratch>>,
    calls: AtomicUsize,
}

impl FanOut {
    /// An engine that has not pushed yet and holds no memory.
    pub fn new() -> Self {
        Self::default()
    }

    /// Carries chunks of posts to the home timelines of their authors' followers. The answers are in
    /// the order of `deliveries`.
    pub fn push(
        &self,
        homes: &HomeTimelines,
        followers: &FollowerLists,
        deliveries: &[Delivery],
    ) -> Vec<Pushed> {
        let mut scratch = self.scratches().pop().unwrap_or_default();
        // Threads that begin at different shards do not run into each other at every one.
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let mut pushed = Vec::with_capacity(deliveries.len());
        for some in deliveries.chunks(DELIVERIES_MAX) {
            scratch.push(homes, followers, some, call, &mut pushed);
        }
        self.scratches().push(scratch);
        pushed
    }

    fn scratches(&self) -> MutexGuard<'_, Vec<Scratch>> {
        // The vector is whole whatever happened to the thread that held it.
        self.scratches
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one thread needs to work, kept between calls.
#[derive(Default)]
struct Scratch {
    /// The buckets: [`Scratch::bucket_items`] items for each shard. The lower bits of an item are the
    /// user's place in his shard, the upper ones which delivery he gets.
    items: Vec<u32>,
    /// Items in each bucket.
    filled: Vec<u32>,
    bucket_items: usize,
    /// Shards whose bucket was begun; one that was emptied on the way is named twice.
    begun: Vec<usize>,
    posts: Vec<Posted>,
    /// For each post those who were noted for it, less those who did not get it.
    pushed: Vec<u64>,
    /// Lent to the shard that is being worked on.
    slow: Vec<Slow>,
}

impl Scratch {
    fn push(
        &mut self,
        homes: &HomeTimelines,
        followers: &FollowerLists,
        deliveries: &[Delivery],
        call: usize,
        answers: &mut Vec<Pushed>,
    ) {
        self.prepare(homes, deliveries);
        let begin = answers.len();
        for (which, delivery) in deliveries.iter().enumerate() {
            let mut seen = 0;
            let next = followers.chunk(
                delivery.author,
                delivery.after,
                delivery.followers_max,
                |ids| {
                    seen += ids.len() as u64;
                    self.scatter(homes, which, ids);
                },
            );
            answers.push(Pushed {
                followers: seen,
                pushed: 0,
                next,
            });
        }
        self.empty_all(homes, call);
        for (answer, pushed) in answers[begin..].iter_mut().zip(&self.pushed) {
            answer.pushed = *pushed;
        }
    }

    fn prepare(&mut self, homes: &HomeTimelines, deliveries: &[Delivery]) {
        let posts = deliveries
            .iter()
            .map(|delivery| Posted::new(delivery.post.0));
        self.posts.clear();
        self.posts.extend(posts);
        self.pushed.clear();
        self.pushed.resize(deliveries.len(), 0);

        // Shards that are added from here on hold users who were cold after the posts' commit: they
        // need no push.
        let shards = homes.shards_len();
        if self.filled.len() != shards {
            let share = (ITEMS_MAX / shards.max(1)).clamp(BUCKET_ITEMS_MIN, BUCKET_ITEMS_MAX);
            // An odd number of cache lines: else the places that are written to next, one in each
            // bucket, would compete for a few sets of the cache.
            self.bucket_items = share / 32 * 32 + 16;
            self.filled.resize(shards, 0);
            self.items.resize(shards * self.bucket_items, 0);
        }
    }

    /// Notes a delivery's followers in the buckets of their shards.
    fn scatter(&mut self, homes: &HomeTimelines, which: usize, followers: &[u32]) {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "there are at most DELIVERIES_MAX"
        )]
        let mark = (which as u32) << SHARD_BITS;
        self.pushed[which] += followers.len() as u64;
        for follower in followers {
            let shard = (follower >> SHARD_BITS) as usize;
            let Some(filled) = self.filled.get_mut(shard) else {
                self.pushed[which] -= 1;
                continue;
            };
            if *filled == 0 {
                self.begun.push(shard);
            }
            let place = shard * self.bucket_items + *filled as usize;
            self.items[place] = mark | (follower & PLACE_MASK);
            *filled += 1;
            if *filled as usize == self.bucket_items {
                self.empty(homes, shard, true);
            }
        }
    }

    /// Empties all buckets. Shards that other threads have come last.
    fn empty_all(&mut self, homes: &HomeTimelines, call: usize) {
        let mut begun = std::mem::take(&mut self.begun);
        if let Some(start) = (call * begun.len() / 2).checked_rem(begun.len()) {
            begun.rotate_left(start);
        }
        begun.retain(|shard| !self.empty(homes, *shard, false));
        for shard in begun.drain(..) {
            self.empty(homes, shard, true);
        }
        self.begun = begun;
    }

    fn empty(&mut self, homes: &HomeTimelines, shard: usize, wait: bool) -> bool {
        let start = shard * self.bucket_items;
        let items = &self.items[start..start + self.filled[shard] as usize];
        let done = homes.push_to_shard(
            shard,
            items,
            &self.posts,
            &mut self.pushed,
            &mut self.slow,
            wait,
        );
        if done {
            self.filled[shard] = 0;
        }
        done
    }
}

#[cfg(test)]
mod tests;
