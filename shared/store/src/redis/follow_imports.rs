//! Imports of follows.

use std::collections::{HashMap, HashSet};

use ripple_domain::{Handle, UserId};

use super::RedisStore;
use crate::{CommitError, FollowLine, ImportCounts};

/// Lines that are committed at a time.
const LINES_MAX: usize = 10_000;

impl RedisStore {
    pub(super) async fn import_batch_of_follows(
        &self,
        lines: Vec<FollowLine>,
    ) -> Result<ImportCounts, CommitError> {
        let mut counts = ImportCounts::default();
        for lines in lines.chunks(LINES_MAX) {
            let users = self.users_of_lines(lines, &mut counts).await?;
            let pairs = lines
                .iter()
                .filter_map(|FollowLine { follower, followee }| {
                    Some((*users.get(follower)?, *users.get(followee)?))
                });
            let pairs: HashSet<(UserId, UserId)> = pairs.collect();
            let pairs: Vec<(UserId, UserId)> = pairs.into_iter().collect();
            let added = self.follow(&pairs).await?;
            counts.added += added;
            counts.known += lines.len() as u64 - added;
        }
        Ok(counts)
    }

    /// The users of these lines, created where there are none.
    async fn users_of_lines<'a>(
        &self,
        lines: &'a [FollowLine],
        counts: &mut ImportCounts,
    ) -> Result<HashMap<&'a Handle, UserId>, CommitError> {
        let mut seen = HashSet::new();
        let mut handles = Vec::new();
        for FollowLine { follower, followee } in lines {
            handles.extend(
                [follower, followee]
                    .into_iter()
                    .filter(|it| seen.insert(*it)),
            );
        }
        let new: Vec<Handle> = handles.iter().map(|handle| (*handle).clone()).collect();
        let found = self.get_or_create_users(&new).await?;
        let mut users = HashMap::with_capacity(handles.len());
        for (handle, (id, created)) in handles.into_iter().zip(found) {
            counts.users_created += u64::from(created);
            users.insert(handle, id);
        }
        Ok(users)
    }
}
