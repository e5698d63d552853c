//! Making timelines cold: all, those not read for long, and the least recently read when memory is
//! short.

use ripple_domain::Timestamp;

use super::{HomeTimelines, lock, seconds, slab::BLOCK_BYTES};

/// Steps into which the times of the last reads are divided.
const STEPS: u32 = 1_024;

impl HomeTimelines {
    /// Makes every timeline cold. Returns how many were not.
    pub fn cool_all(&self) -> u64 {
        self.cool_where(|_, _| true)
    }

    /// Makes those timelines cold that were last read before `read_before`, rebuilds that
    /// never finished among them. Returns how many.
    pub fn cool_idle(&self, read_before: Timestamp) -> u64 {
        let read_before_s = seconds(read_before);
        self.cool_where(|read_s, _| read_s < read_before_s)
    }

    /// When more than `bytes_max` of memory are taken, makes the least recently read timelines cold
    /// until about seven eighths of that are, so that this is not to be done again at once. Returns
    /// how many.
    pub fn cool_until(&self, bytes_max: u64) -> u64 {
        let bytes_max = usize::try_from(bytes_max).unwrap_or(usize::MAX);
        let bytes = self.memory_bytes();
        if bytes <= bytes_max {
            return 0;
        }
        let mut due = (bytes - bytes_max / 8 * 7).div_ceil(BLOCK_BYTES);

        let (mut oldest_s, mut newest_s) = (u32::MAX, 0);
        self.each_read(|read_s, _| {
            oldest_s = oldest_s.min(read_s);
            newest_s = newest_s.max(read_s);
        });
        let step_s = newest_s.saturating_sub(oldest_s) / STEPS + 1;
        // Timelines may be read between the two walks, and then come last.
        let step_of =
            |read_s: u32| (read_s.saturating_sub(oldest_s) / step_s).min(STEPS - 1) as usize;
        let mut blocks_of_step = [0; STEPS as usize];
        self.each_read(|read_s, blocks| blocks_of_step[step_of(read_s)] += blocks);

        let mut last_step = 0;
        while last_step + 1 < blocks_of_step.len() && blocks_of_step[last_step] < due {
            due -= blocks_of_step[last_step];
            last_step += 1;
        }
        // The last step may hold most of the timelines (everybody came a moment ago): it is gone
        // through only as far as is needed.
        self.cool_where(|read_s, blocks| {
            let step = step_of(read_s);
            let is_due = step < last_step || (step == last_step && due > 0);
            if step == last_step {
                due = due.saturating_sub(blocks);
            }
            is_due
        })
    }

    fn each_read(&self, mut each: impl FnMut(u32, usize)) {
        for (_, shard) in self.shards.iter() {
            lock(shard)
                .reads()
                .for_each(|(read_s, blocks)| each(read_s, blocks));
        }
    }

    fn cool_where(&self, mut is_due: impl FnMut(u32, usize) -> bool) -> u64 {
        let shards = self.shards.iter();
        shards
            .map(|(_, shard)| lock(shard).cool_where(&mut is_due))
            .sum()
    }
}
