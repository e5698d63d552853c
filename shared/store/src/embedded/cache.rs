//! A bounded cache of decoded records in front of the store.

use std::{
    hash::{BuildHasher, Hash, RandomState},
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use lru::LruCache;

const SHARDS: usize = 16;

/// Records by id, least recently used out first. It never holds an older record than the store: a
/// reader that has missed may have read the store before a commit and come back after it, so each
/// shard counts its commits, and what was read under an older count is not kept.
pub(super) struct RecordCache<K, V> {
    shards: Box<[Mutex<Shard<K, V>>]>,
    hasher: RandomState,
}

struct Shard<K, V> {
    commits: u64,
    records: LruCache<K, Arc<V>>,
}

/// A miss: what was read now may be kept if no commit has come between.
#[derive(Clone, Copy, Debug)]
pub(super) struct Miss {
    commits: u64,
}

impl<K: Hash + Eq + Copy, V> RecordCache<K, V> {
    /// A cache of about `records_max` records.
    pub(super) fn new(records_max: usize) -> Self {
        let per_shard = NonZeroUsize::new(records_max / SHARDS).unwrap_or(NonZeroUsize::MIN);
        let shard = || {
            Mutex::new(Shard {
                commits: 0,
                records: LruCache::new(per_shard),
            })
        };
        Self {
            shards: std::iter::repeat_with(shard).take(SHARDS).collect(),
            hasher: RandomState::new(),
        }
    }

    /// The record, or the right to keep what the store says.
    pub(super) fn get(&self, id: K) -> Result<Arc<V>, Miss> {
        let mut shard = self.shard(id);
        let commits = shard.commits;
        shard.records.get(&id).cloned().ok_or(Miss { commits })
    }

    /// Keeps a record that was read from the store after `miss`.
    pub(super) fn keep(&self, miss: Miss, id: K, record: &Arc<V>) {
        let mut shard = self.shard(id);
        if shard.commits == miss.commits {
            shard.records.put(id, Arc::clone(record));
        }
    }

    /// Says that a commit has written a record.
    pub(super) fn commit(&self, id: K, record: Arc<V>) {
        let mut shard = self.shard(id);
        shard.commits += 1;
        shard.records.put(id, record);
    }

    /// Says that a commit has removed a record.
    pub(super) fn remove(&self, id: K) {
        let mut shard = self.shard(id);
        shard.commits += 1;
        shard.records.pop(&id);
    }

    #[expect(clippy::cast_possible_truncation, reason = "a remainder of 16")]
    fn shard(&self, id: K) -> MutexGuard<'_, Shard<K, V>> {
        let index = self.hasher.hash_one(id) as usize % SHARDS;
        // A panic elsewhere cannot leave a shard half-changed: each change is one call.
        self.shards[index]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_before_a_commit_is_not_kept_after_it() {
        let cache = RecordCache::new(64);
        let Err(miss) = cache.get(1_u32) else {
            panic!("empty")
        };
        cache.commit(1, Arc::new("new"));
        cache.keep(miss, 1, &Arc::new("old"));
        assert_eq!(*cache.get(1).unwrap(), "new");

        cache.remove(1);
        cache.keep(miss, 1, &Arc::new("old"));
        let miss = cache.get(1).unwrap_err();
        cache.keep(miss, 1, &Arc::new("read"));
        assert_eq!(*cache.get(1).unwrap(), "read");
    }
}
