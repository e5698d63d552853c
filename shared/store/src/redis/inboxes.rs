//! Inboxes: for each user a sorted set of the ids of posts that are addressed to him.

use std::collections::BTreeMap;

use ripple_domain::{Direction, Partition, PostId, UserId, Window};

use super::{
    RedisStore,
    error::store_error,
    key::Key,
    link::{Commands, decode},
    script::Script,
};
use crate::StoreError;

const ENTERING: &str = "entering a post in inboxes";
const READING: &str = "reading an inbox";

impl RedisStore {
    pub(super) async fn enter_inboxes(
        &self,
        post: PostId,
        recipients: &[UserId],
    ) -> Result<(), StoreError> {
        let mut by_partition: BTreeMap<Partition, Vec<UserId>> = BTreeMap::new();
        for user in recipients {
            by_partition
                .entry(user.partition())
                .or_default()
                .push(*user);
        }
        let all: Vec<Commands> = by_partition
            .into_iter()
            .map(|(partition, users)| {
                let mut commands = Commands::new(partition);
                let ids: Vec<u32> = users.iter().map(|user| user.0).collect();
                let packed = post.0.to_be_bytes();
                let args = (post.0, &packed[..], ids);
                commands.script(Script::EnterInbox, &[Key::Inbox(users[0])], args);
                commands
            })
            .collect();
        let entered = self.commit_all(ENTERING, &all).await?;
        for answer in entered.into_iter().flatten() {
            decode::<u32>(answer).map_err(store_error(ENTERING))?;
        }
        Ok(())
    }

    pub(super) async fn read_inbox(
        &self,
        user: UserId,
        window: Window,
        limit: usize,
    ) -> Result<Vec<PostId>, StoreError> {
        let Some((low, high)) = window.bounds() else {
            return Ok(Vec::new());
        };
        let mut commands = Commands::new(user.partition());
        let key = Key::Inbox(user);
        match window.direction {
            Direction::NewestFirst => {
                let args = (high.0, low.0, "BYSCORE", "REV", "LIMIT", 0, limit);
                commands.add("ZRANGE", &key, args)
            }
            Direction::OldestFirst => {
                let args = (low.0, high.0, "BYSCORE", "LIMIT", 0, limit);
                commands.add("ZRANGE", &key, args)
            }
        };
        let ids: Vec<u64> = self
            .link
            .one(&commands)
            .await
            .map_err(store_error(READING))?;
        Ok(ids.into_iter().map(PostId).collect())
    }
}
