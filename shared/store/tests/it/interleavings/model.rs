//! What home timelines must show, worked out from the facts in the simplest way.

use std::collections::BTreeSet;

use ripple_domain::{PostId, RelationKind, UserId, Visibility};

#[derive(Clone, Debug)]
pub(super) struct ModelPost {
    pub(super) id: PostId,
    pub(super) author: UserId,
    pub(super) visibility: Visibility,
    pub(super) recipient: Option<UserId>,
    pub(super) deleted: bool,
    /// `Deliver` jobs of it that are not acked.
    pub(super) jobs: u32,
    /// Whether it has been entered in its recipient's inbox.
    pub(super) entered: bool,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    pub(super) posts: Vec<ModelPost>,
    relations: BTreeSet<(UserId, u8, UserId)>,
    /// By user: posts that had been committed when his timeline was last found cold, or was rebuilt.
    known: BTreeSet<(UserId, PostId)>,
}

impl Model {
    /// Sets or ends a relation; whether that changed anything.
    pub(super) fn relate(
        &mut self,
        from: UserId,
        kind: RelationKind,
        to: UserId,
        on: bool,
    ) -> bool {
        let relation = (from, kind as u8, to);
        match on {
            true => self.relations.insert(relation),
            false => self.relations.remove(&relation),
        }
    }

    fn is(&self, from: UserId, kind: RelationKind, to: UserId) -> bool {
        self.relations.contains(&(from, kind as u8, to))
    }

    /// The posts that are committed by now.
    pub(super) fn committed(&self) -> Vec<PostId> {
        self.posts.iter().map(|post| post.id).collect()
    }

    /// From now on `user` must see these posts: his next rebuild reads them, or the last one did.
    pub(super) fn knows(&mut self, user: UserId, posts: &[PostId]) {
        self.known.extend(posts.iter().map(|post| (user, *post)));
    }

    /// What `reader` is to see when everything is done, newest first.
    pub(super) fn home_of(&self, reader: UserId) -> Vec<PostId> {
        self.newest_first(|post| self.belongs(post, reader))
    }

    /// What `reader` must see already now, newest first: his own posts, what has been carried to the
    /// end, and what was there when his timeline was cold.
    pub(super) fn due_in_home_of(&self, reader: UserId) -> Vec<PostId> {
        self.newest_first(|post| self.belongs(post, reader) && self.is_due(post, reader))
    }

    fn newest_first(&self, wanted: impl Fn(&ModelPost) -> bool) -> Vec<PostId> {
        let mut ids: Vec<PostId> = self
            .posts
            .iter()
            .filter(|post| wanted(post))
            .map(|post| post.id)
            .collect();
        ids.sort_unstable_by(|a, b| b.cmp(a));
        ids
    }

    fn belongs(&self, post: &ModelPost, reader: UserId) -> bool {
        if post.deleted {
            return false;
        }
        let author = post.author;
        if author == reader {
            return true;
        }
        let hidden = self.is(reader, RelationKind::Mute, author)
            || self.is(reader, RelationKind::Block, author)
            || self.is(author, RelationKind::Block, reader);
        let addressed = post.recipient == Some(reader);
        let follows = self.is(reader, RelationKind::Follow, author);
        !hidden && (addressed || (follows && post.visibility != Visibility::Direct))
    }

    fn is_due(&self, post: &ModelPost, reader: UserId) -> bool {
        let follows = self.is(reader, RelationKind::Follow, post.author);
        let carried = post.jobs == 0 || self.known.contains(&(reader, post.id));
        let entered = post.entered && post.recipient == Some(reader);
        post.author == reader || entered || (follows && carried)
    }
}
