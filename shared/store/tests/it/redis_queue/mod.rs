//! What the queue on Redis has to stand beyond what every store promises: several processes at work on
//! many partitions, a server that is full or gone, more of everything than one script moves.

mod many;
mod processes;
mod trouble;

use std::sync::Arc;

use ripple_domain::{JobKind, PostId, Tier, Timestamp};
use ripple_store::{
    Claim, Clock, Fate, Settlement, Store,
    redis::{RedisOptions, RedisStore},
};

use crate::harness::{LEASE_MS, START};

const TIER: Tier = Tier::Followers;

/// A process of its own, as far as the store can tell.
async fn open(url: &str, clock: &Clock) -> Arc<dyn Store> {
    let options = RedisOptions {
        clock: clock.clone(),
        ..RedisOptions::default()
    };
    RedisStore::open(&url.parse().unwrap(), options)
        .await
        .unwrap()
}

/// A post id in each of the first `n` partitions.
fn posts(n: u8) -> Vec<PostId> {
    let post = |partition| PostId::compose(START, partition, 0).unwrap();
    (0..n).map(post).collect()
}

async fn enqueue(store: &Arc<dyn Store>, posts: impl IntoIterator<Item = PostId>) {
    let kinds = posts.into_iter().map(JobKind::deliver);
    store.enqueue(kinds.collect()).await.unwrap();
}

async fn claim(store: &Arc<dyn Store>, n: usize) -> Vec<Claim> {
    store.claim(TIER, n, LEASE_MS).await.unwrap()
}

async fn settle(store: &Arc<dyn Store>, claims: &[Claim], fate: &Fate) -> Vec<bool> {
    let settlements = claims.iter().map(|claim| Settlement {
        lease: claim.lease,
        fate: fate.clone(),
        progress: None,
    });
    store.settle(settlements.collect()).await.unwrap()
}

fn post_ids(claims: &[Claim]) -> Vec<PostId> {
    let posts = claims.iter().filter_map(|claim| claim.job.kind.post());
    posts.collect()
}

fn retry_at(at: Timestamp) -> Fate {
    Fate::Retry {
        at,
        error: "no".into(),
    }
}
