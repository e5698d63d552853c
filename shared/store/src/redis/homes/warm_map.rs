//! Who has a home timeline.

use ripple_domain::{PARTITIONS, UserId};

use crate::StoreError;
use crate::redis::{
    RedisStore,
    error::store_error,
    key::{Key, partitions},
    link::{by_partition, decode},
};

const LOOKING: &str = "looking for warm home timelines";

/// Who has a timeline, warm or warming: a bitmap for each partition.
pub(super) struct WarmMap(Vec<Vec<u8>>);

impl WarmMap {
    pub(super) fn holds(&self, user: UserId) -> bool {
        let bit = user.0 / u32::from(PARTITIONS);
        let bits = &self.0[usize::from(user.partition())];
        // Redis counts bits from the left.
        bits.get(bit as usize / 8)
            .is_some_and(|byte| byte & (0x80 >> (bit % 8)) != 0)
    }
}

impl RedisStore {
    pub(super) async fn warm_map(&self) -> Result<WarmMap, StoreError> {
        let all = by_partition(partitions().map(|p| (p, p)), |commands, partition| {
            commands.add("GET", &Key::WarmMap(partition), &[] as &[&str]);
        });
        let answers = self.link.send_all(&all).await;
        let answers = answers.map_err(store_error(LOOKING))?;
        let bits = answers.into_iter().flatten().map(|answer| {
            let bits: Option<Vec<u8>> = decode(answer)?;
            Ok(bits.unwrap_or_default())
        });
        let bits: Result<_, _> = bits.collect();
        bits.map(WarmMap).map_err(store_error(LOOKING))
    }
}
