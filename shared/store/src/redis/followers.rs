//! How follower lists are read. A list is in leaves, and a directory tells where each begins once there are
//! several (`scripts/lib/followers.lua`).
//!
//! Leaves and directory are read by commands between which a leaf may be cut in two. So the directory is
//! read after the leaves: if it names those that were read, nobody was missed who was there all the time.

use redis::Value;
use ripple_domain::UserId;

use super::{
    RedisStore,
    error::store_error,
    key::Key,
    link::{Commands, decode},
    users::NO_ARGS,
};
use crate::StoreError;

const READING: &str = "reading a follower list";
/// About as many followers a leaf has.
const LEAF: usize = 300;
/// The fewest followers of a page who are checked together.
const CHECKED_MIN: usize = 64;
/// Each time it is in vain, a leaf has been cut meanwhile.
const TRIES_MAX: u32 = 64;

/// A part of a follower list.
pub(super) struct FollowerChunk {
    /// In the order in which they were asked for.
    pub(super) followers: Vec<UserId>,
    /// The follower to go on from; `None` when the list is at its end.
    pub(super) next: Option<UserId>,
}

/// Which end of a list comes first.
#[derive(Clone, Copy)]
enum From {
    /// Those above this id, lowest first.
    Above(Option<UserId>),
    /// Those below this id, highest first.
    Below(Option<UserId>),
}

impl RedisStore {
    /// Followers with ids above `after`, in ascending order.
    pub(super) async fn follower_chunk(
        &self,
        author: UserId,
        after: Option<UserId>,
        followers_max: usize,
    ) -> Result<FollowerChunk, StoreError> {
        self.followers(author, From::Above(after), followers_max)
            .await
    }

    pub(super) async fn page_of_followers(
        &self,
        user: UserId,
        before: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<UserId>, StoreError> {
        let mut page = Vec::new();
        let mut before = before;
        while page.len() < limit {
            let wanted = (limit - page.len()).max(CHECKED_MIN);
            let chunk = self.followers(user, From::Below(before), wanted).await?;
            let follows = self
                .read_each(
                    READING,
                    &chunk.followers,
                    |follower| follower.partition(),
                    |commands, follower| {
                        commands.add("SISMEMBER", &Key::Followees(*follower), user.0);
                    },
                )
                .await?;
            for (follower, follows) in chunk.followers.into_iter().zip(follows) {
                // The list may hold somebody who has ended his follow, or has only begun it.
                if decode(follows).map_err(store_error(READING))? {
                    page.push(follower);
                }
            }
            before = chunk.next;
            if before.is_none() {
                break;
            }
        }
        page.truncate(limit);
        Ok(page)
    }

    async fn followers(
        &self,
        user: UserId,
        from: From,
        followers_max: usize,
    ) -> Result<FollowerChunk, StoreError> {
        let leaves_max = followers_max / LEAF + 1;
        // Most lists have one leaf.
        let mut leaves = vec![0];
        for _ in 0..TRIES_MAX {
            let mut commands = Commands::new(user.partition());
            for leaf in &leaves {
                commands.add("SMEMBERS", &Key::Followers(user, *leaf), NO_ARGS);
            }
            from.add_leaves(&mut commands, user, leaves_max);
            let answers = self.link.send(&commands).await;
            let mut answers = answers.map_err(store_error(READING))?;
            let there = decode_all(answers.split_off(leaves.len()))?;
            let mut there = if there.is_empty() { vec![0] } else { there };
            let beyond = (there.len() > leaves_max).then(|| there.split_off(leaves_max)[0]);
            if there == leaves {
                return Ok(from.chunk(decode_all(answers)?, &leaves, beyond, followers_max));
            }
            leaves = there;
        }
        Err(StoreError::Overloaded { retry_after_s: 1 })
    }
}

/// The ids in several answers together.
fn decode_all(answers: Vec<Value>) -> Result<Vec<u32>, StoreError> {
    let mut all = Vec::new();
    for answer in answers {
        all.extend(decode::<Vec<u32>>(answer).map_err(store_error(READING))?);
    }
    Ok(all)
}

impl From {
    /// Asks for the leaves that come first, and one beyond `leaves_max`.
    fn add_leaves(self, commands: &mut Commands, user: UserId, leaves_max: usize) {
        let key = Key::FollowerLeaves(user);
        let mut range = |first: &str, last: &str, is_reversed: bool, count: usize| {
            let rev: &[&str] = if is_reversed { &["REV"] } else { &[] };
            commands.add(
                "ZRANGE",
                &key,
                (first, last, "BYSCORE", rev, "LIMIT", 0, count),
            );
        };
        match self {
            Self::Above(after) => {
                let first = after.map_or(0, |after| u64::from(after.0) + 1).to_string();
                // The leaf where it belongs, and those after it.
                range(&first, "-inf", true, 1);
                range(&format!("({first}"), "+inf", false, leaves_max);
            }
            Self::Below(before) => {
                let before = before.map_or("+inf".into(), |before| format!("({before}"));
                range(&before, "-inf", true, leaves_max + 1);
            }
        }
    }

    /// The members of `leaves`, as far as they are wanted; `beyond` is the leaf that follows.
    fn chunk(
        self,
        mut members: Vec<u32>,
        leaves: &[u32],
        beyond: Option<u32>,
        followers_max: usize,
    ) -> FollowerChunk {
        let next = match self {
            Self::Above(after) => {
                // A leaf that was cut since belongs in part to the one beyond.
                members.retain(|id| {
                    after.is_none_or(|after| *id > after.0) && beyond.is_none_or(|it| *id < it)
                });
                members.sort_unstable();
                beyond.map(|beyond| beyond - 1)
            }
            Self::Below(before) => {
                members.retain(|id| before.is_none_or(|before| *id < before.0));
                members.sort_unstable_by(|a, b| b.cmp(a));
                beyond.and(leaves.last().copied())
            }
        };
        let is_cut = members.len() > followers_max;
        members.truncate(followers_max);
        let next = if is_cut {
            members.last().copied()
        } else {
            next
        };
        FollowerChunk {
            followers: members.into_iter().map(UserId).collect(),
            next: next.map(UserId),
        }
    }
}
