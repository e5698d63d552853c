//! Ripple's fan-out engine in memory, alone: no commit, no queue.

use async_trait::async_trait;
use ripple_domain::{PostId, Timestamp, UserId};
use ripple_load_tests::parts::{FOLLOWERS_OF_A_CHUNK, all_pushed, chunk};
use ripple_store::embedded::{FanOut, FollowerLists, HomeTimelines};

use crate::{ENTRIES, ENTRIES_MAX, Participant, Result};

/// Users `2..=followers + 1` follow this one.
const AUTHOR: UserId = UserId(1);

pub(crate) struct Engine {
    homes: HomeTimelines,
    lists: FollowerLists,
    engine: FanOut,
    next: u64,
}

impl Engine {
    pub(crate) fn new(followers: u32) -> Result<Self> {
        let homes = HomeTimelines::new(ENTRIES_MAX as usize);
        let lists = FollowerLists::new();
        let users = (2..=followers + 1).map(UserId);
        for user in users.clone() {
            let ids = u64::from(ENTRIES - user.0 % 32);
            let ids: Vec<_> = (1..=ids).rev().map(|n| PostId(n << 12)).collect();
            let token = homes.begin(user, Timestamp::from_ms(0));
            if !homes.finish(user, token, &ids, true) {
                return Err("a home timeline does not become warm".into());
            }
        }
        lists.load(users.map(|user| (AUTHOR, user)));
        Ok(Self {
            homes,
            lists,
            engine: FanOut::new(),
            next: u64::from(ENTRIES) + 1,
        })
    }

    fn push(&mut self, posts: u32) -> Result {
        let first = self.next;
        self.next += u64::from(posts);
        let mut after = None;
        loop {
            let deliveries = chunk(AUTHOR, first..self.next, after, FOLLOWERS_OF_A_CHUNK);
            let pushed = self.engine.push(&self.homes, &self.lists, &deliveries);
            all_pushed(&pushed).ok_or("a home timeline is cold")?;
            after = pushed.first().and_then(|it| it.next);
            if after.is_none() {
                return Ok(());
            }
        }
    }
}

#[async_trait]
impl Participant for Engine {
    async fn round(&mut self, way: &str, posts: u32) -> Result {
        let at_once = way.parse()?;
        for _ in 0..posts / at_once {
            self.push(at_once)?;
        }
        Ok(())
    }

    async fn memory_bytes(&mut self) -> Result<u64> {
        Ok(self.homes.memory_bytes() as u64)
    }
}
