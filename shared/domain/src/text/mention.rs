//! Mentions: `@ada`, `＠ada`.

use std::{collections::HashSet, ops::Range};

use crate::Handle;

use super::{
    char_class::{base_before, is_latin, is_letter, is_mark},
    url::{domain_end, urls},
};

/// The most users whom one text names; those behind them are not named.
pub const MENTIONS_MAX: usize = 64;

/// The users whom `text` names, in order, each once, at most [`MENTIONS_MAX`].
pub fn mentions(text: &str) -> Vec<Handle> {
    if !text.contains(is_sign) {
        return Vec::new();
    }
    let mut seen = HashSet::new();
    occurrences(text, &urls(text))
        .map(|(_, handle)| handle)
        .filter(|handle| seen.insert(handle.clone()))
        .take(MENTIONS_MAX)
        .collect()
}

/// Where mentions stand in `text`, sign included, and whom they name; repeated ones repeatedly.
/// `urls` are the addresses of the text: inside of one there is no mention.
pub(super) fn occurrences<'a>(
    text: &'a str,
    urls: &'a [Range<usize>],
) -> impl Iterator<Item = (Range<usize>, Handle)> + 'a {
    let mut urls = urls.iter().peekable();
    text.match_indices(is_sign).filter_map(move |(at, sign)| {
        while urls.next_if(|url| url.end <= at).is_some() {}
        let in_url = urls.peek().is_some_and(|url| url.start <= at);
        let start = at + sign.len();
        if in_url || !may_begin(text, at, start) {
            return None;
        }
        let length = text.as_bytes()[start..]
            .iter()
            .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_')
            .count();
        let end = start + length;
        if !may_end(&text[end..]) {
            return None;
        }
        // A handle knows its own length: a longer run is nobody's.
        Some((at..end, text[start..end].parse().ok()?))
    })
}

fn is_sign(c: char) -> bool {
    matches!(c, '@' | '＠')
}

fn may_begin(text: &str, at: usize, start: usize) -> bool {
    match base_before(text, at) {
        None => true,
        Some('_' | '!' | '#' | '＃' | '$' | '%' | '&' | '*' | '@' | '＠') => false,
        Some(c) if is_latin(c) => ends_with_rt(&text[..at]),
        // `の@ada` names Ada, but `иван@example.com` is an e-mail address.
        Some(c) => !is_letter(c) || domain_end(text, start).is_none(),
    }
}

/// Old reposts read `RT@ada`.
fn ends_with_rt(before: &str) -> bool {
    let Some((start, rt)) = before
        .len()
        .checked_sub(2)
        .and_then(|at| Some((at, before.get(at..)?)))
    else {
        return false;
    };
    rt.eq_ignore_ascii_case("rt")
        && base_before(before, start)
            .is_none_or(|c| !is_latin(c) && !matches!(c, '_' | '+' | '~' | '.' | '-'))
}

/// A handle does not go on as another word, an e-mail address or an address with a scheme.
fn may_end(rest: &str) -> bool {
    !rest.starts_with(|c| is_sign(c) || is_latin(c) || is_mark(c)) && !rest.starts_with("://")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handles(text: &str) -> Vec<String> {
        mentions(text).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn who_is_named() {
        let alone = "@ada ＠ada @Ada (@ada) .@ada @ada's @ada. の@adaに 님@ada님 🎉@ada🎉 1️⃣@ada #️⃣@ada RT@ada rt@ada \
            RT:@ada /@ada @ada-lovelace @ada/list @ada.com ≮@ada";
        let among_others = [
            "hello @ada!",
            "@ada: hi",
            "x RT @ada",
            "@ada\n@ADA",
            "@ada #x",
        ];
        for text in alone.split(' ').chain(among_others) {
            assert_eq!(handles(text), ["ada"], "{text}");
        }
        assert_eq!(handles("@b @a @B @1 @_"), ["b", "a", "1", "_"]);
    }

    #[test]
    fn who_is_not_named() {
        let texts = "@ a@ada é@ada e\u{301}@ada 1@ada _@ada !@ada #@ada $@ada %@ada &@ada *@ada @@ada art@ada .rt@ada \
            @ada@b @ada@example.com @adaé @adae\u{301} @http://a ada@example.com first.last@example.com \
            иван@example.com http://example.com/@ada example.com/@ada @가나";
        for text in texts.split(' ').chain(["@ ada"]) {
            assert_eq!(handles(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn bounds() {
        let longest = "a".repeat(Handle::CHARS_MAX);
        assert_eq!(handles(&format!("@{longest} @{longest}b")), [longest]);
        let text: String = (0..100).map(|i| format!("@u{i} ")).collect();
        assert_eq!(mentions(&text).len(), MENTIONS_MAX);
    }
}
