use std::{fmt, str::FromStr};

use ripple_domain::{Tier, Timestamp};

use super::replay;
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

/// Rebuilds read models. Returns how many posts go through a tier again for it: none for what is done
/// with the next reads.
pub async fn rebuild(store: &dyn Store, what: Rebuild) -> Result<u64, StoreError> {
    match what {
        Rebuild::Home => store.home_cool_all().await.map(|()| 0),
        Rebuild::Feeds => store.clear_feeds().await.map(|()| 0),
        Rebuild::Topics => reindex(store).await,
    }
}

/// Has every post indexed again. Posts that are not listed go along: one that was listed once must
/// leave the pages.
async fn reindex(store: &dyn Store) -> Result<u64, StoreError> {
    let (from, to) = (Timestamp::from_ms(i64::MIN), Timestamp::from_ms(i64::MAX));
    replay(store, Tier::Public, from, to).await
}
