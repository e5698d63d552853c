//! Pushing: what every push does, what one in seven does besides, what one in 28 does besides that,
//! and what is done about disorder.
//!
//! The work is memory: a front misses the cache, a line of a ring does, and an eviction does three
//! times in a row. So it is done in rounds over many items, in each of which no miss waits for
//! another one. That alone makes it twice as fast as one item after the other.

use super::{
    super::front::{self, BLOCK_IDS, Head, LAST, LINE_IDS, Posted, coarse, first_line, ids},
    PLACE_MASK, SHARD_BITS, Shard, State,
};

/// An item that needs a look at more than the front.
pub(in crate::embedded) struct Slow {
    item: u32,
    /// The block that is to be evicted.
    oldest: Option<u32>,
}

/// Items that are worked on together: their fronts, 16 KB, stay in the first-level cache.
const GROUP_ITEMS: usize = 256;

impl Shard {
    /// Pushes many posts. The lower [`SHARD_BITS`] of an item are the user, the upper ones say which
    /// of `posts` he gets. Takes one off `pushed` of the post for each timeline that does not hold it
    /// now. `slow` is only lent.
    pub(in super::super) fn push_many(
        &mut self,
        items: &[u32],
        posts: &[Posted],
        pushed: &mut [u64],
        slow: &mut Vec<Slow>,
    ) {
        slow.clear();
        let Some((fronts, rings)) = self.slab.parts_mut() else {
            for item in items {
                pushed[which(*item)] -= 1;
            }
            return;
        };
        for items in items.chunks(GROUP_ITEMS) {
            let heads = items.iter().map(|item| fronts[place(*item)][LAST]);
            std::hint::black_box(heads.fold(0, |seen, head| seen | head));
            for item in items {
                let front = &mut fronts[place(*item)];
                if !front::push_in_room(front, &posts[which(*item)]) {
                    slow.push(Slow {
                        item: *item,
                        oldest: None,
                    });
                }
            }
        }
        slow.retain(|Slow { item, .. }| {
            let front = &mut fronts[place(*item)];
            if front::push(front, rings, &posts[which(*item)]) {
                return false;
            }
            let is_cold = Head::of(front) == Head::COLD;
            pushed[which(*item)] -= u64::from(is_cold);
            !is_cold
        });
        self.touch(slow);
        for Slow { item, .. } in slow {
            if !self.push(place(*item), &posts[which(*item)]) {
                pushed[which(*item)] -= 1;
            }
        }
    }

    /// Brings into the cache what slow pushes will look at: headers, and the blocks that they name.
    fn touch(&self, slow: &mut [Slow]) {
        for Slow { item, oldest } in &mut *slow {
            let header = &self.headers[place(*item)];
            let is_long = usize::from(header.blocks) == self.blocks_max;
            *oldest = is_long.then_some(header.oldest);
        }
        let oldest = slow.iter().filter_map(|slow| slow.oldest);
        let lines = oldest.flat_map(|block| self.slab.block(block));
        std::hint::black_box(lines.fold(0, |seen, line| seen | line[0]));
    }

    /// Pushes one post. Returns whether the timeline is warm or warming and now holds it.
    pub(in super::super) fn push(&mut self, user: usize, post: &Posted) -> bool {
        let Some(header) = self.headers.get(user) else {
            return false;
        };
        if header.state == State::Cold || post.id < header.from {
            return false;
        }
        let is_long = usize::from(header.blocks) == self.blocks_max;
        if self.make_room(user) {
            self.append(user, post.id);
            return true;
        }
        let has_room = if is_long {
            self.evict(user, post.id) || self.compact_for(user, post.id)
        } else {
            self.take_block(user)
        };
        if has_room {
            self.append(user, post.id);
        }
        has_room
    }

    /// Empties a full front where the block that is being filled has room for its ids.
    fn make_room(&mut self, user: usize) -> bool {
        let Some((fronts, rings)) = self.slab.parts_mut() else {
            return false;
        };
        let front = &mut fronts[user];
        let head = Head::of(front);
        if head.room() == 0 && head.line() != 0 {
            front::flush(front, &mut rings[head.line() as usize]);
        }
        Head::of(front).room() > 0
    }

    /// Puts an id into a front that has room.
    fn append(&mut self, user: usize, id: u64) {
        if let Some((fronts, _)) = self.slab.parts_mut() {
            front::append(&mut fronts[user], id);
        }
    }

    /// Adds a block to the ring and moves the ids of the full front there. Without memory the
    /// timeline becomes cold: that is always safe.
    fn take_block(&mut self, user: usize) -> bool {
        let Some(block) = self.slab.take() else {
            self.cool(user);
            return false;
        };
        let header = &mut self.headers[user];
        if header.blocks == 0 {
            self.slab.link(block, block);
        } else {
            self.slab.link(header.newest, block);
            self.slab.link(block, header.oldest);
        }
        header.blocks += 1;
        self.begin_block(user, block);
        true
    }

    /// Lets the oldest block of a ring of the greatest length go and moves the ids of the full front
    /// there. `false` where what came first is not what is oldest, because old posts came late (an
    /// import) or came again (repeated jobs): letting it go would raise the floor above much of what
    /// else is held.
    fn evict(&mut self, user: usize, post: u64) -> bool {
        let header = &self.headers[user];
        let Some(front) = self.front(user) else {
            return false;
        };
        let oldest = header.oldest;
        let evicted = self.slab.block(oldest).iter();
        let evicted_max = evicted
            .flat_map(|line| &line[..LINE_IDS])
            .fold(0, |max, id| max.max(*id));
        let arrived_min = ids(front).iter().fold(post, |min, id| min.min(*id));
        let is_late = |id: &&u64| coarse(**id) < header.top;
        // Fan-outs overtake each other, so that some ids are always a little late.
        if arrived_min <= evicted_max || ids(front).iter().filter(is_late).count() > LINE_IDS / 2 {
            return false;
        }
        self.raise_from(user, evicted_max.saturating_add(1));
        self.begin_block(user, oldest);
        true
    }

    /// Goes on with a block of the ring: moves the ids of the full front to its first line.
    fn begin_block(&mut self, user: usize, block: u32) {
        let oldest = self.slab.next(block);
        let Some((fronts, rings)) = self.slab.parts_mut() else {
            return;
        };
        let (front, header) = (&mut fronts[user], &mut self.headers[user]);
        (header.newest, header.oldest) = (block, oldest);
        header.top = ids(front)
            .iter()
            .fold(header.top, |top, id| top.max(coarse(*id)));
        let line = first_line(block);
        let ring = &mut rings[line as usize];
        ring[..LAST].copy_from_slice(&front[..LAST]);
        Head::new(header.from, line + 1).put(front);
    }

    /// Makes room in a full ring by compacting it. `false` when the floor has risen above the post
    /// meanwhile, or there is no memory.
    fn compact_for(&mut self, user: usize, post: u64) -> bool {
        self.compact(user, self.ids_max() - BLOCK_IDS)
            && post >= self.headers[user].from
            && (self.make_room(user) || self.take_block(user))
    }

    /// Sorts what a timeline holds, drops what it holds twice and what lies below the floor, and
    /// keeps the newest `ids_max` ids.
    pub(in super::super) fn compact(&mut self, user: usize, ids_max: usize) -> bool {
        if self
            .headers
            .get(user)
            .is_none_or(|header| header.state == State::Cold)
        {
            return false;
        }
        let mut ids = self.copy(user).ids;
        ids.sort();
        ids.dedup();
        self.refill(user, &ids, ids_max)
    }

    /// Puts the newest `ids_max` of `ids` (oldest first) in place of what a timeline holds and raises
    /// the floor to the newest of the others.
    pub(super) fn refill(&mut self, user: usize, ids: &[u64], ids_max: usize) -> bool {
        self.empty(user);
        let (dropped, kept) = ids.split_at(ids.len().saturating_sub(ids_max));
        if let Some(dropped) = dropped.last() {
            self.raise_from(user, dropped.saturating_add(1));
        }
        for id in kept {
            if !self.make_room(user) && !self.take_block(user) {
                return false;
            }
            self.append(user, *id);
        }
        true
    }
}

/// The place of an item's user in the shard.
const fn place(item: u32) -> usize {
    (item & PLACE_MASK) as usize
}

/// Which post an item's user gets.
const fn which(item: u32) -> usize {
    (item >> SHARD_BITS) as usize
}
