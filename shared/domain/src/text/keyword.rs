//! Keywords: the words by which a text is found.

use std::ops::Range;

use icu_properties::{CodePointMapData, props::LineBreak};
use icu_segmenter::{WordSegmenter, WordSegmenterBorrowed, options::WordBreakInvariantOptions};

use super::{
    char_class::base_before,
    email::emails,
    fold::fold,
    korean, mention,
    url::urls,
    word::{is_han, word},
};

/// The most keywords of one text.
pub const KEYWORDS_MAX: usize = 64;
/// The longest keyword, in characters; what is longer is none.
pub const KEYWORD_CHARS_MAX: usize = 50;

/// The words by which `text` is found, folded, in order, each once, at most [`KEYWORDS_MAX`].
///
/// These are the words of Unicode segmentation, Chinese, Japanese, Thai and their like by dictionary;
/// not stop words, numbers, single letters, addresses and mentions, but the words of tags. A Korean
/// word stands also without its particle, behind itself.
pub fn keywords(text: &str) -> Vec<String> {
    let folded = fold_words(&without_addresses_and_mentions(text));
    let mut found: Vec<String> = Vec::new();
    let mut add = |word: &str| {
        // At most 64 short strings: looking through them costs less than hashing.
        if !found.iter().any(|known| known == word) {
            found.push(word.to_owned());
        }
        found.len() < KEYWORDS_MAX
    };
    for word in segments(&folded).filter_map(word) {
        let goes_on = add(word) && stem(word).is_none_or(&mut add);
        if !goes_on {
            break;
        }
    }
    found
}

/// The keyword that `spelling` names in any case, width and composition, as [`keywords`] would index
/// it; `None` where it can be no keyword, being a stop word, a number, several words or none.
pub fn fold_keyword(spelling: &str) -> Option<String> {
    let folded = fold_words(spelling);
    // Where a dictionary cuts depends on what stands around, so its cuts do not make several words.
    let one_word = !folded.contains(':')
        && boundaries(&folded)
            .all(|at| at == 0 || at == folded.len() || is_dictionary_cut(&folded, at));
    if one_word {
        word(&folded).map(str::to_owned)
    } else {
        None
    }
}

/// `text` with a space for each address and mention, which hold no words.
fn without_addresses_and_mentions(text: &str) -> String {
    let urls = urls(text);
    let mut left_out: Vec<Range<usize>> = Vec::new();
    if text.contains(['@', '＠']) {
        left_out.extend(mention::occurrences(text, &urls).map(|(range, _)| range));
        left_out.extend(emails(text));
    }
    left_out.extend(urls);
    left_out.sort_by_key(|range| range.start);

    let mut rest = String::with_capacity(text.len());
    let mut at = 0;
    for range in left_out {
        if range.start >= at {
            rest.push_str(&text[at..range.start]);
            rest.push(' ');
        }
        at = at.max(range.end);
    }
    rest.push_str(&text[at..]);
    rest
}

/// Folds a text so that its words come out alike, however their apostrophes are written.
fn fold_words(text: &str) -> String {
    if text.is_ascii() {
        return fold(text);
    }
    // The zero width space parts words; folding would only leave it out.
    let folded = if text.contains('\u{200B}') {
        fold(&text.replace('\u{200B}', " "))
    } else {
        fold(text)
    };
    if folded.contains(is_apostrophe) {
        folded.replace(is_apostrophe, "'")
    } else {
        folded
    }
}

fn is_apostrophe(c: char) -> bool {
    matches!(c, '\u{2019}' | '\u{2BC}')
}

/// The parts of `folded` between its boundaries. A colon parts words, as it does in every language
/// but Swedish and Finnish.
fn segments(folded: &str) -> impl Iterator<Item = &str> {
    let mut start = 0;
    boundaries(folded)
        .filter_map(move |end| {
            let segment = folded.get(start..end)?;
            start = end;
            Some(segment)
        })
        .flat_map(|segment| segment.split(':'))
}

/// The word boundaries of `folded`, its beginning and its end among them.
fn boundaries(folded: &str) -> impl Iterator<Item = usize> {
    // The data is compiled in and borrowed: this costs next to nothing, also the first time.
    let options = WordBreakInvariantOptions::default();
    let segmenter: WordSegmenterBorrowed<'static> = WordSegmenter::new_dictionary(options);
    segmenter.segment_str(folded)
}

/// Whether a boundary at `at` can come from a dictionary.
fn is_dictionary_cut(folded: &str, at: usize) -> bool {
    let after = folded[at..].chars().next();
    base_before(folded, at).is_some_and(is_of_dictionary) && after.is_some_and(is_of_dictionary)
}

/// A character of a script that puts no spaces between words.
fn is_of_dictionary(c: char) -> bool {
    let is_kana =
        matches!(c, '\u{3041}'..='\u{309F}' | '\u{30A1}'..='\u{30FF}' | '\u{31F0}'..='\u{31FF}');
    is_kana || is_han(c) || CodePointMapData::<LineBreak>::new().get(c) == LineBreak::ComplexContext
}

/// `word` without its Korean particle, where that leaves a keyword.
fn stem(word: &str) -> Option<&str> {
    korean::without_particle(word).and_then(self::word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> String {
        keywords(text).join(" ")
    }

    #[test]
    fn the_words_of_a_text() {
        for (text, expected) in [
            (
                "The quick brown fox can't jump 32.3 feet, right?",
                "quick brown fox jump feet right",
            ),
            ("Rust rust RUST ＲＵＳＴ", "rust"),
            ("#Rust and #foo_bar", "rust foo_bar"),
            ("_so_ say __we__ ‘tulips’ and 'roses'", "say tulips roses"),
            ("Ada’s engine, Ada's notes", "ada engine notes"),
            (
                "L’eau d'Évian, qu’est-ce que c’est? Aujourd’hui",
                "eau évian aujourd'hui",
            ),
            ("Der Straßenbau und die STRASSE", "strassenbau strasse"),
            ("El niño está en la montaña", "niño montaña"),
            ("cafe\u{301} Ćma", "café ćma"),
            ("note:this 10:30", "note"),
            (
                "zero\u{200B}width soft\u{AD}hyphen",
                "zero width softhyphen",
            ),
            ("🎉 party🎉 ❤️ 1️⃣ 🅰", "party"),
            ("Привет, как дела в Москве?", "привет дела москве"),
            ("אני אוהב ספרים", "אני אוהב ספרים"),
            ("أحب القهوة في الصباح", "أحب القهوة الصباح"),
            ("می‌خواهم کتاب بخوانم", "میخواهم کتاب بخوانم"),
            ("महात्मा गांधी की किताब", "महात्मा गांधी किताब"),
            ("서울에서 만나요", "서울에서 서울 만나요"),
            (
                "API는 2024년에 Rust를",
                "api는 api 2024년에 2024년 rust를 rust",
            ),
            ("東京に行きました", "東京 行き"),
            (
                "プログラミング言語Rustの勉強",
                "プログラミング 言語 rust 勉強",
            ),
            ("ﾌﾟﾛｸﾞﾗﾐﾝｸﾞ", "プログラミング"),
            ("我们今天学习", "今天 学习"),
            ("ศึกษาภาษาไทย", "ศึกษา ภาษา ไทย"),
            ("", ""),
        ] {
            assert_eq!(of(text), expected, "{text}");
        }
    }

    #[test]
    fn addresses_and_mentions_hold_no_words() {
        assert_eq!(
            of(
                "ask @ada or bob@mail.example.com at https://example.com/wiki/ripples?x=waves#foam today, example.org/rings"
            ),
            "ask today"
        );
        assert_eq!(of("one http://a.example two@b.org @three four"), "one four");
    }

    #[test]
    fn bounds() {
        let many: String = (0..200).map(|i| format!("word{i} ")).collect();
        assert_eq!(keywords(&many).len(), KEYWORDS_MAX);
        let many: String = (0..200).map(|i| format!("낱말{i}번에서 ")).collect();
        assert_eq!(keywords(&many).len(), KEYWORDS_MAX);
        let longest = "é".repeat(KEYWORD_CHARS_MAX);
        assert_eq!(keywords(&format!("{longest} {longest}e")), [longest]);
    }

    #[test]
    fn a_spelling_names_its_keyword() {
        for (spelling, keyword) in [
            ("Rust", "rust"),
            ("ＲＵＳＴ", "rust"),
            ("CAFE\u{301}", "café"),
            ("l’Eau", "eau"),
            ("서울에서", "서울에서"),
            ("東京", "東京"),
            ("東京大学", "東京大学"),
            ("ภาษาไทย", "ภาษาไทย"),
            ("foo_bar", "foo_bar"),
        ] {
            assert_eq!(
                fold_keyword(spelling).as_deref(),
                Some(keyword),
                "{spelling}"
            );
        }
        for spelling in [
            "",
            " ",
            "two words",
            "rust ",
            "#rust",
            "a/b",
            "the",
            "12",
            "x",
            "a:b",
            "東京、大学",
            "rust東京",
            "🎉",
        ] {
            assert_eq!(fold_keyword(spelling), None, "{spelling}");
        }
    }
}
