//! From a segment of a text to the word that it is indexed by.

use super::{
    char_class::{is_letter, is_letter_mark_or_digit, is_mark},
    keyword::KEYWORD_CHARS_MAX,
    stop_words::is_stop_word,
};

/// French, Italian and Catalan words that lose their vowel before another: `l'eau`, `dell'arte`.
const ELIDED: &[&str] = &[
    "agl", "all", "c", "ch", "ciascun", "coll", "d", "dall", "degl", "dell", "gl", "j", "jusqu",
    "l", "lorsqu", "m", "n", "nell", "nessun", "presqu", "puisqu", "qu", "quell", "quest",
    "quoiqu", "s", "sull", "t", "un", "v",
];

/// The word of a folded segment: without underscores, apostrophes and the like at its edges, what is
/// elided before it and the English genitive behind it. `None` for what is no keyword: numbers, stop words,
/// single letters (but a single Han character or Hangul syllable is a word), and what is too long.
pub(super) fn word(segment: &str) -> Option<&str> {
    let mut word = segment;
    loop {
        word = trim(word);
        if is_stop_word(word) {
            return None;
        }
        if let Some(owner) = word.strip_suffix("'s") {
            word = owner;
        } else if let Some((elided, rest)) = word.split_once('\'')
            && ELIDED.contains(&elided)
        {
            word = rest;
        } else {
            break;
        }
    }
    is_indexable(word).then_some(word)
}

/// `segment` from its first letter or digit to its last, with the marks on that.
fn trim(segment: &str) -> &str {
    let at_edge = |c| is_mark(c) || !is_letter_mark_or_digit(c);
    let trimmed = segment.trim_start_matches(at_edge);
    let core = trimmed.trim_end_matches(at_edge).len();
    let marks = trimmed[core..].find(|c| !is_mark(c));
    &trimmed[..marks.map_or(trimmed.len(), |length| core + length)]
}

fn is_indexable(word: &str) -> bool {
    // The byte lengths are a quick test of the common cases.
    if word.len() > KEYWORD_CHARS_MAX && word.chars().nth(KEYWORD_CHARS_MAX).is_some() {
        return false;
    }
    let mut chars = word.chars().filter(|&c| !is_mark(c));
    let (Some(first), second) = (chars.next(), chars.next()) else {
        return false;
    };
    match second {
        None => is_word_by_itself(first),
        Some(_) => word.chars().any(is_letter),
    }
}

fn is_word_by_itself(c: char) -> bool {
    matches!(c, '가'..='힣') || is_han(c)
}

/// A Han character.
pub(super) fn is_han(c: char) -> bool {
    matches!(c,
        '々' | '〆' | '〇' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}'
        | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
}

#[cfg(test)]
mod tests {
    use super::word;

    #[test]
    fn what_a_segment_is_indexed_by() {
        for (segment, expected) in [
            ("rust", "rust"),
            ("rust's", "rust"),
            ("l'eau", "eau"),
            ("qu'aujourd'hui", "aujourd'hui"),
            ("dell'arte", "arte"),
            ("o'reilly", "o'reilly"),
            ("_init__", "init"),
            ("'tulip'", "tulip"),
            ("\u{301}rust\u{301}", "rust\u{301}"),
            ("🏿rust", "rust"),
            ("2nd", "2nd"),
            ("2024년", "2024년"),
            ("꽃", "꽃"),
            ("山", "山"),
            ("node.js", "node.js"),
        ] {
            assert_eq!(word(segment), Some(expected), "{segment}");
        }
    }

    #[test]
    fn what_is_no_keyword() {
        let long = "é".repeat(51);
        for segment in [
            "",
            "_",
            "'",
            "'s",
            "x",
            "é",
            "я",
            "の",
            "\u{301}",
            "क\u{94D}",
            "2024",
            "3.14",
            "۱۲۳",
            "1_2",
            "the",
            "don't",
            "l'on",
            "l'",
            "l'l'l'",
            "的",
            &long,
        ] {
            assert_eq!(word(segment), None, "{segment}");
        }
        assert!(word(&long[2..]).is_some());
    }

    #[test]
    fn a_long_run_of_elisions_costs_no_more_than_its_length() {
        assert_eq!(word(&"l'".repeat(100_000)), None);
    }
}
