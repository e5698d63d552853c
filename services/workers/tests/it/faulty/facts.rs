//! Facts pass through, but for the posts that handlers read.

use std::sync::Arc;

use async_trait::async_trait;
use ripple_domain::{
    Handle, NewUser, Post, PostEdit, PostId, Relation, RelationKind, Timestamp, TraceContext, User,
    UserId, Window,
};
use ripple_store::{
    CommitError, Committed, Facts, FollowLine, Idempotency, ImportCounts, ImportedPost, PostCommit,
    StoreError, TokenHash, UserCounts,
};

use super::{Faulty, Op};

#[async_trait]
impl Facts for Faulty {
    async fn create_user(
        &self,
        new: NewUser,
        token: TokenHash,
        idempotency: Option<Idempotency>,
    ) -> Result<Committed<Arc<User>>, CommitError> {
        self.inner.create_user(new, token, idempotency).await
    }
    async fn update_user(
        &self,
        id: UserId,
        display_name: Option<String>,
        bio: Option<String>,
    ) -> Result<Arc<User>, CommitError> {
        self.inner.update_user(id, display_name, bio).await
    }
    async fn add_token(&self, user: UserId, token: TokenHash) -> Result<(), CommitError> {
        self.inner.add_token(user, token).await
    }
    async fn user(&self, id: UserId) -> Result<Option<Arc<User>>, StoreError> {
        self.inner.user(id).await
    }
    async fn user_by_handle(&self, handle: &Handle) -> Result<Option<Arc<User>>, StoreError> {
        self.inner.user_by_handle(handle).await
    }
    async fn user_by_token(&self, token: &TokenHash) -> Result<Option<UserId>, StoreError> {
        self.inner.user_by_token(token).await
    }
    async fn user_counts(&self, id: UserId) -> Result<UserCounts, StoreError> {
        self.inner.user_counts(id).await
    }
    async fn relate(
        &self,
        from: UserId,
        kind: RelationKind,
        to: UserId,
        on: bool,
    ) -> Result<(), CommitError> {
        self.inner.relate(from, kind, to, on).await
    }
    async fn relations(
        &self,
        viewer: UserId,
        others: &[UserId],
    ) -> Result<Vec<Relation>, StoreError> {
        self.inner.relations(viewer, others).await
    }
    async fn followees(&self, user: UserId) -> Result<Vec<UserId>, StoreError> {
        self.inner.followees(user).await
    }
    async fn followers_page(
        &self,
        user: UserId,
        before: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<UserId>, StoreError> {
        self.inner.followers_page(user, before, limit).await
    }
    async fn following_page(
        &self,
        user: UserId,
        before: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<UserId>, StoreError> {
        self.inner.following_page(user, before, limit).await
    }
    async fn create_post(&self, commit: PostCommit) -> Result<Committed<Arc<Post>>, CommitError> {
        self.inner.create_post(commit).await
    }
    async fn post_created_with(
        &self,
        author: UserId,
        idempotency: Idempotency,
    ) -> Result<Option<Arc<Post>>, CommitError> {
        self.inner.post_created_with(author, idempotency).await
    }
    async fn edit_post(
        &self,
        id: PostId,
        editor: UserId,
        edit: PostEdit,
        trace: Option<TraceContext>,
    ) -> Result<Arc<Post>, CommitError> {
        self.inner.edit_post(id, editor, edit, trace).await
    }
    async fn delete_post(
        &self,
        id: PostId,
        editor: Option<UserId>,
        trace: Option<TraceContext>,
    ) -> Result<(), CommitError> {
        self.inner.delete_post(id, editor, trace).await
    }
    async fn posts(&self, ids: &[PostId]) -> Result<Vec<Option<Arc<Post>>>, StoreError> {
        self.through(Op::Posts(ids.to_vec()), self.inner.posts(ids))
            .await
    }
    async fn posts_of(
        &self,
        authors: &[UserId],
        window: Window,
        limit: usize,
    ) -> Result<Vec<PostId>, StoreError> {
        self.inner.posts_of(authors, window, limit).await
    }
    async fn post_log(
        &self,
        from: Timestamp,
        to: Timestamp,
        after: Option<PostId>,
        limit: usize,
    ) -> Result<Vec<Arc<Post>>, StoreError> {
        self.inner.post_log(from, to, after, limit).await
    }
    async fn import_follows(&self, lines: Vec<FollowLine>) -> Result<ImportCounts, CommitError> {
        self.inner.import_follows(lines).await
    }
    async fn import_posts(&self, posts: Vec<ImportedPost>) -> Result<ImportCounts, CommitError> {
        self.inner.import_posts(posts).await
    }
    async fn export_follows(
        &self,
        after: Option<(UserId, UserId)>,
        limit: usize,
    ) -> Result<Vec<(UserId, UserId)>, StoreError> {
        self.inner.export_follows(after, limit).await
    }
}
