//! A bounded cache of decoded records in front of the store.

use std::{
    hash::{BuildHasher, Hash, RandomState},
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use lru::LruCache;

const SHARDS: usize = 16;

/// What a record takes in memory, in bytes, about.
pub(super) trait Weigh {
    fn bytes(&self) -> usize;
}

/// Records by id, least recently used out first, bounded in number and in bytes. It never holds an older record than the store: a
/// reader that has missed may have read the store before a commit and come back after it, so each
/// shard counts its commits, and what was read under an older count is not kept.
pub(super) struct RecordCache<K, V> {
    shards: Box<[Mutex<Shard<K, V>>]>,
    hasher: RandomState,
    /// The most bytes of a shard.
    bytes_max: usize,
}

struct Shard<K, V> {
    commits: u64,
    bytes: usize,
    records: LruCache<K, Arc<V>>,
}

/// A miss: what was read now may be kept if no commit has come between.
#[derive(Clone, Copy, Debug)]
pub(super) struct Miss {
    commits: u64,
}

impl<K: Hash + Eq + Copy, V: Weigh> Shard<K, V> {
    fn put(&mut self, id: K, record: Arc<V>, bytes_max: usize) {
        self.bytes += record.bytes();
        // What leaves is the older record of the same id, or the one used least recently.
        if let Some((_, out)) = self.records.push(id, record) {
            self.bytes -= out.bytes();
        }
        while self.bytes > bytes_max
            && let Some((_, out)) = self.records.pop_lru()
        {
            self.bytes -= out.bytes();
        }
    }

    fn pop(&mut self, id: K) {
        if let Some(out) = self.records.pop(&id) {
            self.bytes -= out.bytes();
        }
    }
}

impl<K: Hash + Eq + Copy, V: Weigh> RecordCache<K, V> {
    /// A cache of about `records_max` records, which take about `bytes_max` bytes at most.
    pub(super) fn new(records_max: usize, bytes_max: usize) -> Self {
        let per_shard = NonZeroUsize::new(records_max / SHARDS).unwrap_or(NonZeroUsize::MIN);
        let shard = || {
            Mutex::new(Shard {
                commits: 0,
                bytes: 0,
                records: LruCache::new(per_shard),
            })
        };
        Self {
            shards: std::iter::repeat_with(shard).take(SHARDS).collect(),
            hasher: RandomState::new(),
            bytes_max: bytes_max / SHARDS,
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
            shard.put(id, Arc::clone(record), self.bytes_max);
        }
    }

    /// Says that a commit has written a record.
    pub(super) fn commit(&self, id: K, record: Arc<V>) {
        let mut shard = self.shard(id);
        shard.commits += 1;
        shard.put(id, record, self.bytes_max);
    }

    /// Says that a commit has removed a record.
    pub(super) fn remove(&self, id: K) {
        let mut shard = self.shard(id);
        shard.commits += 1;
        shard.pop(id);
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

    impl Weigh for &str {
        fn bytes(&self) -> usize {
            self.len()
        }
    }

    #[test]
    fn large_records_take_no_more_memory_than_small_ones() {
        let (large, small) = ("x".repeat(1_000), "x".repeat(10));
        let (large, small): (&str, &str) = (&large, &small);
        let cache = RecordCache::new(16_000, 160_000);
        let kept = || (0..3_000).filter(|id| cache.get(*id).is_ok()).count();
        (0..3_000).for_each(|id| cache.commit(id, Arc::new(large)));
        assert!((100..=160).contains(&kept()), "{} kept", kept());
        (0..3_000).for_each(|id| cache.commit(id, Arc::new(small)));
        assert_eq!(kept(), 3_000);
        (0..3_000).for_each(|id| cache.remove(id));
        let bytes = (0..3_000).map(|id| cache.shard(id).bytes).max();
        assert_eq!(bytes, Some(0));
    }

    #[test]
    fn what_was_read_before_a_commit_is_not_kept_after_it() {
        let cache = RecordCache::new(64, 1_000);
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
