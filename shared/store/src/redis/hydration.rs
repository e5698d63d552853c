//! Posts with what a page needs of their authors.

use std::{sync::Arc, vec};

use redis::{FromRedisValue, Value};
use ripple_domain::{PostId, Relation, UserId};

use super::{
    RedisStore,
    error::store_error,
    key::Key,
    link::{Commands, decode},
    posts::{UNKNOWN_ANSWER, decode_posts, get_posts},
    users::decode_user,
};
use crate::{
    StoreError,
    hydration::{Authors, Hydrated, authors_of, in_steps, with_authors},
};

const READING: &str = "reading posts with their authors";

impl RedisStore {
    /// On a single server one message asks for the posts and for all that is to be known of their authors,
    /// as far as it is known who they are; another one for further authors. (A script that does it without
    /// knowing them took Redis twice the time, and saved nothing on the whole.)
    pub(super) async fn hydrated(
        &self,
        reader: Option<UserId>,
        ids: &[PostId],
    ) -> Result<Vec<Option<Hydrated>>, StoreError> {
        let (Some(mut commands), false) = (self.link.across(), ids.is_empty()) else {
            return in_steps(self, reader, ids).await;
        };
        let known = self.known.authors.get_each(ids);
        commands.command(get_posts(ids));
        ask_for_authors(&mut commands, reader, &known);
        let answers = self.link.send(&commands).await;
        let mut answers = answers.map_err(store_error(READING))?.into_iter();
        let records = value(answers.next().unwrap_or(Value::Nil))?;
        let posts = decode_posts(ids, records)?;
        let mut authors = self.authors_in(reader, &known, answers).await?;

        let mut further = authors_of(&posts);
        further.retain(|author| !authors.contains_key(author));
        if !further.is_empty() {
            let found = posts.iter().flatten().map(|post| (post.id, post.author));
            self.known.authors.put_each(found);
            let mut commands = Commands::across();
            ask_for_authors(&mut commands, reader, &further);
            let answers = self.link.send(&commands).await;
            let answers = answers.map_err(store_error(READING))?.into_iter();
            authors.extend(self.authors_in(reader, &further, answers).await?);
        }
        with_authors(posts, &authors)
    }

    /// What was answered to [`ask_for_authors`].
    async fn authors_in(
        &self,
        reader: Option<UserId>,
        ids: &[UserId],
        mut answers: vec::IntoIter<Value>,
    ) -> Result<Authors, StoreError> {
        let mut users = Vec::with_capacity(ids.len());
        for (id, answer) in ids.iter().zip(&mut answers) {
            users.push(match value::<Option<Vec<u8>>>(answer)? {
                Some(record) => Some(Arc::new(decode_user(&record)?)),
                // One whose creation is to be completed, perhaps.
                None => self.user_by_id(*id).await?,
            });
        }
        let relations = match reader {
            Some(reader) if !ids.is_empty() => {
                // Without them nobody knows who may not see what.
                let (Some(follows), Some(others)) = (answers.next(), answers.next()) else {
                    return Err(UNKNOWN_ANSWER);
                };
                self.relations_in(reader, ids, follows, others).await?
            }
            _ => vec![Relation::default(); ids.len()],
        };
        let found = users.into_iter().zip(relations);
        Ok(ids.iter().copied().zip(found).collect())
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

/// Asks for users, and how the reader stands to them.
fn ask_for_authors(commands: &mut Commands, reader: Option<UserId>, ids: &[UserId]) {
    for id in ids {
        commands.add("HGET", &Key::User(*id), "d");
    }
    if let (Some(reader), false) = (reader, ids.is_empty()) {
        ask_for_relations(commands, reader, ids);
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
