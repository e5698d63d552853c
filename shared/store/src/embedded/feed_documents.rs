//! Kept feed documents: a bounded cache by topic, so that all of a topic's documents can be found.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;
use ripple_domain::{Timestamp, Topic};

use crate::{FeedDocument, FeedKey};

/// Bytes of all kept documents. A document of 50 posts has some 50 KB.
const BYTES_MAX: usize = 64 << 20;
/// A document that was not read for this long is not kept rendered any more.
const WARM_MS: u64 = 10 * 60_000;

struct Kept {
    key: FeedKey,
    document: Arc<FeedDocument>,
    read_at: Timestamp,
}

struct Shelf {
    topics: LruCache<Topic, Vec<Kept>>,
    bytes: usize,
}

/// The kept documents.
pub(super) struct FeedDocuments(Mutex<Shelf>);

impl FeedDocuments {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Shelf {
            topics: LruCache::unbounded(),
            bytes: 0,
        }))
    }

    pub(super) fn get(&self, key: &FeedKey, now: Timestamp) -> Option<Arc<FeedDocument>> {
        let mut shelf = self.shelf();
        let kept = shelf
            .topics
            .get_mut(&key.topic)?
            .iter_mut()
            .find(|kept| kept.key == *key)?;
        kept.read_at = now;
        Some(Arc::clone(&kept.document))
    }

    pub(super) fn put(&self, key: FeedKey, document: Arc<FeedDocument>, now: Timestamp) {
        let mut shelf = self.shelf();
        let shelf = &mut *shelf;
        shelf.bytes += document.body.len();
        let topic = shelf.topics.get_or_insert_mut(key.topic.clone(), Vec::new);
        match topic.iter_mut().find(|kept| kept.key == key) {
            Some(kept) => {
                shelf.bytes -= kept.document.body.len();
                kept.document = document;
            }
            None => topic.push(Kept {
                key,
                document,
                read_at: now,
            }),
        }
        while shelf.bytes > BYTES_MAX
            && let Some((_, dropped)) = shelf.topics.pop_lru()
        {
            shelf.bytes -= dropped
                .iter()
                .map(|kept| kept.document.body.len())
                .sum::<usize>();
        }
    }

    /// The documents of a topic that were read lately.
    pub(super) fn warm(&self, topic: &Topic, now: Timestamp) -> Vec<FeedKey> {
        let shelf = self.shelf();
        let kept = shelf.topics.peek(topic).into_iter().flatten();
        let warm = kept.filter(|kept| now.ms_since(kept.read_at) < WARM_MS);
        warm.map(|kept| kept.key.clone()).collect()
    }

    pub(super) fn clear(&self) {
        let mut shelf = self.shelf();
        shelf.topics.clear();
        shelf.bytes = 0;
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
