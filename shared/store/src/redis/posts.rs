//! posts

use std::sync::Arc;

use ripple_domain::{Post, PostEdit, PostId, Timestamp, TraceContext, UserId, Window};

use super::{RedisStore, unfinished};
use crate::{CommitError, Committed, Idempotency, PostCommit, StoreError};

impl RedisStore {
    pub(super) async fn create_post_(
        &self,
        commit: PostCommit,
    ) -> Result<Committed<Arc<Post>>, CommitError> {
        unfinished()
    }

    pub(super) async fn post_created_with_(
        &self,
        author: UserId,
        idempotency: Idempotency,
    ) -> Result<Option<Arc<Post>>, CommitError> {
        unfinished()
    }

    pub(super) async fn edit_post_(
        &self,
        id: PostId,
        editor: UserId,
        edit: PostEdit,
        trace: Option<TraceContext>,
    ) -> Result<Arc<Post>, CommitError> {
        unfinished()
    }

    pub(super) async fn delete_post_(
        &self,
        id: PostId,
        editor: Option<UserId>,
        trace: Option<TraceContext>,
    ) -> Result<(), CommitError> {
        unfinished()
    }

    pub(super) async fn posts_(
        &self,
        ids: &[PostId],
    ) -> Result<Vec<Option<Arc<Post>>>, StoreError> {
        unfinished()
    }

    pub(super) async fn posts_of_(
        &self,
        authors: &[UserId],
        window: Window,
        limit: usize,
    ) -> Result<Vec<PostId>, StoreError> {
        unfinished()
    }

    pub(super) async fn post_log_(
        &self,
        from: Timestamp,
        to: Timestamp,
        after: Option<PostId>,
        limit: usize,
    ) -> Result<Vec<Arc<Post>>, StoreError> {
        unfinished()
    }
}
