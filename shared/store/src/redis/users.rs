//! Users, handles and tokens: how they are read, and what changes when they exist.

use std::sync::Arc;

use redis::{Cmd, FromRedisValue};
use ripple_domain::{Handle, User, UserId};

use super::{
    RedisStore,
    commit::Nonce,
    error::store_error,
    key::Key,
    link::{Commands, decode},
    record::{self, UserRecord, encode},
    script::Script,
};
use crate::{CommitError, StoreError, TokenHash, UserCounts};

const READING: &str = "reading a user";
const CHANGING: &str = "changing a user";

impl RedisStore {
    pub(super) async fn user_by_id(&self, id: UserId) -> Result<Option<Arc<User>>, StoreError> {
        let key = Key::User(id);
        let (record, proposal): (Option<Vec<u8>>, Option<Vec<u8>>) =
            self.read_one(READING, "HMGET", &key, &["d", "x"]).await?;
        match (record, proposal) {
            (Some(record), _) => Ok(Some(Arc::new(decode_user(&record)?))),
            (None, Some(proposal)) => self.completed(id, proposal).await,
            (None, None) => Ok(None),
        }
    }

    pub(super) async fn users_by_id(
        &self,
        ids: &[UserId],
    ) -> Result<Vec<Option<Arc<User>>>, StoreError> {
        let places: Vec<usize> = (0..ids.len()).collect();
        let answers = self
            .read_each(
                READING,
                &places,
                |at| ids[*at].partition(),
                |commands, at| {
                    commands.add("HMGET", &Key::User(ids[*at]), &["d", "x"]);
                },
            )
            .await?;
        let mut users = Vec::with_capacity(ids.len());
        for (id, answer) in ids.iter().zip(answers) {
            users.push(match decode(answer).map_err(store_error(READING))? {
                (Some::<Vec<u8>>(record), _) => Some(Arc::new(decode_user(&record)?)),
                (None, Some::<Vec<u8>>(proposal)) => self.completed(*id, proposal).await?,
                (None, None) => None,
            });
        }
        Ok(users)
    }

    pub(super) async fn user_of_handle(
        &self,
        handle: &Handle,
    ) -> Result<Option<Arc<User>>, StoreError> {
        let known = self.known.handles.get(handle);
        let found = match known {
            Some(id) => Some(id),
            None => self.user_ids(std::slice::from_ref(handle)).await?[0],
        };
        let Some(id) = found else {
            return Ok(None);
        };
        let user = self.user_by_id(id).await?;
        if known.is_none() && user.is_some() {
            self.known.handles.put(handle.clone(), id);
        }
        Ok(user)
    }

    pub(super) async fn user_of_token(
        &self,
        token: &TokenHash,
    ) -> Result<Option<UserId>, StoreError> {
        if let Some(id) = self.known.tokens.get(token) {
            return Ok(Some(id));
        }
        let key = Key::Token(token);
        let found: Option<u32> = self.read_one(READING, "GET", &key, NO_ARGS).await?;
        let Some(id) = found.map(UserId) else {
            return Ok(None);
        };
        // A token is written a moment before its user exists.
        if self.user_by_id(id).await?.is_none() {
            return Ok(None);
        }
        self.known.tokens.put(*token, id);
        Ok(Some(id))
    }

    pub(super) async fn counts_of_user(&self, id: UserId) -> Result<UserCounts, StoreError> {
        let mut commands = Commands::new(id.partition());
        commands.add("SCARD", &Key::Followees(id), NO_ARGS);
        commands.add("SCARD", &Key::Followers(id, 0), NO_ARGS);
        // Then, because what the first leaf holds is all until it is cut.
        commands.add("EXISTS", &Key::FollowerLeaves(id), NO_ARGS);
        commands.add("HMGET", &Key::User(id), &["followers", "posts"]);
        let answers = self.link.send(&commands).await;
        let answers = answers.map_err(store_error(READING))?;
        let [following, first_leaf, is_cut, counters] =
            <[_; 4]>::try_from(answers).map_err(|_| UNKNOWN_ANSWER)?;
        let count = |answer| decode::<u64>(answer).map_err(store_error(READING));
        let (followers, posts): (Option<u64>, Option<u64>) =
            decode(counters).map_err(store_error(READING))?;
        let first_leaf = count(first_leaf)?;
        Ok(UserCounts {
            followers: match count(is_cut)? {
                0 => first_leaf,
                _ => followers.unwrap_or(0),
            },
            following: count(following)?,
            posts: posts.unwrap_or(0),
        })
    }

    /// The users with these handles, in their order; `None` where there is none.
    pub(super) async fn user_ids(
        &self,
        handles: &[Handle],
    ) -> Result<Vec<Option<UserId>>, StoreError> {
        let mut users: Vec<Option<UserId>> = handles
            .iter()
            .map(|handle| self.known.handles.get(handle))
            .collect();
        let unknown: Vec<usize> = (0..users.len()).filter(|at| users[*at].is_none()).collect();
        let ids: Vec<Option<u32>> = self
            .read_together(
                READING,
                &unknown,
                |at| Key::Handle(&handles[*at]).partition(),
                |commands, some| {
                    let mut get = Cmd::new();
                    get.arg("MGET");
                    for at in some {
                        get.arg(Key::Handle(&handles[**at]).name());
                    }
                    commands.command(get);
                },
            )
            .await?;
        for (at, id) in unknown.into_iter().zip(ids) {
            users[at] = id.map(UserId);
        }
        Ok(users)
    }

    pub(super) async fn commit_profile(
        &self,
        id: UserId,
        display_name: Option<String>,
        bio: Option<String>,
    ) -> Result<Arc<User>, CommitError> {
        // Each time it is in vain, somebody else has changed the profile.
        for _ in 0..CHANGES_TRIED_MAX {
            let key = Key::User(id);
            let before: Option<Vec<u8>> = self.read_one(READING, "HGET", &key, "d").await?;
            let before = before.ok_or(CommitError::NotFound { what: "user" })?;
            let mut user = decode_user(&before)?;
            user.display_name = display_name.clone().unwrap_or(user.display_name);
            user.bio = bio.clone().unwrap_or(user.bio);
            user.revision += 1;
            let mut commands = Commands::new(id.partition());
            let record = encode_user(&user)?;
            commands.script(
                Script::UpdateUser,
                &[key],
                (Nonce::new()?, &before[..], &record[..]),
            );
            if self.commit_one::<bool>(CHANGING, &commands).await? {
                return Ok(Arc::new(user));
            }
        }
        Err(StoreError::Overloaded { retry_after_s: 1 }.into())
    }

    pub(super) async fn commit_token(
        &self,
        user: UserId,
        token: TokenHash,
    ) -> Result<(), CommitError> {
        self.check_users(&[user]).await?;
        let key = Key::Token(&token);
        let mut commands = Commands::new(key.partition());
        commands.add("SET", &key, user.0);
        self.commit_one::<()>("adding a token", &commands).await?;
        Ok(())
    }

    /// Refuses those who do not exist.
    pub(super) async fn check_users(&self, users: &[UserId]) -> Result<(), CommitError> {
        let all_exist = self
            .users_exist(users)
            .await?
            .into_iter()
            .all(|exists| exists);
        all_exist
            .then_some(())
            .ok_or(CommitError::NotFound { what: "user" })
    }

    /// Which of these users exist.
    pub(super) async fn users_exist(&self, users: &[UserId]) -> Result<Vec<bool>, StoreError> {
        self.read_together(
            READING,
            users,
            |user| user.partition(),
            |commands, some| {
                let ids: Vec<u32> = some.iter().map(|user| user.0).collect();
                commands.script(Script::UsersExist, &[Key::User(*some[0])], ids);
            },
        )
        .await
    }

    /// What one reading command answers.
    pub(super) async fn read_one<T: FromRedisValue>(
        &self,
        what: &'static str,
        name: &str,
        key: &Key<'_>,
        args: impl redis::ToRedisArgs,
    ) -> Result<T, StoreError> {
        let mut commands = Commands::new(key.partition());
        commands.add(name, key, args);
        self.link.one(&commands).await.map_err(store_error(what))
    }
}

const CHANGES_TRIED_MAX: u32 = 32;
pub(super) const NO_ARGS: &[&str] = &[];
pub(super) const UNKNOWN_ANSWER: StoreError = StoreError::Corrupt {
    what: "script's answer",
};

pub(super) fn encode_user(user: &User) -> Result<Vec<u8>, StoreError> {
    encode(&UserRecord::V1(user.clone()))
}

pub(super) fn decode_user(record: &[u8]) -> Result<User, StoreError> {
    let UserRecord::V1(user) = record::decode("user", record)?;
    Ok(user)
}
