//! Imports of follows.

use super::{RedisStore, unfinished};
use crate::{CommitError, FollowLine, ImportCounts};

impl RedisStore {
    pub(super) async fn import_follows_(
        &self,
        lines: Vec<FollowLine>,
    ) -> Result<ImportCounts, CommitError> {
        unfinished()
    }
}
