//! Ripple's fan-out engine in memory, alone: no commit, no queue.

use async_trait::async_trait;
use ripple_domain::{PostId, Timestamp, UserId};
use ripple_store::{
    Delivery,
    embedded::{FanOut, FollowerLists, HomeTimelines},
};

use crate::{ENTRIES, ENTRIES_MAX, Participant};

/// Users `2..=followers + 1` follow this one.
const AUTHOR: UserId = UserId(1);

pub(crate) struct Engine {
    homes: HomeTimelines,
    lists: FollowerLists,
    engine: FanOut,
    next: u64,
}

impl Engine {
    pub(crate) fn new(followers: u32) -> Self {
        let homes = HomeTimelines::new(ENTRIES_MAX as usize);
        let lists = FollowerLists::new();
        let users = (2..=followers + 1).map(UserId);
        for user in users.clone() {
            let ids = u64::from(ENTRIES - user.0 % 32);
            let ids: Vec<_> = (1..=ids).rev().map(post_id).collect();
            let token = homes.begin(user, Timestamp::from_ms(0));
            assert!(homes.finish(user, token, &ids, true));
        }
        lists.load(users.map(|user| (AUTHOR, user)));
        Self {
            homes,
            lists,
            engine: FanOut::new(),
            next: u64::from(ENTRIES),
        }
    }

    fn push(&mut self, posts: u32) {
        let mut after = None;
        loop {
            let delivery = |n| Delivery {
                post: post_id(self.next + u64::from(n)),
                author: AUTHOR,
                after,
                followers_max: 10_000,
            };
            let deliveries: Vec<_> = (1..=posts).map(delivery).collect();
            let pushed = self.engine.push(&self.homes, &self.lists, &deliveries);
            assert!(pushed.iter().all(|it| it.pushed == it.followers));
            after = pushed[0].next;
            if after.is_none() {
                break;
            }
        }
        self.next += u64::from(posts);
    }
}

#[async_trait]
impl Participant for Engine {
    async fn round(&mut self, way: &str, posts: u32) {
        let at_once = way.parse().unwrap();
        for _ in 0..posts / at_once {
            self.push(at_once);
        }
    }

    async fn memory_bytes(&mut self) -> u64 {
        self.homes.memory_bytes() as u64
    }
}

/// The `n`th post, some time after the one before.
fn post_id(n: u64) -> PostId {
    PostId(n << 12)
}
