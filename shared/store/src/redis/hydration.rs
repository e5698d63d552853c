//! Posts with what a page needs of their authors.

use std::sync::Arc;

use redis::{FromRedisValue, Value};
use ripple_domain::{PostId, Relation, UserId};

use super::{
    RedisStore,
    error::store_error,
    key::Key,
    link::{Commands, decode},
    posts::UNKNOWN_ANSWER,
    users::decode_user,
};
use crate::{
    StoreError,
    hydration::{Hydrated, authors_of, in_steps, with_authors},
};

const READING: &str = "reading the authors of posts";

impl RedisStore {
    /// On a single server one message asks for all that is to be known of the authors: with the posts, two
    /// round trips. (A script that does it in one took Redis twice the time, and saved nothing on the whole.)
    pub(super) async fn hydrated(
        &self,
        reader: Option<UserId>,
        ids: &[PostId],
    ) -> Result<Vec<Option<Hydrated>>, StoreError> {
        let Some(mut commands) = self.link.across() else {
            return in_steps(self, reader, ids).await;
        };
        let posts = self.posts_by_id(ids).await?;
        let ids = authors_of(&posts);
        for id in &ids {
            commands.add("HGET", &Key::User(*id), "d");
        }
        if let (Some(reader), false) = (reader, ids.is_empty()) {
            ask_for_relations(&mut commands, reader, &ids);
        }
        let answers = self.link.send(&commands).await;
        let mut answers = answers.map_err(store_error(READING))?.into_iter();
        let mut users = Vec::with_capacity(ids.len());
        for (id, answer) in ids.iter().zip(&mut answers) {
            users.push(match value::<Option<Vec<u8>>>(answer)? {
                Some(record) => Some(Arc::new(decode_user(&record)?)),
                // One whose creation is to be completed, perhaps.
                None => self.user_by_id(*id).await?,
            });
        }
        let relations = match (reader, answers.next(), answers.next()) {
            (Some(reader), Some(follows), Some(others)) => {
                self.relations_in(reader, &ids, follows, others).await?
            }
            _ => vec![Relation::default(); ids.len()],
        };
        with_authors(posts, ids, users, relations)
    }

    /// What was answered to [`ask_for_relations`], and what that leaves open.
    async fn relations_in(
        &self,
        reader: UserId,
        ids: &[UserId],
        follows: Value,
        others: Value,
    ) -> Result<Vec<Relation>, StoreError> {
        if value::<u64>(others)? > 0 {
            return self.relations_of(reader, ids).await;
        }
        let follows: Vec<bool> = value(follows)?;
        if follows.len() != ids.len() {
            return Err(UNKNOWN_ANSWER);
        }
        let only = |follows| Relation {
            follows,
            ..Relation::default()
        };
        Ok(follows.into_iter().map(only).collect())
    }
}

/// Whom of these the reader follows; and whether he mutes or blocks anybody or is blocked, which is so
/// for few readers.
fn ask_for_relations(commands: &mut Commands, reader: UserId, ids: &[UserId]) {
    let ids: Vec<u32> = ids.iter().map(|id| id.0).collect();
    commands.add("SMISMEMBER", &Key::Followees(reader), ids);
    let rare = [Key::Muted(reader), Key::Blocked(reader)].map(|key| key.name());
    commands.add("EXISTS", &Key::BlockedBy(reader), &rare[..]);
}

fn value<T: FromRedisValue>(answer: Value) -> Result<T, StoreError> {
    decode(answer).map_err(store_error(READING))
}
