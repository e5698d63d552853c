//! Author timelines: for each user a sorted set of the ids of what he has posted.

use ripple_domain::{Direction, PostId, UserId, Window};

use super::{
    RedisStore,
    error::store_error,
    key::Key,
    link::{Commands, by_partition, decode},
    merge_rounds::{MergeRounds, Part},
};
use crate::StoreError;

const READING: &str = "reading author timelines";

impl RedisStore {
    /// The ids of what these authors posted, merged, in the window's order.
    pub(super) async fn merged_author_timelines(
        &self,
        authors: &[UserId],
        window: Window,
        limit: usize,
    ) -> Result<Vec<PostId>, StoreError> {
        let mut authors = authors.to_vec();
        authors.sort_unstable();
        authors.dedup();
        let mut rounds = MergeRounds::new(authors.len(), window, limit);
        loop {
            let mut parts = rounds.next();
            if parts.is_empty() {
                return Ok(rounds.finish());
            }
            // The answers come by partition, so the parts are put in that order.
            parts.sort_by_key(|part| authors[part.source].partition());
            let commands = by_partition(
                parts
                    .iter()
                    .map(|part| (authors[part.source].partition(), part)),
                |commands, part| add_part(commands, authors[part.source], *part, window.direction),
            );
            let answers = self.link.send_all(&commands).await;
            let answers = answers.map_err(store_error(READING))?;
            for (part, answer) in parts.into_iter().zip(answers.into_iter().flatten()) {
                let ids: Vec<u64> = decode(answer).map_err(store_error(READING))?;
                rounds.enter(part, ids.into_iter().map(PostId));
            }
        }
    }
}

fn add_part(commands: &mut Commands, author: UserId, part: Part, direction: Direction) {
    let (low, high) = (part.bounds.0.0, part.bounds.1.0);
    let key = Key::Author(author);
    let count = part.limit;
    match direction {
        Direction::NewestFirst => commands.add(
            "ZRANGE",
            &key,
            (high, low, "BYSCORE", "REV", "LIMIT", 0, count),
        ),
        Direction::OldestFirst => {
            commands.add("ZRANGE", &key, (low, high, "BYSCORE", "LIMIT", 0, count))
        }
    };
}
