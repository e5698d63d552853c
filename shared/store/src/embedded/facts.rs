use std::sync::Arc;

use async_trait::async_trait;
use fjall::Slice;
use ripple_domain::{
    Handle, NewUser, Post, PostEdit, PostId, Relation, RelationKind, Tier, Timestamp, TraceContext,
    User, UserId, Window,
};

use super::{
    EmbeddedStore, blocking,
    commands::{idempotency, imports, posts, users},
    key::{Key, prefix, relation_users, trailing_u64},
    record::{Answer, PostRecord, UserRecord, decode, decode_user_id},
    scan,
};
use crate::{
    CommitError, Committed, Facts, FollowLine, Idempotency, ImportCounts, ImportedPost, PostCommit,
    StoreError, TokenHash, UserCounts,
};

/// Timelines of up to this many authors are merged in place; more go to a thread of their own.
const AUTHORS_IN_PLACE_MAX: usize = 16;
/// Idempotency keys forgotten in one commit.
const FORGOTTEN_AT_A_TIME: usize = 1_000;

#[async_trait]
impl Facts for EmbeddedStore {
    async fn create_user(
        &self,
        new: NewUser,
        token: TokenHash,
        idempotency: Option<Idempotency>,
    ) -> Result<Committed<Arc<User>>, CommitError> {
        self.writer
            .commit(move |tx| users::create(tx, new, &token, idempotency))
            .await
    }

    async fn update_user(
        &self,
        id: UserId,
        display_name: Option<String>,
        bio: Option<String>,
    ) -> Result<Arc<User>, CommitError> {
        self.writer
            .commit(move |tx| users::update(tx, id, display_name, bio))
            .await
    }

    async fn add_token(&self, user: UserId, token: TokenHash) -> Result<(), CommitError> {
        self.writer
            .commit(move |tx| users::add_token(tx, user, &token))
            .await
    }

    async fn user(&self, id: UserId) -> Result<Option<Arc<User>>, StoreError> {
        let miss = match self.memory.users.get(id) {
            Ok(user) => return Ok(Some(user)),
            Err(miss) => miss,
        };
        let Some(record) = self.get("a user", &Key::User(id))? else {
            return Ok(None);
        };
        let UserRecord::V1(user) = decode("user", &record)?;
        let user = Arc::new(user);
        self.memory.users.keep(miss, id, &user);
        Ok(Some(user))
    }

    async fn user_by_handle(&self, handle: &Handle) -> Result<Option<Arc<User>>, StoreError> {
        match self.get("a handle", &Key::Handle(handle))? {
            Some(id) => self.user(decode_user_id("handle", &id)?).await,
            None => Ok(None),
        }
    }

    async fn user_by_token(&self, token: &TokenHash) -> Result<Option<UserId>, StoreError> {
        let id = self.get("a token", &Key::Token(token))?;
        id.map(|id| decode_user_id("token", &id)).transpose()
    }

    async fn user_counts(&self, id: UserId) -> Result<UserCounts, StoreError> {
        let posts = self.get("a post count", &Key::PostCount(id))?;
        Ok(UserCounts {
            followers: self.memory.followers.len(id) as u64,
            following: self.memory.followees.len(id) as u64,
            posts: posts.map_or(Ok(0), |count| posts::decode_count(&count))?,
        })
    }

    async fn relate(
        &self,
        from: UserId,
        kind: RelationKind,
        to: UserId,
        on: bool,
    ) -> Result<(), CommitError> {
        self.writer
            .commit(move |tx| users::relate(tx, from, kind, to, on))
            .await
    }

    async fn relations(
        &self,
        viewer: UserId,
        others: &[UserId],
    ) -> Result<Vec<Relation>, StoreError> {
        Ok(self.memory.relations(viewer, others))
    }

    async fn followees(&self, user: UserId) -> Result<Vec<UserId>, StoreError> {
        Ok(self.memory.followees.page(user, None, usize::MAX))
    }

    async fn followers_page(
        &self,
        user: UserId,
        before: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<UserId>, StoreError> {
        Ok(self.memory.followers.page(user, before, limit))
    }

    async fn following_page(
        &self,
        user: UserId,
        before: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<UserId>, StoreError> {
        Ok(self.memory.followees.page(user, before, limit))
    }

    async fn create_post(&self, commit: PostCommit) -> Result<Committed<Arc<Post>>, CommitError> {
        let room = self.check_backlog();
        if commit.idempotency.is_none() {
            room.clone()?;
        }
        self.writer
            .commit(move |tx| posts::create(tx, commit, room))
            .await
    }

    async fn post_created_with(
        &self,
        _author: UserId,
        idempotency: Idempotency,
    ) -> Result<Option<Arc<Post>>, CommitError> {
        let record = self.get("an idempotency key", &Key::Idempotency(&idempotency.key))?;
        let record = record.map(|record| decode("idempotency key", &record));
        let now = self.memory.clock.now();
        match idempotency::answer_to(idempotency, record.transpose()?, now)? {
            Some(Answer::Post(post)) => Ok(Some(post)),
            Some(Answer::User(_)) | None => Ok(None),
        }
    }

    async fn edit_post(
        &self,
        id: PostId,
        editor: UserId,
        edit: PostEdit,
        trace: Option<TraceContext>,
    ) -> Result<Arc<Post>, CommitError> {
        self.writer
            .commit(move |tx| posts::edit(tx, id, editor, edit, trace))
            .await
    }

    async fn delete_post(
        &self,
        id: PostId,
        editor: Option<UserId>,
        trace: Option<TraceContext>,
    ) -> Result<(), CommitError> {
        self.writer
            .commit(move |tx| posts::delete(tx, id, editor, trace))
            .await
    }

    async fn posts(&self, ids: &[PostId]) -> Result<Vec<Option<Arc<Post>>>, StoreError> {
        ids.iter().map(|id| self.post(*id)).collect()
    }

    async fn posts_of(
        &self,
        authors: &[UserId],
        window: Window,
        limit: usize,
    ) -> Result<Vec<PostId>, StoreError> {
        if authors.len() <= AUTHORS_IN_PLACE_MAX {
            return scan::posts_of(&self.keyspace, authors, window, limit);
        }
        let (keyspace, authors) = (self.keyspace.clone(), authors.to_vec());
        blocking(move || scan::posts_of(&keyspace, &authors, window, limit)).await
    }

    async fn post_log(
        &self,
        from: Timestamp,
        to: Timestamp,
        after: Option<PostId>,
        limit: usize,
    ) -> Result<Vec<Arc<Post>>, StoreError> {
        let (first, last) = (PostId::first_of(from), PostId::first_of(to));
        if first >= last {
            return Ok(Vec::new());
        }
        let keyspace = self.keyspace.clone();
        blocking(move || {
            let key = |id| Key::Post(id).bytes();
            let mut log = Vec::new();
            for entry in scan::range(&keyspace, after.map(key), key(first), key(last)) {
                let (name, record) = entry
                    .into_inner()
                    .map_err(|e| StoreError::read("the post log", e))?;
                if trailing_u64(&name) == Some(last.0) || log.len() == limit {
                    break;
                }
                if let PostRecord::V1(post) = decode("post", &record)? {
                    log.push(post);
                }
            }
            Ok(log)
        })
        .await
    }

    async fn import_follows(&self, lines: Vec<FollowLine>) -> Result<ImportCounts, CommitError> {
        self.writer
            .commit(move |tx| imports::follows(tx, &lines))
            .await
    }

    async fn import_posts(&self, posts: Vec<ImportedPost>) -> Result<ImportCounts, CommitError> {
        self.check_backlog()?;
        self.writer
            .commit(move |tx| imports::posts(tx, posts))
            .await
    }

    async fn export_follows(
        &self,
        after: Option<(UserId, UserId)>,
        limit: usize,
    ) -> Result<Vec<(UserId, UserId)>, StoreError> {
        let keyspace = self.keyspace.clone();
        blocking(move || {
            let key = |(from, to)| Key::Relation(RelationKind::Follow, from, to).bytes();
            let (first, last) = (UserId(0), UserId(u32::MAX));
            let range = scan::range(
                &keyspace,
                after.map(key),
                key((first, first)),
                key((last, last)),
            );
            let follow =
                |key: Slice| relation_users(&key).ok_or(StoreError::Corrupt { what: "relation" });
            range
                .take(limit)
                .map(|entry| {
                    entry
                        .key()
                        .map_err(|e| StoreError::read("follows", e))
                        .and_then(follow)
                })
                .collect()
        })
        .await
    }
}

impl EmbeddedStore {
    /// A record.
    pub(super) fn get(
        &self,
        what: &'static str,
        key: &Key<'_>,
    ) -> Result<Option<Slice>, StoreError> {
        self.keyspace
            .get(key.bytes())
            .map_err(|e| StoreError::read(what, e))
    }

    /// A post that stands.
    pub(super) fn post(&self, id: PostId) -> Result<Option<Arc<Post>>, StoreError> {
        let miss = match self.memory.posts.get(id) {
            Ok(post) => return Ok(Some(post)),
            Err(miss) => miss,
        };
        let Some(record) = self.get("a post", &Key::Post(id))? else {
            return Ok(None);
        };
        let PostRecord::V1(post) = decode("post", &record)? else {
            return Ok(None);
        };
        self.memory.posts.keep(miss, id, &post);
        Ok(Some(post))
    }

    /// Refuses new work while a tier is too far behind.
    fn check_backlog(&self) -> Result<(), CommitError> {
        let limits = self.options.queue_limits;
        let now = self.memory.clock.now();
        for tier in Tier::ALL {
            let queue = self.memory.tier(tier).queue();
            let age_ms = queue
                .oldest_untried_accepted_at()
                .map_or(0, |oldest| now.ms_since(oldest));
            if queue.backlog() >= limits.jobs_max || age_ms > limits.age_ms_max {
                return Err(CommitError::Backlog {
                    tier,
                    retry_after_s: 5,
                });
            }
        }
        Ok(())
    }

    /// Forgets the idempotency keys whose day is over.
    pub(super) async fn forget_idempotency_keys(&self) -> Result<(), StoreError> {
        loop {
            let forgettable_at = idempotency::forgettable_at(self.memory.clock.now());
            let first = Slice::from(prefix::IDEMPOTENCY_AGE);
            let last = Key::IdempotencyAge(forgettable_at, &[0xff; 32]).bytes();
            let ages = scan::range(&self.keyspace, None, first, last).take(FORGOTTEN_AT_A_TIME);
            let ages = ages.map(|entry| entry.key()).collect::<Result<Vec<_>, _>>();
            let ages = ages.map_err(|e| StoreError::read("idempotency keys", e))?;
            if ages.is_empty() {
                return Ok(());
            }
            let place = self.writer.place().await;
            let forgotten = self
                .writer
                .hand_in(place, move |tx| idempotency::forget(tx, &ages));
            forgotten.answer().await.map_err(into_store_error)?;
        }
    }
}

/// The error of a commit that nothing but the store can make fail.
pub(super) fn into_store_error(error: CommitError) -> StoreError {
    match error {
        CommitError::Store(error) => error,
        other => StoreError::Unavailable {
            reason: other.to_string(),
        },
    }
}
