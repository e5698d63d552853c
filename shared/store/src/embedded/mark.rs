//! The high-water mark: the number of the newest commit group that is on disk, kept apart from the
//! journal.
//!
//! fjall cuts its journal at the first thing it cannot read. That is right for the half-written end
//! that a crash leaves, and silent loss when the damage lies in the middle. The mark tells the two
//! apart: it is written after a group's fsync has returned, so it never runs ahead of what is
//! durable, and a store that comes back behind it has lost what was acknowledged.

use std::{fs::File, io, os::unix::fs::FileExt, path::Path};

/// The file has two slots of a number and its checksum, written in turn, so that a power cut in the
/// middle of a write leaves the other one.
const SLOT_BYTES: usize = 12;

#[derive(Debug)]
pub(super) struct HighWaterMark {
    file: File,
    /// The slot that holds the older number, or a torn one: the next write goes there.
    older: u64,
    written: u64,
    synced: u64,
}

impl HighWaterMark {
    /// Opens or creates the mark, and reads it: 0 where nothing was ever committed.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        let mut bytes = [0; 2 * SLOT_BYTES];
        let mut len = 0;
        while len < bytes.len() {
            match file.read_at(&mut bytes[len..], len as u64)? {
                0 => break,
                n => len += n,
            }
        }
        let (first, second) = bytes.split_at(SLOT_BYTES);
        let (first, second) = (read_slot(first), read_slot(second));
        let written = first.max(second).unwrap_or(0);
        Ok(Self {
            file,
            older: u64::from(first > second),
            written,
            synced: written,
        })
    }

    /// The newest group known to be on disk.
    pub(super) fn number(&self) -> u64 {
        self.written
    }

    /// Says that the group `number` is on disk. Survives the end of the process at once, and a power
    /// cut from the next [`HighWaterMark::sync`] on.
    pub(super) fn advance(&mut self, number: u64) -> io::Result<()> {
        let bytes = number.to_be_bytes();
        let mut slot = [0; SLOT_BYTES];
        slot[..8].copy_from_slice(&bytes);
        slot[8..].copy_from_slice(&crc32fast::hash(&bytes).to_be_bytes());
        self.file
            .write_all_at(&slot, self.older * SLOT_BYTES as u64)?;
        self.older = 1 - self.older;
        self.written = number;
        Ok(())
    }

    /// Puts the mark on disk.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        if self.synced != self.written {
            self.file.sync_data()?;
            self.synced = self.written;
        }
        Ok(())
    }
}

fn read_slot(slot: &[u8]) -> Option<u64> {
    let (number, sum) = slot.split_first_chunk::<8>()?;
    (crc32fast::hash(number).to_be_bytes() == sum).then(|| u64::from_be_bytes(*number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_survives_a_torn_write_of_the_next_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mark");
        let mut mark = HighWaterMark::open(&path).unwrap();
        assert_eq!(mark.number(), 0);
        mark.advance(41).unwrap();
        mark.advance(42).unwrap();
        mark.sync().unwrap();
        assert_eq!(HighWaterMark::open(&path).unwrap().number(), 42);

        // Lazy groups have numbers too, so that those of the marks may all be even.
        mark.advance(44).unwrap();
        mark.advance(46).unwrap();
        mark.file
            .write_all_at(&[7; 5], mark.older * SLOT_BYTES as u64)
            .unwrap();
        let mut mark = HighWaterMark::open(&path).unwrap();
        assert_eq!(mark.number(), 46);
        mark.advance(47).unwrap();
        let newest = (1 - mark.older) * SLOT_BYTES as u64;
        mark.file.write_all_at(&[7; 5], newest).unwrap();
        assert_eq!(HighWaterMark::open(&path).unwrap().number(), 46);
    }
}
