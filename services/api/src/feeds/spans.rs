//! Where in a text its addresses, tags and mentions stand.

use std::ops::Range;

use ripple_domain::{Handle, UserRef, text};

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
    pub(super) range: Range<usize>,
    pub(super) target: Target,
}

/// The parts of `text` that point somewhere, in order, apart from each other: its addresses, and
/// those of the tags and mentions that its post was found to hold. (A name that nobody had when the
/// post was written is no mention.)
pub(super) fn spans(text: &str, tags: &[text::Tag], mentions: &[UserRef]) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut end = 0;
    for range in addresses(text) {
        names(text, end..range.start, tags, mentions, &mut spans);
        end = range.end;
        if let Some(url) = strict_url(&text[range.clone()]) {
            let target = Target::Address(url);
            spans.push(Span { range, target });
        }
    }
    names(text, end..text.len(), tags, mentions, &mut spans);
    spans
}

/// The tags and mentions within `part`.
fn names(
    text: &str,
    part: Range<usize>,
    tags: &[text::Tag],
    mentions: &[UserRef],
    spans: &mut Vec<Span>,
) {
    if tags.is_empty() && mentions.is_empty() {
        return;
    }
    let mut end = part.start;
    for (at, sign) in text[part.clone()].char_indices() {
        let start = part.start + at;
        let within_word = text[..start].chars().next_back().is_some_and(is_word);
        if start < end || within_word {
            continue;
        }
        let after = start + sign.len_utf8();
        let found = match sign {
            '#' | '＃' => tag(&text[after..part.end], tags),
            '@' | '＠' => user(&text[after..part.end], mentions),
            _ => None,
        };
        if let Some((length, target)) = found {
            end = after + length;
            let range = start..end;
            spans.push(Span { range, target });
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '&'
}

/// The tag at the beginning of `text`.
fn tag(text: &str, tags: &[text::Tag]) -> Option<(usize, Target)> {
    let run = text.split(char::is_whitespace).next()?;
    let here = text::tags(&format!("#{run}")).into_iter().next()?;
    let known = tags.iter().any(|tag| tag.folded == here.folded);
    (known && run.starts_with(&here.display))
        .then_some((here.display.len(), Target::Tag(here.folded)))
}

/// The user who is named at the beginning of `text`.
fn user(text: &str, mentions: &[UserRef]) -> Option<(usize, Target)> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let name = &text[..text.find(|c| !is_name(c)).unwrap_or(text.len())];
    let handle: Handle = name.parse().ok()?;
    let known = mentions.iter().any(|user| user.handle == handle);
    known.then_some((name.len(), Target::User(handle)))
}

fn addresses(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = text[from..].find("http") {
        let start = from + at;
        let run = text[start..]
            .split(|c: char| c.is_whitespace() || "<>\"".contains(c))
            .next()
            .unwrap_or("");
        let trimmed = run.trim_end_matches(['.', ',', ')', '!', '?', ';', ':', '\'']);
        if trimmed.starts_with("http://") || trimmed.starts_with("https://") {
            found.push(start..start + trimmed.len());
        }
        from = start + trimmed.len().max(4);
    }
    found
}
