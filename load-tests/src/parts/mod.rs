//! Figures of Ripple's parts that nobody sees from outside: how fast home timelines are written beside what
//! the machine can do at all, and what an entry of one takes.

pub mod engine;
pub mod redis;

use std::ops::Range;

use ripple_domain::{PostId, UserId};
use ripple_store::{Delivery, Pushed};

use crate::{deployment::Store, run::RunError};

/// Rounds of each measurement; the median counts.
pub(crate) const ROUNDS: usize = 5;
/// The followers of one chunk, as workers take them.
pub const FOLLOWERS_OF_A_CHUNK: usize = 10_000;

/// What was measured of a store's home timelines, all of which are warm and full.
#[derive(Clone, Copy, Debug)]
pub struct Parts {
    /// The users among whom followers lie.
    pub users: u32,
    /// Deliveries a second: on the embedded store of one thread, on Redis of posts one at a time.
    pub deliveries_per_s: f64,
    /// That over what the machine can do, in the same round. Embedded: updates of random cache lines in as
    /// much memory. Redis: the pushes of `redis-benchmark -P 64` to full lists of the same server.
    pub of_ceiling: f64,
    /// Memory of an entry of a timeline, in bytes.
    pub entry_bytes: f64,
    /// What a delivery costs at the most followers ([`Parts::users`]) over what it costs at 1,000.
    pub cost_ratio: f64,
}

/// Measures the parts of a store. A cluster's are those of its servers.
pub(crate) async fn measure(store: Store) -> Result<Parts, RunError> {
    match store {
        Store::Embedded => {
            let users = engine::users_that_fit();
            let measured = tokio::task::spawn_blocking(move || engine::measure(users)).await;
            let measured = measured.map_err(Into::into).flatten();
            measured.map_err(|source| RunError::System {
                doing: "measuring the fan-out engine",
                source,
            })
        }
        Store::Redis | Store::RedisCluster => redis::measure().await,
    }
}

/// New posts of an author, to so many of his followers after one of them: what a worker pushes at once.
pub fn chunk(
    author: UserId,
    posts: Range<u64>,
    after: Option<UserId>,
    followers_max: usize,
) -> Vec<Delivery> {
    let delivery = |nth| Delivery {
        post: PostId(nth << 12),
        author,
        after,
        followers_max,
    };
    posts.map(delivery).collect()
}

/// How many timelines posts were pushed to; none where one of them was cold.
pub fn all_pushed(pushed: &[Pushed]) -> Option<u64> {
    let pushed = pushed
        .iter()
        .map(|it| (it.pushed == it.followers).then_some(it.pushed));
    pushed.sum()
}

/// The middle one.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
