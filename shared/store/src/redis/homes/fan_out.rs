//! The fan-out: pushes of posts to the warm timelines of their authors' followers.
//!
//! Who has a timeline is looked up in one bitmap for each partition. The look comes after the commits of
//! the posts, so that somebody who is not in it needs no push: his next rebuild reads the author
//! timelines. All pushes of a batch to one timeline are one command.

use std::collections::HashMap;

use redis::Value;
use ripple_domain::{Partition, UserId};

use super::packed::{self, BYTES_MAX, is_timeline};
use crate::redis::{
    RedisStore,
    error::store_error,
    key::{Key, partitions},
    link::{Commands, by_partition, decode},
    script::Script,
};
use crate::{Delivery, Pushed, StoreError};

const PUSHING: &str = "pushing to home timelines";

/// Commands of one message: more gain nothing, and hold others up.
const COMMANDS_MAX: usize = 1_000;

/// Who has a timeline, warm or warming.
struct WarmMap(Vec<Vec<u8>>);

impl WarmMap {
    fn holds(&self, user: UserId) -> bool {
        let bit = user.0 / u32::from(ripple_domain::PARTITIONS);
        let bits = &self.0[usize::from(user.partition())];
        // Redis counts bits from the left.
        bits.get(bit as usize / 8)
            .is_some_and(|byte| byte & (0x80 >> (bit % 8)) != 0)
    }
}

/// A push to a timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Push {
    partition: Partition,
    user: UserId,
    /// Which of the deliveries.
    delivery: usize,
}

impl RedisStore {
    pub(in crate::redis) async fn fan_out(
        &self,
        deliveries: Vec<Delivery>,
    ) -> Result<Vec<Pushed>, StoreError> {
        if deliveries.is_empty() {
            return Ok(Vec::new());
        }
        let warm = self.warm_map().await?;
        let mut answers = Vec::with_capacity(deliveries.len());
        let mut pushes = Vec::new();
        for (index, delivery) in deliveries.iter().enumerate() {
            let chunk = self
                .follower_chunk(delivery.author, delivery.after, delivery.followers_max)
                .await?;
            answers.push(Pushed {
                followers: chunk.followers.len() as u64,
                pushed: 0,
                next: chunk.next,
            });
            let warm = chunk.followers.into_iter().filter(|user| warm.holds(*user));
            pushes.extend(warm.map(|user| Push {
                partition: user.partition(),
                user,
                delivery: index,
            }));
        }
        pushes.sort_unstable();
        self.push_all(&deliveries, &pushes, &mut answers).await?;
        Ok(answers)
    }

    async fn warm_map(&self) -> Result<WarmMap, StoreError> {
        let all = by_partition(partitions().map(|p| (p, p)), |commands, partition| {
            commands.add("GET", &Key::WarmMap(partition), &[] as &[&str]);
        });
        let answers = self.link.send_all(&all).await;
        let answers = answers.map_err(store_error(PUSHING))?;
        let bits = answers.into_iter().flatten().map(|answer| {
            let bits: Option<Vec<u8>> = decode(answer)?;
            Ok(bits.unwrap_or_default())
        });
        let bits: Result<_, _> = bits.collect();
        bits.map(WarmMap).map_err(store_error(PUSHING))
    }

    /// Carries out pushes, which are in the order of partitions and users.
    async fn push_all(
        &self,
        deliveries: &[Delivery],
        pushes: &[Push],
        answers: &mut [Pushed],
    ) -> Result<(), StoreError> {
        let mut messages: Vec<Commands> = Vec::new();
        let mut of_user = Vec::new();
        for pushes in pushes.chunk_by(|a, b| a.user == b.user) {
            let [
                Push {
                    partition, user, ..
                },
                ..,
            ] = pushes
            else {
                continue;
            };
            let ids = pushes.iter().map(|push| deliveries[push.delivery].post);
            let is_full = messages
                .last()
                .is_none_or(|last| last.partition != *partition || last.len() == COMMANDS_MAX);
            if is_full {
                messages.push(Commands::new(*partition));
            }
            if let Some(message) = messages.last_mut() {
                message.add("APPEND", &Key::Home(*user), packed::pack(ids));
                of_user.push(pushes);
            }
        }
        let lengths = self.link.send_all(&messages).await;
        let lengths = lengths.map_err(store_error(PUSHING))?;
        let (mut remains, mut long) = (Vec::new(), Vec::new());
        for (pushes, length) in of_user.into_iter().zip(lengths.into_iter().flatten()) {
            let length: usize = decode(length).map_err(store_error(PUSHING))?;
            let user = pushes[0].user;
            if !is_timeline(length) {
                remains.push(user);
                continue;
            }
            for push in pushes {
                answers[push.delivery].pushed += 1;
            }
            if length > BYTES_MAX {
                long.push(user);
            }
        }
        self.remove_remains(&remains).await?;
        self.shorten(&long).await
    }

    /// Removes what pushes have left of timelines that became cold after the look.
    async fn remove_remains(&self, users: &[UserId]) -> Result<(), StoreError> {
        let all = by_partition(
            users.iter().map(|user| (user.partition(), user)),
            |commands, user| {
                commands.script(Script::MendHome, &[Key::Home(*user)], user.0);
            },
        );
        let removed = self.link.send_all(&all).await;
        removed.map(drop).map_err(store_error(PUSHING))
    }

    /// Cuts timelines that have grown too long.
    async fn shorten(&self, users: &[UserId]) -> Result<(), StoreError> {
        for users in users.chunks(COMMANDS_MAX) {
            let mut users = users.to_vec();
            users.sort_unstable_by_key(|user| user.partition());
            let read = by_partition(
                users.iter().map(|user| (user.partition(), user)),
                |commands, user| {
                    commands.add("GET", &Key::Home(*user), &[] as &[&str]);
                },
            );
            let kept = self.link.send_all(&read).await;
            let kept: Vec<Value> = kept
                .map_err(store_error(PUSHING))?
                .into_iter()
                .flatten()
                .collect();
            let mut shorter = HashMap::new();
            for (user, kept) in users.iter().zip(kept) {
                let kept: Option<Vec<u8>> = decode(kept).map_err(store_error(PUSHING))?;
                let kept = kept.unwrap_or_default();
                if let Some((header, beginning)) = packed::shortened(&kept) {
                    shorter.insert(*user, (header.to_vec(), kept.len(), beginning));
                }
            }
            let swap = by_partition(
                shorter
                    .into_iter()
                    .map(|(user, swap)| (user.partition(), (user, swap))),
                |commands, (user, swap)| {
                    commands.script(Script::SwapHome, &[Key::Home(user)], swap);
                },
            );
            let swapped = self.link.send_all(&swap).await;
            swapped.map_err(store_error(PUSHING))?;
        }
        Ok(())
    }
}
