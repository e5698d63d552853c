//! What a process remembers of the store. Only what never changes is remembered: everything else is read,
//! because another process may have changed it.

use std::{
    hash::Hash,
    num::NonZeroUsize,
    sync::{Mutex, PoisonError},
};

use lru::LruCache;
use ripple_domain::{Handle, UserId};

use crate::TokenHash;

/// Users that a process remembers by their handles, and by their tokens.
const USERS_MAX: NonZeroUsize = NonZeroUsize::new(65_536).unwrap();

/// To whom handles and tokens belong.
pub(super) struct Known {
    pub(super) handles: Names<Handle>,
    pub(super) tokens: Names<TokenHash>,
}

/// Users by something that stays theirs; those who were not asked for longest are forgotten.
pub(super) struct Names<K: Hash + Eq>(Mutex<LruCache<K, UserId>>);

impl Known {
    pub(super) fn new() -> Self {
        Self {
            handles: Names::new(),
            tokens: Names::new(),
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

    /// Remembers a user, who exists.
    pub(super) fn put(&self, name: K, id: UserId) {
        let mut users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        users.put(name, id);
    }
}
