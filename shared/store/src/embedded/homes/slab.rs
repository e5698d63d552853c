//! The memory of a shard: the fronts of its timelines, and blocks that are linked into rings.

use std::io;

use memmap2::{MmapMut, MmapOptions};

use super::{
    front::{BLOCK_LINES, LAST, Line, first_line},
    shard::SHARD_USERS,
};

/// Bytes of a block.
pub(super) const BLOCK_BYTES: usize = BLOCK_LINES * LINE_BYTES;

const LINE_BYTES: usize = size_of::<Line>();
const FRONT_BYTES: usize = SHARD_USERS * LINE_BYTES;
/// A huge page, and what a shard may take without one.
const SMALL_BYTES: usize = 2 << 20;
const SMALL_BLOCKS: usize = (SMALL_BYTES - FRONT_BYTES) / BLOCK_BYTES;
const NONE: u32 = u32::MAX;

/// The fronts of all users of the shard in one piece, and behind them blocks of one size, so that a
/// freed block serves whoever needs one next and nothing fragments.
///
/// All is address space for as much as there may ever be; memory is taken as it is touched. A slab
/// that has grown to 2 MB moves once, to where the system gives huge pages if it has any: with small
/// ones every push to a large store would miss the TLB.
pub(super) struct Slab {
    map: Option<MmapMut>,
    /// Blocks that were ever taken.
    touched: usize,
    /// The first of the blocks that were given back. They are linked like rings.
    free: u32,
    /// Blocks in rings.
    live: usize,
    blocks_max: usize,
}

impl Slab {
    /// An empty slab; it takes no memory before it is opened.
    pub(super) const fn new(blocks_max: usize) -> Self {
        Self {
            map: None,
            touched: 0,
            free: NONE,
            live: 0,
            blocks_max,
        }
    }

    /// Makes sure that there are fronts and room for `blocks` blocks.
    pub(super) fn open(&mut self, blocks: usize) -> io::Result<()> {
        if self.map.is_some() && blocks <= self.rings().len() / BLOCK_LINES {
            return Ok(());
        }
        let is_small = blocks <= SMALL_BLOCKS;
        let blocks = if is_small {
            SMALL_BLOCKS.min(self.blocks_max)
        } else {
            self.blocks_max
        };
        let mut map = MmapOptions::new()
            .len(FRONT_BYTES + blocks * BLOCK_BYTES)
            .no_reserve_swap()
            .map_anon()?;
        #[cfg(target_os = "linux")]
        if !is_small {
            // A kernel without huge pages refuses; small ones only cost time.
            let _ = map.advise(memmap2::Advice::HugePage);
        }
        if let Some(old) = &self.map {
            let used = FRONT_BYTES + self.touched * BLOCK_BYTES;
            map[..used].copy_from_slice(&old[..used]);
        }
        self.map = Some(map);
        Ok(())
    }

    /// The fronts by their users' places and the lines of all blocks. `None` while all is cold.
    pub(super) fn parts_mut(&mut self) -> Option<(&mut [Line; SHARD_USERS], &mut [Line])> {
        // A mapping begins on a page and is a whole number of lines long, so the cast holds.
        let lines: &mut [Line] = bytemuck::cast_slice_mut(self.map.as_deref_mut()?);
        lines.split_first_chunk_mut()
    }

    /// The fronts by their users' places. `None` while all is cold.
    pub(super) fn fronts(&self) -> Option<&[Line; SHARD_USERS]> {
        self.lines().first_chunk()
    }

    /// The lines of all blocks: those of block `b` begin at `b * BLOCK_LINES`.
    pub(super) fn rings(&self) -> &[Line] {
        self.lines().get(SHARD_USERS..).unwrap_or(&[])
    }

    fn lines(&self) -> &[Line] {
        self.map.as_deref().map_or(&[], bytemuck::cast_slice)
    }

    /// The lines of one block.
    pub(super) fn block(&self, block: u32) -> &[Line] {
        let start = first_line(block) as usize;
        &self.rings()[start..start + BLOCK_LINES]
    }

    /// Writes the lines of one block.
    pub(super) fn copy_block(&mut self, block: u32, lines: &[Line]) {
        if let Some((_, rings)) = self.parts_mut() {
            rings[first_line(block) as usize..][..BLOCK_LINES].copy_from_slice(lines);
        }
    }

    /// The block that a block's last word links to: the next one of its ring.
    pub(super) fn next(&self, block: u32) -> u32 {
        link_in(self.rings()[first_line(block) as usize])
    }

    /// Links a block to the next one.
    pub(super) fn link(&mut self, block: u32, next: u32) {
        if let Some((_, rings)) = self.parts_mut() {
            rings[first_line(block) as usize][LAST] = u64::from(next);
        }
    }

    /// Takes a block. `None` when there is no memory.
    pub(super) fn take(&mut self) -> Option<u32> {
        let block = if self.free == NONE {
            let block = u32::try_from(self.touched).ok()?;
            if self.touched == self.blocks_max {
                return None;
            }
            self.open(self.touched + 1).ok()?;
            self.touched += 1;
            block
        } else {
            let block = self.free;
            self.free = self.next(block);
            block
        };
        self.live += 1;
        Some(block)
    }

    /// Gives a ring of `blocks` blocks back: `newest` and all from `oldest` on that lead to it.
    pub(super) fn give_back(&mut self, oldest: u32, newest: u32, blocks: usize) {
        self.link(newest, self.free);
        self.free = oldest;
        self.live -= blocks;
    }

    /// Blocks in rings.
    pub(super) const fn live(&self) -> usize {
        self.live
    }

    /// Blocks that were ever taken, and so have memory.
    pub(super) const fn touched(&self) -> usize {
        self.touched
    }

    /// Bytes of memory taken.
    pub(super) fn memory_bytes(&self) -> usize {
        let Some(map) = &self.map else {
            return 0;
        };
        let touched = FRONT_BYTES + self.touched * BLOCK_BYTES;
        if map.len() <= SMALL_BYTES {
            touched
        } else {
            touched.next_multiple_of(SMALL_BYTES).min(map.len())
        }
    }
}

fn link_in(line: Line) -> u32 {
    u32::try_from(line[LAST]).unwrap_or(NONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_that_were_given_back_are_taken_first() {
        let mut slab = Slab::new(8);
        let ring: Vec<_> = (0..3).map(|_| slab.take().unwrap()).collect();
        for (block, next) in ring.iter().zip(ring.iter().cycle().skip(1)) {
            slab.link(*block, *next);
        }
        assert_eq!((slab.live(), slab.next(ring[2])), (3, ring[0]));
        slab.give_back(ring[0], ring[2], 3);
        assert_eq!((slab.live(), slab.touched()), (0, 3));
        let again: Vec<_> = (0..8).map(|_| slab.take().unwrap()).collect();
        assert_eq!(again[..3], ring);
        assert_eq!((slab.take(), slab.touched()), (None, 8));
    }

    #[test]
    fn what_is_held_stays_when_the_slab_grows() {
        let mut slab = Slab::new(20_000);
        assert_eq!(slab.memory_bytes(), 0);
        slab.open(0).unwrap();
        slab.parts_mut().unwrap().0[77][0] = 7;
        for block in 0..20_000_u32 {
            assert_eq!(slab.take(), Some(block));
            slab.link(block, block + 1);
        }
        assert!((0..20_000).all(|block| slab.next(block) == block + 1));
        assert_eq!(slab.fronts().unwrap()[77][0], 7);
        assert!(slab.memory_bytes() <= 20_000 * BLOCK_BYTES + FRONT_BYTES + SMALL_BYTES);
    }
}
