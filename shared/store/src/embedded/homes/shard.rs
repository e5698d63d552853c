//! A shard: the home timelines of 16,384 users with neighbouring ids, behind one lock.

use super::{
    front::{BLOCK_IDS, Head, LINE_IDS, Line, first_line, ids, lines_written},
    slab::Slab,
};

mod push;

pub(in crate::embedded) use push::Slow;

/// Bits of a user's id that tell his place within his shard.
pub(in crate::embedded) const SHARD_BITS: u32 = 14;
/// The part of a user's id that is his place within his shard.
pub(in crate::embedded) const PLACE_MASK: u32 = (1 << SHARD_BITS) - 1;
/// Users of a shard.
pub(super) const SHARD_USERS: usize = 1 << SHARD_BITS;

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Cold,
    Warming,
    Warm,
}

/// What of a timeline's state only some pushes need. The rest is its [`Head`].
#[derive(Clone, Copy, Default)]
#[repr(align(32))]
struct Header {
    /// The smallest id that is kept: one more than the floor, 0 without one. Front and ring hold
    /// every id from here up, and may hold others, in any order and more than once.
    from: u64,
    /// The coarse part of about the largest id that came before the block that is being filled.
    top: u32,
    /// The block that is being filled.
    newest: u32,
    /// The block that it links to, the oldest one.
    oldest: u32,
    /// Grows with each rebuild and each cooling, so that a rebuild knows whether it is still the one.
    generation: u32,
    /// When the timeline was last read, in seconds.
    read_s: u32,
    blocks: u16,
    state: State,
}

/// A copy of a timeline's ids from its floor up, about in the order in which they came.
pub(super) struct Copied {
    pub(super) ids: Vec<u64>,
    /// One more than the floor, 0 without one.
    pub(super) from: u64,
    /// Ids that are held, with those below the floor.
    pub(super) entries: usize,
}

/// What home timelines hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HomeStats {
    /// Timelines that are warm.
    pub warm: u64,
    /// Timelines that are being rebuilt.
    pub warming: u64,
    /// Ids that they hold.
    pub entries: u64,
    /// Bytes of memory.
    pub bytes: u64,
}

pub(super) struct Shard {
    /// By the users' places; those past the end are cold.
    headers: Vec<Header>,
    slab: Slab,
    blocks_max: usize,
}

impl Shard {
    /// A shard of cold timelines whose rings may each grow to `blocks_max` blocks.
    pub(super) fn new(blocks_max: usize) -> Self {
        Self {
            headers: Vec::new(),
            slab: Slab::new(blocks_max * SHARD_USERS),
            blocks_max,
        }
    }

    /// Records a read, and copies the timeline where it is warm.
    pub(super) fn read(&mut self, user: usize, now_s: u32) -> Option<Copied> {
        let header = self.headers.get_mut(user)?;
        header.read_s = now_s;
        (header.state == State::Warm).then(|| self.copy(user))
    }

    /// Begins a rebuild and returns its token. Without memory the timeline stays cold, and the
    /// rebuild will not finish.
    pub(super) fn begin(&mut self, user: usize, now_s: u32) -> u64 {
        if user >= self.headers.len() {
            let len = (user + 1).next_power_of_two();
            self.headers.resize(len, Header::default());
        }
        self.cool(user);
        let has_memory = self.slab.open(0).is_ok();
        let header = &mut self.headers[user];
        header.read_s = now_s;
        if has_memory {
            header.state = State::Warming;
            let generation = header.generation;
            self.set_head(user, Head::new(0, 0));
            return u64::from(generation);
        }
        u64::MAX
    }

    /// Ends a rebuild with these ids, complete from `from` up, unless it is no longer the one.
    pub(super) fn finish(&mut self, user: usize, token: u64, ids: &[u64], from: u64) -> bool {
        let Some(header) = self.headers.get(user) else {
            return false;
        };
        if header.state != State::Warming || u64::from(header.generation) != token {
            return false;
        }
        self.raise_from(user, from);
        let Copied {
            ids: mut merged,
            from,
            ..
        } = self.copy(user);
        merged.extend(ids.iter().filter(|id| **id >= from));
        merged.sort();
        merged.dedup();
        if !self.refill(user, &merged, self.ids_max()) {
            return false;
        }
        self.headers[user].state = State::Warm;
        true
    }

    /// Makes a timeline cold; a rebuild of it can no longer finish.
    pub(super) fn cool(&mut self, user: usize) {
        if user >= self.headers.len() {
            return;
        }
        self.empty(user);
        if self.headers[user].state != State::Cold {
            self.set_head(user, Head::COLD);
        }
        let header = &mut self.headers[user];
        header.from = 0;
        header.generation = header.generation.wrapping_add(1);
        header.state = State::Cold;
    }

    /// Makes those timelines cold for which `is_due` says so, given when they were last read and how
    /// many blocks they have, and returns how many that were.
    pub(super) fn cool_where(&mut self, mut is_due: impl FnMut(u32, usize) -> bool) -> u64 {
        let mut cooled = 0;
        for user in 0..self.headers.len() {
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

    /// Moves everything together when an eighth of the memory is free.
    fn give_memory_back(&mut self) {
        let blocks_max = self.blocks_max * SHARD_USERS;
        if self.reads().next().is_none() {
            self.slab = Slab::new(blocks_max);
            return;
        }
        let (live, touched) = (self.slab.live(), self.slab.touched());
        if (touched - live) * 8 <= touched {
            return;
        }
        // Without memory for the move everything stays as it is.
        let mut slab = Slab::new(blocks_max);
        if slab.open(live).is_ok()
            && let Some(headers) = self.move_to(&mut slab)
        {
            (self.slab, self.headers) = (slab, headers);
        }
    }

    /// Copies fronts and rings to another slab, and returns the headers that are right there.
    fn move_to(&self, slab: &mut Slab) -> Option<Vec<Header>> {
        let mut headers = self.headers.clone();
        let fronts = self.slab.fronts()?;
        for (user, header) in headers.iter_mut().enumerate() {
            let mut front = fronts[user];
            if header.state == State::Cold {
                continue;
            }
            if header.blocks > 0 {
                let ring = (0..header.blocks).map(|_| slab.take());
                let ring = ring.collect::<Option<Vec<u32>>>()?;
                let mut from = header.newest;
                for (nth, to) in ring.iter().enumerate() {
                    from = self.slab.next(from);
                    slab.copy_block(*to, self.slab.block(from));
                    slab.link(*to, ring[(nth + 1) % ring.len()]);
                }
                (header.oldest, header.newest) = (*ring.first()?, *ring.last()?);
                let head = Head::of(&front);
                if head.line() > 0 {
                    let line = first_line(header.newest) + lines_written(&front);
                    head.with_line(line).put(&mut front);
                }
            }
            slab.parts_mut()?.0[user] = front;
        }
        Some(headers)
    }

    /// The ids that are held from the floor up, about in the order in which they came.
    fn copy(&self, user: usize) -> Copied {
        let header = &self.headers[user];
        let mut ids = Vec::with_capacity(self.entries(user));
        let mut entries = 0;
        self.each_line(user, |line| {
            entries += line.len();
            ids.extend(line.iter().filter(|id| **id >= header.from));
        });
        Copied {
            ids,
            from: header.from,
            entries,
        }
    }

    /// The ids of a timeline, piece by piece, about in the order in which they came.
    fn each_line(&self, user: usize, mut each: impl FnMut(&[u64])) {
        let header = &self.headers[user];
        let Some(front) = self.front(user) else {
            return;
        };
        if header.blocks > 0 {
            let mut block = header.oldest;
            while block != header.newest {
                let lines = self.slab.block(block).iter();
                lines.for_each(|line| each(&line[..LINE_IDS]));
                block = self.slab.next(block);
            }
            let written = &self.slab.block(block)[..lines_written(front) as usize];
            written.iter().for_each(|line| each(&line[..LINE_IDS]));
        }
        each(ids(front));
    }

    fn entries(&self, user: usize) -> usize {
        let header = &self.headers[user];
        let Some(front) = self.front(user).filter(|_| header.state != State::Cold) else {
            return 0;
        };
        let blocks = usize::from(header.blocks);
        let in_ring = match blocks {
            0 => 0,
            _ => (blocks - 1) * BLOCK_IDS + lines_written(front) as usize * LINE_IDS,
        };
        in_ring + ids(front).len()
    }

    /// Ids that a timeline may hold.
    pub(super) const fn ids_max(&self) -> usize {
        LINE_IDS + self.blocks_max * BLOCK_IDS
    }

    /// Takes away all ids.
    fn empty(&mut self, user: usize) {
        let header = &mut self.headers[user];
        if header.blocks > 0 {
            let blocks = usize::from(header.blocks);
            self.slab.give_back(header.oldest, header.newest, blocks);
            (header.blocks, header.top) = (0, 0);
        }
        if header.state != State::Cold {
            let head = Head::new(header.from, 0);
            self.set_head(user, head);
        }
    }

    /// Raises the floor so that `from` is the smallest id that is kept.
    fn raise_from(&mut self, user: usize, from: u64) {
        let header = &mut self.headers[user];
        header.from = header.from.max(from);
        let from = header.from;
        if let Some(head) = self.front(user).map(Head::of) {
            self.set_head(user, head.with_from(from));
        }
    }

    fn front(&self, user: usize) -> Option<&Line> {
        Some(&self.slab.fronts()?[user])
    }

    fn set_head(&mut self, user: usize, head: Head) {
        if let Some((fronts, _)) = self.slab.parts_mut() {
            head.put(&mut fronts[user]);
        }
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
        self.headers.capacity() * size_of::<Header>() + self.slab.memory_bytes()
    }
}
