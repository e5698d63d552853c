//! Tags: `#rust`, `＃東京`.

use std::{collections::HashSet, ops::Range};

use serde::{Deserialize, Serialize};

use super::{
    char_class::{
        base_before, begins_with_emoji_of_letter_or_digit, is_ignorable, is_letter,
        is_letter_mark_or_digit, is_mark,
    },
    fold::fold,
    url::urls,
};

/// The most tags of one text; those behind them are none.
pub const TAGS_MAX: usize = 64;
/// The longest tag, in characters of its folded spelling; what is longer is none.
pub const TAG_CHARS_MAX: usize = 100;

/// A tag of a text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Tag {
    /// The spelling that tags are matched by, without `#`: NFKC and case-folded, accents kept.
    pub folded: String,
    /// The spelling as it was written, without `#`.
    pub display: String,
}

impl Tag {
    /// The tag that `spelling` names, with or without its `#`; `None` unless all of it is one tag.
    ///
    /// A tag's folded and displayed spellings both name that tag.
    pub fn parse(spelling: &str) -> Option<Self> {
        let body = spelling.strip_prefix(is_sign).unwrap_or(spelling);
        if body_length(body) < body.len() {
            return None;
        }
        Self::of_body(body)
    }

    fn of_body(body: &str) -> Option<Self> {
        if !is_body(body) {
            return None;
        }
        let folded = fold_tag(body);
        let fits = is_body(&folded) && folded.chars().count() <= TAG_CHARS_MAX;
        fits.then(|| Self {
            folded,
            display: body.to_owned(),
        })
    }
}

/// The tags of `text` in order, each once, at most [`TAGS_MAX`].
pub fn tags(text: &str) -> Vec<Tag> {
    if !text.contains(is_sign) {
        return Vec::new();
    }
    let mut seen = HashSet::new();
    let mut tags = Vec::new();
    for (_, tag) in occurrences(text, &urls(text)) {
        if seen.contains(&tag.folded) {
            continue;
        }
        seen.insert(tag.folded.clone());
        tags.push(tag);
        if tags.len() == TAGS_MAX {
            break;
        }
    }
    tags
}

/// Where tags stand in `text`, sign included, and which; repeated ones repeatedly. `urls` are the
/// addresses of the text: inside of one there is no tag.
pub(super) fn occurrences<'a>(
    text: &'a str,
    urls: &'a [Range<usize>],
) -> impl Iterator<Item = (Range<usize>, Tag)> + 'a {
    let mut urls = urls.iter().peekable();
    text.match_indices(is_sign).filter_map(move |(at, sign)| {
        while urls.next_if(|url| url.end <= at).is_some() {}
        let in_url = urls.peek().is_some_and(|url| url.start <= at);
        if in_url || !may_begin(text, at) {
            return None;
        }
        let start = at + sign.len();
        let end = start + body_length(&text[start..]);
        let rest = &text[end..];
        if begins_with_sign(rest) || rest.starts_with("://") {
            return None;
        }
        Some((at..end, Tag::of_body(&text[start..end])?))
    })
}

fn is_sign(c: char) -> bool {
    matches!(c, '#' | '＃')
}

/// A sign with a mark on it is another one: `#️⃣` is an emoji.
fn begins_with_sign(text: &str) -> bool {
    text.strip_prefix(is_sign)
        .is_some_and(|rest| !rest.starts_with(is_mark))
}

/// A tag does not go on from a word, and `&#39;` is a character.
fn may_begin(text: &str, at: usize) -> bool {
    base_before(text, at).is_none_or(|c| c != '&' && !is_tag_char(c))
}

/// How much of the beginning of `text` the body of a tag can be. It does not begin with a mark, for
/// that would stand on the sign.
fn body_length(text: &str) -> usize {
    if text.starts_with(is_mark) {
        return 0;
    }
    text.char_indices()
        .find(|&(at, c)| !is_tag_char(c) || begins_with_emoji_of_letter_or_digit(&text[at..]))
        .map_or(text.len(), |(at, _)| at)
}

/// Whether `body`, all of characters of tags, makes a tag: not all digits and punctuation.
fn is_body(body: &str) -> bool {
    let counts = |c| is_letter(c) || (is_mark(c) && !is_ignorable(c));
    body.contains(counts) && !body.starts_with(is_mark)
}

fn is_tag_char(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric() || c == '_';
    }
    (is_letter_mark_or_digit(c) && c != '\u{20E3}') || is_special(c)
}

/// What twitter-text takes as a part of words beyond letters, marks and digits.
fn is_special(c: char) -> bool {
    matches!(
        c,
        '\u{200C}' | '\u{200D}' // zero width non-joiner, joiner: Persian, Indic scripts
        | '\u{A67E}' // Cyrillic kavyka
        | '\u{5BE}' | '\u{5F3}' | '\u{5F4}' // Hebrew maqaf, geresh, gershayim
        | '\u{FF5E}' | '\u{301C}' // full-width tilde, wave dash
        | '\u{309B}' | '\u{309C}' // kana voiced and semi-voiced sound marks
        | '\u{30A0}' | '\u{30FB}' | '\u{FF65}' // kana double hyphen, middle dot, its half-width form
        | '\u{3003}' // ditto mark
        | '\u{F0B}' | '\u{F0C}' // Tibetan tsheg
        | '\u{B7}' | '\u{387}'
    ) // middle dot: Catalan; Greek ano teleia, which is canonically the same
}

/// Folds the body of a tag to a spelling that is the body of a tag again. NFKC alone does not do
/// that: `゛` would become a space and a mark, `～` a `~`.
fn fold_tag(body: &str) -> String {
    if body.is_ascii() {
        return body.to_ascii_lowercase();
    }
    let alike = |c| match c {
        '\u{309B}' => '\u{3099}',
        '\u{309C}' => '\u{309A}',
        '\u{FF5E}' => '\u{301C}',
        c => c,
    };
    let mut folded = fold(&body.chars().map(alike).collect::<String>());
    while !folded.chars().all(is_tag_char) {
        folded = fold(&folded.replace(|c| !is_tag_char(c), ""));
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn displays(text: &str) -> Vec<String> {
        tags(text).into_iter().map(|tag| tag.display).collect()
    }

    #[test]
    fn in_any_script() {
        let latin = "rust Rust2024 2024rust _x café cafe\u{301} Čeština il·lusió A\u{104A0}";
        let east_asian = "러스트 ﾣﾦﾰ 日本語ハッシュタグ サッカー ｻｯｶｰ ﾊﾟﾋﾟ 学問のすゝめ メ～テレ メ〜テレ ｈａｓｈ１２３ \
            ファミコン・ウォーズ ﾌｧﾐ･ｳｫｰｽﾞ 中文 \u{20021}";
        let others = "русский Ελλάδα السياسة رئيس_الوزراء می\u{200C}خواهم ۳۴۵هشتگ עַל־יְדֵי וכו׳ מ״כ महात्मा தமிழ் \
            ශ්\u{200D}රීලංකා བོད་སྐད་ ภาษาไทย ខ្មែរ Հայերեն ქართული ኢትዮ";
        for tag in [latin, east_asian, others]
            .into_iter()
            .flat_map(|tags| tags.split(' '))
        {
            for text in [
                format!("#{tag}"),
                format!("＃{tag}"),
                format!("a #{tag} b"),
                format!("(#{tag})"),
                format!("#{tag}."),
                format!("🎉#{tag}🎉"),
                format!("❤️#{tag}❤️"),
                format!("1️⃣#{tag}1️⃣"),
                format!("👨‍👩‍👧#{tag}#️⃣"),
                format!("。#{tag}。"),
            ] {
                assert_eq!(displays(&text), [tag], "{text}");
            }
            assert_eq!(Tag::parse(tag).map(|tag| tag.display).as_deref(), Some(tag));
        }
    }

    #[test]
    fn what_is_no_tag() {
        let without_letters =
            "# #1 #1_2 #१२३ #_ #〃 #️⃣ #️⃣a #⃣ #\u{338}a #1️⃣ #1⃣ #\u{3164} #\u{200D} #゛ #ﾞ ##";
        let after_words = "a#b é#b e\u{301}#b 日#本 1#b _#b &#x27; &#b #a#b #a＃b";
        let addresses =
            "#http://example.com http://example.com/#a example.com/#a http://example.com#a";
        let all = [without_letters, after_words, addresses];
        for text in all
            .into_iter()
            .flat_map(|texts| texts.split(' '))
            .chain(["# a"])
        {
            assert_eq!(displays(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn beside_each_other() {
        for (text, expected) in [
            ("##a", &["a"] as &[_]),
            ("#a #b,#c;#d", &["a", "b", "c", "d"]),
            ("#a #b#c #d", &["a", "d"]),
            ("#top1️⃣", &["top"]),
            ("#infoℹ️", &["info"]),
            ("≮#a =\u{338}#b", &["a", "b"]),
            ("#a:// #b:/", &["b"]),
            ("http://example.com/これ #a", &["a"]),
            ("#don't", &["don"]),
        ] {
            assert_eq!(displays(text), expected, "{text}");
        }
    }

    #[test]
    fn each_once_as_first_written() {
        let found = tags("#Rust #rust #ＲＵＳＴ #Ćma #cma #ćMA");
        let expected = [("rust", "Rust"), ("ćma", "Ćma"), ("cma", "cma")];
        let found: Vec<_> = found
            .iter()
            .map(|tag| (&*tag.folded, &*tag.display))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn alike_and_not_alike() {
        for (one, other) in [
            ("می‌خواهم", "میخواهم"),
            ("メ～テレ", "メ〜テレ"),
            ("か゛", "が"),
            ("ｻｯｶｰ", "サッカー"),
            ("STRASSE", "straße"),
            ("il·lusió", "IL\u{387}LUSIÓ"),
        ] {
            let folded = |spelling| Tag::parse(spelling).map(|tag| tag.folded);
            assert_eq!(folded(one), folded(other));
        }
    }

    #[test]
    fn parsing_takes_any_spelling_and_nothing_else() {
        for spelling in ["Rust", "#rust", "＃ＲＵＳＴ"] {
            assert_eq!(
                Tag::parse(spelling).map(|tag| tag.folded).as_deref(),
                Some("rust")
            );
        }
        for spelling in [
            "", "#", "##rust", "ru st", "rust ", "1", "rust!", "a#b", "\u{301}a", "a1️⃣",
        ] {
            assert_eq!(Tag::parse(spelling), None, "{spelling}");
        }
    }

    #[test]
    fn a_folded_spelling_names_its_tag() {
        for spelling in ["ﷺ", "ﹱa", "か゛", "メ～テレ", "x\u{37A}", "ŉa", "Ŀa"] {
            let tag = Tag::parse(spelling).expect(spelling);
            let again = Tag::parse(&tag.folded).expect(&tag.folded);
            assert_eq!(again.folded, tag.folded);
        }
    }

    #[test]
    fn bounds() {
        let longest = "é".repeat(TAG_CHARS_MAX);
        assert_eq!(displays(&format!("#{longest} #{longest}e")), [longest]);
        let text: String = (0..100).map(|i| format!("#t{i} ")).collect();
        assert_eq!(tags(&text).len(), TAGS_MAX);
    }
}
