//! What a text holds: tags, mentions, addresses and keywords, in every script.

use serde::{Deserialize, Serialize};

use crate::Handle;

/// A tag of a text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Tag {
    /// The spelling that tags are matched by, without `#`: NFKC and case-folded, accents kept.
    pub folded: String,
    /// The spelling as it was written, without `#`.
    pub display: String,
}

/// The tags of `text` in order, each once.
pub fn tags(_text: &str) -> Vec<Tag> {
    Vec::new()
}

/// The users whom `text` names, in order, each once.
pub fn mentions(_text: &str) -> Vec<Handle> {
    Vec::new()
}

/// The words by which `text` is found, folded, in order, each once; at most 64.
pub fn keywords(_text: &str) -> Vec<String> {
    Vec::new()
}
