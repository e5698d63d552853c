//! inboxes

use ripple_domain::{PostId, UserId, Window};

use super::{RedisStore, unfinished};
use crate::StoreError;

impl RedisStore {
    pub(super) async fn push_inboxes_(
        &self,
        post: PostId,
        recipients: &[UserId],
    ) -> Result<(), StoreError> {
        unfinished()
    }

    pub(super) async fn inbox_(
        &self,
        user: UserId,
        window: Window,
        limit: usize,
    ) -> Result<Vec<PostId>, StoreError> {
        unfinished()
    }
}
