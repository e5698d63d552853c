//! Reading a page: take ids, hydrate the posts, drop what the reader may not see, and go on until the
//! page is full. A page is short only at the end, or where so many posts in a row are hidden that one
//! request is not to look at more; then it says from where to go on.
//!
//! The check at reading is what makes a deletion, a block, an unfollow or a narrower visibility hold
//! from the next read on; read models are cleaned up later.

use std::{collections::HashMap, sync::Arc};

use ripple_domain::{Direction, Post, PostId, Relation, Topic, User, UserId, Window};

use crate::{Authored, Hydrated, Store, StoreError, home::HomeIds};

/// The page to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Page {
    /// The viewer's home timeline; empty for a viewer without a token.
    Home,
    /// A topic's page.
    Topic(Topic),
}

/// A post with the one that it passes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The post.
    pub post: Arc<Post>,
    /// Who wrote it.
    pub author: Arc<User>,
    /// The post that it reposts, where the viewer may see it.
    pub original: Option<Authored>,
}

/// What was read of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageRead {
    /// The posts, newest first whatever the window's direction.
    pub shown: Vec<Shown>,
    /// Where the reading broke off before the page was full: the window goes on beyond this id.
    /// `None` for a page that is full, or short because the window ends there.
    pub broke_off_at: Option<PostId>,
}

/// Ids that are looked at for one page, about: some 50 ms of work. Only a reader from whom so many
/// posts in a row are hidden notices.
pub const IDS_A_PAGE_MAX: usize = 10_000;

/// Ids fetched at first beyond those that fill the page, so that a few hidden posts cost no second
/// look-up. Each costs what a shown one does.
const SPARE: usize = 4;
/// Ids fetched in a second look-up, at least.
const BATCH_MIN: usize = 32;
/// Each further look-up fetches twice as many ids, up to this many: where a long run of posts is
/// hidden (a busy author whom the reader has muted), the page must not be built in small steps.
const BATCH_MAX: usize = 1_024;

/// Reads up to `limit` posts of a page that `viewer` may see. Fewer than `limit` means that the window
/// ends there, but after [`IDS_A_PAGE_MAX`] ids: see [`PageRead::broke_off_at`].
pub async fn read_page(
    store: &dyn Store,
    viewer: Option<UserId>,
    page: &Page,
    window: Window,
    limit: usize,
) -> Result<PageRead, StoreError> {
    let mut read = match (page, viewer) {
        (Page::Home, None) => PageRead::default(),
        (Page::Home, Some(reader)) => {
            let ids = HomeIds::open(store, reader).await?;
            let belongs = |post: &Post, relation| post.belongs_in_home_of(reader, relation);
            fill(store, viewer, window, limit, belongs, Ids::Home(ids)).await?
        }
        (Page::Topic(topic), _) => {
            // An unlisted post shows on its author's page alone.
            let listed_only = !matches!(topic, Topic::Author(_));
            let belongs = |post: &Post, relation| {
                (!listed_only || post.is_listed()) && post.is_visible_to(viewer, relation)
            };
            fill(store, viewer, window, limit, belongs, Ids::Topic(topic)).await?
        }
    };
    if window.direction == Direction::OldestFirst {
        read.shown.reverse();
    }
    Ok(read)
}

/// The post with this id as `viewer` may see it; `None` where he may not, or there is none.
pub async fn read_post(
    store: &dyn Store,
    viewer: Option<UserId>,
    id: PostId,
) -> Result<Option<Shown>, StoreError> {
    let belongs = |post: &Post, relation| post.is_visible_to(viewer, relation);
    Ok(show(store, viewer, &[id], belongs).await?.pop())
}

/// Where the ids of a page come from. (A closure would do, but the compiler cannot prove that the
/// future of an async closure is `Send`, and servers need that.)
enum Ids<'a> {
    Home(HomeIds<'a>),
    Topic(&'a Topic),
}

impl Ids<'_> {
    async fn next(
        &self,
        store: &dyn Store,
        window: Window,
        limit: usize,
    ) -> Result<Vec<PostId>, StoreError> {
        match self {
            Self::Home(ids) => ids.next(window, limit).await,
            Self::Topic(topic) => store.topic_page(topic, window, limit).await,
        }
    }
}

async fn fill(
    store: &dyn Store,
    viewer: Option<UserId>,
    mut window: Window,
    limit: usize,
    belongs: impl Fn(&Post, Relation) -> bool,
    source: Ids<'_>,
) -> Result<PageRead, StoreError> {
    let mut page = Vec::with_capacity(limit);
    let (mut wanted, mut batch) = (limit + SPARE, BATCH_MIN);
    let (mut looked_at, mut broke_off_at) = (0, None);
    while page.len() < limit {
        let ids = source.next(store, window, wanted).await?;
        let Some(last) = ids.last() else { break };
        window = window.beyond(*last);
        page.extend(show(store, viewer, &ids, &belongs).await?);
        looked_at += ids.len();
        if looked_at >= IDS_A_PAGE_MAX && page.len() < limit {
            broke_off_at = Some(*last);
            break;
        }
        wanted = limit.saturating_sub(page.len()).max(batch);
        batch = (batch * 2).min(BATCH_MAX);
    }
    page.truncate(limit);
    Ok(PageRead {
        shown: page,
        broke_off_at,
    })
}

/// Hydrates the posts with these ids that belong on the page, in their order. A repost without words
/// of its own is dropped with its original.
async fn show(
    store: &dyn Store,
    viewer: Option<UserId>,
    ids: &[PostId],
    belongs: impl Fn(&Post, Relation) -> bool,
) -> Result<Vec<Shown>, StoreError> {
    let posts = store.hydrate(viewer, ids).await?.into_iter().flatten();
    let posts = posts.filter(|post| belongs(&post.authored.post, post.relation));
    let posts: Vec<Authored> = posts.map(|post| post.authored).collect();
    let originals = originals(store, viewer, &posts).await?;

    let shown = posts.into_iter().map(|Authored { post, author }| {
        let original = post.repost_of.and_then(|id| originals.get(&id));
        let original = original.filter(|original| {
            let relation = original.relation;
            original.authored.post.is_visible_to(viewer, relation) && !relation.mutes
        });
        Shown {
            original: original.map(|original| original.authored.clone()),
            post,
            author,
        }
    });
    let is_empty = |shown: &Shown| shown.original.is_none() && is_wordless_repost(&shown.post);
    Ok(shown.filter(|shown| !is_empty(shown)).collect())
}

/// The posts that these pass on, by their ids. A repost without words of its own stands for what it
/// passes on: where one became so after it was reposted, its original stands in its place.
async fn originals(
    store: &dyn Store,
    viewer: Option<UserId>,
    posts: &[Authored],
) -> Result<HashMap<PostId, Hydrated>, StoreError> {
    let ids: Vec<PostId> = posts.iter().filter_map(|it| it.post.repost_of).collect();
    let mut originals = by_id(store, viewer, &ids).await?;
    let posts = originals.values().map(|it| &it.authored.post);
    let wordless = posts.filter(|post| is_wordless_repost(post));
    let further: Vec<PostId> = wordless.filter_map(|post| post.repost_of).collect();
    if !further.is_empty() {
        let further = by_id(store, viewer, &further).await?;
        originals.retain(|_, original| {
            let post = &original.authored.post;
            if is_wordless_repost(post) {
                let stands_in = post.repost_of.and_then(|id| further.get(&id));
                // No chain is followed further: readers must not wait for what others piled up.
                let has_words = |it: &&Hydrated| !is_wordless_repost(&it.authored.post);
                let Some(stands_in) = stands_in.filter(has_words) else {
                    return false;
                };
                *original = stands_in.clone();
            }
            true
        });
    }
    Ok(originals)
}

async fn by_id(
    store: &dyn Store,
    viewer: Option<UserId>,
    ids: &[PostId],
) -> Result<HashMap<PostId, Hydrated>, StoreError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let posts = store.hydrate(viewer, &ids).await?.into_iter().flatten();
    Ok(posts.map(|it| (it.authored.post.id, it)).collect())
}

fn is_wordless_repost(post: &Post) -> bool {
    post.repost_of.is_some() && post.text.is_empty()
}
