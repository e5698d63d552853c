//! Imports: batches of follows and posts.

use super::{RedisStore, unfinished};
use crate::{CommitError, FollowLine, ImportCounts, ImportedPost};

impl RedisStore {
    pub(super) async fn import_follows_(
        &self,
        lines: Vec<FollowLine>,
    ) -> Result<ImportCounts, CommitError> {
        unfinished()
    }

    pub(super) async fn import_posts_(
        &self,
        posts: Vec<ImportedPost>,
    ) -> Result<ImportCounts, CommitError> {
        unfinished()
    }
}
