//! Follower lists in memory, by author, sorted by id.

mod list;

use std::sync::{
    PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
    atomic::{AtomicU64, Ordering},
};

use ripple_domain::UserId;

use super::homes::Directory;
use list::List;

/// Authors behind one lock. A follow waits for no more than the fan-out chunk that is just being read
/// from one of them.
const SHARD_AUTHORS: usize = 1 << SHARD_BITS;
const SHARD_BITS: u32 = 10;

type Shard = RwLock<Box<[List]>>;

/// The followers of every author.
pub struct FollowerLists {
    shards: Directory<Shard>,
    entries: AtomicU64,
}

impl Default for FollowerLists {
    fn default() -> Self {
        Self::new()
    }
}

impl FollowerLists {
    /// Lists of nobody.
    pub fn new() -> Self {
        Self {
            shards: Directory::new(1 << (u32::BITS - SHARD_BITS)),
            entries: AtomicU64::new(0),
        }
    }

    /// Enters a follower; `false` where he was in the list.
    pub fn insert(&self, author: UserId, follower: UserId) -> bool {
        let (shard, place) = split(author);
        let is_new = write(self.make(shard))[place].insert(follower.0);
        self.entries.fetch_add(u64::from(is_new), Ordering::Relaxed);
        is_new
    }

    /// Removes a follower; `false` where he was not in the list.
    pub fn remove(&self, author: UserId, follower: UserId) -> bool {
        let (shard, place) = split(author);
        let Some(shard) = self.shards.get(shard) else {
            return false;
        };
        let was_there = write(shard)[place].remove(follower.0);
        self.entries
            .fetch_sub(u64::from(was_there), Ordering::Relaxed);
        was_there
    }

    /// Enters many followers, given as (author, follower). Fast when they come sorted, as they do
    /// from a scan of the facts.
    pub fn load(&self, edges: impl IntoIterator<Item = (UserId, UserId)>) {
        let mut edges = edges.into_iter().peekable();
        let mut followers = Vec::new();
        while let Some((author, follower)) = edges.next() {
            followers.push(follower.0);
            if edges.peek().is_some_and(|(next, _)| *next == author) {
                continue;
            }
            let (shard, place) = split(author);
            let added = write(self.make(shard))[place].extend(&followers);
            self.entries.fetch_add(added as u64, Ordering::Relaxed);
            followers.clear();
        }
    }

    /// Whether a user is in an author's list.
    pub fn contains(&self, author: UserId, follower: UserId) -> bool {
        self.with(author, |list| list.contains(follower.0))
            .unwrap_or(false)
    }

    /// The length of an author's list.
    pub fn len(&self, author: UserId) -> usize {
        self.with(author, List::len).unwrap_or(0)
    }

    /// Whether an author has no followers.
    pub fn is_empty(&self, author: UserId) -> bool {
        self.len(author) == 0
    }

    /// Entries of all lists.
    pub fn entries(&self) -> u64 {
        self.entries.load(Ordering::Relaxed)
    }

    /// Up to `limit` followers below `before`, in descending order.
    pub fn page(&self, author: UserId, before: Option<UserId>, limit: usize) -> Vec<UserId> {
        let before = before.map(|id| id.0);
        self.with(author, |list| {
            list.below(before).take(limit).map(UserId).collect()
        })
        .unwrap_or_default()
    }

    /// Hands up to `followers_max` followers with ids above `after` to `each`, in pieces and in
    /// ascending order, and returns the last of them where there are more.
    ///
    /// The place is an id and not a position: whoever is in the list from the first chunk to the last
    /// is handed out exactly once, whatever enters and leaves it between chunks. `each` runs under
    /// the list's lock and must not call back.
    pub fn chunk(
        &self,
        author: UserId,
        after: Option<UserId>,
        followers_max: usize,
        each: impl FnMut(&[u32]),
    ) -> Option<UserId> {
        let after = after.map(|id| id.0);
        self.with(author, |list| list.chunk(after, followers_max, each))?
            .map(UserId)
    }

    /// Bytes of memory taken. Looks at every list.
    pub fn memory_bytes(&self) -> usize {
        let shards = self.shards.iter();
        shards
            .map(|(_, shard)| read(shard).iter().map(List::memory_bytes).sum::<usize>())
            .sum()
    }

    fn with<T>(&self, author: UserId, look: impl FnOnce(&List) -> T) -> Option<T> {
        let (shard, place) = split(author);
        Some(look(&read(self.shards.get(shard)?)[place]))
    }

    fn make(&self, shard: usize) -> &Shard {
        self.shards.get_or_make(shard, || {
            RwLock::new((0..SHARD_AUTHORS).map(|_| List::default()).collect())
        })
    }
}

fn split(author: UserId) -> (usize, usize) {
    let id = author.0 as usize;
    (id >> SHARD_BITS, id % SHARD_AUTHORS)
}

/// Nothing panics while it holds a lock for writing, so there is no poison to heed.
fn read(shard: &Shard) -> RwLockReadGuard<'_, Box<[List]>> {
    shard.read().unwrap_or_else(PoisonError::into_inner)
}

fn write(shard: &Shard) -> RwLockWriteGuard<'_, Box<[List]>> {
    shard.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_kept_by_author() {
        let lists = FollowerLists::default();
        assert!(lists.insert(UserId(1), UserId(9)) && lists.insert(UserId(2_000_000), UserId(9)));
        assert!(!lists.insert(UserId(1), UserId(9)));
        lists.load([(1, 8), (1, 9), (3, 5), (3, 4)].map(|(a, f)| (UserId(a), UserId(f))));
        assert_eq!(lists.page(UserId(1), None, 10), [UserId(9), UserId(8)]);
        assert_eq!(lists.page(UserId(3), Some(UserId(5)), 10), [UserId(4)]);
        assert_eq!((lists.entries(), lists.len(UserId(1))), (5, 2));
        assert!(lists.remove(UserId(1), UserId(8)) && !lists.remove(UserId(1), UserId(8)));
        assert!(!lists.remove(UserId(77), UserId(1)) && !lists.remove(UserId(77_777), UserId(1)));
        assert!(!lists.contains(UserId(1), UserId(8)) && lists.contains(UserId(1), UserId(9)));
        assert_eq!(lists.entries(), 4);
        assert!(lists.is_empty(UserId(77_777)));
    }
}
