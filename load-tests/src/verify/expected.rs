//! What belongs where.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    hash::Hash,
    sync::Arc,
};

use crate::{
    generate::{
        draw::segment,
        ledger::{Accepted, Ledger, Perhaps},
        people::People,
    },
    population::handle,
    scenario::VerifySpec,
};

/// Ids are milliseconds times this, and something. Pages are read for so long below the first accepted post,
/// as one of unknown fate may be a little older.
const IDS_A_MS: u64 = 4_096;
const OLDER_MS: u64 = 1_000;

/// A kind of page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Home(u32),
    Author(u32),
    Tag(Arc<str>),
    Keyword(Arc<str>),
    /// Of all posts.
    Public,
    /// The feed of a tag.
    Feed(Arc<str>),
}

impl Kind {
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Home(_) => "home timeline",
            Self::Author(_) => "author timeline",
            Self::Tag(_) => "tag page",
            Self::Keyword(_) => "keyword page",
            Self::Public => "public page",
            Self::Feed(_) => "tag feed",
        }
    }

    /// Whether known posts may be there beside those that are expected.
    pub(super) const fn shows_others(&self) -> bool {
        matches!(self, Self::Keyword(_))
    }
}

/// A page to be read.
#[derive(Clone, Debug)]
pub(super) struct Page {
    pub(super) kind: Kind,
    pub(super) path: String,
}

impl Page {
    fn new(kind: Kind) -> Self {
        let path = match &kind {
            Kind::Home(_) => "/v1/timelines/home".into(),
            Kind::Author(author) => format!("/v1/users/{}/posts", handle(*author)),
            Kind::Tag(tag) => format!("/v1/tags/{}/posts", segment(tag)),
            Kind::Keyword(word) => format!("/v1/keywords/{}/posts", segment(word)),
            Kind::Public => "/v1/timelines/public".into(),
            Kind::Feed(tag) => format!("/tags/{}/feed.json", segment(tag)),
        };
        Self { kind, path }
    }

    /// How a report names it.
    pub(super) fn name(&self) -> String {
        match self.kind {
            Kind::Home(reader) => format!("{} of {}", self.path, handle(reader)),
            _ => self.path.clone(),
        }
    }
}

/// What belongs where.
pub(super) struct Expected {
    people: Arc<People>,
    pub(super) accepted: HashMap<u64, Accepted>,
    /// The hashes of their texts: another post with one of them is a copy.
    pub(super) texts: HashSet<u64>,
    pub(super) perhaps: HashMap<u64, Perhaps>,
    by_author: HashMap<u32, Vec<u64>>,
    by_tag: HashMap<Arc<str>, Vec<u64>>,
    by_keyword: HashMap<Arc<str>, Vec<u64>>,
    /// Pages are read down to this post.
    pub(super) floor: u64,
    pub(super) pages: Vec<Page>,
}

impl Expected {
    pub(super) fn new(people: Arc<People>, ledger: &Ledger, spec: &VerifySpec) -> Self {
        let (accepted, perhaps) = ledger.posts();
        let floor = accepted.first().map_or(0, |first| first.id);
        let tag = |post: &Accepted| post.tag.clone();
        let keyword = |post: &Accepted| post.keyword.clone();
        let mut expected = Self {
            by_author: group(&accepted, |post| Some(post.author)),
            by_tag: group(&accepted, tag),
            by_keyword: group(&accepted, keyword),
            texts: accepted.iter().map(|post| post.text).collect(),
            accepted: accepted.into_iter().map(|post| (post.id, post)).collect(),
            perhaps,
            people,
            floor: floor.saturating_sub(OLDER_MS * IDS_A_MS),
            pages: Vec::new(),
        };
        expected.pages = expected.choose(spec);
        expected
    }

    /// Posts whose fate is unknown.
    pub(super) fn uncertain(&self) -> u64 {
        let fates = self.perhaps.values();
        fates.filter(|why| **why == Perhaps::Uncertain).count() as u64
    }

    /// The posts that belong on a page.
    pub(super) fn on(&self, page: &Page) -> HashSet<u64> {
        let of = |author: &u32| self.by_author.get(author).into_iter().flatten().copied();
        let all = |posts: Option<&Vec<u64>>| posts.into_iter().flatten().copied().collect();
        match &page.kind {
            Kind::Home(reader) => {
                let followees = self.people.graph.followees_of(*reader).iter();
                followees.chain([reader]).flat_map(of).collect()
            }
            Kind::Author(author) => of(author).collect(),
            Kind::Tag(tag) | Kind::Feed(tag) => all(self.by_tag.get(tag)),
            Kind::Keyword(word) => all(self.by_keyword.get(word)),
            Kind::Public => self.accepted.keys().copied().collect(),
        }
    }

    /// The pages to be read: all, or a part that is the same for the same run. Of the topics the largest
    /// come first, and then rare ones.
    fn choose(&self, spec: &VerifySpec) -> Vec<Page> {
        let readers = self.people.active.iter().copied();
        let readers: Vec<u32> = readers.filter(|user| !self.people.follows(*user)).collect();
        let authors: BTreeSet<u32> = self.by_author.keys().copied().collect();
        let authors: Vec<u32> = authors.into_iter().collect();
        let homes = some(readers, spec, spec.timelines)
            .into_iter()
            .map(Kind::Home);
        let authors = some(authors, spec, spec.timelines)
            .into_iter()
            .map(Kind::Author);
        let tags = by_size(&self.by_tag);
        let tags = some(tags, spec, spec.topics).into_iter();
        let feeds = tags.clone().map(Kind::Feed);
        let tags = tags.map(Kind::Tag);
        let words = by_size(&self.by_keyword);
        let words = some(words, spec, spec.topics)
            .into_iter()
            .map(Kind::Keyword);
        homes
            .chain(authors)
            .chain(tags)
            .chain(words)
            .chain(feeds)
            .chain([Kind::Public])
            .map(Page::new)
            .collect()
    }
}

fn group<K: Hash + Eq>(
    posts: &[Accepted],
    key: impl Fn(&Accepted) -> Option<K>,
) -> HashMap<K, Vec<u64>> {
    let mut groups: HashMap<K, Vec<u64>> = HashMap::new();
    for post in posts {
        if let Some(key) = key(post) {
            groups.entry(key).or_default().push(post.id);
        }
    }
    groups
}

/// The topics, those with the most posts first.
fn by_size(topics: &HashMap<Arc<str>, Vec<u64>>) -> Vec<Arc<str>> {
    let mut sorted: Vec<_> = topics.iter().collect();
    sorted.sort_by(|a, b| b.1.len().cmp(&a.1.len()).then(a.0.cmp(b.0)));
    sorted
        .into_iter()
        .map(|(topic, _)| Arc::clone(topic))
        .collect()
}

/// All, or about so many: the first, and others at equal distances.
fn some<T>(all: Vec<T>, spec: &VerifySpec, count: usize) -> Vec<T> {
    if spec.all || all.len() <= count {
        return all;
    }
    let step = all.len().div_ceil(count.max(1));
    all.into_iter().step_by(step).collect()
}
