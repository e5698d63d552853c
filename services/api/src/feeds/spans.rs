//! Where in a text its addresses, tags and mentions stand.

use std::ops::Range;

use ripple_domain::{
    Handle, UserRef,
    text::{self, EntityKind, Tag},
};

use super::address::strict_url;

/// What a part of a text points to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// An `http` or `https` address.
    Address(String),
    /// A tag, in its folded spelling.
    Tag(String),
    /// A user of this site.
    User(Handle),
}

/// A part of a text that points somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// Where it stands, in bytes.
    pub(super) range: Range<usize>,
    /// What it points to.
    pub(super) target: Target,
}

/// The parts of `text` that point somewhere, in order, apart from each other. Of tags and mentions
/// only those count that the post was found to hold when it was written: a name that nobody had is
/// no mention, and tags past the bound of a post have no page that shows it.
pub(super) fn spans(text: &str, tags: &[Tag], mentions: &[UserRef]) -> Vec<Span> {
    let mut spans = Vec::new();
    for entity in text::entities(text) {
        let target = match entity.kind {
            EntityKind::Url => address(&text[entity.range.clone()]).map(Target::Address),
            EntityKind::Tag(found) => {
                let known = tags.iter().any(|tag| tag.folded == found.folded);
                known.then_some(Target::Tag(found.folded))
            }
            EntityKind::Mention(handle) => {
                let known = mentions.iter().any(|user| user.handle == handle);
                known.then_some(Target::User(handle))
            }
        };
        spans.extend(target.map(|target| Span {
            range: entity.range,
            target,
        }));
    }
    spans
}

/// An address as it was written; without a scheme it is `https`.
fn address(text: &str) -> Option<String> {
    let scheme = text.find("://").map(|end| &text[..end]);
    let has_scheme = scheme.is_some_and(|scheme| {
        scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
    });
    if has_scheme {
        strict_url(text)
    } else {
        strict_url(&format!("https://{text}"))
    }
}
