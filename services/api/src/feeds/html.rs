//! A post's text as HTML: escaped, in paragraphs, with its addresses, tags and mentions as links.

use askama::filters::{Escaper, Html};
use ripple_domain::{Post, text};
use ripple_store::Authored;

use super::{
    address::{post_path, strict_url, tag_path, user_path},
    listing::Listed,
    plain,
    spans::{Target, spans},
    subject::named,
};

/// How links that users wrote are marked: the site does not vouch for them, and what they open gets
/// no hold on the page that it was opened from.
pub(crate) const FOREIGN: &str = "nofollow noopener ugc";

/// A post with its link and, when it is a repost, the original with its author. Addresses of the
/// site begin with `base`.
pub(super) fn listed(base: &str, listed: &Listed) -> String {
    let mut html = body(base, &listed.shown.post);
    if let Some(Authored { post, author }) = &listed.original {
        let url = format!("{base}{}", post_path(post.id));
        html.push_str("<blockquote cite=\"");
        escape(&mut html, &url);
        if let Some(language) = post.language.as_deref().and_then(plain::language) {
            html.push_str("\" lang=\"");
            html.push_str(&language);
        }
        html.push_str("\">");
        html.push_str(&body(base, post));
        html.push_str("</blockquote><p>— ");
        let profile = format!("{base}{}", user_path(&author.handle));
        link(&mut html, &profile, None, &named(author));
        html.push_str(", ");
        let day = post.created_at().to_utc().format("%Y-%m-%d").to_string();
        link(&mut html, &url, None, &day);
        html.push_str("</p>");
    }
    html
}

/// A post's own text and link.
pub(crate) fn body(base: &str, post: &Post) -> String {
    let mut html = text(base, &post.text, post);
    if let Some(url) = post.link.as_deref().and_then(strict_url) {
        html.push_str("<p>");
        link(&mut html, &url, Some(FOREIGN), &url);
        html.push_str("</p>");
    }
    html
}

/// Text that names nobody and nothing of the site: paragraphs, with addresses as links.
pub(crate) fn prose(base: &str, text: &str) -> String {
    paragraphs(base, text, &[], &[])
}

fn text(base: &str, text: &str, post: &Post) -> String {
    paragraphs(base, text, &post.tags, &post.mentions)
}

fn paragraphs(
    base: &str,
    text: &str,
    tags: &[text::Tag],
    mentions: &[ripple_domain::UserRef],
) -> String {
    let text = plain::clean(text);
    let mut html = String::with_capacity(text.len() + text.len() / 2);
    for paragraph in text
        .split("\n\n")
        .map(str::trim)
        .filter(|part| !part.is_empty())
    {
        html.push_str("<p dir=\"auto\">");
        let mut end = 0;
        for span in spans(paragraph, tags, mentions) {
            lines(&mut html, &paragraph[end..span.range.start]);
            let shown = &paragraph[span.range.clone()];
            match &span.target {
                Target::Address(url) => link(&mut html, url, Some(FOREIGN), shown),
                Target::Tag(folded) => {
                    link(
                        &mut html,
                        &format!("{base}{}", tag_path(folded)),
                        Some("tag"),
                        shown,
                    );
                }
                Target::User(handle) => {
                    link(
                        &mut html,
                        &format!("{base}{}", user_path(handle)),
                        None,
                        shown,
                    );
                }
            }
            end = span.range.end;
        }
        lines(&mut html, &paragraph[end..]);
        html.push_str("</p>");
    }
    html
}

fn lines(html: &mut String, text: &str) {
    for (at, line) in text.split('\n').enumerate() {
        if at > 0 {
            html.push_str("<br>");
        }
        escape(html, line);
    }
}

fn link(html: &mut String, url: &str, rel: Option<&str>, shown: &str) {
    html.push_str("<a href=\"");
    escape(html, url);
    if let Some(rel) = rel {
        html.push_str("\" rel=\"");
        html.push_str(rel);
    }
    html.push_str("\">");
    escape(html, shown);
    html.push_str("</a>");
}

fn escape(html: &mut String, text: &str) {
    // Writing to a string never fails.
    let _ = Html.write_escaped_str(html, text);
}
