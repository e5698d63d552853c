//! The memory of a shard's rings: blocks of post ids, linked into rings.

use std::io;

use memmap2::{MmapMut, MmapOptions};

/// Ids of one block. A block is four cache lines: small enough that a short timeline wastes little,
/// large enough that taking the next one costs nothing per push. As a power of two it lets a push
/// see from the address alone whether the block is full.
pub(super) const BLOCK_IDS: usize = 32;

/// Bytes of a block with its link.
pub(super) const BLOCK_BYTES: usize = BLOCK_IDS * size_of::<u64>() + size_of::<u32>();

/// A shard with more blocks than this (1 MB) moves to huge pages.
const SMALL_BLOCKS_MAX: usize = 4_096;
const FIRST_BLOCKS: usize = 64;
const NONE: u32 = u32::MAX;

#[cfg(target_os = "linux")]
const HUGE_PAGE_BYTES: usize = 2 << 20;
#[cfg(not(target_os = "linux"))]
const HUGE_PAGE_BYTES: usize = 4 << 10;

/// Blocks of one size, so that a freed one serves whoever needs one next and nothing fragments.
///
/// While it is small it doubles by copying. Past a megabyte it moves once more, into an area of
/// address space for all that it may ever hold; memory is taken as the area is touched, in huge
/// pages where there are any: with small ones every push to a large store would miss the TLB.
pub(super) struct Slab {
    map: Option<MmapMut>,
    /// For a block in a ring the next one of the ring, for a free one the next free one.
    next: Vec<u32>,
    free: u32,
    live: usize,
    blocks_max: usize,
}

impl Slab {
    /// An empty slab; it takes no memory before the first block is taken.
    pub(super) fn new(blocks_max: usize) -> Self {
        Self {
            map: None,
            next: Vec::new(),
            free: NONE,
            live: 0,
            blocks_max,
        }
    }

    /// An empty slab with address space for `blocks` blocks at once.
    pub(super) fn with_room(blocks: usize, blocks_max: usize) -> io::Result<Self> {
        let mut slab = Self::new(blocks_max);
        if blocks > 0 {
            slab.make_room(blocks)?;
        }
        Ok(slab)
    }

    /// All ids: those of block `b` begin at `b * BLOCK_IDS`.
    pub(super) fn ids(&self) -> &[u64] {
        // A mapping begins on a page and is a whole number of blocks long, so the cast holds.
        self.map.as_deref().map_or(&[], bytemuck::cast_slice)
    }

    /// All ids, to be changed.
    pub(super) fn ids_mut(&mut self) -> &mut [u64] {
        self.map
            .as_deref_mut()
            .map_or(&mut [], bytemuck::cast_slice_mut)
    }

    /// The ids of one block.
    pub(super) fn block(&self, block: u32) -> &[u64] {
        let start = block as usize * BLOCK_IDS;
        &self.ids()[start..start + BLOCK_IDS]
    }

    /// The ids of one block, to be changed.
    pub(super) fn block_mut(&mut self, block: u32) -> &mut [u64] {
        let start = block as usize * BLOCK_IDS;
        &mut self.ids_mut()[start..start + BLOCK_IDS]
    }

    /// The block that follows in the ring.
    pub(super) fn next(&self, block: u32) -> u32 {
        self.next[block as usize]
    }

    /// Takes a block and puts it into the ring behind `newest`, or makes it a ring of one. `None`
    /// when the system gives no memory.
    pub(super) fn take(&mut self, newest: Option<u32>) -> Option<u32> {
        let block = if self.free == NONE {
            let block = self.next.len();
            if block * BLOCK_IDS == self.ids().len() {
                self.grow().ok()?;
            }
            self.next.push(NONE);
            u32::try_from(block).ok()?
        } else {
            let block = self.free;
            self.free = self.next[block as usize];
            block
        };
        self.live += 1;
        self.next[block as usize] = match newest {
            Some(newest) => std::mem::replace(&mut self.next[newest as usize], block),
            None => block,
        };
        Some(block)
    }

    /// Gives a whole ring of `blocks` blocks back.
    pub(super) fn give_back(&mut self, newest: u32, blocks: usize) {
        let oldest = std::mem::replace(&mut self.next[newest as usize], self.free);
        self.free = oldest;
        self.live -= blocks;
    }

    /// Blocks in rings.
    pub(super) const fn live(&self) -> usize {
        self.live
    }

    /// Blocks that have been touched and so have memory.
    pub(super) const fn touched(&self) -> usize {
        self.next.len()
    }

    /// Bytes of memory taken.
    pub(super) fn memory_bytes(&self) -> usize {
        let mapped = self.map.as_ref().map_or(0, |map| map.len());
        let touched = self.touched() * BLOCK_IDS * size_of::<u64>();
        let pages = if self.is_small() {
            mapped
        } else {
            touched.next_multiple_of(HUGE_PAGE_BYTES).min(mapped)
        };
        pages + self.next.capacity() * size_of::<u32>()
    }

    fn is_small(&self) -> bool {
        self.ids().len() <= SMALL_BLOCKS_MAX * BLOCK_IDS
    }

    fn grow(&mut self) -> io::Result<()> {
        let blocks = self.ids().len() / BLOCK_IDS;
        if blocks >= self.blocks_max {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        self.make_room((blocks * 2).max(FIRST_BLOCKS))
    }

    fn make_room(&mut self, blocks: usize) -> io::Result<()> {
        let is_large = blocks > SMALL_BLOCKS_MAX;
        let blocks = if is_large { self.blocks_max } else { blocks };
        let bytes = blocks.min(self.blocks_max) * BLOCK_IDS * size_of::<u64>();
        let mut map = MmapOptions::new().len(bytes).no_reserve_swap().map_anon()?;
        #[cfg(target_os = "linux")]
        if is_large {
            // A kernel without huge pages refuses; small ones only cost time.
            let _ = map.advise(memmap2::Advice::HugePage);
        }
        if let Some(old) = &self.map {
            map[..old.len()].copy_from_slice(old);
        }
        self.map = Some(map);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_grows_behind_its_newest_block() {
        let mut slab = Slab::new(8);
        let first = slab.take(None).unwrap();
        assert_eq!(slab.next(first), first);
        let second = slab.take(Some(first)).unwrap();
        let third = slab.take(Some(second)).unwrap();
        assert_eq!(
            [first, second, third].map(|block| slab.next(block)),
            [second, third, first]
        );
        assert_eq!(slab.live(), 3);
        slab.give_back(third, 3);
        assert_eq!((slab.live(), slab.touched()), (0, 3));
        for _ in 0..8 {
            assert!(slab.take(None).is_some());
        }
        assert_eq!((slab.take(None), slab.touched()), (None, 8));
    }

    #[test]
    fn what_is_held_stays_when_the_slab_grows() {
        let mut slab = Slab::new(20_000);
        assert_eq!(slab.memory_bytes(), 0);
        for block in 0..20_000_u32 {
            assert_eq!(slab.take(None), Some(block));
            slab.ids_mut()[block as usize * BLOCK_IDS] = u64::from(block) + 1;
        }
        for block in 0..20_000_u32 {
            assert_eq!(slab.block(block)[0], u64::from(block) + 1);
        }
        assert!(slab.memory_bytes() < 20_000 * BLOCK_BYTES * 3 / 2);
    }
}
