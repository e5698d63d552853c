//! Reading runs of records: author timelines, topic pages, inboxes, logs.

use std::ops::Bound;

use fjall::{Keyspace, Slice};
use ripple_domain::{Direction, PostId, UserId, Window};

use super::key::{Key, trailing_u64};
use crate::StoreError;

/// The ids at the end of the keys that `key` makes, in a window and in its order.
pub(super) fn ids<K: Fn(PostId) -> Slice>(
    keyspace: &Keyspace,
    key: K,
    window: Window,
) -> impl Iterator<Item = Result<PostId, StoreError>> + use<K> {
    let bounds = window.bounds().map(|(low, high)| (key(low), key(high)));
    let mut range = bounds.map(|(low, high)| keyspace.range::<Slice, _>(low..=high));
    std::iter::from_fn(move || {
        let range = range.as_mut()?;
        let entry = match window.direction {
            Direction::NewestFirst => range.next_back(),
            Direction::OldestFirst => range.next(),
        }?;
        let key = entry.key().map_err(|e| StoreError::read("a timeline", e));
        Some(key.and_then(|key| {
            trailing_u64(&key).map(PostId).ok_or(StoreError::Corrupt {
                what: "timeline entry",
            })
        }))
    })
}

/// Timelines that are open at the same time: each takes one or two kilobytes.
const AUTHORS_OPEN_MAX: usize = 1_024;

/// The ids of several authors' posts, merged.
pub(super) fn posts_of(
    keyspace: &Keyspace,
    authors: &[UserId],
    mut window: Window,
    limit: usize,
) -> Result<Vec<PostId>, StoreError> {
    let mut merged = Vec::new();
    for authors in authors.chunks(AUTHORS_OPEN_MAX) {
        let posted = posts_of_some(keyspace, authors, window, limit)?;
        let both = vec![merged.into_iter(), posted.into_iter()];
        merged = ripple_domain::merge::merge(both, window.direction, limit);
        // Nothing beyond the last of a full page is asked of the other authors.
        let last = merged.last().filter(|_| merged.len() == limit);
        match window.direction {
            Direction::NewestFirst => window.after = last.copied().or(window.after),
            Direction::OldestFirst => window.before = last.copied().or(window.before),
        }
    }
    Ok(merged)
}

fn posts_of_some(
    keyspace: &Keyspace,
    authors: &[UserId],
    window: Window,
    limit: usize,
) -> Result<Vec<PostId>, StoreError> {
    let mut failure = None;
    let failed = std::cell::RefCell::new(&mut failure);
    let sources = authors.iter().map(|author| {
        let ids = ids(keyspace, |id| Key::Author(*author, id).bytes(), window);
        // The merge takes plain ids: a source that fails ends, and the failure is kept aside.
        ids.map_while(|id| id.map_err(|error| **failed.borrow_mut() = Some(error)).ok())
    });
    let merged = ripple_domain::merge::merge(sources.collect(), window.direction, limit);
    match failure {
        Some(error) => Err(error),
        None => Ok(merged),
    }
}

/// The records from `first` to `last`, both included, after `after`.
pub(super) fn range(
    keyspace: &Keyspace,
    after: Option<Slice>,
    first: Slice,
    last: Slice,
) -> fjall::Iter {
    let low = match after {
        Some(after) if after >= first => Bound::Excluded(after),
        _ => Bound::Included(first),
    };
    keyspace.range::<Slice, _>((low, Bound::Included(last)))
}
