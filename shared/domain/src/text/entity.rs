//! Everything in a text that can be linked, for those who show it.

use std::ops::Range;

use crate::Handle;

use super::{Tag, mention, tag, urls};

/// A part of a text that can be linked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    /// Where it stands, in bytes; tags and mentions with their sign.
    pub range: Range<usize>,
    /// What it is.
    pub kind: EntityKind,
}

/// What a part of a text is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntityKind {
    /// An address, with or without a scheme.
    Url,
    /// A tag.
    Tag(Tag),
    /// A mention.
    Mention(Handle),
}

/// The addresses, tags and mentions of `text`, in order; they do not overlap. What occurs several
/// times is there several times, and there is no bound but the text's own length.
pub fn entities(text: &str) -> Vec<Entity> {
    let urls = urls(text);
    let tags = tag::occurrences(text, &urls).map(|(range, tag)| (range, EntityKind::Tag(tag)));
    let mentions = mention::occurrences(text, &urls)
        .map(|(range, handle)| (range, EntityKind::Mention(handle)));
    let mut entities: Vec<Entity> = urls
        .iter()
        .map(|range| (range.clone(), EntityKind::Url))
        .chain(tags)
        .chain(mentions)
        .map(|(range, kind)| Entity { range, kind })
        .collect();
    entities.sort_by_key(|entity| entity.range.start);
    // A tag in one script can run on into a domain in another (`#日本example.com`): it is the tag.
    let mut end = 0;
    entities.retain(|entity| {
        let apart = entity.range.start >= end;
        if apart {
            end = entity.range.end;
        }
        apart
    });
    entities
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_kinds_in_order() {
        let text = "@ada see http://example.com/#x #Rust and #rust, @ada #日本example.com";
        let shown: Vec<_> = entities(text)
            .into_iter()
            .map(|entity| {
                let kind = match entity.kind {
                    EntityKind::Url => "url".to_owned(),
                    EntityKind::Tag(tag) => tag.folded,
                    EntityKind::Mention(handle) => handle.to_string(),
                };
                (&text[entity.range], kind)
            })
            .collect();
        let expected = [
            ("@ada", "ada"),
            ("http://example.com/#x", "url"),
            ("#Rust", "rust"),
            ("#rust", "rust"),
            ("@ada", "ada"),
            ("#日本example", "日本example"),
        ]
        .map(|(part, kind)| (part, kind.to_owned()));
        assert_eq!(shown, expected);
    }
}
