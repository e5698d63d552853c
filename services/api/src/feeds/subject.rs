//! What a page or a feed is about, as readers know it: a topic with its name and its path.

use std::sync::Arc;

use ripple_domain::{
    Handle, Topic, User,
    text::{self, Tag},
};
use ripple_store::{Store, StoreError};

use super::{
    address::{keyword_path, tag_path, user_path},
    plain,
};

/// The subject of a page and of its feeds.
#[derive(Clone, Debug)]
pub(crate) enum Subject {
    /// Every public post.
    Public,
    /// The posts with a tag, in its folded spelling.
    Tag(String),
    /// The posts with a word, in its folded spelling.
    Keyword(String),
    /// The posts of one author.
    Author(Arc<User>),
}

impl Subject {
    /// The tag that `spelling` folds to, with or without `#`; `None` where it is no tag.
    pub(crate) fn tag(spelling: &str) -> Option<Self> {
        Tag::parse(spelling).map(|tag| Self::Tag(tag.folded))
    }

    /// The keyword that `spelling` folds to; `None` where it is no keyword.
    pub(crate) fn keyword(spelling: &str) -> Option<Self> {
        text::fold_keyword(spelling).map(Self::Keyword)
    }

    /// The user with this handle; `None` where there is none.
    pub(crate) async fn author(
        store: &dyn Store,
        handle: &str,
    ) -> Result<Option<Self>, StoreError> {
        let Ok(handle) = handle.parse::<Handle>() else {
            return Ok(None);
        };
        Ok(store.user_by_handle(&handle).await?.map(Self::Author))
    }

    /// The subject of a topic; `None` where its author is not known.
    pub(crate) async fn of_topic(
        store: &dyn Store,
        topic: &Topic,
    ) -> Result<Option<Self>, StoreError> {
        Ok(match topic {
            Topic::Public => Some(Self::Public),
            Topic::Tag(folded) => Some(Self::Tag(folded.clone())),
            Topic::Keyword(folded) => Some(Self::Keyword(folded.clone())),
            Topic::Author(id) => store.user(*id).await?.map(Self::Author),
        })
    }

    /// The topic.
    pub(crate) fn topic(&self) -> Topic {
        match self {
            Self::Public => Topic::Public,
            Self::Tag(folded) => Topic::Tag(folded.clone()),
            Self::Keyword(folded) => Topic::Keyword(folded.clone()),
            Self::Author(user) => Topic::Author(user.id),
        }
    }

    /// The path of its page.
    pub(crate) fn page_path(&self) -> String {
        match self {
            Self::Public => "/".into(),
            Self::Tag(folded) => tag_path(folded),
            Self::Keyword(folded) => keyword_path(folded),
            Self::Author(user) => user_path(&user.handle),
        }
    }

    /// The path below which its feeds are found.
    pub(crate) fn feed_path(&self) -> String {
        match self {
            Self::Public => "/public".into(),
            other => other.page_path(),
        }
    }

    /// Its name, on the site with this host.
    pub(crate) fn title(&self, host: &str) -> String {
        match self {
            Self::Public => format!("Public posts on {host}"),
            Self::Tag(folded) => format!("#{} on {host}", plain::clean(folded)),
            Self::Keyword(folded) => format!("“{}” on {host}", plain::clean(folded)),
            Self::Author(user) => format!("{} on {host}", named(user)),
        }
    }

    /// What it holds, in a sentence.
    pub(crate) fn description(&self) -> String {
        match self {
            Self::Public => "The newest public posts.".into(),
            Self::Tag(folded) => {
                format!("The newest posts with the tag #{}.", plain::clean(folded))
            }
            Self::Keyword(folded) => {
                format!("The newest posts with the word “{}”.", plain::clean(folded))
            }
            Self::Author(user) => plain::one_line(&user.bio)
                .unwrap_or_else(|| format!("The newest posts of {}.", display_name(user))),
        }
    }
}

/// A user's name as a document may carry it: his handle where nothing of it can be seen.
pub(crate) fn display_name(user: &User) -> String {
    plain::name(&user.display_name).unwrap_or_else(|| user.handle.to_string())
}

/// A user's name and handle.
pub(crate) fn named(user: &User) -> String {
    format!("{} (@{})", display_name(user), user.handle)
}
