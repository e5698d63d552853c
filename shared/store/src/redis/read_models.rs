//! Which part of the store answers which method.

use std::sync::Arc;

use async_trait::async_trait;
use ripple_domain::{PostId, Receipt, Tier, Topic, UserId, Window};

use super::RedisStore;
use crate::{
    Delivery, FeedDocument, FeedKey, Home, IndexWrite, Indexed, Pushed, ReadModels, StoreError,
    Warming, home::RebuildTurns,
};

#[async_trait]
impl ReadModels for RedisStore {
    async fn push_home(&self, deliveries: Vec<Delivery>) -> Result<Vec<Pushed>, StoreError> {
        self.fan_out(&deliveries).await
    }

    async fn pull(&self, author: UserId) -> Result<bool, StoreError> {
        self.pull_posts_of(author).await
    }

    async fn push_inboxes(&self, post: PostId, recipients: &[UserId]) -> Result<(), StoreError> {
        self.enter_inboxes(post, recipients).await
    }

    async fn inbox(
        &self,
        user: UserId,
        window: Window,
        limit: usize,
    ) -> Result<Vec<PostId>, StoreError> {
        self.read_inbox(user, window, limit).await
    }

    async fn read_home(&self, user: UserId) -> Result<(Home, Vec<UserId>), StoreError> {
        self.home_of_reader(user).await
    }

    fn rebuild_turns(&self) -> &RebuildTurns {
        &self.rebuild_turns
    }

    async fn home_begin(&self, user: UserId) -> Result<Warming, StoreError> {
        self.begin_home(user).await
    }

    async fn home_finish(
        &self,
        warming: Warming,
        ids: &[PostId],
        complete: bool,
    ) -> Result<bool, StoreError> {
        self.finish_home(warming, ids, complete).await
    }

    async fn home_cool(&self, user: UserId) -> Result<(), StoreError> {
        self.cool_home(user).await
    }

    async fn home_cool_all(&self) -> Result<(), StoreError> {
        self.cool_all_homes().await
    }

    async fn index(&self, writes: Vec<IndexWrite>) -> Result<Vec<Indexed>, StoreError> {
        self.index_posts(writes).await
    }

    async fn topic_page(
        &self,
        topic: &Topic,
        window: Window,
        limit: usize,
    ) -> Result<Vec<PostId>, StoreError> {
        self.ids_of_topic(topic, window, limit).await
    }

    async fn feed_document(&self, key: &FeedKey) -> Result<Option<Arc<FeedDocument>>, StoreError> {
        self.kept_feed_document(key).await
    }

    async fn put_feed_document(
        &self,
        key: FeedKey,
        document: Arc<FeedDocument>,
    ) -> Result<(), StoreError> {
        self.keep_feed_document(key, document).await
    }

    async fn warm_feeds(&self, topic: &Topic) -> Result<Vec<FeedKey>, StoreError> {
        self.feeds_of(topic).await
    }

    async fn clear_feeds(&self) -> Result<(), StoreError> {
        self.forget_feeds().await
    }

    async fn receipt(&self, post: PostId) -> Result<Option<Receipt>, StoreError> {
        self.read_receipt(post).await
    }

    async fn delivered(&self, post: PostId, tier: Tier) {
        self.wait_until_delivered(post, tier).await
    }
}
