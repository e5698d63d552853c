//! What a page needs of a post beside the post: who wrote it, and how the reader stands to him.

use std::{collections::HashMap, sync::Arc};

use futures_util::future::try_join;
use ripple_domain::{Post, PostId, Relation, User, UserId};

use crate::{Facts, StoreError};

/// A post with its author.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authored {
    /// The post.
    pub post: Arc<Post>,
    /// Who wrote it.
    pub author: Arc<User>,
}

/// A post as it was found for a reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hydrated {
    /// The post with its author.
    pub authored: Authored,
    /// How the reader stands to the author.
    pub relation: Relation,
}

/// A post without an author: users are never deleted.
const NO_AUTHOR: StoreError = StoreError::Corrupt {
    what: "author of a post",
};

/// [`Facts::hydrate`] from what else there is: the posts, and then what is to be known of their authors.
pub(crate) async fn in_steps<F: Facts + ?Sized>(
    facts: &F,
    reader: Option<UserId>,
    ids: &[PostId],
) -> Result<Vec<Option<Hydrated>>, StoreError> {
    let posts = facts.posts(ids).await?;
    let ids = authors_of(&posts);
    let relations = async {
        match reader {
            Some(reader) => facts.relations(reader, &ids).await,
            None => Ok(vec![Relation::default(); ids.len()]),
        }
    };
    let (users, relations) = try_join(facts.users(&ids), relations).await?;
    let found = users.into_iter().zip(relations);
    with_authors(posts, &ids.into_iter().zip(found).collect())
}

/// The ids of those who wrote posts, each once.
pub(crate) fn authors_of(posts: &[Option<Arc<Post>>]) -> Vec<UserId> {
    let mut ids: Vec<UserId> = posts.iter().flatten().map(|post| post.author).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// What was found of users, by their ids.
pub(crate) type Authors = HashMap<UserId, (Option<Arc<User>>, Relation)>;

/// The posts with what was found of their authors.
pub(crate) fn with_authors(
    posts: Vec<Option<Arc<Post>>>,
    authors: &Authors,
) -> Result<Vec<Option<Hydrated>>, StoreError> {
    let hydrated = |post: Arc<Post>| {
        let (author, relation) = authors.get(&post.author).ok_or(NO_AUTHOR)?;
        let author = author.clone().ok_or(NO_AUTHOR)?;
        Ok(Hydrated {
            authored: Authored { post, author },
            relation: *relation,
        })
    };
    let hydrated = posts.into_iter().map(|post| post.map(hydrated).transpose());
    hydrated.collect()
}
