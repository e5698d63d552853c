//! Follower lists in memory.
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

use ripple_domain::UserId;

/// Follower lists in memory.
#[derive(Default)]
pub struct FollowerLists(Mutex<BTreeMap<UserId, BTreeSet<UserId>>>);

#[expect(missing_docs, reason = "replaced by the engine")]
impl FollowerLists {
    pub fn new() -> Self {
        Self::default()
    }
    fn with<T>(&self, author: UserId, f: impl FnOnce(&mut BTreeSet<UserId>) -> T) -> T {
        f(self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(author)
            .or_default())
    }
    pub fn insert(&self, author: UserId, follower: UserId) -> bool {
        self.with(author, |list| list.insert(follower))
    }
    pub fn remove(&self, author: UserId, follower: UserId) -> bool {
        self.with(author, |list| list.remove(&follower))
    }
    pub fn contains(&self, author: UserId, follower: UserId) -> bool {
        self.with(author, |list| list.contains(&follower))
    }
    pub fn len(&self, author: UserId) -> usize {
        self.with(author, |list| list.len())
    }
    pub fn page(&self, author: UserId, before: Option<UserId>, limit: usize) -> Vec<UserId> {
        let before = before.unwrap_or(UserId(u32::MAX));
        self.with(author, |list| {
            list.range(..before).rev().take(limit).copied().collect()
        })
    }
    pub(super) fn chunk(&self, author: UserId, after: Option<UserId>, max: usize) -> Vec<UserId> {
        let first = after.map_or(UserId(0), |after| UserId(after.0 + 1));
        self.with(author, |list| {
            list.range(first..).take(max).copied().collect()
        })
    }
}
