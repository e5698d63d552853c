use std::sync::Arc;

use async_trait::async_trait;
use ripple_domain::{PostId, Receipt, Tier, Topic, UserId, Window};
use ripple_store::{
    Delivery, FeedDocument, FeedKey, Home, IndexWrite, Indexed, Pushed, ReadModels, StoreError,
    Warming, home::RebuildTurns,
};

use super::{Faulty, Op};

#[async_trait]
impl ReadModels for Faulty {
    async fn push_home(&self, deliveries: Vec<Delivery>) -> Result<Vec<Pushed>, StoreError> {
        let posts = deliveries.iter().map(|delivery| delivery.post).collect();
        self.through(Op::PushHome(posts), self.inner.push_home(deliveries))
            .await
    }
    async fn pull(&self, author: UserId) -> Result<bool, StoreError> {
        self.through(Op::Pull(author), self.inner.pull(author))
            .await
    }
    async fn push_inboxes(&self, post: PostId, recipients: &[UserId]) -> Result<(), StoreError> {
        self.through(
            Op::PushInboxes(post),
            self.inner.push_inboxes(post, recipients),
        )
        .await
    }
    async fn inbox(
        &self,
        user: UserId,
        window: Window,
        limit: usize,
    ) -> Result<Vec<PostId>, StoreError> {
        self.inner.inbox(user, window, limit).await
    }
    async fn read_home(&self, user: UserId) -> Result<(Home, Vec<UserId>), StoreError> {
        self.inner.read_home(user).await
    }
    fn rebuild_turns(&self) -> &RebuildTurns {
        self.inner.rebuild_turns()
    }
    async fn home_begin(&self, user: UserId) -> Result<Warming, StoreError> {
        self.inner.home_begin(user).await
    }
    async fn home_finish(
        &self,
        warming: Warming,
        ids: &[PostId],
        complete: bool,
    ) -> Result<bool, StoreError> {
        self.inner.home_finish(warming, ids, complete).await
    }
    async fn home_cool(&self, user: UserId) -> Result<(), StoreError> {
        self.inner.home_cool(user).await
    }
    async fn home_cool_all(&self) -> Result<(), StoreError> {
        self.inner.home_cool_all().await
    }
    async fn index(&self, writes: Vec<IndexWrite>) -> Result<Vec<Indexed>, StoreError> {
        let posts = writes.iter().map(|write| write.post).collect();
        self.through(Op::Index(posts), self.inner.index(writes))
            .await
    }
    async fn topic_page(
        &self,
        topic: &Topic,
        window: Window,
        limit: usize,
    ) -> Result<Vec<PostId>, StoreError> {
        self.inner.topic_page(topic, window, limit).await
    }
    async fn feed_document(&self, key: &FeedKey) -> Result<Option<Arc<FeedDocument>>, StoreError> {
        self.inner.feed_document(key).await
    }
    async fn put_feed_document(
        &self,
        key: FeedKey,
        document: Arc<FeedDocument>,
    ) -> Result<(), StoreError> {
        self.inner.put_feed_document(key, document).await
    }
    async fn warm_feeds(&self, topic: &Topic) -> Result<Vec<FeedKey>, StoreError> {
        self.inner.warm_feeds(topic).await
    }
    async fn clear_feeds(&self) -> Result<(), StoreError> {
        self.inner.clear_feeds().await
    }
    async fn receipt(&self, post: PostId) -> Result<Option<Receipt>, StoreError> {
        self.inner.receipt(post).await
    }
    async fn delivered(&self, post: PostId, tier: Tier) {
        self.inner.delivered(post, tier).await
    }
}
