//! What a text holds: tags, mentions, addresses and keywords, in every script.
//!
//! Tags, mentions and addresses follow the rules of
//! [twitter-text](https://github.com/twitter/twitter-text), which people know from elsewhere; where
//! this departs from them, the reason stands at the rule. Two rules hold throughout:
//!
//! - What is found does not depend on whether the text is composed (NFC) or decomposed (NFD). A mark
//!   therefore counts as a part of the character that it stands on, never as one of its own.
//! - The cost grows with the length of the text, whatever the text is.

mod char_class;
mod email;
mod entity;
mod fold;
mod keyword;
mod korean;
mod mention;
mod stop_words;
mod tag;
mod url;
mod word;

#[cfg(test)]
mod properties;

pub use entity::{Entity, EntityKind, entities};
pub use fold::fold;
pub use keyword::{KEYWORD_CHARS_MAX, KEYWORDS_MAX, fold_keyword, keywords};
pub use mention::{MENTIONS_MAX, mentions};
pub use tag::{TAG_CHARS_MAX, TAGS_MAX, Tag, tags};
pub use url::urls;
