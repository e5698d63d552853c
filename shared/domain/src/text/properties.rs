//! What holds for every text, tried on texts made of what is hard: marks, joiners, signs, emoji,
//! jamo, parts of addresses.

use std::sync::LazyLock;

use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};
use proptest::prelude::*;

use super::{
    EntityKind, KEYWORD_CHARS_MAX, KEYWORDS_MAX, MENTIONS_MAX, TAG_CHARS_MAX, TAGS_MAX, Tag,
    entities, fold, fold_keyword, keywords, mentions, tags, urls,
};

/// Pieces that rules turn on.
static PIECES: LazyLock<Vec<&str>> = LazyLock::new(|| {
    let signs =
        "# ＃ @ ＠ & $ : / :// . ． , ; ! ? - _ + % = < > ( ) [ ] ' ’ ʼ \" 。 、 … – ~ ～ 〜";
    let addresses =
        "http:// https:// HTTP www. .com example.com ada@example.org [::1] :80 xn-- rt RT:";
    let latin = "a b Z 1 9 2024 rust the l' 's n't ß İ ı ς Σ ŉ ﬁ ª ² ½ ① é ć e\u{301} \u{212B} \u{212A} ǻ ǰ ᾴ ᾼ \
        й и\u{306} ё ά · \u{387} \u{37E} \u{37A}";
    let marks = "\u{301} \u{308} \u{327} \u{338} \u{345} \u{3099} \u{309A} ゛ ゜ ﾞ ﾟ \u{20E3} \u{FE0E} \u{FE0F} \
        \u{E0100} \u{34F} \u{200C} \u{200D} \u{AD} \u{2060} \u{202C} \u{FEFF} ≮ ≠ ≯";
    let east_asian = "か が カ ガ ー ｶ ・ ･ 東京 に 行きました 中 国 々 的 가 각 서울에서 은 는 \u{1100} \u{1161} \u{11A8} \
        ㄱ ﾡ \u{3164} \u{115F} \u{20021}";
    let others = "می\u{200C}خواهم ﷺ ك \u{64B} ١ ש ש\" \u{5BC} ׳ क क़ \u{93C} \u{94D} \u{93F} १ ภา ษ\u{E31} ไ ລ \
        ក\u{17D2} မ 🎉 👨 🏿 🇩 🅰 ℹ 1️⃣ #️⃣ ❤️ \u{1D15E} \u{1D400} \u{10FFFF}";
    [signs, addresses, latin, marks, east_asian, others]
        .into_iter()
        .flat_map(|group| group.split(' ').filter(|piece| !piece.is_empty()))
        .chain([" ", "\n", "\u{3000}", "\u{200B}"])
        .collect()
});

fn piece() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&**PIECES)
}

fn pieces() -> impl Strategy<Value = String> {
    prop::collection::vec(piece(), 0..24).prop_map(|pieces| pieces.concat())
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => pieces(),
        1 => any::<String>(),
        1 => (pieces(), any::<String>(), pieces()).prop_map(|(a, b, c)| a + &b + &c),
        // A long run of marks, or of anything else, on what stands before it.
        1 => (pieces(), piece(), 0..300_usize, pieces())
            .prop_map(|(a, piece, times, b)| a + &piece.repeat(times) + &b),
    ]
}

fn nfc(text: &str) -> String {
    ComposingNormalizerBorrowed::new_nfc()
        .normalize(text)
        .into_owned()
}

fn nfd(text: &str) -> String {
    DecomposingNormalizerBorrowed::new_nfd()
        .normalize(text)
        .into_owned()
}

fn nfkc(text: &str) -> String {
    ComposingNormalizerBorrowed::new_nfkc()
        .normalize(text)
        .into_owned()
}

fn folded_tags(text: &str) -> Vec<String> {
    tags(text).into_iter().map(|tag| tag.folded).collect()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn folding_is_stable_and_blind_to_normalisation(text in texts()) {
        let folded = fold(&text);
        prop_assert_eq!(&fold(&folded), &folded);
        prop_assert_eq!(&fold(&nfc(&text)), &folded);
        prop_assert_eq!(&fold(&nfd(&text)), &folded);
        prop_assert_eq!(&fold(&nfkc(&text)), &folded);
    }

    #[test]
    fn normalisation_changes_nothing_that_is_found(text in texts()) {
        let (nfc, nfd) = (nfc(&text), nfd(&text));
        prop_assert_eq!(folded_tags(&nfc), folded_tags(&nfd));
        prop_assert_eq!(mentions(&nfc), mentions(&nfd));
        prop_assert_eq!(keywords(&nfc), keywords(&nfd));
        let shown = |text: &str| urls(text).into_iter().map(|url| self::nfc(&text[url])).collect::<Vec<_>>();
        prop_assert_eq!(shown(&nfc), shown(&nfd));
    }

    #[test]
    fn every_tag_is_found_again_by_each_of_its_spellings(text in texts()) {
        for tag in tags(&text) {
            prop_assert!(!tag.folded.is_empty() && tag.folded.chars().count() <= TAG_CHARS_MAX);
            for spelling in [&tag.folded, &tag.display, &nfc(&tag.display), &nfd(&tag.display)] {
                let parsed = Tag::parse(spelling);
                prop_assert_eq!(parsed.as_ref().map(|tag| &tag.folded), Some(&tag.folded), "{}", spelling);
                prop_assert_eq!(folded_tags(&format!("#{spelling}")), vec![tag.folded.clone()]);
            }
        }
    }

    #[test]
    fn parsing_a_tag_agrees_with_finding_it(spelling in texts()) {
        let found = tags(&format!("#{spelling}"));
        match Tag::parse(&spelling) {
            Some(tag) if !spelling.starts_with(['#', '＃']) => prop_assert_eq!(found, vec![tag]),
            Some(_) => {}
            None => prop_assert!(found.iter().all(|tag| tag.display != spelling)),
        }
    }

    #[test]
    fn every_keyword_is_found_again(text in texts()) {
        for keyword in keywords(&text) {
            prop_assert!(keyword.chars().count() <= KEYWORD_CHARS_MAX);
            prop_assert_eq!(fold_keyword(&keyword), Some(keyword));
        }
    }

    #[test]
    fn a_folded_keyword_is_one_that_is_indexed(spelling in texts()) {
        if let Some(keyword) = fold_keyword(&spelling) {
            prop_assert_eq!(fold_keyword(&keyword), Some(keyword.clone()));
            let by_dictionary = keyword.chars().any(|c| !c.is_ascii() && !is_cut_by_rules_alone(c));
            // A word with a dot in it can look like an address.
            if !by_dictionary && urls(&spelling).is_empty() {
                prop_assert_eq!(keywords(&spelling).into_iter().next(), Some(keyword));
            }
        }
    }

    #[test]
    fn everything_is_bounded_each_once(text in texts()) {
        let (tags, mentions, keywords) = (folded_tags(&text), mentions(&text), keywords(&text));
        prop_assert!(tags.len() <= TAGS_MAX);
        prop_assert!(mentions.len() <= MENTIONS_MAX);
        prop_assert!(keywords.len() <= KEYWORDS_MAX);
        for i in 0..tags.len() {
            prop_assert!(!tags[..i].contains(&tags[i]));
        }
        for i in 0..mentions.len() {
            prop_assert!(!mentions[..i].contains(&mentions[i]));
        }
        for i in 0..keywords.len() {
            prop_assert!(!keywords[..i].contains(&keywords[i]));
        }
    }

    #[test]
    fn entities_stand_apart_and_tell_what_was_found(text in texts()) {
        let mut end = 0;
        for entity in entities(&text) {
            prop_assert!(entity.range.start >= end && entity.range.end > entity.range.start);
            end = entity.range.end;
            let shown = text.get(entity.range);
            match entity.kind {
                EntityKind::Url => prop_assert!(shown.is_some()),
                EntityKind::Tag(tag) => prop_assert!(shown.is_some_and(|shown| shown.ends_with(&tag.display))),
                EntityKind::Mention(handle) => {
                    prop_assert!(shown.is_some_and(|shown| shown.to_ascii_lowercase().ends_with(handle.as_str())));
                }
            }
        }
    }
}

/// Latin, Greek, Cyrillic and Hangul have no dictionary.
fn is_cut_by_rules_alone(c: char) -> bool {
    c < '\u{E00}' || ('가'..='힣').contains(&c)
}

/// A text may cost some multiple of its length, and no more: were it the square, this would take hours.
#[test]
fn the_worst_texts_cost_what_their_length_asks() {
    let worst = "# #a #a# @a a. a@ a@a. a.com a.com/ http:// http://a http://( http://a/( http://a/[( http://[1 \
        #\u{301} @\u{301} \u{301}# x\u{301}. l' 's ' : :// a'  a: 가에 에서 \u{200D}# ああ のに \u{E01}\u{E31} ﷺ \u{301} \u{345}\u{301}";
    for piece in worst.split_whitespace() {
        extract_all(&piece.repeat(100_000 / piece.chars().count()));
    }
    for piece in &*PIECES {
        extract_all(&piece.repeat(5_000 / piece.chars().count()));
    }
}

fn extract_all(text: &str) {
    assert!(tags(text).len() <= TAGS_MAX);
    assert!(mentions(text).len() <= MENTIONS_MAX);
    assert!(keywords(text).len() <= KEYWORDS_MAX);
    assert!(entities(text).len() <= text.len());
}
