//! Posts, and who may see them where.

use serde::{Deserialize, Serialize};

use crate::{PostId, Relation, Timestamp, UserId, UserRef, text::Tag};

/// Who may see a post.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// Everybody, everywhere.
    #[default]
    Public,
    /// Everybody, but not on the public pages (public page, tags, keywords, and their feeds).
    Unlisted,
    /// The author's followers, and those whom the post names or addresses.
    Followers,
    /// Those whom the post addresses.
    Direct,
}

impl Visibility {
    /// The name in JSON and in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Unlisted => "unlisted",
            Self::Followers => "followers",
            Self::Direct => "direct",
        }
    }
}

/// How often a post was answered, reposted and favourited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostCounts {
    /// Replies that still stand.
    pub replies: u32,
    /// Reposts that still stand.
    pub reposts: u32,
    /// Favourites.
    pub favourites: u32,
}

/// A post.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Post {
    /// Its id, which also says when it was accepted or, for an imported post, when it was written.
    pub id: PostId,
    /// Who wrote it.
    pub author: UserId,
    /// What it says, trimmed: 1–5,000 characters, or none when it is a repost.
    pub text: String,
    /// Who may see it.
    pub visibility: Visibility,
    /// Those whom it addresses.
    pub recipients: Vec<UserRef>,
    /// The users whom its text names.
    pub mentions: Vec<UserRef>,
    /// The tags of its text.
    pub tags: Vec<Tag>,
    /// An `http` or `https` address that it is about.
    pub link: Option<String>,
    /// Its language as a BCP 47 tag, as the client gave it.
    pub language: Option<String>,
    /// The post that it answers.
    pub reply_to: Option<PostId>,
    /// The post that it passes on.
    pub repost_of: Option<PostId>,
    /// Answers and reactions.
    pub counts: PostCounts,
    /// When the request that made it arrived; the author tier's latency counts from here.
    pub received_at: Timestamp,
    /// When it was accepted: the moment of the commit. For an imported post this is later than the
    /// time in its id.
    pub accepted_at: Timestamp,
    /// When it was last edited.
    pub edited_at: Option<Timestamp>,
    /// Grows by one with each edit; what was derived from an older revision is out of date.
    pub revision: u32,
}

impl Post {
    /// The longest text, in characters (Unicode scalar values).
    pub const TEXT_CHARS_MAX: usize = 5_000;
    /// The most recipients of one post.
    pub const RECIPIENTS_MAX: usize = 100;
    /// The most users whom a text can name; further ones are not told of it.
    pub const MENTIONS_MAX: usize = 100;

    /// When it was written.
    pub fn created_at(&self) -> Timestamp {
        self.id.time()
    }

    /// Whether `viewer` may see the post, given how he stands to its author; `None` is somebody
    /// without a token.
    pub fn is_visible_to(&self, viewer: Option<UserId>, relation: Relation) -> bool {
        let Some(viewer) = viewer else {
            return matches!(self.visibility, Visibility::Public | Visibility::Unlisted);
        };
        if viewer == self.author {
            return true;
        }
        if relation.blocked {
            return false;
        }
        match self.visibility {
            Visibility::Public | Visibility::Unlisted => true,
            Visibility::Followers => {
                relation.follows || self.addresses(viewer) || self.names(viewer)
            }
            Visibility::Direct => self.addresses(viewer),
        }
    }

    /// Whether the post belongs in `reader`'s home timeline: his own posts, those of the authors
    /// that he follows, and those addressed to him, less what he may not see and whom he has muted.
    pub fn belongs_in_home_of(&self, reader: UserId, relation: Relation) -> bool {
        let concerns = reader == self.author || relation.follows || self.addresses(reader);
        concerns && !relation.mutes && self.is_visible_to(Some(reader), relation)
    }

    /// Whether the post belongs on public pages.
    pub fn is_listed(&self) -> bool {
        self.visibility == Visibility::Public
    }

    fn addresses(&self, user: UserId) -> bool {
        self.recipients.iter().any(|recipient| recipient.id == user)
    }

    fn names(&self, user: UserId) -> bool {
        self.mentions.iter().any(|mention| mention.id == user)
    }
}

/// A post to be committed. What has to be looked up (recipients, mentions) has been looked up, and
/// what is derived from the text has been derived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPost {
    /// Who writes it.
    pub author: UserId,
    /// What it says, trimmed.
    pub text: String,
    /// Who may see it.
    pub visibility: Visibility,
    /// Those whom it addresses.
    pub recipients: Vec<UserRef>,
    /// The users whom its text names.
    pub mentions: Vec<UserRef>,
    /// The tags of its text.
    pub tags: Vec<Tag>,
    /// An `http` or `https` address that it is about.
    pub link: Option<String>,
    /// Its language as a BCP 47 tag.
    pub language: Option<String>,
    /// The post that it answers.
    pub reply_to: Option<PostId>,
    /// The post that it passes on.
    pub repost_of: Option<PostId>,
    /// When the request arrived.
    pub received_at: Timestamp,
    /// When an imported post was written; `None` for a post of this moment.
    pub created_at: Option<Timestamp>,
}

/// A change of a post by its author; what is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PostEdit {
    /// The new text, with the tags and mentions that were derived from it.
    pub text: Option<(String, Vec<Tag>, Vec<UserRef>)>,
    /// The new visibility.
    pub visibility: Option<Visibility>,
    /// The new link; `Some(None)` removes it.
    pub link: Option<Option<String>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const AUTHOR: UserId = UserId(1);
    const READER: UserId = UserId(2);

    fn user(id: UserId) -> UserRef {
        UserRef {
            id,
            handle: format!("u{id}").parse().unwrap(),
        }
    }

    fn post(visibility: Visibility, recipients: &[UserId], mentions: &[UserId]) -> Post {
        Post {
            id: PostId(1 << 40),
            author: AUTHOR,
            text: "text".into(),
            visibility,
            recipients: recipients.iter().copied().map(user).collect(),
            mentions: mentions.iter().copied().map(user).collect(),
            tags: vec![],
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
    fn visibility_by_relation() {
        use Visibility::{Direct, Followers, Public, Unlisted};
        let stranger = Relation::default();
        let follower = Relation {
            follows: true,
            ..stranger
        };
        let blocked = Relation {
            blocked: true,
            ..follower
        };
        let seen = |post: Post, relation| post.is_visible_to(Some(READER), relation);

        for (visibility, by_stranger, by_follower) in [
            (Public, true, true),
            (Unlisted, true, true),
            (Followers, false, true),
            (Direct, false, false),
        ] {
            assert_eq!(
                seen(post(visibility, &[], &[]), stranger),
                by_stranger,
                "{visibility:?}"
            );
            assert_eq!(
                seen(post(visibility, &[], &[]), follower),
                by_follower,
                "{visibility:?}"
            );
            assert!(
                !seen(post(visibility, &[READER], &[READER]), blocked),
                "{visibility:?}"
            );
            assert!(post(visibility, &[], &[]).is_visible_to(Some(AUTHOR), stranger));
            let to_anybody = post(visibility, &[], &[]).is_visible_to(None, stranger);
            assert_eq!(to_anybody, matches!(visibility, Public | Unlisted));
        }
        assert!(seen(post(Followers, &[], &[READER]), stranger));
        assert!(seen(post(Direct, &[READER], &[]), stranger));
        assert!(!seen(post(Direct, &[], &[READER]), stranger));
    }

    #[test]
    fn a_home_timeline_holds_whom_one_follows_and_what_is_addressed_to_one() {
        let stranger = Relation::default();
        let follower = Relation {
            follows: true,
            ..stranger
        };
        let muting = Relation {
            mutes: true,
            ..follower
        };
        let public = post(Visibility::Public, &[], &[]);
        assert!(public.belongs_in_home_of(READER, follower));
        assert!(public.belongs_in_home_of(AUTHOR, stranger));
        assert!(!public.belongs_in_home_of(READER, stranger));
        assert!(!public.belongs_in_home_of(READER, muting));
        assert!(post(Visibility::Direct, &[READER], &[]).belongs_in_home_of(READER, stranger));
    }
}
