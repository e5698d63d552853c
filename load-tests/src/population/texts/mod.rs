//! What users write: short texts in several languages, with tags and words of which few are frequent
//! and most are rare.

mod languages;
mod zipf;

use fastrand::Rng;
use ripple_domain::text::{Tag, fold_keyword, keywords};

use self::{
    languages::{LANGUAGES, Language},
    zipf::Zipf,
};

/// Of 100 texts, so many have a tag.
const TAGGED_PERCENT: u8 = 40;
/// Of 100 words, so many are followed by one that no page is about.
const FILLER_PERCENT: u8 = 30;
/// Words of a text that are drawn from the vocabulary.
const WORDS_MIN: usize = 4;
const WORDS_MAX: usize = 16;
/// The words of a language that also are tags: its most frequent ones.
const TAGS_MAX: usize = 600;
/// Zipf's exponent: a word in place `r` is written `r` to the power of minus this as often as the first.
const EXPONENT: f64 = 1.0;

/// A text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// What is written.
    pub text: String,
    /// A tag in it, without `#`, as in the path of its page.
    pub tag: Option<String>,
    /// A keyword in it, as in the path of its page.
    pub keyword: Option<String>,
    /// Its language (BCP 47).
    pub language: &'static str,
}

/// Makes texts: languages, words and tags are drawn by lot, each with its own share.
#[derive(Clone, Debug)]
pub struct Texts {
    vocabularies: Vec<Vocabulary>,
    languages: Zipf,
}

#[derive(Clone, Debug)]
struct Vocabulary {
    language: &'static Language,
    words: Vec<Word>,
    frequencies: Zipf,
    tags: Zipf,
}

#[derive(Clone, Debug)]
struct Word {
    written: String,
    /// As keyword and as tag, which are folded alike.
    folded: String,
}

impl Texts {
    /// The vocabulary. The seed decides which of the composed words are the frequent ones.
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let vocabularies = LANGUAGES.iter();
        Self {
            vocabularies: vocabularies
                .map(|language| Vocabulary::new(language, &mut rng))
                .collect(),
            languages: Zipf::new(LANGUAGES.len(), EXPONENT),
        }
    }

    /// The next text.
    pub fn next(&self, rng: &mut Rng) -> Text {
        self.vocabularies[self.languages.draw(rng)].text(rng)
    }

    /// All tags that are written, the most frequent ones of each language first.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        let tags = |vocabulary: &'_ Vocabulary| vocabulary.tags.len();
        let words = self.vocabularies.iter();
        words.flat_map(move |vocabulary| {
            let tags = &vocabulary.words[..tags(vocabulary)];
            tags.iter().map(|word| word.folded.as_str())
        })
    }
}

impl Vocabulary {
    fn new(language: &'static Language, rng: &mut Rng) -> Self {
        let listed = language.words.iter().map(ToString::to_string);
        let mut rare = Vec::with_capacity(language.words.len() * language.words.len());
        for first in language.words {
            rare.extend(language.words.iter().map(|second| compose(first, second)));
        }
        rng.shuffle(&mut rare);
        let words: Vec<Word> = listed.chain(rare).filter_map(Word::new).collect();
        Self {
            language,
            frequencies: Zipf::new(words.len(), EXPONENT),
            tags: Zipf::new(words.len().min(TAGS_MAX), EXPONENT),
            words,
        }
    }

    fn text(&self, rng: &mut Rng) -> Text {
        let Language {
            code,
            between,
            end,
            fillers,
            ..
        } = self.language;
        let mut text = String::new();
        let count = rng.usize(WORDS_MIN..=WORDS_MAX);
        let shown = rng.usize(..count);
        let mut keyword = None;
        for place in 0..count {
            if place > 0 {
                text.push_str(between);
            }
            let word = &self.words[self.frequencies.draw(rng)];
            text.push_str(&word.written);
            if place == shown {
                keyword = Some(word.folded.clone());
            }
            if rng.u8(..100) < FILLER_PERCENT {
                text.push_str(between);
                text.push_str(fillers[rng.usize(..fillers.len())]);
            }
        }
        text.push_str(end);
        let tag = (rng.u8(..100) < TAGGED_PERCENT).then(|| {
            let word = &self.words[self.tags.draw(rng)];
            text.push_str(" #");
            text.push_str(&word.written);
            word.folded.clone()
        });
        Text {
            text,
            tag,
            keyword,
            language: code,
        }
    }
}

impl Word {
    /// `None` for what no page would be about.
    fn new(written: String) -> Option<Self> {
        let folded = fold_keyword(&written)?;
        let is_one = keywords(&written) == [folded.as_str()];
        let is_tag = Tag::parse(&written)?.folded == folded;
        (is_one && is_tag).then_some(Self { written, folded })
    }
}

/// A word of two: `Wasser` and `Licht` make `Wasserlicht`.
fn compose(first: &str, second: &str) -> String {
    format!("{first}{}", second.to_lowercase())
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use ripple_domain::text::tags;

    use super::*;

    #[test]
    fn keywords_and_tags_are_those_that_ripple_finds() {
        let texts = Texts::new(7);
        let mut rng = Rng::with_seed(7);
        let mut tagged = 0;
        for _ in 0..5_000 {
            let Text {
                text, tag, keyword, ..
            } = texts.next(&mut rng);
            let keyword = keyword.unwrap();
            assert!(keywords(&text).contains(&keyword), "{keyword} in {text}");
            let found: Vec<String> = tags(&text).into_iter().map(|tag| tag.folded).collect();
            assert_eq!(found, tag.into_iter().collect::<Vec<_>>(), "{text}");
            tagged += found.len();
            let length = text.chars().count();
            assert!((5..=600).contains(&length), "{text}");
        }
        assert!((1_900..2_100).contains(&tagged), "{tagged}");
    }

    #[test]
    fn all_languages_are_written_and_their_frequent_words_are_frequent() {
        let texts = Texts::new(7);
        for vocabulary in &texts.vocabularies {
            let words = vocabulary.words.len();
            // Of Japanese words that are composed of two, most are two.
            let words_min = if vocabulary.language.code == "ja" {
                150
            } else {
                700
            };
            assert!(words > words_min, "{}: {words}", vocabulary.language.code);
            let folded = vocabulary.words.iter().map(|word| &word.folded);
            let different: BTreeSet<&String> = folded.collect();
            assert_eq!(different.len(), words, "{}", vocabulary.language.code);
        }
        let mut rng = Rng::with_seed(8);
        let mut languages = BTreeMap::<_, u32>::new();
        let mut tags = BTreeMap::<_, u32>::new();
        for _ in 0..20_000 {
            let text = texts.next(&mut rng);
            *languages.entry(text.language).or_default() += 1;
            if let Some(tag) = text.tag {
                *tags.entry(tag).or_default() += 1;
            }
        }
        assert_eq!(languages.len(), LANGUAGES.len());
        assert!(
            languages.values().all(|count| *count > 1_000),
            "{languages:?}"
        );
        let most = tags.values().max().unwrap();
        let rare = tags.values().filter(|count| **count <= 2).count();
        assert!(*most > 300 && rare > 300, "{most} {rare}");
    }

    #[test]
    fn the_same_seed_gives_the_same_texts() {
        let some = |seed| {
            let texts = Texts::new(seed);
            let mut rng = Rng::with_seed(seed);
            (0..50).map(|_| texts.next(&mut rng)).collect::<Vec<_>>()
        };
        assert_eq!(some(3), some(3));
        assert_ne!(some(3), some(4));
    }
}
