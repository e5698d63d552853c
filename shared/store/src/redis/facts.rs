//! Which part of the store answers which method.

use std::sync::Arc;

use async_trait::async_trait;
use ripple_domain::{
    Handle, NewUser, Post, PostEdit, PostId, Relation, RelationKind, Timestamp, TraceContext, User,
    UserId, Window,
};

use super::RedisStore;
use crate::{
    CommitError, Committed, Facts, FollowLine, Hydrated, Idempotency, ImportCounts, ImportedPost,
    PostCommit, StoreError, TokenHash, UserCounts,
};

#[async_trait]
impl Facts for RedisStore {
    async fn create_user(
        &self,
        new: NewUser,
        token: TokenHash,
        idempotency: Option<Idempotency>,
    ) -> Result<Committed<Arc<User>>, CommitError> {
        Box::pin(self.commit_user(new, token, idempotency)).await
    }

    async fn update_user(
        &self,
        id: UserId,
        display_name: Option<String>,
        bio: Option<String>,
    ) -> Result<Arc<User>, CommitError> {
        self.commit_profile(id, display_name, bio).await
    }

    async fn add_token(&self, user: UserId, token: TokenHash) -> Result<(), CommitError> {
        self.commit_token(user, token).await
    }

    async fn user(&self, id: UserId) -> Result<Option<Arc<User>>, StoreError> {
        self.user_by_id(id).await
    }

    async fn users(&self, ids: &[UserId]) -> Result<Vec<Option<Arc<User>>>, StoreError> {
        self.users_by_id(ids).await
    }

    async fn user_by_handle(&self, handle: &Handle) -> Result<Option<Arc<User>>, StoreError> {
        self.user_of_handle(handle).await
    }

    async fn user_by_token(&self, token: &TokenHash) -> Result<Option<UserId>, StoreError> {
        self.user_of_token(token).await
    }

    async fn user_counts(&self, id: UserId) -> Result<UserCounts, StoreError> {
        self.counts_of_user(id).await
    }

    async fn relate(
        &self,
        from: UserId,
        kind: RelationKind,
        to: UserId,
        on: bool,
    ) -> Result<(), CommitError> {
        self.commit_relation(from, kind, to, on).await
    }

    async fn relations(
        &self,
        viewer: UserId,
        others: &[UserId],
    ) -> Result<Vec<Relation>, StoreError> {
        self.relations_of(viewer, others).await
    }

    async fn followees(&self, user: UserId) -> Result<Vec<UserId>, StoreError> {
        self.followees_of(user).await
    }

    async fn followers_page(
        &self,
        user: UserId,
        before: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<UserId>, StoreError> {
        self.page_of_followers(user, before, limit).await
    }

    async fn following_page(
        &self,
        user: UserId,
        before: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<UserId>, StoreError> {
        self.page_of_following(user, before, limit).await
    }

    async fn create_post(&self, commit: PostCommit) -> Result<Committed<Arc<Post>>, CommitError> {
        self.commit_post(commit).await
    }

    async fn post_created_with(
        &self,
        author: UserId,
        idempotency: Idempotency,
    ) -> Result<Option<Arc<Post>>, CommitError> {
        self.earlier_post(author, idempotency).await
    }

    async fn edit_post(
        &self,
        id: PostId,
        editor: UserId,
        edit: PostEdit,
        trace: Option<TraceContext>,
    ) -> Result<Arc<Post>, CommitError> {
        self.commit_edit(id, editor, edit, trace).await
    }

    async fn delete_post(
        &self,
        id: PostId,
        editor: Option<UserId>,
        trace: Option<TraceContext>,
    ) -> Result<(), CommitError> {
        self.commit_deletion(id, editor, trace).await
    }

    async fn posts(&self, ids: &[PostId]) -> Result<Vec<Option<Arc<Post>>>, StoreError> {
        self.posts_by_id(ids).await
    }

    async fn hydrate(
        &self,
        reader: Option<UserId>,
        ids: &[PostId],
    ) -> Result<Vec<Option<Hydrated>>, StoreError> {
        self.hydrated(reader, ids).await
    }

    async fn posts_of(
        &self,
        authors: &[UserId],
        window: Window,
        limit: usize,
    ) -> Result<Vec<PostId>, StoreError> {
        self.merged_author_timelines(authors, window, limit).await
    }

    async fn post_log(
        &self,
        from: Timestamp,
        to: Timestamp,
        after: Option<PostId>,
        limit: usize,
    ) -> Result<Vec<Arc<Post>>, StoreError> {
        self.logged_posts(from, to, after, limit).await
    }

    async fn import_follows(&self, lines: Vec<FollowLine>) -> Result<ImportCounts, CommitError> {
        self.import_batch_of_follows(lines).await
    }

    async fn import_posts(&self, posts: Vec<ImportedPost>) -> Result<ImportCounts, CommitError> {
        self.import_batch_of_posts(posts).await
    }

    async fn export_follows(
        &self,
        after: Option<(UserId, UserId)>,
        limit: usize,
    ) -> Result<Vec<(UserId, UserId)>, StoreError> {
        self.exported_follows(after, limit).await
    }
}
