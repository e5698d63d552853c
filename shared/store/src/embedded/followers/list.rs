//! One author's followers.

/// Ids of a block. An insertion moves at most this many, however long the list.
const BLOCK_MAX: usize = 2_048;
/// A block that has shrunk below this is joined with its neighbour where both fit.
const BLOCK_MIN: usize = 512;
/// A block grows by this many ids, so that little of it is empty.
const BLOCK_STEP: usize = 128;

/// Ids in ascending order, in one block or in several.
#[derive(Debug)]
pub(super) enum List {
    /// All in one block, as in most lists.
    Short(Vec<u32>),
    /// Two blocks or more, none of them empty.
    Long(Box<Blocks>),
}

#[derive(Debug)]
pub(super) struct Blocks {
    blocks: Vec<Vec<u32>>,
    len: usize,
}

impl Default for List {
    fn default() -> Self {
        Self::Short(Vec::new())
    }
}

impl List {
    /// Enters an id; `false` where it was there.
    pub(super) fn insert(&mut self, id: u32) -> bool {
        let (block, place) = self.find(id);
        let Err(place) = place else {
            return false;
        };
        match self {
            Self::Short(ids) if ids.len() < BLOCK_MAX => insert_at(ids, place, id),
            Self::Short(ids) => {
                let len = ids.len() + 1;
                let mut blocks = vec![std::mem::take(ids)];
                insert_into(&mut blocks, block, place, id);
                *self = Self::Long(Box::new(Blocks { blocks, len }));
            }
            Self::Long(long) => {
                long.len += 1;
                insert_into(&mut long.blocks, block, place, id);
            }
        }
        true
    }

    /// Removes an id; `false` where it was not there.
    pub(super) fn remove(&mut self, id: u32) -> bool {
        let (block, place) = self.find(id);
        let Ok(place) = place else {
            return false;
        };
        match self {
            Self::Short(ids) => {
                ids.remove(place);
                if ids.len() * 2 < ids.capacity() {
                    ids.shrink_to_fit();
                }
            }
            Self::Long(long) => {
                long.len -= 1;
                long.blocks[block].remove(place);
                join(&mut long.blocks, block);
                if long.blocks.len() == 1 {
                    *self = Self::Short(long.blocks.pop().unwrap_or_default());
                }
            }
        }
        true
    }

    /// Enters ids, fast where they ascend and the list is empty. Returns how many were new.
    pub(super) fn extend(&mut self, ids: &[u32]) -> usize {
        if self.len() > 0 || !ids.is_sorted_by(|a, b| a < b) {
            return ids.iter().filter(|id| self.insert(**id)).count();
        }
        *self = if ids.len() <= BLOCK_MAX {
            Self::Short(ids.to_vec())
        } else {
            Self::Long(Box::new(Blocks {
                blocks: ids.chunks(BLOCK_MAX).map(<[u32]>::to_vec).collect(),
                len: ids.len(),
            }))
        };
        ids.len()
    }

    pub(super) fn contains(&self, id: u32) -> bool {
        self.find(id).1.is_ok()
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Short(ids) => ids.len(),
            Self::Long(long) => long.len,
        }
    }

    /// The ids below `before`, in descending order.
    pub(super) fn below(&self, before: Option<u32>) -> impl Iterator<Item = u32> {
        let (block, place) = match before {
            None => (self.blocks().len(), 0),
            Some(id) => {
                let (block, place) = self.find(id);
                (block, place.unwrap_or_else(|place| place))
            }
        };
        let rest = self
            .blocks()
            .get(block)
            .map_or(&[][..], |ids| &ids[..place]);
        let whole = self.blocks()[..block].iter().rev();
        let earlier = whole.flat_map(|ids| ids.iter().rev());
        rest.iter().rev().chain(earlier).copied()
    }

    /// Hands up to `ids_max` ids (at least one) above `after` to `each`, in pieces and in ascending
    /// order, and returns the last of them where there are more.
    pub(super) fn chunk(
        &self,
        after: Option<u32>,
        ids_max: usize,
        mut each: impl FnMut(&[u32]),
    ) -> Option<u32> {
        let (first, mut place) = match after {
            None => (0, 0),
            Some(id) => match self.find(id) {
                (block, Ok(place)) => (block, place + 1),
                (block, Err(place)) => (block, place),
            },
        };
        let (mut rest, mut last) = (ids_max.max(1), None);
        for ids in &self.blocks()[first..] {
            let ids = &ids[place..];
            place = 0;
            if ids.is_empty() {
                continue;
            }
            if rest == 0 {
                return last;
            }
            let piece = &ids[..ids.len().min(rest)];
            each(piece);
            rest -= piece.len();
            last = piece.last().copied();
            if piece.len() < ids.len() {
                return last;
            }
        }
        None
    }

    /// Bytes of memory taken, the list itself among them.
    pub(super) fn memory_bytes(&self) -> usize {
        let ids: usize = self.blocks().iter().map(|ids| ids.capacity() * 4).sum();
        let blocks = match self {
            Self::Short(_) => 0,
            Self::Long(long) => {
                size_of::<Blocks>() + long.blocks.capacity() * size_of::<Vec<u32>>()
            }
        };
        size_of::<Self>() + blocks + ids
    }

    fn blocks(&self) -> &[Vec<u32>] {
        match self {
            Self::Short(ids) => std::slice::from_ref(ids),
            Self::Long(long) => &long.blocks,
        }
    }

    /// The block where an id is or belongs, and its place there.
    fn find(&self, id: u32) -> (usize, Result<usize, usize>) {
        let blocks = self.blocks();
        let starts_by = |ids: &Vec<u32>| ids.first().is_none_or(|first| *first <= id);
        let block = blocks.partition_point(starts_by).saturating_sub(1);
        (block, blocks[block].binary_search(&id))
    }
}

fn insert_into(blocks: &mut Vec<Vec<u32>>, block: usize, place: usize, id: u32) {
    let is_last = block + 1 == blocks.len();
    let ids = &mut blocks[block];
    if ids.len() < BLOCK_MAX {
        insert_at(ids, place, id);
    } else if place == ids.len() && is_last {
        // New users have the highest ids: what grows at its end fills its blocks.
        blocks.push(vec![id]);
    } else {
        let mut upper = ids.split_off(BLOCK_MAX / 2);
        ids.shrink_to_fit();
        match place.checked_sub(ids.len()) {
            Some(place) => insert_at(&mut upper, place, id),
            None => insert_at(ids, place, id),
        }
        blocks.insert(block + 1, upper);
    }
}

fn insert_at(ids: &mut Vec<u32>, place: usize, id: u32) {
    if ids.len() == ids.capacity() {
        let step = (ids.len() / 8).clamp(4, BLOCK_STEP);
        ids.reserve_exact(step);
    }
    ids.insert(place, id);
}

/// Joins a block that has become small with a neighbour where both fit.
fn join(blocks: &mut Vec<Vec<u32>>, block: usize) {
    if blocks[block].len() >= BLOCK_MIN {
        return;
    }
    let left = block.saturating_sub(1);
    let joins = |left: usize| {
        let right = blocks.get(left + 1)?;
        let len = blocks[left].len() + right.len();
        (len <= BLOCK_MAX * 3 / 4 || right.is_empty() || blocks[left].is_empty()).then_some(left)
    };
    if let Some(left) = joins(left).or_else(|| joins(block)) {
        let right = blocks.remove(left + 1);
        blocks[left].extend_from_slice(&right);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Insert(u32),
        Remove(u32),
        /// Inserts this many ids one after the other, upwards or downwards.
        Run(u32, u32, bool),
        RemoveRun(u32, u32),
    }

    fn step() -> impl Strategy<Value = Step> {
        let id = 0_u32..40_000;
        prop_oneof![
            4 => id.clone().prop_map(Step::Insert),
            4 => id.clone().prop_map(Step::Remove),
            2 => (id.clone(), 1_u32..5_000, any::<bool>()).prop_map(|(from, n, up)| Step::Run(from, n, up)),
            1 => (id, 1_u32..5_000).prop_map(|(from, n)| Step::RemoveRun(from, n)),
        ]
    }

    fn apply(list: &mut List, model: &mut BTreeSet<u32>, step: Step) {
        match step {
            Step::Insert(id) => assert_eq!(list.insert(id), model.insert(id)),
            Step::Remove(id) => assert_eq!(list.remove(id), model.remove(&id)),
            Step::Run(from, n, up) => {
                let step_by = |i| if up { from + i } else { from + n - i };
                for id in (0..n).map(step_by) {
                    assert_eq!(list.insert(id), model.insert(id));
                }
            }
            Step::RemoveRun(from, n) => {
                for id in from..from + n {
                    assert_eq!(list.remove(id), model.remove(&id));
                }
            }
        }
    }

    fn check(list: &List, model: &BTreeSet<u32>, cursor: u32, limit: usize) {
        assert_eq!(list.len(), model.len());
        assert_eq!(list.contains(cursor), model.contains(&cursor));
        if let List::Long(long) = list {
            assert!(long.blocks.len() > 1);
            let fits = |ids: &Vec<u32>| (1..=BLOCK_MAX).contains(&ids.len());
            assert!(long.blocks.iter().all(fits));
        }
        let below: Vec<_> = list.below(Some(cursor)).take(limit).collect();
        assert!(below.iter().eq(model.range(..cursor).rev().take(limit)));
        assert!(list.below(None).eq(model.iter().rev().copied()));

        let mut chunk = Vec::new();
        let next = list.chunk(Some(cursor), limit, |ids| chunk.extend_from_slice(ids));
        let mut above = model.range(cursor + 1..).copied();
        assert!(above.by_ref().take(limit).eq(chunk.iter().copied()));
        assert_eq!(next, above.next().and(chunk.last().copied()));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_list_is_a_sorted_set(
            start in prop::collection::btree_set(0_u32..40_000, 0..5_000),
            steps in prop::collection::vec((step(), 0_u32..45_000, 1_usize..4_000), 1..20),
        ) {
            let (mut list, mut model) = (List::default(), start);
            let ids: Vec<_> = model.iter().copied().collect();
            prop_assert_eq!(list.extend(&ids), ids.len());
            for (step, cursor, limit) in steps {
                apply(&mut list, &mut model, step);
                check(&list, &model, cursor, limit);
            }
        }

        #[test]
        fn who_stays_is_handed_out_exactly_once_whatever_happens_between_chunks(
            start in prop::collection::btree_set(0_u32..40_000, 0..10_000),
            between in prop::collection::vec((step(), 1_usize..3_000), 1..30),
        ) {
            let (mut list, mut model) = (List::default(), start.clone());
            list.extend(&start.iter().copied().collect::<Vec<_>>());
            let (mut stayed, mut seen) = (start, Vec::new());
            let mut after = None;
            for (step, limit) in between.into_iter().cycle() {
                after = list.chunk(after, limit, |ids| seen.extend_from_slice(ids));
                if after.is_none() {
                    break;
                }
                apply(&mut list, &mut model, step);
                stayed.retain(|id| model.contains(id));
            }
            prop_assert!(seen.is_sorted_by(|a, b| a < b));
            let seen: BTreeSet<u32> = seen.into_iter().collect();
            prop_assert!(stayed.is_subset(&seen));
        }
    }

    #[test]
    fn a_long_list_takes_five_bytes_an_entry() {
        let mut list = List::default();
        // Odd multiples of a prime visit every number below 2^20 once, in no order.
        for i in 0..1_u32 << 20 {
            assert!(list.insert(i.wrapping_mul(0x9E37_79B1) & ((1 << 20) - 1)));
        }
        let bytes = list.memory_bytes();
        assert!(bytes < 5 << 20, "{bytes} bytes for a million entries");
        for i in 0..1_u32 << 20 {
            assert!(list.remove(i));
        }
        assert!(list.memory_bytes() < 100, "{}", list.memory_bytes());
    }
}
