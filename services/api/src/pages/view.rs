//! What the templates show. Everything in it is plain text but the fields named `html` and `about`,
//! which are made by the same code as the content of feeds.

use askama::Template;
use ripple_domain::{Post, Timestamp, User, Visibility};
use ripple_store::Authored;

use super::assets;
use crate::feeds::{
    Listed, Listing, Site, Subject, address, display_name, html, named, plain, title,
};

/// What every page has around its content.
#[derive(Debug)]
struct Frame {
    /// What paths begin with.
    prefix: String,
    host: String,
    title: String,
    canonical: Option<String>,
    feeds: Vec<FeedLink>,
    /// Whether search engines are to pass it over.
    hidden: bool,
    style_version: &'static str,
}

#[derive(Debug)]
struct FeedLink {
    title: String,
    name: &'static str,
    media_type: &'static str,
    path: String,
}

#[derive(Debug)]
struct PostView {
    path: String,
    author_name: String,
    author_handle: String,
    author_path: String,
    created_at: Timestamp,
    created_shown: String,
    edited_at: Option<Timestamp>,
    answers_path: Option<String>,
    language: Option<String>,
    html: String,
}

#[derive(Debug)]
struct ListedView {
    post: PostView,
    original: Option<PostView>,
}

/// A page of posts.
#[derive(Debug, Template)]
#[template(path = "list.html")]
pub(super) struct List {
    frame: Frame,
    heading: String,
    about: String,
    posts: Vec<ListedView>,
    newest: Option<String>,
    newer: Option<String>,
    older: Option<String>,
}

/// A single post.
#[derive(Debug, Template)]
#[template(path = "post.html")]
pub(super) struct Single {
    frame: Frame,
    listed: ListedView,
}

/// A page that says what went wrong.
#[derive(Debug, Template)]
#[template(path = "error.html")]
pub(super) struct Error {
    frame: Frame,
    heading: &'static str,
    advice: &'static str,
}

pub(super) fn list(site: &Site, listing: &Listing) -> List {
    let subject = &listing.subject;
    let path = format!("{}{}", site.path_prefix(), subject.page_path());
    let heading = match subject {
        Subject::Author(user) => named(user),
        other => other.title(site.host()),
    };
    let about = match subject {
        Subject::Author(user) if plain::one_line(&user.bio).is_some() => user.bio.clone(),
        other => other.description(),
    };
    List {
        frame: Frame {
            canonical: listing.is_first().then(|| site.url(&subject.page_path())),
            feeds: feeds(site, subject),
            ..Frame::new(site, subject.title(site.host()))
        },
        heading,
        about: html::prose(site.path_prefix(), &about),
        posts: listing
            .posts
            .iter()
            .map(|listed| ListedView::new(site, listed))
            .collect(),
        newer: listing.newer().map(|id| format!("{path}?after={id}")),
        older: listing.older().map(|id| format!("{path}?before={id}")),
        newest: (!listing.is_first()).then_some(path),
    }
}

pub(super) fn post(site: &Site, listed: &Listed) -> Single {
    let Authored { post, author } = &listed.shown;
    let subject = Subject::Author(author.clone());
    let name = named(author);
    Single {
        frame: Frame {
            canonical: Some(site.url(&address::post_path(post.id))),
            feeds: feeds(site, &subject),
            hidden: post.visibility != Visibility::Public,
            ..Frame::new(site, format!("{name}: {}", title(listed)))
        },
        listed: ListedView::new(site, listed),
    }
}

pub(super) fn error(site: &Site, heading: &'static str, advice: &'static str) -> Error {
    Error {
        frame: Frame {
            hidden: true,
            ..Frame::new(site, heading.to_owned())
        },
        heading,
        advice,
    }
}

fn feeds(site: &Site, subject: &Subject) -> Vec<FeedLink> {
    let below = format!("{}{}", site.path_prefix(), subject.feed_path());
    address::FORMATS
        .into_iter()
        .map(|format| FeedLink {
            title: format!(
                "{} ({})",
                subject.title(site.host()),
                address::format_name(format)
            ),
            name: address::format_name(format),
            media_type: address::media_type(format),
            path: format!("{below}/{}", address::document_name(format)),
        })
        .collect()
}

impl Frame {
    fn new(site: &Site, title: String) -> Self {
        Self {
            prefix: site.path_prefix().to_owned(),
            host: site.host().to_owned(),
            title,
            canonical: None,
            feeds: Vec::new(),
            hidden: false,
            style_version: assets::style_version(),
        }
    }
}

impl ListedView {
    fn new(site: &Site, listed: &Listed) -> Self {
        let view = |authored: &Authored| PostView::new(site, &authored.post, &authored.author);
        Self {
            post: view(&listed.shown),
            original: listed.original.as_ref().map(view),
        }
    }
}

impl PostView {
    fn new(site: &Site, post: &Post, author: &User) -> Self {
        let prefix = site.path_prefix();
        let path = |id| format!("{prefix}{}", address::post_path(id));
        let created_at = post.created_at();
        Self {
            path: path(post.id),
            author_name: display_name(author),
            author_handle: author.handle.to_string(),
            author_path: format!("{prefix}{}", address::user_path(&author.handle)),
            created_at,
            created_shown: created_at
                .to_utc()
                .format("%-d %b %Y, %H:%M UTC")
                .to_string(),
            edited_at: post.edited_at,
            answers_path: post.reply_to.map(path),
            language: post.language.as_deref().and_then(plain::language),
            html: html::body(prefix, post),
        }
    }
}
