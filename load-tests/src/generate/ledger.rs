//! What was posted, as the generator knows it.

use std::{
    collections::{HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use crate::population::Text;

/// A post that was accepted.
#[derive(Clone, Debug)]
pub(crate) struct Accepted {
    /// Its id.
    pub(crate) id: u64,
    /// Its author.
    pub(crate) author: u32,
    /// The hash of its text, which no other post has.
    pub(crate) text: u64,
    /// Its tag, as in the path of its page.
    pub(crate) tag: Option<Arc<str>>,
    /// A keyword of it, as in the path of its page.
    pub(crate) keyword: Option<Arc<str>>,
    /// When the answer had arrived.
    pub(crate) at: Instant,
    /// Whether it was posted in the measured part of the run, and answered at the first try.
    pub(crate) is_measured: bool,
}

/// What was posted.
#[derive(Default)]
pub(crate) struct Ledger(Mutex<Entries>);

#[derive(Default)]
struct Entries {
    accepted: Vec<Accepted>,
    /// Posts whose fate is unknown or was told in vain, by the hash of their texts.
    perhaps: HashMap<u64, Perhaps>,
    /// Tags and keywords, each once.
    words: HashSet<Arc<str>>,
}

/// Why a post may or may not be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Perhaps {
    /// The answer was lost.
    Uncertain,
    /// The server refused it with a 5xx, which may come after it was stored.
    Refused,
}

/// The hash of a text, by which a post is known when its id was never told.
pub(crate) fn text_hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

impl Ledger {
    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a post that was accepted.
    pub(crate) fn accept(&self, id: u64, author: u32, text: &Text, at: Instant, is_measured: bool) {
        let mut entries = self.entries();
        let mut word = |word: &Option<String>| {
            let word = word.as_deref()?;
            if let Some(known) = entries.words.get(word) {
                return Some(Arc::clone(known));
            }
            let new: Arc<str> = word.into();
            entries.words.insert(Arc::clone(&new));
            Some(new)
        };
        let (tag, keyword) = (word(&text.tag), word(&text.keyword));
        let hash = text_hash(&text.text);
        entries.perhaps.remove(&hash);
        entries.accepted.push(Accepted {
            id,
            author,
            text: hash,
            tag,
            keyword,
            at,
            is_measured,
        });
    }

    /// Notes a post that may or may not be there.
    pub(crate) fn doubt(&self, text: &str, why: Perhaps) {
        self.entries().perhaps.insert(text_hash(text), why);
    }

    /// Notes that a post is not there, as the server has said.
    pub(crate) fn forget(&self, text: &str) {
        self.entries().perhaps.remove(&text_hash(text));
    }

    /// The posts that were accepted, by id, and those that may be there.
    pub(crate) fn posts(&self) -> (Vec<Accepted>, HashMap<u64, Perhaps>) {
        let entries = self.entries();
        let mut accepted = entries.accepted.clone();
        accepted.sort_by_key(|post| post.id);
        (accepted, entries.perhaps.clone())
    }

    /// Those that were accepted after the first `seen`.
    pub(crate) fn since(&self, seen: usize) -> Vec<Accepted> {
        self.entries()
            .accepted
            .get(seen..)
            .unwrap_or_default()
            .to_vec()
    }

    /// How many posts were accepted.
    pub(crate) fn len(&self) -> usize {
        self.entries().accepted.len()
    }
}
