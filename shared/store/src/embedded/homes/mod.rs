//! Home timelines in memory.
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

use ripple_domain::{PostId, Timestamp, UserId};

use crate::Home;

/// Home timelines in memory.
pub struct HomeTimelines {
    cap: usize,
    warm: Mutex<(u64, BTreeMap<UserId, Kept>)>,
}

struct Kept {
    token: u64,
    warm: bool,
    ids: BTreeSet<PostId>,
    floor: Option<PostId>,
    read_at: Timestamp,
}

impl Kept {
    fn push(&mut self, cap: usize, id: PostId) {
        if self.floor.is_none_or(|floor| id > floor) {
            self.ids.insert(id);
        }
        while self.ids.len() > cap {
            self.floor = self.ids.pop_first();
        }
    }
}

#[expect(missing_docs, reason = "replaced by the engine")]
impl HomeTimelines {
    pub fn new(cap: usize) -> Self {
        Self {
            cap,
            warm: Mutex::default(),
        }
    }
    fn with<T>(&self, f: impl FnOnce(&mut u64, &mut BTreeMap<UserId, Kept>) -> T) -> T {
        let mut warm = self.warm.lock().unwrap_or_else(PoisonError::into_inner);
        let (token, map) = &mut *warm;
        f(token, map)
    }
    pub fn ensure_user(&self, _user: UserId) {}
    pub fn home(&self, user: UserId, now: Timestamp) -> Home {
        self.with(|_, map| match map.get_mut(&user) {
            Some(kept) if kept.warm => {
                kept.read_at = now;
                Home::Warm {
                    ids: kept.ids.iter().rev().copied().collect(),
                    floor: kept.floor,
                }
            }
            _ => Home::Cold,
        })
    }
    pub fn begin(&self, user: UserId, now: Timestamp) -> u64 {
        self.with(|token, map| {
            *token += 1;
            let kept = Kept {
                token: *token,
                warm: false,
                ids: BTreeSet::new(),
                floor: None,
                read_at: now,
            };
            map.insert(user, kept);
            *token
        })
    }
    pub fn finish(&self, user: UserId, token: u64, ids: &[PostId], complete: bool) -> bool {
        self.with(|_, map| match map.get_mut(&user) {
            Some(kept) if kept.token == token && !kept.warm => {
                if !complete {
                    kept.floor = kept.floor.max(ids.last().map(|id| PostId(id.0 - 1)));
                }
                for id in ids {
                    kept.push(self.cap, *id);
                }
                kept.warm = true;
                true
            }
            _ => false,
        })
    }
    pub fn cool(&self, user: UserId) {
        self.with(|_, map| map.remove(&user));
    }
    pub fn cool_all(&self) {
        self.with(|_, map| map.clear());
    }
    pub fn push(&self, user: UserId, post: PostId) -> bool {
        self.with(|_, map| match map.get_mut(&user) {
            Some(kept) => {
                kept.push(self.cap, post);
                true
            }
            None => false,
        })
    }
    pub fn cool_idle(&self, before: Timestamp) -> usize {
        self.with(|_, map| {
            let len = map.len();
            map.retain(|_, kept| kept.read_at >= before);
            len - map.len()
        })
    }
    pub fn cool_until(&self, _bytes_max: u64) -> usize {
        0
    }
}
