//! Exports of follows: user by user, in the order of their ids.

use ripple_domain::UserId;

use super::{RedisStore, error::store_error, key::Key, link::decode, users::NO_ARGS};
use crate::StoreError;

const EXPORTING: &str = "reading follows";
/// Users who are looked at together.
const USERS_TOGETHER: u32 = 1_024;

impl RedisStore {
    /// Follows in the order of followers, and of those whom each follows.
    pub(super) async fn exported_follows(
        &self,
        after: Option<(UserId, UserId)>,
        limit: usize,
    ) -> Result<Vec<(UserId, UserId)>, StoreError> {
        let newest: Option<u32> = self
            .read_one(EXPORTING, "GET", &Key::UserIds, NO_ARGS)
            .await?;
        let newest = newest.unwrap_or(0);
        let mut follows: Vec<(UserId, UserId)> = Vec::new();
        let mut next = Some(after.map_or(1, |(from, _)| from.0));
        while let Some(first) = next.filter(|first| *first <= newest) {
            if follows.len() >= limit {
                break;
            }
            let last = first.saturating_add(USERS_TOGETHER - 1).min(newest);
            let users: Vec<UserId> = (first..=last).map(UserId).collect();
            let (some, is_all) = self.first_followers(users, limit - follows.len()).await?;
            next = match some.last() {
                Some(user) if !is_all => user.0.checked_add(1),
                _ => last.checked_add(1),
            };
            let answers = self
                .read_each(
                    EXPORTING,
                    &some,
                    |user| user.partition(),
                    |commands, user| {
                        commands.add("SMEMBERS", &Key::Followees(*user), NO_ARGS);
                    },
                )
                .await?;
            for (from, answer) in some.into_iter().zip(answers) {
                let mut followees: Vec<u32> = decode(answer).map_err(store_error(EXPORTING))?;
                followees.sort_unstable();
                let pairs = followees.into_iter().map(|to| (from, UserId(to)));
                follows.extend(pairs.filter(|pair| after.is_none_or(|after| *pair > after)));
            }
        }
        follows.truncate(limit);
        Ok(follows)
    }

    /// The first of `users` who follow somebody, as many as together follow at least `enough`; whether
    /// these are all.
    async fn first_followers(
        &self,
        users: Vec<UserId>,
        enough: usize,
    ) -> Result<(Vec<UserId>, bool), StoreError> {
        let answers = self
            .read_each(
                EXPORTING,
                &users,
                |user| user.partition(),
                |commands, user| {
                    commands.add("SCARD", &Key::Followees(*user), NO_ARGS);
                },
            )
            .await?;
        let mut first = Vec::new();
        let mut follows = 0;
        for (user, answer) in users.into_iter().zip(answers) {
            if follows >= enough {
                return Ok((first, false));
            }
            let count: usize = decode(answer).map_err(store_error(EXPORTING))?;
            if count > 0 {
                follows += count;
                first.push(user);
            }
        }
        Ok((first, true))
    }
}
