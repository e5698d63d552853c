//! What the embedded store holds in memory: caches of facts, and home timelines, which live nowhere
//! else.

use std::{
    collections::{BTreeSet, HashSet},
    sync::{
        Mutex, MutexGuard, PoisonError, RwLock, RwLockWriteGuard,
        atomic::{AtomicI64, Ordering},
    },
};

use ripple_domain::{Post, PostId, Relation, RelationKind, Tier, Timestamp, User, UserId};
use tokio::sync::Notify;

use super::{
    EmbeddedOptions, FanOut, FollowerLists, HomeTimelines,
    cache::{RecordCache, Weigh},
    feed_documents::FeedDocuments,
    meter::Meter,
    queue::TierQueue,
    watchers::Watchers,
};
use crate::{Clock, PULLED_AUTHORS_MAX, home::HOME_IDS_MAX};

/// Decoded posts kept; a short post takes some 500 bytes.
const POSTS_CACHED_MAX: usize = 100_000;
/// Bytes of all decoded posts kept: a post of the greatest length takes 20 KB.
const POSTS_BYTES_MAX: usize = 128 << 20;
/// Decoded users kept; one takes some 200 bytes.
const USERS_CACHED_MAX: usize = 100_000;
/// Bytes of all decoded users kept.
const USERS_BYTES_MAX: usize = 64 << 20;

/// Everything in memory.
pub(super) struct Memory {
    pub(super) clock: Clock,
    pub(super) homes: HomeTimelines,
    pub(super) fan_out: FanOut,
    /// Who follows a user.
    pub(super) followers: FollowerLists,
    /// Whom a user follows.
    pub(super) followees: FollowerLists,
    sparse: RwLock<SparseRelations>,
    /// Authors whose posts are pulled. None outlives the home timelines, which all are cold after a restart.
    pulled: RwLock<BTreeSet<UserId>>,
    pub(super) users: RecordCache<UserId, User>,
    pub(super) posts: RecordCache<PostId, Post>,
    tiers: [TierState; 2],
    pub(super) watchers: Watchers,
    pub(super) feeds: FeedDocuments,
    /// Since when the writer carries out a group, in milliseconds; `i64::MAX` while it does not.
    committing_since_ms: AtomicI64,
}

impl Weigh for Post {
    fn bytes(&self) -> usize {
        // Each user or tag is a text of some tens of bytes with its places in memory.
        let named = self.recipients.len() + self.mentions.len() + self.tags.len();
        let link = self.link.as_ref().map_or(0, String::len);
        size_of::<Self>() + self.text.len() + link + 64 * named
    }
}

impl Weigh for User {
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.display_name.len() + self.bio.len() + 32
    }
}

/// Mutes and blocks are rare next to follows: one set each does.
#[derive(Debug, Default)]
struct SparseRelations {
    mutes: HashSet<(UserId, UserId)>,
    blocks: HashSet<(UserId, UserId)>,
}

/// A tier's queue with what belongs to it.
pub(super) struct TierState {
    queue: Mutex<TierQueue>,
    meter: Mutex<Meter>,
    ready: Notify,
}

impl Memory {
    pub(super) fn new(options: &EmbeddedOptions) -> Self {
        let tier = || TierState {
            queue: Mutex::default(),
            meter: Mutex::new(Meter::new()),
            ready: Notify::new(),
        };
        Self {
            clock: options.clock.clone(),
            homes: HomeTimelines::new(HOME_IDS_MAX),
            fan_out: FanOut::new(),
            followers: FollowerLists::new(),
            followees: FollowerLists::new(),
            sparse: RwLock::default(),
            pulled: RwLock::default(),
            users: RecordCache::new(USERS_CACHED_MAX, USERS_BYTES_MAX),
            posts: RecordCache::new(POSTS_CACHED_MAX, POSTS_BYTES_MAX),
            tiers: [tier(), tier()],
            watchers: Watchers::default(),
            feeds: FeedDocuments::new(),
            committing_since_ms: AtomicI64::new(i64::MAX),
        }
    }

    pub(super) fn tier(&self, tier: Tier) -> &TierState {
        match tier {
            Tier::Followers => &self.tiers[0],
            Tier::Public => &self.tiers[1],
        }
    }

    /// Says that commits of this moment and later ones may be on disk before their jobs are queued.
    pub(super) fn begin_committing(&self) {
        self.committing_since_ms
            .store(self.clock.now().as_ms(), Ordering::SeqCst);
    }

    /// Says that the jobs of all commits are queued.
    pub(super) fn end_committing(&self) {
        self.committing_since_ms.store(i64::MAX, Ordering::SeqCst);
    }

    /// Since when commits are under way.
    pub(super) fn committing_since(&self) -> Option<Timestamp> {
        let ms = self.committing_since_ms.load(Ordering::SeqCst);
        (ms != i64::MAX).then_some(Timestamp::from_ms(ms))
    }

    /// Enters a relation as it was found at the start.
    pub(super) fn load(&self, from: UserId, kind: RelationKind, to: UserId) {
        match kind {
            RelationKind::Follow => {
                self.followers.insert(to, from);
                self.followees.insert(from, to);
            }
            RelationKind::Mute => {
                self.sparse_mut().mutes.insert((from, to));
            }
            RelationKind::Block => {
                self.sparse_mut().blocks.insert((from, to));
            }
        }
    }

    /// Follows a committed change. The follower list changes before the timeline becomes cold, so
    /// that a rebuild which begins after this finds the list as it is now.
    pub(super) fn relate(&self, from: UserId, kind: RelationKind, to: UserId, on: bool) {
        match (kind, on) {
            (_, true) => self.load(from, kind, to),
            (RelationKind::Follow, false) => {
                self.followers.remove(to, from);
                self.followees.remove(from, to);
            }
            (RelationKind::Mute, false) => {
                self.sparse_mut().mutes.remove(&(from, to));
            }
            (RelationKind::Block, false) => {
                self.sparse_mut().blocks.remove(&(from, to));
            }
        }
        match kind {
            RelationKind::Follow => self.homes.cool(from),
            RelationKind::Block => {
                self.homes.cool(from);
                self.homes.cool(to);
            }
            // A muted author's posts stay in the timeline and are passed over when it is read.
            RelationKind::Mute => {}
        }
    }

    /// How `viewer` stands to each of `others`.
    pub(super) fn relations(&self, viewer: UserId, others: &[UserId]) -> Vec<Relation> {
        let sparse = self.sparse.read().unwrap_or_else(PoisonError::into_inner);
        let relation = |other: &UserId| Relation {
            follows: self.followees.contains(viewer, *other),
            mutes: sparse.mutes.contains(&(viewer, *other)),
            blocked: sparse.blocks.contains(&(viewer, *other))
                || sparse.blocks.contains(&(*other, viewer)),
        };
        others.iter().map(relation).collect()
    }

    /// Has an author's posts pulled; `false` where those of too many others are.
    pub(super) fn pull(&self, author: UserId) -> bool {
        let mut pulled = self.pulled_mut();
        if pulled.len() < PULLED_AUTHORS_MAX {
            pulled.insert(author);
        }
        pulled.contains(&author)
    }

    /// The pulled authors whom a user follows.
    pub(super) fn pulled_followees(&self, user: UserId) -> Vec<UserId> {
        let pulled = self.pulled.read().unwrap_or_else(PoisonError::into_inner);
        let follows = |author: &&UserId| self.followees.contains(user, **author);
        pulled.iter().filter(follows).copied().collect()
    }

    /// Makes all home timelines cold. Nobody is pulled any more.
    pub(super) fn cool_all_homes(&self) {
        self.pulled_mut().clear();
        self.homes.cool_all();
    }

    fn pulled_mut(&self) -> RwLockWriteGuard<'_, BTreeSet<UserId>> {
        self.pulled.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn sparse_mut(&self) -> RwLockWriteGuard<'_, SparseRelations> {
        self.sparse.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TierState {
    pub(super) fn queue(&self) -> MutexGuard<'_, TierQueue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn meter(&self) -> MutexGuard<'_, Meter> {
        self.meter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that a job may be claimable.
    pub(super) fn announce(&self) {
        self.ready.notify_one();
    }

    /// Resolves after the next [`TierState::announce`].
    pub(super) async fn announced(&self) {
        self.ready.notified().await;
    }
}
