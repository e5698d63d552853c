//! Text as a document may carry it: without the characters that XML forbids, and cut to a title.

use std::borrow::Cow;

use icu_locale_core::Locale;
use icu_properties::{CodePointSetData, props::DefaultIgnorableCodePoint};
use icu_segmenter::GraphemeClusterSegmenter;

/// The longest title that is cut from a text, in characters, the ellipsis not counted.
const TITLE_CHARS_MAX: usize = 80;

/// The language codes of ISO 639-1 and ISO 639-2, apart by white space. Feed validators know no
/// others.
const LANGUAGES: &str = include_str!("iso639.txt");

/// Whether a document may hold the character: XML 1.0's `Char`, less what XML advises against (the
/// C1 controls and the noncharacters), because nobody can see it and validators complain of it.
fn may_stand(c: char) -> bool {
    let noncharacter = matches!(c, '\u{fdd0}'..='\u{fdef}') || (c as u32) & 0xfffe == 0xfffe;
    matches!(c, '\t' | '\n') || !(c.is_control() || noncharacter)
}

/// `text` with what no document may hold left out, and with `\n` for every line ending.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if text.chars().all(may_stand) {
        return Cow::Borrowed(text);
    }
    let lines = text.replace("\r\n", "\n").replace('\r', "\n");
    Cow::Owned(lines.chars().filter(|c| may_stand(*c)).collect())
}

/// `text` on one line, or `None` where nothing of it can be seen.
pub(crate) fn one_line(text: &str) -> Option<String> {
    let line = clean(text).split_whitespace().collect::<Vec<_>>().join(" ");
    let ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>();
    line.chars()
        .any(|c| !c.is_whitespace() && !ignorable.contains(c))
        .then_some(line)
}

/// A name as it may stand within a sentence: on one line, and without the controls that turn the
/// direction of what follows them (a name must not rearrange the handle behind it). `None` where
/// nothing of it can be seen.
pub(crate) fn name(text: &str) -> Option<String> {
    let turns = |c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    one_line(&text.replace(turns, ""))
}

/// The beginning of `text` on one line, cut between words where they are not too long and never
/// within a character as it is seen; `None` where nothing of it can be seen.
pub(crate) fn title(text: &str) -> Option<String> {
    let line = one_line(text)?;
    let Some((limit, _)) = line.char_indices().nth(TITLE_CHARS_MAX) else {
        return Some(line);
    };
    let whole = GraphemeClusterSegmenter::new()
        .segment_str(&line)
        .take_while(|end| *end <= limit)
        .last()
        .unwrap_or(0);
    let cut = match line[..limit].rfind(' ') {
        // One that ends with its word keeps it.
        _ if line[whole..].starts_with(' ') => whole,
        Some(space) if space > limit / 2 => space,
        _ => whole,
    };
    // A single character as it is seen may be longer than a title (a base with a hundred marks).
    let cut = if cut == 0 { limit } else { cut };
    Some(format!("{}…", &line[..cut]))
}

/// A language tag in its canonical form, where it is one (BCP 47) and its language is known.
pub(crate) fn language(tag: &str) -> Option<String> {
    let locale = Locale::try_from_str(tag).ok()?;
    let code = locale.id.language;
    LANGUAGES
        .split_ascii_whitespace()
        .any(|known| known == code.as_str())
        .then(|| locale.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_xml_forbids_is_left_out() {
        assert_eq!(clean("plain\ttext\n"), "plain\ttext\n");
        assert_eq!(
            clean("a\0b\u{8}c\u{b}\u{c}\u{1b}d\u{7f}e\u{85}f\u{fffe}\u{ffff}\u{1fffe}\u{fdd0}g"),
            "abcdefg"
        );
        assert_eq!(clean("a\r\nb\rc"), "a\nb\nc");
        assert_eq!(
            clean("\u{fffd}\u{202e}\u{feff}"),
            "\u{fffd}\u{202e}\u{feff}"
        );
    }

    #[test]
    fn a_name_turns_nothing_behind_it() {
        assert_eq!(name("Bob \u{202e}abc\u{2066}").as_deref(), Some("Bob abc"));
        assert_eq!(name("\u{202e}"), None);
    }

    #[test]
    fn a_title_ends_with_a_word() {
        assert_eq!(
            title("short  and\nsimple").as_deref(),
            Some("short and simple")
        );
        let cut = title(&"word ".repeat(40)).unwrap();
        assert_eq!(cut, format!("{}…", ["word"; 16].join(" ")));
        let exact = format!("{} more", "x".repeat(80));
        assert_eq!(title(&exact), Some(format!("{}…", "x".repeat(80))));
    }

    #[test]
    fn a_long_word_is_cut_between_characters_as_they_are_seen() {
        assert_eq!(title(&"é".repeat(90)), Some(format!("{}…", "é".repeat(80))));
        let family = "👨‍👩‍👧‍👦";
        assert_eq!(
            title(&family.repeat(20)),
            Some(format!("{}…", family.repeat(11)))
        );
        let marked = format!("a{}", "\u{301}".repeat(200));
        assert_eq!(title(&marked).unwrap().chars().count(), 81);
    }

    #[test]
    fn what_cannot_be_seen_is_no_title() {
        for text in [
            "",
            " \n",
            "\0\u{1}",
            "\u{200b}\u{2060}\u{feff}",
            "\u{200e}\u{ad}",
        ] {
            assert_eq!(title(text), None, "{text:?}");
        }
        assert_eq!(title("\u{301}").as_deref(), Some("\u{301}"));
    }

    #[test]
    fn languages_are_known_and_canonical() {
        for (given, canonical) in [
            ("en", Some("en")),
            ("EN-us", Some("en-US")),
            ("zh-hant-tw", Some("zh-Hant-TW")),
            ("fil", Some("fil")),
            ("xx", None),
            ("und", None),
            ("", None),
            ("en\" onload", None),
            ("deutsch", None),
        ] {
            assert_eq!(language(given).as_deref(), canonical, "{given}");
        }
    }

    proptest! {
        #[test]
        fn a_title_is_short_and_clean(text in "\\PC*|[a-z \\n\u{300}-\u{304}👩‍🏽]{0,300}|.*") {
            if let Some(title) = title(&text) {
                prop_assert!(title.chars().count() <= TITLE_CHARS_MAX + 1);
                prop_assert!(!title.trim().is_empty());
                prop_assert!(title.chars().all(|c| may_stand(c) && c != '\n'));
            }
        }
    }
}
