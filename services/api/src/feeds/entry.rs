//! What a feed says, in no format yet.

use ripple_domain::{Post, Timestamp, User};
use ripple_store::{Authored, FeedFormat};

use super::{
    address::{Site, document_name, post_path, strict_url, user_path},
    html,
    listing::{Listed, Listing},
    plain,
    subject::{Subject, display_name, named},
};

/// What an empty feed gives as the time of its last change: formats demand one, and it must not
/// depend on when the document was rendered.
const EMPTY_SINCE: Timestamp = Timestamp::from_ms(1_767_225_600_000);

/// A page of a feed.
#[derive(Clone, Debug)]
pub(super) struct Feed {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) description: String,
    /// The web page of the same posts.
    pub(super) page_url: String,
    pub(super) self_url: String,
    /// The page with the newest posts; `None` on that page itself.
    pub(super) first_url: Option<String>,
    /// The page of newer posts.
    pub(super) previous_url: Option<String>,
    /// The page of older posts.
    pub(super) next_url: Option<String>,
    /// The newest change of its entries.
    pub(super) updated: Timestamp,
    /// Who wrote all of them, in an author's feed. (A repost is its author's, too.)
    pub(super) author: Option<Person>,
    pub(super) entries: Vec<Entry>,
}

/// An author.
#[derive(Clone, Debug)]
pub(super) struct Person {
    /// Never empty.
    pub(super) name: String,
    pub(super) url: String,
}

/// A tag.
#[derive(Clone, Debug)]
pub(super) struct Category {
    /// Its folded spelling.
    pub(super) term: String,
    /// As it was written.
    pub(super) label: String,
}

/// A post that is passed on.
#[derive(Clone, Debug)]
pub(super) struct Original {
    pub(super) url: String,
    pub(super) author: Person,
}

/// A post.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Never changes.
    pub(super) id: String,
    pub(super) url: String,
    /// Never empty.
    pub(super) title: String,
    pub(super) html: String,
    pub(super) text: String,
    /// A known BCP 47 tag.
    pub(super) language: Option<String>,
    pub(super) published: Timestamp,
    /// Moves with an edit of the post and of the one that it passes on.
    pub(super) updated: Timestamp,
    pub(super) author: Person,
    pub(super) categories: Vec<Category>,
    /// What the post is about.
    pub(super) link: Option<String>,
    pub(super) original: Option<Original>,
}

impl Feed {
    pub(super) fn new(site: &Site, listing: &Listing, format: FeedFormat) -> Self {
        let subject = &listing.subject;
        let path = format!("{}/{}", subject.feed_path(), document_name(format));
        let first = site.url(&path);
        let entries: Vec<_> = listing
            .posts
            .iter()
            .map(|post| Entry::new(site, post))
            .collect();
        let author = match subject {
            Subject::Author(user) => Some(user),
            _ => None,
        };
        let since = author.map_or(EMPTY_SINCE, |user| user.created_at);
        let window = listing.window;
        let self_url = match (window.before, window.after) {
            (Some(before), Some(after)) => format!("{first}?before={before}&after={after}"),
            (Some(before), None) => format!("{first}?before={before}"),
            (None, Some(after)) => format!("{first}?after={after}"),
            (None, None) => first.clone(),
        };
        Self {
            id: site.feed_tag(&subject.feed_path()),
            title: subject.title(site.host()),
            description: subject.description(),
            page_url: site.url(&subject.page_path()),
            self_url,
            previous_url: listing.newer().map(|id| format!("{first}?after={id}")),
            next_url: listing.older().map(|id| format!("{first}?before={id}")),
            first_url: (!listing.is_first()).then_some(first),
            updated: entries
                .iter()
                .map(|entry| entry.updated)
                .max()
                .unwrap_or(since),
            author: author.map(|user| Person::new(site, user)),
            entries,
        }
    }
}

impl Person {
    fn new(site: &Site, user: &User) -> Self {
        Self {
            name: display_name(user),
            url: site.url(&user_path(&user.handle)),
        }
    }
}

impl Entry {
    fn new(site: &Site, listed: &Listed) -> Self {
        let Authored { post, author } = &listed.shown;
        let original = listed.original.as_ref();
        let changed = original.map_or(post.created_at(), |original| last_change(&original.post));
        Self {
            id: site.post_tag(post.id),
            url: site.url(&post_path(post.id)),
            title: title(listed),
            html: html::listed(site.base_url(), listed),
            text: text(listed),
            language: post.language.as_deref().and_then(plain::language),
            published: post.created_at(),
            updated: last_change(post).max(changed),
            author: Person::new(site, author),
            categories: categories(post),
            link: post.link.as_deref().and_then(strict_url),
            original: original.map(|original| Original {
                url: site.url(&post_path(original.post.id)),
                author: Person::new(site, &original.author),
            }),
        }
    }
}

fn last_change(post: &Post) -> Timestamp {
    let created = post.created_at();
    post.edited_at.map_or(created, |edited| edited.max(created))
}

fn categories(post: &Post) -> Vec<Category> {
    let category = |tag: &ripple_domain::text::Tag| {
        Some(Category {
            term: plain::one_line(&tag.folded)?,
            label: plain::one_line(&tag.display)?,
        })
    };
    post.tags.iter().filter_map(category).collect()
}

/// The beginning of what the post says, or what it does where it says nothing.
pub(crate) fn title(listed: &Listed) -> String {
    let Authored { post, author } = &listed.shown;
    if let Some(title) = plain::title(&post.text) {
        return title;
    }
    let name = display_name(author);
    let Some(original) = &listed.original else {
        return format!("A post by {name}");
    };
    let by = display_name(&original.author);
    match plain::title(&original.post.text) {
        Some(title) => format!("{name} reposted {by}: {title}"),
        None => format!("{name} reposted {by}"),
    }
}

fn text(listed: &Listed) -> String {
    let own = plain::clean(&listed.shown.post.text);
    let Some(Authored { post, author }) = &listed.original else {
        return own.into_owned();
    };
    let attributed = format!("{}:\n{}", named(author), plain::clean(&post.text));
    if own.is_empty() {
        attributed
    } else {
        format!("{own}\n\n{attributed}")
    }
}
