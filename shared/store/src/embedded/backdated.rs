//! Where the free ids of a time in the past begin.

use std::collections::HashMap;

use ripple_domain::{Partition, PostId, Timestamp};

/// Times remembered (some 4 MB); when there are more, all are forgotten.
const TIMES_MAX: usize = 1 << 16;

/// Remembers for the times of imported posts which ids were taken last, so that many posts of one
/// time (a file that gives no more than the day, say) are not each compared with all before them.
/// What is not remembered has to be looked up, and is as right.
#[derive(Debug, Default)]
pub(super) struct BackdatedIds(HashMap<(Timestamp, Partition), PostId>);

impl BackdatedIds {
    /// An id below which none of this time is free.
    pub(super) fn first_perhaps_free(
        &self,
        time: Timestamp,
        partition: Partition,
    ) -> Option<PostId> {
        match self.0.get(&(time, partition)) {
            Some(taken) => taken.successor(),
            None => PostId::compose(time, partition, 0),
        }
    }

    /// Says that the ids of this time are taken up to and with `id`.
    pub(super) fn taken(&mut self, time: Timestamp, id: PostId) {
        let partition = id.partition();
        // Most times have one post: that one is found again as fast.
        if PostId::compose(time, partition, 0) == Some(id) {
            return;
        }
        if self.0.len() >= TIMES_MAX {
            self.0.clear();
        }
        self.0.insert((time, partition), id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_goes_on_where_it_ended() {
        let time = Timestamp::from_ms(1_700_000_000_000);
        let mut ids = BackdatedIds::default();
        let first = PostId::compose(time, 7, 0).unwrap();
        ids.taken(time, first);
        assert_eq!(ids.first_perhaps_free(time, 7), Some(first));

        let last = PostId::compose(time, 7, 63).unwrap();
        ids.taken(time, last);
        let next_ms = PostId::compose(time.plus_ms(1), 7, 0);
        assert_eq!(ids.first_perhaps_free(time, 7), next_ms);
        assert_eq!(ids.first_perhaps_free(time, 8), PostId::compose(time, 8, 0));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut ids = BackdatedIds::default();
        for ms in 0..100_000 {
            let time = Timestamp::from_ms(1_700_000_000_000 + ms);
            ids.taken(time, PostId::compose(time, 0, 1).unwrap());
        }
        assert!(ids.0.len() <= TIMES_MAX);
    }
}
