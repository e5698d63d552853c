//! Topics: the subjects of public pages.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{Post, UserId, text};

/// The subject of a public page and of its feeds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Topic {
    /// Every public post.
    Public,
    /// The posts with a tag, in its folded spelling without `#`.
    Tag(String),
    /// The posts with a word, in its folded spelling.
    Keyword(String),
    /// The posts of one author. Its page is the author timeline, so it needs no index of its own.
    Author(UserId),
}

/// The indexed topics on whose pages `post` belongs; none unless it is public. (The author's page is
/// no index: see [`Topic::Author`].)
pub fn topics_of(post: &Post) -> BTreeSet<Topic> {
    if !post.is_listed() {
        return BTreeSet::new();
    }
    let tags = post.tags.iter().map(|tag| Topic::Tag(tag.folded.clone()));
    let keywords = text::keywords(&post.text).into_iter().map(Topic::Keyword);
    std::iter::once(Topic::Public)
        .chain(tags)
        .chain(keywords)
        .collect()
}
