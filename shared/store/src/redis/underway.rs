//! The commits of this process that are under way: a tier is not complete beyond the time at which they
//! are accepted, though their jobs are not in the queue yet.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use ripple_domain::Timestamp;

use crate::Clock;

/// The commits that are under way.
#[derive(Default)]
pub(super) struct Underway(Mutex<BTreeMap<Timestamp, usize>>);

/// A commit that is under way until this is dropped.
pub(super) struct UnderwayCommit<'a> {
    all: &'a Underway,
    /// When it is accepted.
    pub(super) accepted_at: Timestamp,
}

impl Underway {
    /// Begins a commit: it is accepted now.
    pub(super) fn begin(&self, clock: &Clock) -> UnderwayCommit<'_> {
        let mut commits = self.commits();
        let accepted_at = clock.now();
        *commits.entry(accepted_at).or_default() += 1;
        UnderwayCommit {
            all: self,
            accepted_at,
        }
    }

    /// When the oldest of them was accepted. One that begins after this is accepted later than whatever
    /// the clock said before this.
    pub(super) fn oldest(&self) -> Option<Timestamp> {
        self.commits().keys().next().copied()
    }

    fn commits(&self) -> MutexGuard<'_, BTreeMap<Timestamp, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for UnderwayCommit<'_> {
    fn drop(&mut self) {
        let mut commits = self.all.commits();
        if let Some(count) = commits.get_mut(&self.accepted_at) {
            *count -= 1;
            if *count == 0 {
                commits.remove(&self.accepted_at);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_counts_until_it_has_ended() {
        let clock = Clock::manual(Timestamp::from_ms(1_000));
        let underway = Underway::default();
        let (first, second) = (underway.begin(&clock), underway.begin(&clock));
        clock.advance_ms(5);
        let third = underway.begin(&clock);
        drop(first);
        assert_eq!(underway.oldest(), Some(Timestamp::from_ms(1_000)));
        drop(second);
        assert_eq!(underway.oldest(), Some(third.accepted_at));
        drop(third);
        assert_eq!(underway.oldest(), None);
    }
}
