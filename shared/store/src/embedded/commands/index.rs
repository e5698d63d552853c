//! The topic indexes, brought in line with a post by comparing with what they hold of it.

use std::collections::BTreeSet;

use ripple_domain::{PostId, Topic};

use crate::{
    CommitError,
    embedded::{key::Key, record::IndexedRecord, tx::Tx},
};

/// Enters a post under `topics` and takes it from where it was before; the topics whose pages show
/// something else now. What was derived from an older revision than the one in the indexes, or from
/// the same one, changes nothing.
pub(in super::super) fn apply(
    tx: &mut Tx<'_>,
    post: PostId,
    revision: u32,
    topics: Vec<Topic>,
) -> Result<Vec<Topic>, CommitError> {
    let indexed = tx.read::<IndexedRecord>("index entry", &Key::Indexed(post))?;
    let before: BTreeSet<Topic> = match indexed {
        Some(IndexedRecord::V1 {
            revision: known, ..
        }) if known > revision => return Ok(Vec::new()),
        Some(IndexedRecord::V1 {
            revision: known,
            topics: before,
        }) => {
            if known == revision && before == topics {
                return Ok(Vec::new());
            }
            before.into_iter().collect()
        }
        None => BTreeSet::new(),
    };
    let after: BTreeSet<Topic> = topics.iter().cloned().collect();
    for left in before.difference(&after) {
        tx.delete(&Key::Topic(left, post));
    }
    for entered in after.difference(&before) {
        tx.put(&Key::Topic(entered, post), []);
    }
    tx.write(&Key::Indexed(post), &IndexedRecord::V1 { revision, topics })?;
    // A topic in both shows an edited post.
    Ok(before.union(&after).cloned().collect())
}
