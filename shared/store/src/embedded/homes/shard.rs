//! A shard: the home timelines of 4,096 users with neighbouring ids, behind one lock.

use super::slab::{BLOCK_IDS, Slab};

/// Bits of a user's id that tell his place within his shard.
pub(in crate::embedded) const SHARD_BITS: u32 = 12;
/// The part of a user's id that is his place within his shard.
pub(in crate::embedded) const PLACE_MASK: u32 = (1 << SHARD_BITS) - 1;
/// Users of a shard.
pub(super) const SHARD_USERS: usize = 1 << SHARD_BITS;

/// A post on its way, with the part of its id that a push compares.
#[derive(Clone, Copy, Debug)]
pub(in crate::embedded) struct Posted {
    id: u64,
    coarse: u32,
}

impl Posted {
    pub(in crate::embedded) fn new(id: u64) -> Self {
        Self {
            id,
            coarse: coarse(id),
        }
    }
}

/// The upper bits of an id: half a second of posts has the same ones.
fn coarse(id: u64) -> u32 {
    u32::try_from(id >> 21).unwrap_or(u32::MAX)
}

/// What a push needs of a timeline, and nothing else: a million of them are 8 MB and stay in the
/// cache, so that a push misses it once, for the ring.
#[derive(Clone, Copy, Default)]
struct Cursor {
    /// Where in the slab the next id goes. A multiple of [`BLOCK_IDS`] says that there is no room:
    /// the block is full, the ring is empty, or the timeline is cold.
    at: u32,
    /// The coarse part of `Header::from`. An id with the same or a smaller one must be compared in
    /// full.
    floor: u32,
}

/// Where a block's first id lies in the slab.
const fn block_start(block: u32) -> u32 {
    block << BLOCK_IDS.trailing_zeros()
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Cold,
    Warming,
    Warm,
}

/// The rest of a timeline's state.
#[derive(Clone, Copy, Default)]
struct Header {
    /// The smallest id that is kept: one more than the floor, 0 without one. The ring holds every id
    /// from here up, and may hold others, in any order and more than once.
    from: u64,
    /// The largest id that came before the block that is being filled.
    top: u64,
    /// The block that is being filled; it is followed by the oldest one.
    newest: u32,
    /// Grows with each rebuild and each cooling, so that a rebuild knows whether it is still the one.
    generation: u32,
    /// When the timeline was last read, in seconds.
    read_s: u32,
    blocks: u16,
    state: State,
}

/// A copy of a ring's ids from its floor up, as they came.
pub(super) struct Copied {
    pub(super) ids: Vec<u64>,
    /// One more than the floor, 0 without one.
    pub(super) from: u64,
    /// Ids in the ring, with those below the floor.
    pub(super) entries: usize,
}

/// What a shard holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HomeStats {
    /// Timelines that are warm.
    pub warm: u64,
    /// Timelines that are being rebuilt.
    pub warming: u64,
    /// Ids in their rings.
    pub entries: u64,
    /// Bytes of memory.
    pub bytes: u64,
}

pub(super) struct Shard {
    cursors: Box<[Cursor; SHARD_USERS]>,
    headers: Box<[Header; SHARD_USERS]>,
    slab: Slab,
    blocks_max: usize,
}

impl Shard {
    /// A shard of cold timelines that may each grow to `blocks_max` blocks.
    pub(super) fn new(blocks_max: usize) -> Self {
        Self {
            cursors: boxed(),
            headers: boxed(),
            slab: Slab::new(blocks_max * SHARD_USERS),
            blocks_max,
        }
    }

    /// Pushes one post. Returns whether the timeline is warm or warming and now holds it.
    pub(super) fn push(&mut self, user: usize, post: u64) -> bool {
        let mut pushed = [0];
        let item = u32::try_from(user % SHARD_USERS).unwrap_or_default();
        self.push_many(&[item], &[Posted::new(post)], &mut pushed);
        pushed[0] == 1
    }

    /// Pushes many posts. The lower [`SHARD_BITS`] of an item are the user, the upper ones say which
    /// of `posts` he gets; `pushed` counts for each post the timelines that now hold it.
    pub(super) fn push_many(&mut self, items: &[u32], posts: &[Posted], pushed: &mut [u64]) {
        let pushed = &mut pushed[..posts.len()];
        let mut items = items.iter();
        loop {
            // The slab is looked up once here and not once for each item; only a push that needs
            // another block may move it.
            let ids = self.slab.ids_mut();
            let Some(slow) = items.find(|&&item| {
                let post = &posts[(item >> SHARD_BITS) as usize];
                let cursor = &mut self.cursors[item as usize % SHARD_USERS];
                let has_room = !(cursor.at as usize).is_multiple_of(BLOCK_IDS);
                if has_room
                    && post.coarse > cursor.floor
                    && let Some(id) = ids.get_mut(cursor.at as usize)
                {
                    *id = post.id;
                    cursor.at += 1;
                    pushed[(item >> SHARD_BITS) as usize] += 1;
                    return false;
                }
                true
            }) else {
                return;
            };
            let which = (slow >> SHARD_BITS) as usize;
            if self.push_slowly(*slow as usize % SHARD_USERS, posts[which].id) {
                pushed[which] += 1;
            }
        }
    }

    /// A push that needs a block, meets a cold timeline, or has to be compared with the floor.
    fn push_slowly(&mut self, user: usize, post: u64) -> bool {
        let header = &self.headers[user];
        if header.state == State::Cold || post < header.from {
            return false;
        }
        if self.is_full(user) {
            let has_room = if usize::from(header.blocks) < self.blocks_max {
                self.take_block(user)
            } else {
                self.evict(user, post) || self.compact_for(user, post)
            };
            if !has_room {
                return false;
            }
        }
        self.append(user, post);
        true
    }

    /// Adds a block to the ring. Without memory the timeline becomes cold: that is always safe.
    fn take_block(&mut self, user: usize) -> bool {
        let header = &self.headers[user];
        let newest = (header.blocks > 0).then_some(header.newest);
        let Some(block) = self.slab.take(newest) else {
            self.cool(user);
            return false;
        };
        self.begin_block(user, block);
        self.headers[user].blocks += 1;
        true
    }

    /// Makes room in a full ring of the greatest length by letting its oldest block go. `false` where
    /// what arrived first is not what is oldest, because old posts came late (an import) or came
    /// again (repeated jobs): letting it go would raise the floor above much of what else is held.
    fn evict(&mut self, user: usize, post: u64) -> bool {
        let header = &self.headers[user];
        let oldest = self.slab.next(header.newest);
        let evicted_max = self
            .slab
            .block(oldest)
            .iter()
            .fold(0, |max, id| max.max(*id));
        let (mut arrived_min, mut late) = (post, 0);
        for id in self.slab.block(header.newest) {
            arrived_min = arrived_min.min(*id);
            late += usize::from(*id <= header.top);
        }
        // Fan-outs overtake each other, so that some ids are always a little late.
        if arrived_min <= evicted_max || late > BLOCK_IDS / 2 {
            return false;
        }
        self.raise_floor(user, evicted_max);
        self.begin_block(user, oldest);
        true
    }

    /// Makes room in a full ring by compacting it to one block less. `false` when the floor has risen
    /// above the post meanwhile, or there is no memory.
    fn compact_for(&mut self, user: usize, post: u64) -> bool {
        self.compact(user, (self.blocks_max - 1) * BLOCK_IDS)
            && post >= self.headers[user].from
            && (!self.is_full(user) || self.take_block(user))
    }

    /// Sorts a ring, drops what it holds twice and what lies below the floor, and keeps the newest
    /// `ids_max` ids.
    pub(super) fn compact(&mut self, user: usize, ids_max: usize) -> bool {
        if self.headers[user].state == State::Cold {
            return false;
        }
        let mut ids = self.copy(user).ids;
        ids.sort();
        ids.dedup();
        self.refill(user, &ids, ids_max)
    }

    /// Puts the newest `ids_max` of `ids` (oldest first) in place of what the ring holds and raises
    /// the floor to the newest of the others.
    fn refill(&mut self, user: usize, ids: &[u64], ids_max: usize) -> bool {
        self.empty(user);
        let (dropped, kept) = ids.split_at(ids.len().saturating_sub(ids_max));
        if let Some(dropped) = dropped.last() {
            self.raise_floor(user, *dropped);
        }
        for chunk in kept.chunks(BLOCK_IDS) {
            if !self.take_block(user) {
                return false;
            }
            for id in chunk {
                self.append(user, *id);
            }
        }
        true
    }

    fn append(&mut self, user: usize, id: u64) {
        // A block that was begun has room for a first id, whatever its address.
        let cursor = &mut self.cursors[user];
        self.slab.ids_mut()[cursor.at as usize] = id;
        cursor.at += 1;
    }

    /// The ids of a ring from its floor up, as they came.
    pub(super) fn copy(&self, user: usize) -> Copied {
        let header = &self.headers[user];
        let (blocks, entries) = (usize::from(header.blocks), self.entries(user));
        let mut ids = Vec::with_capacity(entries);
        let mut block = header.newest;
        for nth in 0..blocks {
            block = self.slab.next(block);
            let filled = (entries - nth * BLOCK_IDS).min(BLOCK_IDS);
            let of_block = &self.slab.block(block)[..filled];
            ids.extend(of_block.iter().filter(|id| **id >= header.from));
        }
        Copied {
            ids,
            from: header.from,
            entries,
        }
    }

    /// Records a read, and copies the timeline where it is warm.
    pub(super) fn read(&mut self, user: usize, now_s: u32) -> Option<Copied> {
        let header = &mut self.headers[user];
        header.read_s = now_s;
        (header.state == State::Warm).then(|| self.copy(user))
    }

    /// Begins a rebuild and returns its token.
    pub(super) fn begin(&mut self, user: usize, now_s: u32) -> u64 {
        self.cool(user);
        let header = &mut self.headers[user];
        header.state = State::Warming;
        header.read_s = now_s;
        u64::from(header.generation)
    }

    /// Ends a rebuild with these ids, complete from `from` up, unless it is no longer the one.
    pub(super) fn finish(&mut self, user: usize, token: u64, ids: &[u64], from: u64) -> bool {
        let header = &self.headers[user];
        if header.state != State::Warming || u64::from(header.generation) != token {
            return false;
        }
        self.set_from(user, header.from.max(from));
        let Copied {
            ids: mut merged,
            from,
            ..
        } = self.copy(user);
        merged.extend(ids.iter().filter(|id| **id >= from));
        merged.sort();
        merged.dedup();
        if !self.refill(user, &merged, self.blocks_max * BLOCK_IDS) {
            return false;
        }
        self.headers[user].state = State::Warm;
        true
    }

    /// Makes a timeline cold; a rebuild of it can no longer finish.
    pub(super) fn cool(&mut self, user: usize) {
        self.empty(user);
        self.set_from(user, 0);
        let header = &mut self.headers[user];
        header.generation = header.generation.wrapping_add(1);
        header.state = State::Cold;
    }

    /// Makes those timelines cold for which `is_due` says so, given when they were last read, and
    /// returns how many that were.
    pub(super) fn cool_where(&mut self, mut is_due: impl FnMut(u32, usize) -> bool) -> u64 {
        let mut cooled = 0;
        for user in 0..SHARD_USERS {
            let header = &self.headers[user];
            if header.state != State::Cold && is_due(header.read_s, usize::from(header.blocks)) {
                self.cool(user);
                cooled += 1;
            }
        }
        if cooled > 0 {
            self.give_memory_back();
        }
        cooled
    }

    /// When each timeline that is not cold was last read, and its blocks.
    pub(super) fn reads(&self) -> impl Iterator<Item = (u32, usize)> {
        let in_use = self
            .headers
            .iter()
            .filter(|header| header.state != State::Cold);
        in_use.map(|header| (header.read_s, usize::from(header.blocks)))
    }

    /// Moves the rings together when an eighth of the slab's memory is free.
    fn give_memory_back(&mut self) {
        let live = self.slab.live();
        if (self.slab.touched() - live) * 8 < self.slab.touched() {
            return;
        }
        // Without memory for the move everything stays as it is.
        let Ok(mut slab) = Slab::with_room(live, self.blocks_max * SHARD_USERS) else {
            return;
        };
        let (mut headers, mut cursors) = (self.headers.clone(), self.cursors.clone());
        for (header, cursor) in headers.iter_mut().zip(cursors.iter_mut()) {
            let (mut from, mut to) = (header.newest, None);
            for _ in 0..header.blocks {
                from = self.slab.next(from);
                let Some(block) = slab.take(to) else {
                    return;
                };
                slab.block_mut(block).copy_from_slice(self.slab.block(from));
                to = Some(block);
            }
            if let Some(newest) = to {
                let filled = cursor.at - block_start(header.newest);
                header.newest = newest;
                cursor.at = block_start(newest) + filled;
            }
        }
        (self.slab, self.headers, self.cursors) = (slab, headers, cursors);
    }

    /// Whether the ring has no room for one more id without another block.
    fn is_full(&self, user: usize) -> bool {
        (self.cursors[user].at as usize).is_multiple_of(BLOCK_IDS)
    }

    fn entries(&self, user: usize) -> usize {
        let blocks = usize::from(self.headers[user].blocks);
        match self.cursors[user].at as usize % BLOCK_IDS {
            0 => blocks * BLOCK_IDS,
            filled => (blocks - 1) * BLOCK_IDS + filled,
        }
    }

    /// Goes on with a block, when the one before it (if any) is full.
    fn begin_block(&mut self, user: usize, block: u32) {
        let header = &mut self.headers[user];
        if header.blocks > 0 {
            let full = self.slab.block(header.newest);
            header.top = full.iter().fold(header.top, |top, id| top.max(*id));
        }
        header.newest = block;
        self.cursors[user].at = block_start(block);
    }

    fn empty(&mut self, user: usize) {
        let header = &mut self.headers[user];
        if header.blocks > 0 {
            self.slab
                .give_back(header.newest, usize::from(header.blocks));
            (header.blocks, header.top) = (0, 0);
        }
        self.cursors[user].at = 0;
    }

    fn raise_floor(&mut self, user: usize, floor: u64) {
        let from = self.headers[user].from.max(floor.saturating_add(1));
        self.set_from(user, from);
    }

    fn set_from(&mut self, user: usize, from: u64) {
        self.headers[user].from = from;
        self.cursors[user].floor = coarse(from);
    }

    /// What the shard holds.
    pub(super) fn stats(&self) -> HomeStats {
        let mut stats = HomeStats {
            bytes: self.memory_bytes() as u64,
            ..HomeStats::default()
        };
        for (user, header) in self.headers.iter().enumerate() {
            match header.state {
                State::Cold => continue,
                State::Warming => stats.warming += 1,
                State::Warm => stats.warm += 1,
            }
            stats.entries += self.entries(user) as u64;
        }
        stats
    }

    /// Bytes of memory taken.
    pub(super) fn memory_bytes(&self) -> usize {
        SHARD_USERS * (size_of::<Cursor>() + size_of::<Header>()) + self.slab.memory_bytes()
    }
}

/// An array made on the heap, without a way over the stack.
fn boxed<T: Copy + Default>() -> Box<[T; SHARD_USERS]> {
    // The length is the array's, so the conversion holds; `None` would only cost an allocation.
    let slice = vec![T::default(); SHARD_USERS].into_boxed_slice();
    slice
        .try_into()
        .unwrap_or_else(|_| Box::new([T::default(); SHARD_USERS]))
}
