//! Figures of Ripple's parts that nobody sees from outside: how fast home timelines are written beside what
//! the machine can do at all, and what an entry of one takes.

pub mod engine;
pub mod redis;

use crate::{deployment::Store, run::RunError};

/// Rounds of each measurement; the median counts.
pub(crate) const ROUNDS: usize = 5;

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

/// The middle one.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
