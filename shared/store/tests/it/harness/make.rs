//! Short ways to make facts, and to look at them.

use std::sync::Arc;

use ripple_domain::{
    Handle, NewPost, NewUser, Post, PostEdit, PostId, RelationKind, UserId, UserRef, Visibility,
    Window,
};
use ripple_store::{
    Committed, ImportedPost, PostCommit, TokenHash,
    reading::{Page, read_page},
};

use super::{Rig, START};

pub(crate) fn handle(text: &str) -> Handle {
    text.parse().unwrap()
}

pub(crate) fn new_user(name: &str) -> NewUser {
    NewUser {
        handle: handle(name),
        display_name: None,
        bio: String::new(),
    }
}

/// A token of the user with this handle.
pub(crate) fn token(name: &str) -> TokenHash {
    let mut token = [0; 32];
    token[..name.len()].copy_from_slice(name.as_bytes());
    token
}

/// A public post.
pub(crate) fn new_post(author: UserId, text: &str) -> NewPost {
    NewPost {
        author,
        text: text.into(),
        visibility: Visibility::Public,
        recipients: vec![],
        mentions: vec![],
        tags: vec![],
        link: None,
        language: None,
        reply_to: None,
        repost_of: None,
        received_at: START,
        created_at: None,
    }
}

/// A line of imported posts.
pub(crate) fn imported(key: u8, author: &str, text: &str) -> ImportedPost {
    ImportedPost {
        key: [key; 16],
        exported_from: None,
        author: handle(author),
        post: new_post(UserId(0), text),
        mentions: vec![],
        recipients: vec![],
        reply_to: None,
        repost_of: None,
    }
}

impl Rig {
    /// Creates a user, with [`token`] as his token.
    pub(crate) async fn user(&self, name: &str) -> UserId {
        let created = self
            .store()
            .create_user(new_user(name), token(name), None)
            .await;
        created.unwrap().value.id
    }

    /// Creates users, in order.
    pub(crate) async fn users<const N: usize>(&self) -> [UserId; N] {
        let mut users = [UserId(0); N];
        for (index, user) in users.iter_mut().enumerate() {
            *user = self.user(&format!("user_{index}")).await;
        }
        users
    }

    pub(crate) async fn commit(&self, post: NewPost) -> Committed<Arc<Post>> {
        let commit = PostCommit {
            post,
            idempotency: None,
            trace: None,
        };
        self.store().create_post(commit).await.unwrap()
    }

    /// Posts in public.
    pub(crate) async fn post(&self, author: UserId, text: &str) -> PostId {
        self.commit(new_post(author, text)).await.value.id
    }

    /// Posts `n` times in public; the ids, newest first.
    pub(crate) async fn posts(&self, author: UserId, n: usize) -> Vec<PostId> {
        let mut ids = Vec::with_capacity(n);
        for index in 0..n {
            ids.insert(0, self.post(author, &format!("post {index}")).await);
        }
        ids
    }

    /// Posts `n` times in public, all in one commit; the ids, newest first.
    pub(crate) async fn many_posts(&self, author: UserId, n: usize) -> Vec<PostId> {
        let (name, before) = (
            self.user_ref(author).await.handle,
            self.timeline_of(author).await,
        );
        let lines = (0..n).map(|index| {
            let mut line = imported(0, name.as_str(), "one of many");
            line.key[..8].copy_from_slice(&(before.len() + index).to_be_bytes());
            line.key[8..12].copy_from_slice(&author.0.to_be_bytes());
            line
        });
        self.store().import_posts(lines.collect()).await.unwrap();
        let mut posts = self.timeline_of(author).await;
        posts.retain(|id| !before.contains(id));
        assert_eq!(posts.len(), n);
        posts
    }

    /// Posts to some users alone.
    pub(crate) async fn direct(&self, author: UserId, to: &[UserId]) -> PostId {
        let mut post = new_post(author, "between us");
        post.visibility = Visibility::Direct;
        for id in to {
            post.recipients.push(self.user_ref(*id).await);
        }
        self.commit(post).await.value.id
    }

    pub(crate) async fn user_ref(&self, id: UserId) -> UserRef {
        let handle = self.store().user(id).await.unwrap().unwrap().handle.clone();
        UserRef { id, handle }
    }

    pub(crate) async fn show_to(&self, author: UserId, post: PostId, visibility: Visibility) {
        let edit = PostEdit {
            visibility: Some(visibility),
            ..PostEdit::default()
        };
        self.store()
            .edit_post(post, author, edit, None)
            .await
            .unwrap();
    }

    pub(crate) async fn rewrite(&self, author: UserId, post: PostId, text: &str) -> Arc<Post> {
        let edit = PostEdit {
            text: Some((text.into(), vec![], vec![])),
            ..PostEdit::default()
        };
        self.store()
            .edit_post(post, author, edit, None)
            .await
            .unwrap()
    }

    pub(crate) async fn delete(&self, post: PostId) {
        self.store().delete_post(post, None, None).await.unwrap();
    }

    pub(crate) async fn relate(&self, from: UserId, kind: RelationKind, to: UserId, on: bool) {
        self.store().relate(from, kind, to, on).await.unwrap();
    }

    pub(crate) async fn follow(&self, from: UserId, to: UserId) {
        self.relate(from, RelationKind::Follow, to, true).await;
    }

    pub(crate) async fn unfollow(&self, from: UserId, to: UserId) {
        self.relate(from, RelationKind::Follow, to, false).await;
    }

    /// What `author` has posted, newest first.
    pub(crate) async fn timeline_of(&self, author: UserId) -> Vec<PostId> {
        let authors = [author];
        let posts = self.store().posts_of(&authors, Window::NEWEST, 10_000);
        posts.await.unwrap()
    }

    /// A post that must be there.
    pub(crate) async fn get(&self, id: PostId) -> Arc<Post> {
        self.store().posts(&[id]).await.unwrap()[0].clone().unwrap()
    }

    /// The ids that `reader` sees in his home timeline.
    pub(crate) async fn home_page(
        &self,
        reader: UserId,
        window: Window,
        limit: usize,
    ) -> Vec<PostId> {
        let page = read_page(
            self.store().as_ref(),
            Some(reader),
            &Page::Home,
            window,
            limit,
        )
        .await;
        page.unwrap()
            .shown
            .iter()
            .map(|shown| shown.post.id)
            .collect()
    }

    /// The newest hundred of them.
    pub(crate) async fn home_of(&self, reader: UserId) -> Vec<PostId> {
        self.home_page(reader, Window::NEWEST, 100).await
    }
}
