//! The fan-out engine.
use super::{FollowerLists, HomeTimelines};
use crate::{Delivery, Pushed};

/// The fan-out engine.
#[derive(Default)]
pub struct FanOut;

#[expect(missing_docs, reason = "replaced by the engine")]
impl FanOut {
    pub fn new() -> Self {
        Self
    }
    pub fn push(
        &self,
        homes: &HomeTimelines,
        followers: &FollowerLists,
        deliveries: &[Delivery],
    ) -> Vec<Pushed> {
        let push = |delivery: &Delivery| {
            let max = delivery.followers_max;
            let mut chunk = followers.chunk(delivery.author, delivery.after, max + 1);
            let more = chunk.len() > max;
            chunk.truncate(max);
            let pushed = chunk
                .iter()
                .filter(|user| homes.push(**user, delivery.post))
                .count();
            Pushed {
                followers: chunk.len() as u64,
                pushed: pushed as u64,
                next: chunk.last().copied().filter(|_| more),
            }
        };
        deliveries.iter().map(push).collect()
    }
}
