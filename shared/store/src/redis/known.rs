//! What a process remembers of the store. Only what never changes is remembered: everything else is read,
//! because another process may have changed it.

use std::{
    hash::Hash,
    num::NonZeroUsize,
    sync::{Mutex, PoisonError},
};

use lru::LruCache;
use ripple_domain::{Handle, PostId, UserId};

use crate::TokenHash;

/// Users that a process remembers by their handles, by their tokens, and by their posts.
const USERS_MAX: NonZeroUsize = NonZeroUsize::new(65_536).unwrap();

/// To whom handles, tokens and posts belong.
pub(super) struct Known {
    pub(super) handles: Names<Handle>,
    pub(super) tokens: Names<TokenHash>,
    pub(super) authors: Names<PostId>,
}

/// Users by something that stays theirs; those who were not asked for longest are forgotten.
pub(super) struct Names<K: Hash + Eq>(Mutex<LruCache<K, UserId>>);

impl Known {
    pub(super) fn new() -> Self {
        Self {
            handles: Names::new(),
            tokens: Names::new(),
            authors: Names::new(),
        }
    }
}

impl<K: Hash + Eq> Names<K> {
    fn new() -> Self {
        Self(Mutex::new(LruCache::new(USERS_MAX)))
    }

    pub(super) fn get(&self, name: &K) -> Option<UserId> {
        let mut users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        users.get(name).copied()
    }

    /// Those of these names that are remembered; each once, in the order of their ids.
    pub(super) fn get_each(&self, names: &[K]) -> Vec<UserId> {
        let mut users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found: Vec<UserId> = names
            .iter()
            .filter_map(|name| users.get(name).copied())
            .collect();
        drop(users);
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Remembers a user, who exists.
    pub(super) fn put(&self, name: K, id: UserId) {
        self.put_each([(name, id)]);
    }

    /// Remembers users, who exist.
    pub(super) fn put_each(&self, named: impl IntoIterator<Item = (K, UserId)>) {
        let mut users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, id) in named {
            users.put(name, id);
        }
    }
}
