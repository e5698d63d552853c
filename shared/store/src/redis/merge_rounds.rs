//! The first ids of many ordered sources, read in rounds: a little from each, then more from those that
//! can still matter.

use ripple_domain::{Direction, PostId, Window, merge::merge};

/// The least that is read of a source at a time.
const IDS_MIN: usize = 16;

/// Sources on their way to one merged list.
pub(super) struct MergeRounds {
    window: Window,
    limit: usize,
    sources: Vec<Source>,
}

#[derive(Default)]
struct Source {
    /// The first ids of the source in the window, in its order.
    ids: Vec<PostId>,
    /// There are no others.
    is_done: bool,
}

/// A part of a source to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// The source's place.
    pub(super) source: usize,
    /// The smallest and the largest id, both included.
    pub(super) bounds: (PostId, PostId),
    /// How many ids at most.
    pub(super) limit: usize,
}

impl MergeRounds {
    /// The first `limit` ids that `sources` sources have in `window`.
    pub(super) fn new(sources: usize, window: Window, limit: usize) -> Self {
        Self {
            window,
            limit,
            sources: (0..sources).map(|_| Source::default()).collect(),
        }
    }

    /// What has to be read next; nothing when the answer is known.
    pub(super) fn next(&self) -> Vec<Part> {
        let Some(bounds) = self.window.bounds() else {
            return Vec::new();
        };
        if self.limit == 0 {
            return Vec::new();
        }
        let last_wanted = self.last_wanted();
        let open = self.sources.iter().enumerate().filter(|(_, source)| {
            !source.is_done
                && match (source.ids.last(), last_wanted) {
                    (Some(read), Some(wanted)) => self.is_before(*read, wanted),
                    _ => true,
                }
        });
        let open: Vec<_> = open.collect();
        let share = (2 * self.limit / open.len().max(1)).max(IDS_MIN);
        let part = |(source, known): (usize, &Source)| {
            let bounds = match known.ids.last() {
                Some(last) => self.window.beyond(*last).bounds()?,
                None => bounds,
            };
            // Each further part is as long as all before it.
            let limit = share.max(known.ids.len()).min(self.limit);
            Some(Part {
                source,
                bounds,
                limit,
            })
        };
        open.into_iter().filter_map(part).collect()
    }

    /// Enters what was read of a part.
    pub(super) fn enter(&mut self, part: Part, ids: impl IntoIterator<Item = PostId>) {
        let source = &mut self.sources[part.source];
        let known = source.ids.len();
        source.ids.extend(ids);
        let is_end = source.ids.len() - known < part.limit;
        source.is_done = is_end || source.ids.len() >= self.limit;
    }

    /// The first ids of all sources, without duplicates.
    pub(super) fn finish(self) -> Vec<PostId> {
        let sources = self
            .sources
            .into_iter()
            .map(|source| source.ids.into_iter());
        merge(sources.collect(), self.window.direction, self.limit)
    }

    /// The last of the first `limit` ids that are known; `None` where fewer are.
    fn last_wanted(&self) -> Option<PostId> {
        let mut ids: Vec<PostId> = self
            .sources
            .iter()
            .flat_map(|source| &source.ids)
            .copied()
            .collect();
        if ids.len() < self.limit {
            return None;
        }
        let (_, last, _) =
            ids.select_nth_unstable_by(self.limit - 1, |a, b| match self.window.direction {
                Direction::NewestFirst => b.cmp(a),
                Direction::OldestFirst => a.cmp(b),
            });
        Some(*last)
    }

    fn is_before(&self, a: PostId, b: PostId) -> bool {
        match self.window.direction {
            Direction::NewestFirst => a > b,
            Direction::OldestFirst => a < b,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_read_in_rounds_is_what_a_sort_of_all_gives(
            sources in prop::collection::vec(prop::collection::btree_set(1_u64..2_000, 0..120), 0..8),
            before in prop::option::of(0_u64..2_000),
            after in prop::option::of(0_u64..2_000),
            upwards: bool,
            limit in 0_usize..300,
        ) {
            let direction = if upwards { Direction::OldestFirst } else { Direction::NewestFirst };
            let window = Window { before: before.map(PostId), after: after.map(PostId), direction };
            // No two sources share an id, as no two authors and no two partitions do.
            let sources: Vec<BTreeSet<u64>> = (0_u64..)
                .zip(sources)
                .map(|(number, ids)| ids.into_iter().map(|id| id * 8 + number).collect())
                .collect();
            let mut rounds = MergeRounds::new(sources.len(), window, limit);
            loop {
                let parts = rounds.next();
                if parts.is_empty() {
                    break;
                }
                for part in parts {
                    let (low, high) = part.bounds;
                    let ids = sources[part.source].range(low.0..=high.0).copied().map(PostId);
                    let mut ids: Vec<PostId> = ids.collect();
                    if !upwards {
                        ids.reverse();
                    }
                    ids.truncate(part.limit);
                    rounds.enter(part, ids);
                }
            }
            let all = sources.iter().flatten().copied().map(PostId);
            let mut expected: Vec<PostId> = all.filter(|id| window.contains(*id)).collect();
            expected.sort_unstable();
            if !upwards {
                expected.reverse();
            }
            expected.truncate(limit);
            prop_assert_eq!(rounds.finish(), expected);
        }
    }
}
