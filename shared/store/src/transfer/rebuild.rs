use std::{fmt, str::FromStr};

use ripple_domain::{JobKind, Timestamp};

use crate::{Store, StoreError};

/// Read models that can be rebuilt from the facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rebuild {
    /// Home timelines: all become cold, and each is rebuilt with its next read.
    Home,
    /// The public page, tag and keyword pages: every post goes through the public tier again.
    Topics,
    /// Kept feed documents: each is rendered anew with its next read.
    Feeds,
}

/// The text names nothing that can be rebuilt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("can be rebuilt: home, topics, feeds")]
pub struct UnknownRebuild;

impl Rebuild {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Home, Self::Topics, Self::Feeds];

    /// The name on the command line and in paths.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Home => "home",
            Self::Topics => "topics",
            Self::Feeds => "feeds",
        }
    }
}

impl fmt::Display for Rebuild {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Rebuild {
    type Err = UnknownRebuild;

    fn from_str(text: &str) -> Result<Self, UnknownRebuild> {
        Self::ALL
            .into_iter()
            .find(|rebuild| rebuild.name() == text)
            .ok_or(UnknownRebuild)
    }
}

/// Posts whose jobs are enqueued in one commit.
const JOBS_A_BATCH: usize = 1_000;

/// Rebuilds read models. Returns how many jobs were enqueued for it: none for what is done at once.
pub async fn rebuild(store: &dyn Store, what: Rebuild) -> Result<u64, StoreError> {
    match what {
        Rebuild::Home => store.home_cool_all().await.map(|()| 0),
        Rebuild::Feeds => store.clear_feeds().await.map(|()| 0),
        Rebuild::Topics => reindex(store).await,
    }
}

/// Enqueues an `Index` for every post. Posts that are not listed go along: one that was listed once
/// must leave the pages.
async fn reindex(store: &dyn Store) -> Result<u64, StoreError> {
    let (from, to) = (Timestamp::from_ms(i64::MIN), Timestamp::from_ms(i64::MAX));
    let mut after = None;
    let mut jobs = 0;
    loop {
        let posts = store.post_log(from, to, after, JOBS_A_BATCH).await?;
        let Some(last) = posts.last() else {
            return Ok(jobs);
        };
        after = Some(last.id);
        jobs += posts.len() as u64;
        let kinds = posts.iter().map(|post| JobKind::Index { post: post.id });
        store.enqueue(kinds.collect()).await?;
    }
}
