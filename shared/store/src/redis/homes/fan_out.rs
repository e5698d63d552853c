//! The fan-out: pushes of posts to the warm timelines of their authors' followers.
//!
//! Who has a timeline is looked up after the commits of the posts, so that somebody who has none needs
//! no push: his next rebuild reads the author timelines. All pushes of a batch to one timeline are one
//! command.

use futures_util::{StreamExt, TryStreamExt, stream};
use redis::Value;
use ripple_domain::{Partition, UserId};

use super::packed::{self, is_long, is_timeline};
use crate::redis::{
    RedisStore,
    error::store_error,
    followers::FollowerChunk,
    key::Key,
    link::{Bulk, IN_FLIGHT_MAX, decode},
    script::Script,
};
use crate::{Delivery, Pushed, StoreError};

const PUSHING: &str = "pushing to home timelines";

/// A push to a timeline. All are in the order of partitions and users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Push {
    partition: Partition,
    user: UserId,
    /// Which of the deliveries.
    delivery: u32,
}

impl RedisStore {
    pub(in crate::redis) async fn fan_out(
        &self,
        deliveries: &[Delivery],
    ) -> Result<Vec<Pushed>, StoreError> {
        if deliveries.is_empty() {
            return Ok(Vec::new());
        }
        let chunks: Vec<_> = deliveries
            .iter()
            .map(|it| self.follower_chunk(it.author, it.after, it.followers_max))
            .collect();
        let chunks: Vec<FollowerChunk> = stream::iter(chunks)
            .buffered(IN_FLIGHT_MAX)
            .try_collect()
            .await?;
        self.push_chunks(deliveries, &chunks).await
    }

    /// Pushes each post to those of its chunk whose timeline is there.
    async fn push_chunks(
        &self,
        deliveries: &[Delivery],
        chunks: &[FollowerChunk],
    ) -> Result<Vec<Pushed>, StoreError> {
        let warm = self.warm_map().await?;
        let mut pushes = Vec::with_capacity(chunks.iter().map(|it| it.followers.len()).sum());
        for (delivery, chunk) in (0..).zip(chunks) {
            let warm = chunk.followers.iter().filter(|user| warm.holds(**user));
            pushes.extend(warm.map(|user| Push {
                partition: user.partition(),
                user: *user,
                delivery,
            }));
        }
        pushes.sort_unstable();
        let mut answers: Vec<Pushed> = chunks
            .iter()
            .map(|chunk| Pushed {
                followers: chunk.followers.len() as u64,
                pushed: 0,
                next: chunk.next,
            })
            .collect();
        self.push_all(deliveries, &pushes, &mut answers).await?;
        Ok(answers)
    }

    async fn push_all(
        &self,
        deliveries: &[Delivery],
        pushes: &[Push],
        answers: &mut [Pushed],
    ) -> Result<(), StoreError> {
        let by_user = || pushes.chunk_by(|a, b| a.user == b.user);
        let mut bulk = self.link.bulk();
        for pushes in by_user() {
            let Push {
                partition, user, ..
            } = pushes[0];
            let ids = pushes
                .iter()
                .map(|it| deliveries[it.delivery as usize].post);
            let (key, ids) = (Key::Home(user), packed::pack(ids));
            bulk.to(partition).add("APPEND", &key, ids);
        }
        let (mut remains, mut long) = (Vec::new(), Vec::new());
        for (pushes, length) in by_user().zip(self.push_bulk(&bulk).await?) {
            let length: usize = decode(length).map_err(store_error(PUSHING))?;
            let user = pushes[0].user;
            if !is_timeline(length) {
                remains.push(user);
                continue;
            }
            for push in pushes {
                answers[push.delivery as usize].pushed += 1;
            }
            if is_long(user, length) {
                long.push(user);
            }
        }
        self.remove_remains(&remains).await?;
        self.shorten_homes(&long).await
    }

    /// Sends pushes, again where memory was full and there is room now. (A push that is repeated
    /// changes nothing.)
    async fn push_bulk(&self, bulk: &Bulk) -> Result<Vec<Value>, StoreError> {
        let answers = self.commit_bulk(PUSHING, bulk).await?;
        if self.finds_room_for(&answers).await {
            return self.commit_bulk(PUSHING, bulk).await;
        }
        Ok(answers)
    }

    /// Removes what pushes have left of timelines that became cold after the look.
    async fn remove_remains(&self, users: &[UserId]) -> Result<(), StoreError> {
        let mut bulk = self.link.bulk();
        for user in users {
            let to = bulk.to(user.partition());
            to.script(Script::MendHome, &[Key::Home(*user)], user.0);
        }
        let removed = self.link.send_bulk(&bulk).await;
        removed.map(drop).map_err(store_error(PUSHING))
    }
}
