//! The numbers of commit groups, and what they prove when a store is opened.
//!
//! Every group carries its number as a record of its own. All records live in one keyspace, which
//! is flushed as a whole, so a group that was lost with a damaged part of the journal has lost its
//! number too: a gap in the numbers, or an end before the high-water mark, is a loss.

use std::ops::RangeInclusive;

use fjall::Keyspace;

use super::key::{Key, prefix, trailing_u64};
use crate::StoreError;

/// Numbers kept. Journals are bounded to [`super::open::JOURNAL_BYTES_MAX`]; even groups of a few
/// hundred bytes each are covered, and reading the numbers at the start takes a tenth of a second.
pub(super) const NUMBERS_KEPT: u64 = 1 << 18;

/// What the recovered numbers say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Recovered {
    /// The newest group; 0 in a new store.
    pub(super) newest: u64,
    /// Groups that are missing below it.
    pub(super) missing: Vec<RangeInclusive<u64>>,
}

/// Reads the numbers of a store that has just been opened. Groups up to `acknowledged` were on disk.
pub(super) fn recover(keyspace: &Keyspace, acknowledged: u64) -> Result<Recovered, StoreError> {
    let mut found = Vec::new();
    for entry in keyspace.prefix(prefix::SEQUENCE) {
        let (key, value) = entry
            .into_inner()
            .map_err(|e| StoreError::read("commit numbers", e))?;
        let number = trailing_u64(&key).ok_or(StoreError::Corrupt {
            what: "commit number",
        })?;
        if *value != checksum(number) {
            return Err(StoreError::Corrupt {
                what: "commit number",
            });
        }
        found.push(number);
    }
    Ok(find_missing(&found, acknowledged))
}

/// Finds what is missing among the numbers, which are sorted. The newest [`NUMBERS_KEPT`] must be
/// there: each group removes the one that falls out of them.
fn find_missing(found: &[u64], acknowledged: u64) -> Recovered {
    let newest = found.last().copied().unwrap_or(0).max(acknowledged);
    let mut missing = Vec::new();
    let mut expected = (newest + 1).saturating_sub(NUMBERS_KEPT).max(1);
    for number in found.iter().copied().chain([newest + 1]) {
        if number > expected {
            missing.push(expected..=number - 1);
        }
        expected = expected.max(number + 1);
    }
    Recovered { newest, missing }
}

/// The value of a number's record.
pub(super) fn checksum(number: u64) -> [u8; 4] {
    crc32fast::hash(&Key::Sequence(number).bytes()).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_anywhere_is_found() {
        let missing = |found: &[u64], acknowledged| find_missing(found, acknowledged).missing;
        assert!(missing(&[], 0).is_empty());
        assert!(missing(&[1, 2, 3], 2).is_empty());
        assert_eq!(missing(&[1, 2, 3], 5), [4..=5]);
        assert_eq!(missing(&[], 5), [1..=5]);
        assert_eq!(missing(&[3, 4], 0), [1..=2]);
        assert_eq!(missing(&[1, 4, 7], 7), [2..=3, 5..=6]);
        assert!(missing(&(2..=NUMBERS_KEPT + 1).collect::<Vec<_>>(), 0).is_empty());
    }
}
