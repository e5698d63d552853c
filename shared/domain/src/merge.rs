//! Merging of timelines.

use std::{cmp::Reverse, collections::BinaryHeap};

use crate::{Direction, PostId};

/// Merges timelines that are each sorted in `direction` into one, without duplicates, up to `limit`
/// ids. A source is read no further than the merge needs, so sources may be lazy and endless.
pub fn merge<S>(sources: Vec<S>, direction: Direction, limit: usize) -> Vec<PostId>
where
    S: Iterator<Item = PostId>,
{
    match direction {
        Direction::NewestFirst => merge_by(sources, limit, |id| id),
        Direction::OldestFirst => merge_by(sources, limit, Reverse),
    }
}

fn merge_by<S, K>(mut sources: Vec<S>, limit: usize, key: impl Fn(PostId) -> K) -> Vec<PostId>
where
    S: Iterator<Item = PostId>,
    K: Ord,
{
    let mut heads: BinaryHeap<(K, usize, PostId)> = BinaryHeap::with_capacity(sources.len());
    let mut merged = Vec::with_capacity(limit.min(1_024));
    for (index, source) in sources.iter_mut().enumerate() {
        heads.extend(source.next().map(|id| (key(id), index, id)));
    }
    while merged.len() < limit
        && let Some((_, index, id)) = heads.pop()
    {
        heads.extend(sources[index].next().map(|next| (key(next), index, next)));
        if merged.last() != Some(&id) {
            merged.push(id);
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_merge_is_the_sorted_union(
            timelines in prop::collection::vec(prop::collection::btree_set(0_u64..200, 0..50), 0..8),
            limit in 0_usize..100,
        ) {
            let union: BTreeSet<u64> = timelines.iter().flatten().copied().collect();
            let newest: Vec<_> = union.iter().rev().take(limit).copied().map(PostId).collect();
            let oldest: Vec<_> = union.iter().take(limit).copied().map(PostId).collect();

            let sources = timelines.iter().map(|ids| ids.iter().rev().copied().map(PostId));
            prop_assert_eq!(merge(sources.collect(), Direction::NewestFirst, limit), newest);
            let sources = timelines.iter().map(|ids| ids.iter().copied().map(PostId));
            prop_assert_eq!(merge(sources.collect(), Direction::OldestFirst, limit), oldest);
        }
    }
}
