//! Posts in JSON.

use ripple_domain::{Post, PostCounts, User, Visibility};
use ripple_store::reading::Shown;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    ApiState,
    wire::{Id, Time},
};

/// Who may see a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase", try_from = "String")]
#[schema(as = Visibility)]
pub(crate) enum VisibilityJson {
    /// Everybody, everywhere.
    Public,
    /// Everybody, but not on the public pages.
    Unlisted,
    /// The author's followers, and those whom the post names or addresses.
    Followers,
    /// Those whom the post addresses.
    Direct,
}

/// By hand: a derived one would take `{"public": null}` for `"public"`.
impl TryFrom<String> for VisibilityJson {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        match name.as_str() {
            "public" => Ok(Self::Public),
            "unlisted" => Ok(Self::Unlisted),
            "followers" => Ok(Self::Followers),
            "direct" => Ok(Self::Direct),
            _ => Err("expected one of `public`, `unlisted`, `followers`, `direct`"),
        }
    }
}

impl From<VisibilityJson> for Visibility {
    fn from(visibility: VisibilityJson) -> Self {
        match visibility {
            VisibilityJson::Public => Self::Public,
            VisibilityJson::Unlisted => Self::Unlisted,
            VisibilityJson::Followers => Self::Followers,
            VisibilityJson::Direct => Self::Direct,
        }
    }
}

impl From<Visibility> for VisibilityJson {
    fn from(visibility: Visibility) -> Self {
        match visibility {
            Visibility::Public => Self::Public,
            Visibility::Unlisted => Self::Unlisted,
            Visibility::Followers => Self::Followers,
            Visibility::Direct => Self::Direct,
        }
    }
}

/// Who wrote a post.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Author)]
pub(crate) struct AuthorJson {
    id: Id,
    handle: String,
    display_name: String,
}

/// How often a post was answered, reposted and favourited.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = PostCounts)]
pub(crate) struct PostCountsJson {
    replies: u32,
    reposts: u32,
    favourites: u32,
}

impl From<PostCounts> for PostCountsJson {
    fn from(counts: PostCounts) -> Self {
        Self {
            replies: counts.replies,
            reposts: counts.reposts,
            favourites: counts.favourites,
        }
    }
}

/// A post.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Post)]
pub(crate) struct PostJson {
    id: Id,
    author: AuthorJson,
    /// 1–5,000 characters, trimmed; may be empty in a repost.
    text: String,
    visibility: VisibilityJson,
    /// The handles of those whom it addresses.
    recipients: Vec<String>,
    link: Option<String>,
    /// A BCP 47 tag, as the client gave it.
    language: Option<String>,
    /// The tags of the text as they were written, without `#`.
    tags: Vec<String>,
    /// The handles of the users whom the text names.
    mentions: Vec<String>,
    /// The id of the post that it answers.
    #[schema(value_type = Option<String>)]
    reply_to: Option<Id>,
    /// The post that it passes on; null, too, where the reader may not see that one.
    #[schema(no_recursion)]
    repost_of: Option<Box<PostJson>>,
    counts: PostCountsJson,
    created_at: Time,
    edited_at: Option<Time>,
    /// The post's page.
    url: String,
}

/// Posts as they are answered.
pub(crate) fn post_jsons(state: &ApiState, shown: &[Shown]) -> Vec<PostJson> {
    shown.iter().map(|shown| post_json(state, shown)).collect()
}

/// One post as it is answered.
pub(crate) fn post_json(state: &ApiState, shown: &Shown) -> PostJson {
    let original = shown.original.as_ref();
    let original = original.map(|original| json_of(state, &original.post, &original.author, None));
    json_of(state, &shown.post, &shown.author, original)
}

fn json_of(state: &ApiState, post: &Post, author: &User, repost_of: Option<PostJson>) -> PostJson {
    PostJson {
        id: post.id.into(),
        author: AuthorJson {
            id: author.id.into(),
            handle: author.handle.to_string(),
            display_name: author.display_name.clone(),
        },
        text: post.text.clone(),
        visibility: post.visibility.into(),
        recipients: handles(&post.recipients),
        link: post.link.clone(),
        language: post.language.clone(),
        tags: post.tags.iter().map(|tag| tag.display.clone()).collect(),
        mentions: handles(&post.mentions),
        reply_to: post.reply_to.map(Id::from),
        repost_of: repost_of.map(Box::new),
        counts: post.counts.into(),
        created_at: post.created_at().into(),
        edited_at: post.edited_at.map(Time::from),
        url: format!("{}/posts/{}", state.options().public_url, post.id),
    }
}

fn handles(users: &[ripple_domain::UserRef]) -> Vec<String> {
    users.iter().map(|user| user.handle.to_string()).collect()
}
