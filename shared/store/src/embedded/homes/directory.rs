//! A table that grows without moving what it holds.

use std::sync::{
    OnceLock,
    atomic::{AtomicUsize, Ordering},
};

/// Entries made together, so that an empty table is a small array of empty pages.
const PAGE_ENTRIES: usize = 1_024;

type Page<T> = Box<[OnceLock<Box<T>>]>;

/// A table from small numbers to values that are made when first asked for and then stay in place.
///
/// A look-up takes no lock and growing stops nobody: both go through [`OnceLock`]s, of which each
/// is written once. (A lock around a growing array would be one cache line that every push of every
/// thread writes to.)
pub(in crate::embedded) struct Directory<T> {
    pages: Box<[OnceLock<Page<T>>]>,
    len: AtomicUsize,
}

impl<T> Directory<T> {
    /// An empty table with room for `entries_max` entries.
    pub(in crate::embedded) fn new(entries_max: usize) -> Self {
        Self {
            pages: empty(entries_max.div_ceil(PAGE_ENTRIES)),
            len: AtomicUsize::new(0),
        }
    }

    /// One more than the largest index that was made. Who sees an entry's effects sees it counted.
    pub(in crate::embedded) fn len(&self) -> usize {
        self.len.load(Ordering::Acquire)
    }

    /// The entry, where it was made.
    pub(in crate::embedded) fn get(&self, index: usize) -> Option<&T> {
        let page = self.pages.get(index / PAGE_ENTRIES)?.get()?;
        page[index % PAGE_ENTRIES].get().map(Box::as_ref)
    }

    /// The entry, made now where it was not. `index` must lie below the table's room.
    pub(in crate::embedded) fn get_or_make(&self, index: usize, make: impl FnOnce() -> T) -> &T {
        let page = self.pages[index / PAGE_ENTRIES].get_or_init(|| empty(PAGE_ENTRIES));
        let entry = page[index % PAGE_ENTRIES].get_or_init(|| Box::new(make()));
        self.len.fetch_max(index + 1, Ordering::AcqRel);
        entry
    }

    /// All entries that were made, with their indexes.
    pub(in crate::embedded) fn iter(&self) -> impl Iterator<Item = (usize, &T)> {
        (0..self.len()).filter_map(|index| Some((index, self.get(index)?)))
    }
}

fn empty<T>(entries: usize) -> Box<[OnceLock<T>]> {
    (0..entries).map(|_| OnceLock::new()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_made_once_and_stay() {
        let directory = Directory::new(1 << 20);
        assert_eq!((directory.len(), directory.get(5)), (0, None));
        assert_eq!(*directory.get_or_make(5_000, || 1), 1);
        assert_eq!(*directory.get_or_make(3, || 2), 2);
        assert_eq!(*directory.get_or_make(5_000, || 3), 1);
        assert_eq!(directory.len(), 5_001);
        assert_eq!(directory.get(4), None);
        assert_eq!(directory.iter().collect::<Vec<_>>(), [(3, &2), (5_000, &1)]);
    }
}
