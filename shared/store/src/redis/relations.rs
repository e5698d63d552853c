//! relations

use ripple_domain::{Relation, RelationKind, UserId};

use super::{RedisStore, unfinished};
use crate::{CommitError, StoreError};

impl RedisStore {
    pub(super) async fn relate_(
        &self,
        from: UserId,
        kind: RelationKind,
        to: UserId,
        on: bool,
    ) -> Result<(), CommitError> {
        unfinished()
    }

    pub(super) async fn relations_(
        &self,
        viewer: UserId,
        others: &[UserId],
    ) -> Result<Vec<Relation>, StoreError> {
        unfinished()
    }

    pub(super) async fn followees_(&self, user: UserId) -> Result<Vec<UserId>, StoreError> {
        unfinished()
    }

    pub(super) async fn followers_page_(
        &self,
        user: UserId,
        before: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<UserId>, StoreError> {
        unfinished()
    }

    pub(super) async fn following_page_(
        &self,
        user: UserId,
        before: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<UserId>, StoreError> {
        unfinished()
    }

    pub(super) async fn export_follows_(
        &self,
        after: Option<(UserId, UserId)>,
        limit: usize,
    ) -> Result<Vec<(UserId, UserId)>, StoreError> {
        unfinished()
    }
}

impl RedisStore {
    pub(super) async fn follower_chunk(
        &self,
        author: UserId,
        after: Option<UserId>,
        followers_max: usize,
    ) -> Result<super::homes::FollowerChunk, StoreError> {
        let _ = (author, after, followers_max);
        unfinished()
    }
}
