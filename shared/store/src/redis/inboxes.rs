//! Inboxes: for each user a sorted set of the ids of posts that are addressed to him.

use std::collections::BTreeMap;

use ripple_domain::{Partition, PostId, UserId, Window};

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
        let entered = self.commit_batch(ENTERING, &all).await?;
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
        self.sorted_ids(READING, &Key::Inbox(user), window, limit)
            .await
    }
}
