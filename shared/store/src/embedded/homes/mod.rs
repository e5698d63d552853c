//! Home timelines in memory: sharded flat arrays of rings of post ids.
//!
//! User ids are dense, so a timeline is found by arithmetic. Each shard of 16,384 users has its own
//! lock; nothing is locked beyond the one shard that is worked on, and a shard that is added moves no
//! other. A ring takes every id blindly, in any order and more than once: reading sorts. What leaves a
//! ring raises its timeline's floor, so a timeline is always complete above its floor.

mod cooling;
mod directory;
mod front;
mod shard;
mod slab;
#[cfg(test)]
mod tests;

use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use ripple_domain::{PostId, Timestamp, UserId};

use crate::Home;

use front::{BLOCK_IDS, LINE_IDS};
use shard::{SHARD_USERS, Shard};

pub(in crate::embedded) use directory::Directory;
pub(in crate::embedded) use front::Posted;
pub use shard::HomeStats;
pub(in crate::embedded) use shard::{PLACE_MASK, SHARD_BITS, Slow};

/// All home timelines.
pub struct HomeTimelines {
    shards: Directory<Mutex<Shard>>,
    blocks_max: usize,
}

impl HomeTimelines {
    /// Timelines of at most `ids_max` ids each, all of them cold. The number is rounded down to whole
    /// blocks of 28 and a front of 7, at least two blocks: the oldest block leaves as one.
    pub fn new(ids_max: usize) -> Self {
        Self {
            shards: Directory::new(1 << (u32::BITS - SHARD_BITS)),
            blocks_max: (ids_max.saturating_sub(LINE_IDS) / BLOCK_IDS).clamp(2, 1_024),
        }
    }

    /// The timeline as it is kept. Counts as a read.
    pub fn home(&self, user: UserId, now: Timestamp) -> Home {
        let (shard, place) = split(user);
        let Some(shard) = self.shards.get(shard) else {
            return Home::Cold;
        };
        let Some(copied) = lock(shard).read(place, seconds(now)) else {
            return Home::Cold;
        };
        // Sorting is outside of the lock. What came in order is found to be so in one pass.
        let mut ids = copied.ids;
        ids.sort();
        ids.dedup();
        if ids.len() + 2 * BLOCK_IDS <= copied.entries {
            let mut shard = lock(shard);
            let ids_max = shard.ids_max();
            shard.compact(place, ids_max);
        }
        Home::Warm {
            ids: ids.into_iter().rev().map(PostId).collect(),
            floor: copied.from.checked_sub(1).map(PostId),
        }
    }

    /// Begins a rebuild and returns its token: from here on the timeline takes every push. Counts as
    /// a read. An earlier rebuild of it can no longer finish.
    pub fn begin(&self, user: UserId, now: Timestamp) -> u64 {
        let (shard, place) = split(user);
        let shard = self
            .shards
            .get_or_make(shard, || Mutex::new(Shard::new(self.blocks_max)));
        lock(shard).begin(place, seconds(now))
    }

    /// Ends a rebuild: the timeline becomes warm, with `ids` (newest first) and what was pushed
    /// meanwhile. Where `ids` is not `complete`, the timeline is complete above the last of them
    /// only. `false`, and nothing happens, when it was made cold or another rebuild was begun since,
    /// and when there is no memory for it.
    pub fn finish(&self, user: UserId, token: u64, ids: &[PostId], complete: bool) -> bool {
        let (shard, place) = split(user);
        let Some(shard) = self.shards.get(shard) else {
            return false;
        };
        let from = match ids.last() {
            _ if complete => 0,
            Some(last) => last.0.saturating_add(1),
            // Nothing is known of the past at all.
            None => u64::MAX,
        };
        let ids: Vec<u64> = ids.iter().map(|id| id.0).collect();
        lock(shard).finish(place, token, &ids, from)
    }

    /// Makes a timeline cold. A rebuild of it that is under way can no longer finish.
    pub fn cool(&self, user: UserId) {
        let (shard, place) = split(user);
        if let Some(shard) = self.shards.get(shard) {
            lock(shard).cool(place);
        }
    }

    /// Pushes a post to one timeline. Returns whether that is warm or warming and holds the post now.
    pub fn push(&self, user: UserId, post: PostId) -> bool {
        let (shard, place) = split(user);
        self.shards
            .get(shard)
            .is_some_and(|shard| lock(shard).push(place, &Posted::new(post.0)))
    }

    /// What there is, for metrics. Looks at every timeline: some 10 ms for a million.
    pub fn stats(&self) -> HomeStats {
        let mut total = HomeStats::default();
        for (_, shard) in self.shards.iter() {
            let stats = lock(shard).stats();
            total.warm += stats.warm;
            total.warming += stats.warming;
            total.entries += stats.entries;
            total.bytes += stats.bytes;
        }
        total
    }

    /// Bytes of memory taken.
    pub fn memory_bytes(&self) -> usize {
        let shards = self.shards.iter();
        shards.map(|(_, shard)| lock(shard).memory_bytes()).sum()
    }

    /// One more than the number of the last shard. Users of later ones are cold.
    pub(in crate::embedded) fn shards_len(&self) -> usize {
        self.shards.len()
    }

    /// Pushes to the users of one shard: see [`Shard::push_many`]. Does nothing and returns `false`
    /// when somebody else has the shard and `wait` is not set.
    pub(in crate::embedded) fn push_to_shard(
        &self,
        shard: usize,
        items: &[u32],
        posts: &[Posted],
        pushed: &mut [u64],
        slow: &mut Vec<Slow>,
        wait: bool,
    ) -> bool {
        let Some(shard) = self.shards.get(shard) else {
            for item in items {
                pushed[(item >> SHARD_BITS) as usize] -= 1;
            }
            return true;
        };
        let mut shard = if wait {
            lock(shard)
        } else {
            match shard.try_lock() {
                Ok(shard) => shard,
                Err(TryLockError::WouldBlock) => return false,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            }
        };
        shard.push_many(items, posts, pushed, slow);
        true
    }
}

/// The number of a user's shard, and his place in it.
fn split(user: UserId) -> (usize, usize) {
    let id = user.0 as usize;
    (id >> SHARD_BITS, id % SHARD_USERS)
}

/// A moment to the second, which is fine enough to tell who was read last.
fn seconds(time: Timestamp) -> u32 {
    u32::try_from(time.as_ms().max(0) / 1_000).unwrap_or(u32::MAX)
}

/// Nothing panics while it holds a shard, so there is no poison to heed.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}
