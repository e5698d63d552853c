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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PostCounts, PostId, Timestamp, Visibility};

    fn post(visibility: Visibility, text: &str) -> Post {
        Post {
            id: PostId(1 << 40),
            author: UserId(1),
            text: text.to_owned(),
            visibility,
            recipients: vec![],
            mentions: vec![],
            tags: text::tags(text),
            link: None,
            language: None,
            reply_to: None,
            repost_of: None,
            counts: PostCounts::default(),
            received_at: Timestamp::default(),
            accepted_at: Timestamp::default(),
            edited_at: None,
            revision: 0,
        }
    }

    #[test]
    fn a_public_post_has_the_topics_of_its_tags_and_words() {
        let post = post(
            Visibility::Public,
            "#Rust in 서울에서: the rust of @ada, https://example.com/#x #RUST",
        );
        let keyword = |word: &str| Topic::Keyword(word.to_owned());
        let expected = [
            Topic::Public,
            Topic::Tag("rust".to_owned()),
            keyword("rust"),
            keyword("서울에서"),
            keyword("서울"),
        ];
        assert_eq!(topics_of(&post), BTreeSet::from(expected));
    }

    #[test]
    fn a_post_without_words_is_on_the_public_page_alone() {
        let topics = topics_of(&post(Visibility::Public, "🎉 1 @ada"));
        assert_eq!(topics, BTreeSet::from([Topic::Public]));
    }

    #[test]
    fn other_posts_have_no_topics() {
        use Visibility::{Direct, Followers, Unlisted};
        for visibility in [Unlisted, Followers, Direct] {
            assert_eq!(topics_of(&post(visibility, "#rust rust")), BTreeSet::new());
        }
    }

    #[test]
    fn topics_are_bounded() {
        let text: String = (0..500).map(|i| format!("#tag{i} ")).collect();
        let topics = topics_of(&post(Visibility::Public, &text));
        assert_eq!(topics.len(), 1 + text::TAGS_MAX + text::KEYWORDS_MAX);
    }
}
