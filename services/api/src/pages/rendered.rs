//! Snapshots of every kind of page.

use askama::Template;
use insta::assert_snapshot;
use ripple_domain::{PostId, Window};

use super::{assets, view};
use crate::feeds::{
    Listing, Site, Subject,
    samples::{ada, every_kind, listing},
};

/// A page without what changes with each change of the style.
fn rendered(page: &impl Template) -> String {
    let html = page.render().unwrap();
    html.replace(assets::style_version(), "VERSION")
}

fn site() -> Site {
    Site::new("https://ripple.example/below")
}

#[test]
fn a_page_of_every_kind_of_post() {
    let page = listing(Subject::Public, every_kind());
    assert_snapshot!(rendered(&view::list(&site(), &page)));
}

#[test]
fn an_older_page_of_an_author() {
    let mut posts = every_kind();
    posts.truncate(1);
    let page = Listing {
        window: Window::of_page(Some(PostId::MAX), None),
        has_older: true,
        ..listing(Subject::Author(ada()), posts)
    };
    assert_snapshot!(rendered(&view::list(&site(), &page)));
}

#[test]
fn a_page_without_posts() {
    let page = listing(Subject::Keyword("<nothing>".into()), vec![]);
    assert_snapshot!(rendered(&view::list(&site(), &page)));
}

#[test]
fn a_single_repost() {
    let repost = every_kind()
        .into_iter()
        .rfind(|listed| listed.original.is_some());
    assert_snapshot!(rendered(&view::post(&site(), &repost.unwrap())));
}

#[test]
fn an_error() {
    let page = view::error(
        &site(),
        "There is no such thing",
        "It may have been deleted.",
    );
    assert_snapshot!(rendered(&page));
}
