//! Who follows whom.

mod lists;
mod power_law;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, fs::File, io::BufReader, path::Path};

use ripple_domain::Handle;
use ripple_store::transfer::{Batches, FOLLOWS_A_BATCH, FollowFormat};

use self::lists::Lists;

/// The file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GraphError {
    /// It cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
    /// A line of it is no follow.
    #[error("{path}, line {line}: {reason}")]
    Line {
        /// The file.
        path: String,
        /// The line's number, from 1 on.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// It has no follows.
    #[error("{path} has no follows")]
    Empty {
        /// The file.
        path: String,
    },
    /// It has too many users or follows.
    #[error("{path} has more than 4 billion users or follows")]
    TooLarge {
        /// The file.
        path: String,
    },
}

/// Who follows whom. Users are numbered from 0 on.
///
/// Both directions are kept: 8 bytes a follow and 8 bytes a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Graph {
    followers: Lists,
    followees: Lists,
    followers_max: u32,
}

impl Graph {
    /// A graph in which user 0 has exactly `followers_max` followers (at most all others), and
    /// the others' numbers of followers fall by a power law, user by user, such that the mean of all is
    /// `mean_followers`. Followers are drawn by lot.
    ///
    /// Each user follows, or is followed by, somebody with a lower number, and user 0 follows user 1; so
    /// the users can be created in their order by importing follows, and the mean is about 1 at least.
    pub fn power_law(users: u32, mean_followers: f64, followers_max: u32, seed: u64) -> Self {
        Self::of(power_law::followers(
            users,
            mean_followers,
            followers_max,
            seed,
        ))
    }

    /// The graph of a file: `follower followee` a line; `#` and `%` begin comments. Users are numbered
    /// as they come; a follow that stands twice counts once.
    pub fn from_edges(path: &Path) -> Result<Self, GraphError> {
        let name = || path.display().to_string();
        let read = |source| GraphError::Read {
            path: name(),
            source,
        };
        let file = BufReader::new(File::open(path).map_err(read)?);
        let mut numbers = HashMap::new();
        let mut follows = Vec::new();
        for batch in Batches::new(file, FollowFormat, FOLLOWS_A_BATCH) {
            let batch = batch.map_err(read)?;
            if let Some(bad) = batch.bad.into_iter().next() {
                return Err(GraphError::Line {
                    path: name(),
                    line: bad.number,
                    reason: bad.reason,
                });
            }
            for (_, line) in batch.items {
                let mut number = |handle: Handle| {
                    let next = u32::try_from(numbers.len());
                    next.map(|next| *numbers.entry(handle).or_insert(next))
                };
                let (Ok(follower), Ok(followee)) = (number(line.follower), number(line.followee))
                else {
                    return Err(GraphError::TooLarge { path: name() });
                };
                follows.push((followee, follower));
            }
        }
        if follows.is_empty() {
            return Err(GraphError::Empty { path: name() });
        }
        follows.sort_unstable();
        follows.dedup();
        if u32::try_from(follows.len()).is_err() {
            return Err(GraphError::TooLarge { path: name() });
        }
        Ok(Self::of(Lists::from_sorted(numbers.len(), &follows)))
    }

    fn of(followers: Lists) -> Self {
        let sizes = (0..followers.len()).map(|user| followers.row(user).len());
        let followers_max = u32::try_from(sizes.max().unwrap_or(0)).unwrap_or(u32::MAX);
        Self {
            followees: followers.transposed(),
            followers,
            followers_max,
        }
    }

    /// How many users there are.
    pub fn users(&self) -> u32 {
        self.followers.len()
    }

    /// How many follows there are.
    pub fn follows(&self) -> u64 {
        self.followers.entries()
    }

    /// The most followers that a user has.
    pub fn followers_max(&self) -> u32 {
        self.followers_max
    }

    /// A user who has that many.
    pub fn most_followed(&self) -> u32 {
        let has_most = |user: &u32| self.followers_of(*user).len() == self.followers_max as usize;
        (0..self.users()).find(has_most).unwrap_or(0)
    }

    /// Who follows a user, in ascending order.
    pub fn followers_of(&self, user: u32) -> &[u32] {
        self.followers.row(user)
    }

    /// Whom a user follows, in ascending order.
    pub fn followees_of(&self, user: u32) -> &[u32] {
        self.followees.row(user)
    }
}
