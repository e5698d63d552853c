use std::sync::Arc;

use async_trait::async_trait;
use ripple_domain::{
    Handle, NewPost, NewUser, Post, PostEdit, PostId, Relation, RelationKind, Timestamp,
    TraceContext, User, UserId, Window,
};

use crate::{
    CommitError, StoreError,
    hydration::{self, Hydrated},
};

/// SHA-256 of a bearer token. Tokens themselves are never stored.
pub type TokenHash = [u8; 32];

/// A request's `Idempotency-Key`, as the commit keeps it for 24 hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// SHA-256 of who asks, what is called and the key.
    pub key: [u8; 32],
    /// SHA-256 of the request's body.
    pub request: [u8; 32],
}

/// What a commit made, or had made when it was first sent with this idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed<T> {
    /// What was made, as it was then.
    pub value: T,
    /// Whether this is the answer to an earlier request with the same idempotency key.
    pub replayed: bool,
}

/// A post to be committed, with what the commit carries beside it.
#[derive(Clone, Debug)]
pub struct PostCommit {
    /// The post.
    pub post: NewPost,
    /// The request's idempotency key.
    pub idempotency: Option<Idempotency>,
    /// The request's trace, handed to the jobs.
    pub trace: Option<TraceContext>,
}

/// How many there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UserCounts {
    /// Users who follow him.
    pub followers: u64,
    /// Users whom he follows.
    pub following: u64,
    /// His posts that still stand.
    pub posts: u64,
}

/// A line of an imported or exported follower graph.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FollowLine {
    /// Who follows.
    pub follower: Handle,
    /// Whom he follows.
    pub followee: Handle,
}

/// A line of imported posts.
#[derive(Clone, Debug)]
pub struct ImportedPost {
    /// Names the line for good: a key that was imported before is skipped.
    pub key: [u8; 16],
    /// The post that the line may have been exported from. It is known where the store holds a post
    /// with this id, author and time of writing that says the same, or has been edited or deleted
    /// since; anything else that happens to bear such an id is a post of its own.
    pub exported_from: Option<PostId>,
    /// The author's handle; a user is created where there is none.
    pub author: Handle,
    /// The post. Its users and the posts that it refers to are filled in by the store, from what follows.
    pub post: NewPost,
    /// The users whom the text names; those who do not exist are left out.
    pub mentions: Vec<Handle>,
    /// Those whom it addresses; users are created where there are none.
    pub recipients: Vec<Handle>,
    /// The imported post that it answers, by its key. Where there is none, the post stands alone.
    pub reply_to: Option<[u8; 16]>,
    /// The imported post that it passes on, by its key. Where there is none, the post stands alone,
    /// and is left out when it has no words of its own.
    pub repost_of: Option<[u8; 16]>,
}

/// What a batch of an import did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportCounts {
    /// Lines that were new.
    pub added: u64,
    /// Lines that had been imported before, or tell of posts of this store.
    pub known: u64,
    /// Lines that only pass on a post which is not there, and so were left out.
    pub left_out: u64,
    /// Users that were created on the way.
    pub users_created: u64,
}

/// The truth: users, tokens, relations and posts.
///
/// Every method that changes something is one atomic commit, together with the jobs that it causes.
/// When it returns `Ok`, the commit is durable by the store's setting (fsync on the embedded store),
/// and **every later read through any process sees it**, caches included. When it returns an error
/// other than [`StoreError::Unavailable`], nothing has happened. A commit never exists in half.
#[async_trait]
pub trait Facts: Send + Sync {
    /// Creates a user with a first token. With an idempotency key that was used before, answers with
    /// the user that was created then.
    async fn create_user(
        &self,
        new: NewUser,
        token: TokenHash,
        idempotency: Option<Idempotency>,
    ) -> Result<Committed<Arc<User>>, CommitError>;

    /// Changes a user's profile; what is `None` stays as it is.
    async fn update_user(
        &self,
        id: UserId,
        display_name: Option<String>,
        bio: Option<String>,
    ) -> Result<Arc<User>, CommitError>;

    /// Adds a token to a user. His other tokens stay valid.
    async fn add_token(&self, user: UserId, token: TokenHash) -> Result<(), CommitError>;

    /// The user with this id.
    async fn user(&self, id: UserId) -> Result<Option<Arc<User>>, StoreError>;

    /// The users with these ids, in their order; `None` where there is none. A store that is asked over a
    /// network answers all at once.
    async fn users(&self, ids: &[UserId]) -> Result<Vec<Option<Arc<User>>>, StoreError> {
        let mut users = Vec::with_capacity(ids.len());
        for id in ids {
            users.push(self.user(*id).await?);
        }
        Ok(users)
    }

    /// The user with this handle.
    async fn user_by_handle(&self, handle: &Handle) -> Result<Option<Arc<User>>, StoreError>;

    /// The user with this token.
    async fn user_by_token(&self, token: &TokenHash) -> Result<Option<UserId>, StoreError>;

    /// The numbers shown with a user; zeros where there is no such user.
    async fn user_counts(&self, id: UserId) -> Result<UserCounts, StoreError>;

    /// Sets or ends a relation of `from` to `to`; doing so twice is the same as once. A follow, an
    /// unfollow, a block and its end make the home timeline of `from` cold (a block and its end that
    /// of `to`, too) before they return.
    ///
    /// **Follower lists may hold too much, never too little**: a follow is in the list of `to` before
    /// this returns and before the home timeline of `from` can become warm again; an unfollow may
    /// leave the list later.
    async fn relate(
        &self,
        from: UserId,
        kind: RelationKind,
        to: UserId,
        on: bool,
    ) -> Result<(), CommitError>;

    /// How `viewer` stands to each of `others`, in their order.
    async fn relations(
        &self,
        viewer: UserId,
        others: &[UserId],
    ) -> Result<Vec<Relation>, StoreError>;

    /// Those whom `user` follows, exactly, in no order.
    async fn followees(&self, user: UserId) -> Result<Vec<UserId>, StoreError>;

    /// A page of those who follow `user` (exactly: who has unfollowed is not among them), in
    /// descending order of their ids, below `before`.
    async fn followers_page(
        &self,
        user: UserId,
        before: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<UserId>, StoreError>;

    /// A page of those whom `user` follows, in descending order of their ids, below `before`.
    async fn following_page(
        &self,
        user: UserId,
        before: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<UserId>, StoreError>;

    /// Commits a post, its entry in the author timeline and the jobs that carry it, and makes its
    /// id. The jobs: `Deliver` always, `Index` when it is listed. The counts of the posts that it
    /// answers and reposts grow in the same commit.
    ///
    /// Ids are unique and grow within a partition whatever the clock does. A post with `created_at`
    /// gets an id of that time, below which newer posts may exist.
    ///
    /// Refused with [`CommitError::Backlog`] while a tier's backlog is at its bound.
    async fn create_post(&self, commit: PostCommit) -> Result<Committed<Arc<Post>>, CommitError>;

    /// The post that an earlier request of `author` with this idempotency key created, as it was
    /// then; `None` where there was none in the last 24 hours. A caller asks this before it checks what a repeated
    /// request refers to: that may be gone by now, and the answer has to be the same.
    async fn post_created_with(
        &self,
        author: UserId,
        idempotency: Idempotency,
    ) -> Result<Option<Arc<Post>>, CommitError>;

    /// Changes a post of `editor` and enqueues the jobs that bring the read models in line: `Index`
    /// when it is or was listed, `Deliver` when the visibility became wider.
    async fn edit_post(
        &self,
        id: PostId,
        editor: UserId,
        edit: PostEdit,
        trace: Option<TraceContext>,
    ) -> Result<Arc<Post>, CommitError>;

    /// Deletes a post: of `editor`, or of anybody where `None` (an admin). Its author timeline loses
    /// it in this commit; the jobs remove it from the rest. From the next read on nobody sees it.
    async fn delete_post(
        &self,
        id: PostId,
        editor: Option<UserId>,
        trace: Option<TraceContext>,
    ) -> Result<(), CommitError>;

    /// The posts with these ids, in their order; `None` where there is none or it was deleted.
    async fn posts(&self, ids: &[PostId]) -> Result<Vec<Option<Arc<Post>>>, StoreError>;

    /// The posts with these ids, in their order, with their authors and how `reader` stands to these;
    /// `None` where there is none or it was deleted. Each part is as it stood at some
    /// moment after the call.
    async fn hydrate(
        &self,
        reader: Option<UserId>,
        ids: &[PostId],
    ) -> Result<Vec<Option<Hydrated>>, StoreError> {
        hydration::in_steps(self, reader, ids).await
    }

    /// The ids of what these authors posted, merged, without duplicates, in the window's order.
    /// Deleted posts are not among them.
    async fn posts_of(
        &self,
        authors: &[UserId],
        window: Window,
        limit: usize,
    ) -> Result<Vec<PostId>, StoreError>;

    /// The posts made in `from..to` (by their ids), oldest first, after `after`.
    async fn post_log(
        &self,
        from: Timestamp,
        to: Timestamp,
        after: Option<PostId>,
        limit: usize,
    ) -> Result<Vec<Arc<Post>>, StoreError>;

    /// Commits a batch of follows, creating the users that do not exist (without a token). Follows
    /// that exist are counted as known.
    async fn import_follows(&self, lines: Vec<FollowLine>) -> Result<ImportCounts, CommitError>;

    /// Commits a batch of posts, creating the authors that do not exist. A key that was imported
    /// before is counted as known, also after a crash; keys are kept for good. So is a line that was
    /// exported from this store.
    async fn import_posts(&self, posts: Vec<ImportedPost>) -> Result<ImportCounts, CommitError>;

    /// Follows in a fixed order, after `after`, for an export.
    async fn export_follows(
        &self,
        after: Option<(UserId, UserId)>,
        limit: usize,
    ) -> Result<Vec<(UserId, UserId)>, StoreError>;
}
