//! feeds

use std::sync::Arc;

use ripple_domain::Topic;

use super::{RedisStore, unfinished};
use crate::{FeedDocument, FeedKey, StoreError};

impl RedisStore {
    pub(super) async fn feed_document_(
        &self,
        key: &FeedKey,
    ) -> Result<Option<Arc<FeedDocument>>, StoreError> {
        unfinished()
    }

    pub(super) async fn put_feed_document_(
        &self,
        key: FeedKey,
        document: Arc<FeedDocument>,
    ) -> Result<(), StoreError> {
        unfinished()
    }

    pub(super) async fn warm_feeds_(&self, topic: &Topic) -> Result<Vec<FeedKey>, StoreError> {
        unfinished()
    }

    pub(super) async fn clear_feeds_(&self) -> Result<(), StoreError> {
        unfinished()
    }
}
