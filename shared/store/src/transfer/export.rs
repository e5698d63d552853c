use std::{collections::HashMap, sync::Arc};

use ripple_domain::{Handle, Post, PostId, Timestamp, UserId};

use super::posts::ExportedPost;
use crate::{Store, StoreError};

/// Follows that are read at a time.
const FOLLOWS_A_CHUNK: usize = 10_000;
/// Posts that are read at a time.
const POSTS_A_CHUNK: usize = 500;

/// Writes the follower graph as `import` reads it, a chunk of lines at a time.
pub struct ExportFollows {
    store: Arc<dyn Store>,
    after: Option<(UserId, UserId)>,
    handles: Handles,
}

impl ExportFollows {
    /// Begins an export.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            after: None,
            handles: Handles::default(),
        }
    }

    /// The next lines; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<String>, StoreError> {
        let follows = self
            .store
            .export_follows(self.after, FOLLOWS_A_CHUNK)
            .await?;
        let Some(last) = follows.last() else {
            return Ok(None);
        };
        self.after = Some(*last);
        let mut lines = String::with_capacity(follows.len() * 24);
        for (follower, followee) in follows {
            let follower = self.handles.of(&*self.store, follower).await?;
            let followee = self.handles.of(&*self.store, followee).await?;
            lines.extend([follower.as_str(), " ", followee.as_str(), "\n"]);
        }
        Ok(Some(lines))
    }
}

/// Writes all posts as `import` reads them, oldest first, a chunk of lines at a time.
pub struct ExportPosts {
    store: Arc<dyn Store>,
    after: Option<PostId>,
    handles: Handles,
}

impl ExportPosts {
    /// Begins an export.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            after: None,
            handles: Handles::default(),
        }
    }

    /// The next lines; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<String>, StoreError> {
        let (from, to) = (Timestamp::from_ms(i64::MIN), Timestamp::from_ms(i64::MAX));
        let posts = self
            .store
            .post_log(from, to, self.after, POSTS_A_CHUNK)
            .await?;
        let Some(last) = posts.last() else {
            return Ok(None);
        };
        self.after = Some(last.id);
        let mut lines = String::new();
        for post in posts {
            let author = self.handles.of(&*self.store, post.author).await?;
            lines.push_str(&line_of(&post, &author)?);
            lines.push('\n');
        }
        Ok(Some(lines))
    }
}

fn line_of(post: &Post, author: &Handle) -> Result<String, StoreError> {
    let recipients = post.recipients.iter();
    let line = ExportedPost {
        id: post.id.to_string(),
        author: author.as_str(),
        text: &post.text,
        created_at: post.created_at().to_string(),
        visibility: post.visibility,
        recipients: recipients.map(|user| user.handle.as_str()).collect(),
        link: post.link.as_deref(),
        language: post.language.as_deref(),
        reply_to: post.reply_to.map(|id| id.to_string()),
        repost_of: post.repost_of.map(|id| id.to_string()),
    };
    serde_json::to_string(&line).map_err(|error| StoreError::read("a post", error))
}

/// Handles never change, so what was looked up once holds. Forgotten when there are too many.
#[derive(Default)]
struct Handles(HashMap<UserId, Handle>);

impl Handles {
    const MAX: usize = 100_000;

    async fn of(&mut self, store: &dyn Store, id: UserId) -> Result<Handle, StoreError> {
        if let Some(handle) = self.0.get(&id) {
            return Ok(handle.clone());
        }
        let user = store.user(id).await?;
        let user = user.ok_or(StoreError::Corrupt { what: "user" })?;
        if self.0.len() >= Self::MAX {
            self.0.clear();
        }
        self.0.insert(id, user.handle.clone());
        Ok(user.handle.clone())
    }
}
