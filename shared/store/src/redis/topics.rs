//! topics

use ripple_domain::{PostId, Topic, Window};

use super::{RedisStore, unfinished};
use crate::{IndexWrite, Indexed, StoreError};

impl RedisStore {
    pub(super) async fn index_(&self, writes: Vec<IndexWrite>) -> Result<Vec<Indexed>, StoreError> {
        unfinished()
    }

    pub(super) async fn topic_page_(
        &self,
        topic: &Topic,
        window: Window,
        limit: usize,
    ) -> Result<Vec<PostId>, StoreError> {
        unfinished()
    }
}
