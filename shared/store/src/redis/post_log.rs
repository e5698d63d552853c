//! The post log: what was posted in a time, in the order of ids. Each partition has one
//! (`scripts/lib/post_log.lua`), and they are merged when it is read.

use std::sync::Arc;

use ripple_domain::{Direction, Post, PostId, Timestamp, Window};

use super::{
    RedisStore,
    error::store_error,
    key::{Key, partitions},
    link::{by_partition, decode},
    merge_rounds::MergeRounds,
    script::Script,
};
use crate::StoreError;

const READING: &str = "reading the post log";
/// Ids read at a time, so that a page of many deleted posts is not read one by one.
const IDS_MIN: usize = 64;
const IDS_MAX: usize = 10_000;

impl RedisStore {
    /// The posts that stand of those made in `from..to`, oldest first, after `after`.
    pub(super) async fn logged_posts(
        &self,
        from: Timestamp,
        to: Timestamp,
        after: Option<PostId>,
        limit: usize,
    ) -> Result<Vec<Arc<Post>>, StoreError> {
        let before_all = PostId::first_of(from).0.checked_sub(1).map(PostId);
        let mut window = Window {
            before: Some(PostId::first_of(to)),
            after: after.max(before_all),
            direction: Direction::OldestFirst,
        };
        let mut log = Vec::new();
        while log.len() < limit {
            let wanted = (limit - log.len()).clamp(IDS_MIN, IDS_MAX);
            let ids = self.logged_ids(window, wanted).await?;
            log.extend(self.posts_by_id(&ids).await?.into_iter().flatten());
            match ids.last() {
                Some(last) if ids.len() == wanted => window = window.beyond(*last),
                _ => break,
            }
        }
        log.truncate(limit);
        Ok(log)
    }

    /// The first ids of the log in a window that is read upwards, those of deleted posts included.
    async fn logged_ids(&self, window: Window, limit: usize) -> Result<Vec<PostId>, StoreError> {
        let partitions: Vec<_> = partitions().collect();
        let mut rounds = MergeRounds::new(partitions.len(), window, limit);
        loop {
            let parts = rounds.next();
            if parts.is_empty() {
                return Ok(rounds.finish());
            }
            let commands = by_partition(
                parts.iter().map(|part| (partitions[part.source], part)),
                |commands, part| {
                    let (low, high) = (part.bounds.0.0, part.bounds.1.0);
                    let days = Key::LogDays(commands.partition);
                    commands.script(Script::ReadLog, &[days], (low, high, part.limit));
                },
            );
            let answers = self.link.send_all(&commands).await;
            let answers = answers.map_err(store_error(READING))?;
            for (part, answer) in parts.into_iter().zip(answers.into_iter().flatten()) {
                let packed: Vec<u8> = decode(answer).map_err(store_error(READING))?;
                let (ids, _) = packed.as_chunks();
                let id = |bytes: &[u8; 8]| PostId(u64::from_be_bytes(*bytes));
                rounds.enter(part, ids.iter().map(id));
            }
        }
    }
}
